/**
 * What ends a call before it is done: its caller's signal, or a limit of time. Whoever ends a call is answered at once; the engine
 * hears of it and stops at its next turn.
 */
import { invalidArgument, show, TidepoolError } from "../core/errors.js";
import { limits } from "../core/limits.js";
import { readArguments, readObject } from "./read-arguments.js";

/** What may end a call before it is done. */
export interface CallLimits {
  /** Ends the call when it fires: it rejects with `ABORTED`. */
  signal?: AbortSignal;
  /** Milliseconds after which the call rejects with `TIMEOUT`, at least 1. Default: it may take as long as it takes. */
  timeoutMs?: number;
}

/** The names of both, for `readObject`. */
export const CALL_LIMITS = "signal timeoutMs";

/** The limits among the arguments of a call, checked. */
export function readCallLimits({ signal, timeoutMs }: CallLimits): CallLimits {
  if (signal !== undefined && typeof signal?.addEventListener !== "function") {
    throw invalidArgument(`signal must be an AbortSignal, got ${show(signal)}`);
  }
  if (timeoutMs !== undefined && !(typeof timeoutMs === "number" && timeoutMs >= 1 && timeoutMs <= limits.timeoutMsMax)) {
    throw invalidArgument(`timeoutMs must be a number from 1 to ${limits.timeoutMsMax}, got ${show(timeoutMs)}`);
  }
  return { signal, timeoutMs };
}

/** Limits that are all that a call takes. */
export function readLimits(options: CallLimits, call: string): CallLimits {
  return readArguments(call, () => readCallLimits(readObject(options, call, CALL_LIMITS)));
}

/** Runs `body`, with one signal for both limits; `undefined` where there is none. It rejects as soon as the signal fires. */
export async function limited<T>(given: CallLimits, body: (signal?: AbortSignal) => Promise<T>): Promise<T> {
  const { signal, timeoutMs } = given;
  if (timeoutMs === undefined) return orAborted(body(signal), signal);
  const limit = new TimeLimit(timeoutMs, signal);
  try {
    return await orAborted(body(limit.signal), limit.signal);
  } finally {
    limit.end();
  }
}

/** A limit of time beside a signal, as one signal. */
export class TimeLimit {
  readonly #controller = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #given: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#controller.abort(aborted(this.#given!));

  constructor(timeoutMs: number, given: AbortSignal | undefined) {
    this.#given = given;
    this.#timer = setTimeout(() => this.#controller.abort(timedOut(timeoutMs)), timeoutMs);
    if (given?.aborted) this.#onAbort();
    given?.addEventListener("abort", this.#onAbort);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#given?.removeEventListener("abort", this.#onAbort);
  }
}

/** The promise's outcome, or the signal's error as soon as it fires. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(aborted(signal));
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** Why a call ended whose signal has fired. */
export function aborted({ reason }: AbortSignal): TidepoolError {
  if (reason instanceof TidepoolError) return reason;
  return new TidepoolError("ABORTED", "The call was aborted by its signal", { cause: reason });
}

function timedOut(timeoutMs: number): TidepoolError {
  return new TidepoolError("TIMEOUT", `The call took longer than its timeoutMs of ${timeoutMs}`, { details: { timeoutMs } });
}
