/**
 * Turns what browsers throw into a {@link TidepoolError}. Only the name of an exception is looked at: its message
 * differs from browser to browser, and newer ones throw a `QuotaExceededError` class where older ones throw a DOMException.
 */

import type { ErrorCode } from "../core/errors.js";
import { show, TidepoolError } from "../core/errors.js";

const codes: Record<string, ErrorCode> = {
  QuotaExceededError: "QUOTA_EXCEEDED",
  NS_ERROR_FILE_NO_DEVICE_SPACE: "QUOTA_EXCEEDED",
  NS_ERROR_DOM_QUOTA_EXCEEDED: "QUOTA_EXCEEDED",
  NoModificationAllowedError: "LOCKED",
  NotSupportedError: "NOT_SUPPORTED",
  SecurityError: "NOT_SUPPORTED",
};

const hints: Partial<Record<ErrorCode, string>> = {
  QUOTA_EXCEEDED: "the browser refuses to store more bytes for this origin",
  LOCKED: "another tab or worker holds this database",
  NOT_SUPPORTED: "the browser does not allow it in this context",
};

/** `doing` completes "Could not …". A TidepoolError passes unchanged: it already says what went wrong. */
export function storageError(error: unknown, doing: string): TidepoolError {
  if (error instanceof TidepoolError) return error;
  const name = nameOf(error);
  const code = codes[name] ?? "INTERNAL";
  const reason = hints[code] ?? (error instanceof Error || isException(error) ? `${name}: ${error.message}` : show(error));
  return new TidepoolError(code, `Could not ${doing}: ${reason}`, { cause: error });
}

export function closedError(): TidepoolError {
  return new TidepoolError("CLOSED", "The storage is closed");
}

/** The browser has cleared what was stored here while it was in use. */
export function clearedError(path: string, lost: "indexeddb" | "opfs"): TidepoolError {
  const what = lost === "opfs" ? "the files" : "the IndexedDB database";
  return new TidepoolError(
    "DATA_EVICTED",
    `The browser has cleared ${what} of the database "${path}" while it was open. What is written from now on is written anew`,
    { details: { path, lost } },
  );
}

/** Whether the browser refuses to store anything here: site data is blocked, or the session is a private one that stores nothing. */
export function isRefusal(error: unknown): boolean {
  return ["SecurityError", "UnknownError", "InvalidStateError", "NotAllowedError"].includes(nameOf(error));
}

/** What a browser that stores nothing here leads to. */
export function refused(what: string, cause: unknown): TidepoolError {
  const reason = cause === undefined ? "it is missing" : `${nameOf(cause)}: ${(cause as Error).message}`;
  return new TidepoolError(
    "NOT_SUPPORTED",
    `The browser does not let this page use ${what} (${reason}): site data may be blocked, or the session be private. ` +
      'Storage "memory" works without it',
    { cause },
  );
}

/** Why nothing more is written here: somebody else took the lease and, with it, a later generation. */
export function leaseLost(path: string): TidepoolError {
  return new TidepoolError(
    "LEASE_LOST",
    `Another tab or worker has taken over the database "${path}", since this one did not answer for a while. ` +
      "The call has had no effect here; the next one connects to the new holder",
    { details: { path } },
  );
}

/** Why a blob call before `retain` is refused: what is in use is not known yet and would be overwritten. */
export function notRetainedError(): TidepoolError {
  return new TidepoolError("INTERNAL", "The extents in use must be retained before blobs are written or released");
}

/** Whether the browser grants no more room. */
export function isQuota(error: unknown): boolean {
  return error instanceof TidepoolError && error.code === "QUOTA_EXCEEDED";
}

export function nameOf(error: unknown): string {
  return isException(error) ? error.name : "";
}

/** A DOMException is not an Error in every realm. */
function isException(error: unknown): error is { name: string; message: string } {
  return typeof error === "object" && error !== null && "name" in error && "message" in error;
}
