/**
 * Errors on the wire: `{ error, message }` with Chroma's names, codes and, where programs compare them, words. A
 * `RestError` never leaves the gateway; it becomes the response.
 */
import type { ErrorCode } from "../../core/errors.js";

/** Chroma's names of errors. */
export type WireErrorName = "ChromaError" | "InvalidArgumentError" | "NotFoundError" | "InternalError" | "Unimplemented" | "AuthError";

export class RestError extends Error {
  readonly status: number;
  readonly error: WireErrorName;

  constructor(status: number, error: WireErrorName, message: string) {
    super(message);
    this.status = status;
    this.error = error;
  }
}

export function badRequest(message: string): RestError {
  return new RestError(400, "InvalidArgumentError", message);
}

export function notFound(message: string): RestError {
  return new RestError(404, "NotFoundError", message);
}

const ANSWERS: { [C in ErrorCode]?: [status: number, error: WireErrorName] } = {
  INVALID_ARGUMENT: [400, "InvalidArgumentError"],
  DIMENSION_MISMATCH: [400, "InvalidArgumentError"],
  LIMIT_EXCEEDED: [400, "InvalidArgumentError"],
  UNAUTHENTICATED: [401, "AuthError"],
  FORBIDDEN: [403, "AuthError"],
  NOT_FOUND: [404, "NotFoundError"],
  ALREADY_EXISTS: [409, "ChromaError"],
  RATE_LIMITED: [429, "ChromaError"],
  NOT_SUPPORTED: [501, "ChromaError"],
  LOCKED: [503, "ChromaError"],
  CLOSED: [503, "ChromaError"],
  CONNECTION_LOST: [503, "ChromaError"],
  POISONED: [503, "ChromaError"],
  QUOTA_EXCEEDED: [507, "ChromaError"],
};

interface EngineError {
  code: ErrorCode;
  message: string;
  details: Readonly<Record<string, unknown>>;
}

/** Whatever a handler threw. The engine's errors are known by their shape, since they come from another bundle. */
export function toRestError(thrown: unknown): RestError {
  if (thrown instanceof RestError) return thrown;
  const { name, message } = thrown instanceof Error ? thrown : new Error(String(thrown));
  if (name !== "TidepoolError") return new RestError(500, "InternalError", `${name}: ${message}`);
  const error = thrown as EngineError;
  // A quota that the gateway sets, not the browser.
  if (error.code === "QUOTA_EXCEEDED" && error.details?.tenant !== undefined) return new RestError(422, "ChromaError", error.message);
  const [status, wireName] = ANSWERS[error.code] ?? [500, "InternalError"];
  return new RestError(status, wireName, wireMessage(error));
}

/** Chroma's words, which say less than ours. */
function wireMessage({ code, message, details }: EngineError): string {
  if (code === "DIMENSION_MISMATCH") return `Collection expecting embedding with dimension of ${details.expected}, got ${details.actual}`;
  if (code !== "INVALID_ARGUMENT") return message;
  const regex = /^Invalid where document clause: .* is (".*"): (.*) \(at position (\d+)\)$/s.exec(message);
  if (regex !== null) return regexMessage(JSON.parse(regex[1]!) as string, regex[2]!, Number(regex[3]));
  return /^Invalid where(?: document)? clause/.exec(message)?.[0] ?? message;
}

/** The pattern with a mark under the fault. What is left open is marked where it was opened. */
function regexMessage(pattern: string, fault: string, position: number): string {
  const at = fault === "unclosed character class" ? pattern.lastIndexOf("[") : position;
  return `Regex syntax errror: regex parse error:\n    ${pattern}\n    ${" ".repeat(at)}^\nerror: ${fault}`;
}
