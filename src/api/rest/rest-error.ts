/**
 * Errors on the wire: `{ error, message }` with Chroma's names, codes and, where programs compare them, words. A
 * `RestError` never leaves the gateway; it becomes the response.
 */
import type { ErrorCode } from "../../core/errors.js";

/** Chroma's names of errors. */
export type WireErrorName =
  | "ChromaError"
  | "InvalidArgumentError"
  | "NotFoundError"
  | "InternalError"
  | "Unimplemented"
  | "AuthError"
  | TransactionErrorName;

type TransactionErrorName = "ConditionalWriteConflictError" | "StaleReadError" | "TransactionsNotSupported";

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
  CONFLICT: [409, "ConditionalWriteConflictError"],
  STALE_READ: [412, "StaleReadError"],
  RATE_LIMITED: [429, "ChromaError"],
  NOT_SUPPORTED: [501, "ChromaError"],
  LOCKED: [503, "ChromaError"],
  CLOSED: [503, "ChromaError"],
  CONNECTION_LOST: [503, "ChromaError"],
  POISONED: [503, "ChromaError"],
  QUOTA_EXCEEDED: [507, "ChromaError"],
};

/** An error of the engine, with what the gateway reads of its details. */
export interface EngineError {
  code: ErrorCode;
  message: string;
  details: {
    /** Of the collection, where an embedding has another. */
    expected?: number;
    actual?: number;
    /** Whose quota it is, where the gateway rules set it and not the browser. */
    tenant?: string;
    /** Which limit is exceeded, by its name. */
    limit?: string;
    /** Which filter is wrong. */
    clause?: "where" | "whereDocument";
    /** What is wrong with a regular expression, and after how many of its characters. */
    pattern?: string;
    reason?: string;
    position?: number;
  };
}

/** The engine's errors are known by their shape, since they come from another bundle. */
export function isEngineError(thrown: unknown): thrown is EngineError {
  return thrown instanceof Error && thrown.name === "TidepoolError";
}

/** Whatever a handler threw. */
export function toRestError(thrown: unknown): RestError {
  if (thrown instanceof RestError) return thrown;
  const { name, message } = thrown instanceof Error ? thrown : new Error(String(thrown));
  if (!isEngineError(thrown)) return new RestError(500, "InternalError", `${name}: ${message}`);
  const { code, details } = thrown;
  if (code === "QUOTA_EXCEEDED" && details.tenant !== undefined) return new RestError(422, "ChromaError", message);
  const [status, wireName] = ANSWERS[code] ?? [500, "InternalError"];
  return new RestError(status, wireName, wireMessage(thrown));
}

const CLAUSES = { where: "Invalid where clause", whereDocument: "Invalid where document clause" };

/** Chroma's words, which say less than ours. */
function wireMessage({ code, message, details }: EngineError): string {
  const { expected, actual, clause, pattern, reason, position } = details;
  if (code === "DIMENSION_MISMATCH") return `Collection expecting embedding with dimension of ${expected}, got ${actual}`;
  if (code === "CONFLICT") return "conditional write conflict";
  if (code !== "INVALID_ARGUMENT" || clause === undefined) return message;
  return position === undefined ? CLAUSES[clause] : regexMessage(pattern!, reason!, position);
}

/** The pattern with a mark under the fault. What is left open is marked where it was opened. */
function regexMessage(pattern: string, fault: string, position: number): string {
  const at = fault === "unclosed character class" ? pattern.lastIndexOf("[") : position;
  return `Regex syntax errror: regex parse error:\n    ${pattern}\n    ${" ".repeat(at)}^\nerror: ${fault}`;
}
