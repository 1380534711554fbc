/**
 * The error classes of Chroma's client, so that what is written for it, such as Chroma's own embedding packages, can be imported
 * with this package in its place. Each stands for codes of `TidepoolError`: what this package throws is an instance of the classes
 * that stand for its code, and what such a class makes is a `TidepoolError` of its first code, under Chroma's name.
 */
import { type ErrorCode, TidepoolError } from "../core/errors.js";

/** One of Chroma's error classes. */
export interface ChromaErrorClass {
  /** An error as this package throws them, under Chroma's name. */
  new (message: string, cause?: unknown): TidepoolError;
}

function alias(name: string, ...codes: [ErrorCode, ...ErrorCode[]]): ChromaErrorClass {
  return class extends TidepoolError {
    constructor(message: string, cause?: unknown) {
      super(codes[0], message, { cause });
      Object.defineProperty(this, "name", { value: name });
    }

    static override [Symbol.hasInstance](error: unknown): boolean {
      return Object(error) instanceof TidepoolError && codes.includes((error as TidepoolError).code);
    }
  };
}

/** The base of Chroma's error classes: whatever this package throws is an instance. */
export class ChromaError extends TidepoolError {
  /** An error of the code `INVALID_ARGUMENT` under this name. */
  constructor(name: string, message: string, cause?: unknown) {
    super("INVALID_ARGUMENT", message, { cause });
    Object.defineProperty(this, "name", { value: name });
  }

  static override [Symbol.hasInstance](error: unknown): boolean {
    return Object(error) instanceof TidepoolError;
  }
}

/** Arguments that are malformed. */
export const ChromaValueError = /* @__PURE__ */ alias("ChromaValueError", "INVALID_ARGUMENT", "DIMENSION_MISMATCH", "LIMIT_EXCEEDED");
/** Arguments that are malformed, as far as a server tells. */
export const ChromaClientError = /* @__PURE__ */ alias("ChromaClientError", "INVALID_ARGUMENT", "DIMENSION_MISMATCH", "LIMIT_EXCEEDED");
/** Arguments that are malformed. */
export const InvalidArgumentError = /* @__PURE__ */ alias("InvalidArgumentError", "INVALID_ARGUMENT");
/** There is no such tenant, database or collection. */
export const ChromaNotFoundError = /* @__PURE__ */ alias("ChromaNotFoundError", "NOT_FOUND");
/** There is no such collection. */
export const InvalidCollectionError = /* @__PURE__ */ alias("InvalidCollectionError", "NOT_FOUND");
/** The name is taken. */
export const ChromaUniqueError = /* @__PURE__ */ alias("ChromaUniqueError", "ALREADY_EXISTS");
/** The connection to the database is lost. */
export const ChromaConnectionError = /* @__PURE__ */ alias("ChromaConnectionError", "CONNECTION_LOST", "LEASE_LOST", "LOCKED", "CLOSED");
/** A fault of the database, or of a server. */
export const ChromaServerError = /* @__PURE__ */ alias(
  "ChromaServerError",
  "INTERNAL",
  "POISONED",
  "CORRUPTION",
  "DATA_EVICTED",
  "SERVER_ERROR",
);
/** No token was shown that the gateway rules know. */
export const ChromaUnauthorizedError = /* @__PURE__ */ alias("ChromaAuthError", "UNAUTHENTICATED");
/** The gateway rules, or the client's options, do not allow the call. */
export const ChromaForbiddenError = /* @__PURE__ */ alias("ChromaForbiddenError", "FORBIDDEN");
/** There is no room for more, or the gateway rules grant no more. */
export const ChromaQuotaExceededError = /* @__PURE__ */ alias("ChromaQuotaExceededError", "QUOTA_EXCEEDED");
/** The gateway rules allow fewer calls at a time. */
export const ChromaRateLimitError = /* @__PURE__ */ alias("ChromaRateLimitError", "RATE_LIMITED");
/** A record that a conditional transaction depends on was written since. */
export const ChromaConditionalWriteConflictError = /* @__PURE__ */ alias("ConditionalWriteConflictError", "CONFLICT");
/** What a conditional transaction has read can no longer be read, or be told to be unchanged. */
export const ChromaStaleReadError = /* @__PURE__ */ alias("StaleReadError", "STALE_READ");
/** Too much is asked at once. The engine makes writes wait where Chroma's server says so; only gateway rules refuse. */
export const ChromaBackoffError = /* @__PURE__ */ alias("Backoff", "RATE_LIMITED");
