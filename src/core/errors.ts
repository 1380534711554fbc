/**
 * The one error type of the project. A `code` is stable across releases and is what programs switch on; the message is
 * for people and names the argument, the value and what is allowed.
 */

/** Every code a {@link TidepoolError} can carry. */
export type ErrorCode =
  /** An argument is malformed; nothing was written. */
  | "INVALID_ARGUMENT"
  /** An embedding's length differs from the collection's dimension. */
  | "DIMENSION_MISMATCH"
  /** The database was published, and is read where it lies: nothing can be written to it. */
  | "READ_ONLY"
  /** The named tenant, database or collection does not exist. */
  | "NOT_FOUND"
  /** The name is taken. */
  | "ALREADY_EXISTS"
  /** The client's options or its gateway rules do not allow the call (for example `reset`). */
  | "FORBIDDEN"
  /** The gateway rules ask for a token, and the call came with none that they know. */
  | "UNAUTHENTICATED"
  /** The gateway rules allow a tenant fewer calls at a time; `details.retryAfterMs` tells when the next one may come. */
  | "RATE_LIMITED"
  /** A record that a conditional transaction has read or would write was written by another since; nothing was written. Run it again. */
  | "CONFLICT"
  /**
   * What a conditional transaction has read can no longer be read, or be told to be unchanged, so nothing was written: run it again. Or
   * the moment that an export is of is kept no longer: begin again.
   */
  | "STALE_READ"
  /** A limit of `limits.ts` is exceeded. */
  | "LIMIT_EXCEEDED"
  /** The browser refused to store more bytes for this origin, or the gateway rules grant `details.tenant` no more. */
  | "QUOTA_EXCEEDED"
  /** Memory for an index could not be had. */
  | "RESOURCE_EXHAUSTED"
  /** Stored bytes fail their checksum or contradict each other. Nothing is deleted. */
  | "CORRUPTION"
  /**
   * The browser has dropped a part of what the database had stored: `details.lost` is `"indexeddb"` or `"opfs"`, and
   * `details.collections` names the collections that lost data, where that can be known. Nothing is deleted.
   */
  | "DATA_EVICTED"
  /** The database was written by a newer release. Nothing is touched. */
  | "FORMAT_TOO_NEW"
  /**
   * The database is encrypted and was opened without its key (`details.reason` is `"missing"`) or with another (`"wrong"`), or it is not
   * and was opened with one (`"unencrypted"`). Nothing is touched.
   */
  | "WRONG_KEY"
  /** The browser or the chosen storage lacks something the call needs, or a policy or setting keeps it from the page. */
  | "NOT_SUPPORTED"
  /** Another tab or worker holds this database, and neither answers nor lets go of it. */
  | "LOCKED"
  /**
   * Another tab or worker took the database over from this one, which did not answer for a while (a frozen tab, say). The call has
   * had no effect; the next one connects to the new holder.
   */
  | "LEASE_LOST"
  /** The client was closed. */
  | "CLOSED"
  /** The caller's `AbortSignal` fired. */
  | "ABORTED"
  /** The call took longer than its `timeoutMs`. */
  | "TIMEOUT"
  /** A flush or an invariant failed. The engine ends, and the next call opens the database anew, with all that was acknowledged. */
  | "POISONED"
  /** The worker died or could not be fetched, or the browser does not answer; the call may or may not have taken effect. */
  | "CONNECTION_LOST"
  /**
   * The host of a published database, or a Chroma server that the client speaks to, failed, or answered what is no answer;
   * `details.status` is that of HTTP.
   */
  | "SERVER_ERROR"
  /** The embedding function threw, is missing, or answered something that is not an embedding. */
  | "EMBEDDING_FUNCTION"
  /** A fault of ours. */
  | "INTERNAL";

/** Options of the {@link TidepoolError} constructor. */
export interface TidepoolErrorOptions {
  /** What was underneath, when something was. */
  cause?: unknown;
  /** Plain, structured-cloneable facts for programs, such as `{ acknowledged: 2000 }`. */
  details?: Record<string, unknown>;
}

/**
 * Thrown (or rejected with) by every call of this package.
 *
 * @example
 * try {
 *   await client.getCollection({ name: "missing" });
 * } catch (error) {
 *   if (error instanceof TidepoolError && error.code === "NOT_FOUND") console.log(error.message);
 * }
 */
export class TidepoolError extends Error {
  /** Tells this error from others where classes do not, as between frames. */
  override readonly name = "TidepoolError";
  /** What programs switch on. */
  readonly code: ErrorCode;
  /** Plain facts for programs, such as `{ acknowledged: 2000 }`; `{}` where there are none. */
  readonly details: Readonly<Record<string, unknown>>;

  /** For embedding functions and wrappers that want to fail as this package does. */
  constructor(code: ErrorCode, message: string, options: TidepoolErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** Shorthand for the most frequent error. */
export function invalidArgument(message: string): TidepoolError {
  return new TidepoolError("INVALID_ARGUMENT", message);
}

/** `LIMIT_EXCEEDED`. `what` ends in a comparative, as in "ids has 5 entries, more"; `limit` is the name of what allows as much. */
export function beyondLimit(what: string, limit: string, allowed: number): TidepoolError {
  return new TidepoolError("LIMIT_EXCEEDED", `${what} than the limit of ${allowed} (${limit})`, { details: { limit, allowed } });
}

/** Characters of a value that an error message shows. */
const SHOWN_MAX = 80;

/**
 * Shows a value inside an error message: short, quoted when a string. Never throws, whatever the value does when it is read, and
 * takes no longer for a large one: it reads as much as it shows.
 */
export function show(value: unknown): string {
  let text: string;
  try {
    text = written(value, SHOWN_MAX);
  } catch {
    text = `a value of type ${typeof value} that cannot be read`;
  }
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX - 3)}...` : text;
}

/** At least the first `room` characters of the value as JSON has it, as far as JSON has it at all. */
function written(value: unknown, room: number): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  if (typeof value === "string") return JSON.stringify(value.slice(0, room + 1));
  if (typeof value !== "object" || value === null) return String(value);
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === "function") return JSON.stringify(value) ?? "undefined";
  if (Array.isArray(value)) return list("[", "]", value.length, room, (i, left) => written(value[i], left));
  const kind = Object.prototype.toString.call(value);
  return kind === "[object Object]" ? writtenObject(value as Record<string, unknown>, room) : kind;
}

function writtenObject(value: Record<string, unknown>, room: number): string {
  const keys = Object.keys(value);
  return list("{", "}", keys.length, room, (i, left) => {
    const key = `${written(keys[i], left)}:`;
    return key + written(value[keys[i]!], left - key.length);
  });
}

function list(open: string, close: string, count: number, room: number, write: (i: number, left: number) => string): string {
  let text = open;
  for (let i = 0; i < count && text.length <= room; i++) text += (i > 0 ? "," : "") + write(i, room - text.length);
  return text + close;
}
