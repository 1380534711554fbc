/** What a server refuses, as the errors of this package: the gateway's `rest-error.ts` seen from the other end. */
import { type ErrorCode, TidepoolError } from "../../core/errors.js";

/** An answer that is no success. */
export interface Refusal {
  /** The call of this package, by its public name. */
  call: string;
  url: string;
  status: number;
  /** `error` of the body, where there is one. */
  name: string | undefined;
  /** `message` of the body, or the body. */
  message: string;
  /** Of the header `Retry-After`. */
  retryAfterMs: number | undefined;
}

const CODES: { readonly [status: number]: ErrorCode } = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "FORBIDDEN",
  404: "NOT_FOUND",
  405: "NOT_SUPPORTED",
  409: "ALREADY_EXISTS",
  410: "NOT_SUPPORTED",
  412: "INVALID_ARGUMENT",
  413: "LIMIT_EXCEEDED",
  415: "INVALID_ARGUMENT",
  422: "INVALID_ARGUMENT",
  429: "RATE_LIMITED",
  501: "NOT_SUPPORTED",
  507: "QUOTA_EXCEEDED",
};

/** Statuses alone do not tell everything: a local server answers 500 for what it does not have, and for a name that is taken. */
const WORDS: readonly [words: RegExp, code: ErrorCode][] = [
  [/unsupported for local chroma|not supported for local chroma|not enabled in local|is not implemented/i, "NOT_SUPPORTED"],
  [/UNIQUE constraint failed/i, "ALREADY_EXISTS"],
  [/^quota exceeded|'?quota'? .*exceeded/i, "QUOTA_EXCEEDED"],
];

const NAMES: { readonly [name: string]: ErrorCode } = {
  ConditionalWriteConflictError: "CONFLICT",
  StaleReadError: "STALE_READ",
  TransactionsNotSupported: "NOT_SUPPORTED",
};

export function refused({ call, url, status, name, message, retryAfterMs }: Refusal): TidepoolError {
  const details = { status, ...(name === undefined ? {} : { error: name }), ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  const wrong = /embedding with dimension of (\d+), got (\d+)/.exec(message);
  if (wrong !== null) {
    const [expected, actual] = [Number(wrong[1]), Number(wrong[2])];
    return new TidepoolError("DIMENSION_MISMATCH", message, { details: { ...details, expected, actual } });
  }
  // A server that knows no such route says nothing of it.
  const isNoRoute = status === 404 && name === undefined;
  const code = isNoRoute ? "NOT_SUPPORTED" : codeOf(status, name ?? "", message);
  if (code !== "NOT_SUPPORTED")
    return new TidepoolError(code, message || `The server at ${url} answered ${status} to ${call}`, { details });
  const why = isNoRoute ? "it has no such route" : message;
  return new TidepoolError(code, `${call} is not supported by the Chroma server at ${url}: ${why}`, { details: { ...details, call } });
}

function codeOf(status: number, name: string, message: string): ErrorCode {
  const byName = NAMES[name] ?? (message === "conditional write conflict" ? "CONFLICT" : undefined);
  return (
    byName ?? WORDS.find(([words]) => words.test(message))?.[1] ?? CODES[status] ?? (status < 500 ? "INVALID_ARGUMENT" : "SERVER_ERROR")
  );
}

/** What no Chroma server has. */
export function notOnServer(call: string, url: string, why = "no Chroma server has it"): TidepoolError {
  return new TidepoolError("NOT_SUPPORTED", `${call} is not possible over the Chroma server at ${url}: ${why}`, { details: { call } });
}

/** Nobody answered. */
export function unreachable(call: string, url: string, cause: unknown): TidepoolError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const hint = "it may be down, or not allow this page's origin (CORS)";
  const message = `The Chroma server at ${url} was not reached by ${call} (${why}): ${hint}. The call may or may not have taken effect`;
  return new TidepoolError("CONNECTION_LOST", message, { cause, details: { url } });
}

/** An export cannot go on: servers keep no moment. */
export function movedOn(url: string, why: string): TidepoolError {
  return new TidepoolError("STALE_READ", `The export from the Chroma server at ${url} cannot go on, since ${why} meanwhile: begin again`);
}
