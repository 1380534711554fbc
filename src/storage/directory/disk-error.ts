/** Turns what Node's file system throws into a {@link TidepoolError}. Only the code of an error is looked at. */
import type { ErrorCode } from "../../core/errors.js";
import { show, TidepoolError } from "../../core/errors.js";

const codes: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: "QUOTA_EXCEEDED",
  EDQUOT: "QUOTA_EXCEEDED",
  EFBIG: "QUOTA_EXCEEDED",
  EACCES: "NOT_SUPPORTED",
  EPERM: "NOT_SUPPORTED",
  EROFS: "NOT_SUPPORTED",
  EEXIST: "INVALID_ARGUMENT",
  ENOTDIR: "INVALID_ARGUMENT",
  ENAMETOOLONG: "INVALID_ARGUMENT",
  EMFILE: "RESOURCE_EXHAUSTED",
  ENFILE: "RESOURCE_EXHAUSTED",
  ENOMEM: "RESOURCE_EXHAUSTED",
  EIO: "POISONED",
};

const hints: Partial<Record<ErrorCode, string>> = {
  QUOTA_EXCEEDED: "the disk has no room for it",
  NOT_SUPPORTED: "this process may not do that there",
  RESOURCE_EXHAUSTED: "this process has too many files open, or too little memory",
  POISONED: "the disk has failed",
};

/** `doing` completes "Could not …". A TidepoolError passes unchanged. */
export function diskError(error: unknown, doing: string): TidepoolError {
  if (error instanceof TidepoolError) return error;
  const code = codes[codeOf(error)] ?? "INTERNAL";
  const reason = error instanceof Error ? error.message : show(error);
  const hint = hints[code];
  return new TidepoolError(code, `Could not ${doing}: ${hint === undefined ? reason : `${hint} (${reason})`}`, { cause: error });
}

export function codeOf(error: unknown): string {
  return (error as { code?: string } | null)?.code ?? "";
}

/** Does a piece of work with the disk. `doing` completes "Could not …". */
export function onDisk<T>(doing: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw diskError(error, doing);
  }
}
