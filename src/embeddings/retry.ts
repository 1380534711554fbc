/** What failed and may pass by itself is tried again: after as long as was asked for, else after longer each time. */
import type { TidepoolError } from "../core/errors.js";

/** For how long to go on. */
export interface Patience {
  /** How often what failed is asked again. */
  maxRetries: number;
  signal: AbortSignal;
}

/** The first wait where the provider names none; it doubles with each failure, up to the largest, less up to half of it by chance. */
const BACKOFF_MS = 500;
const BACKOFF_MAX_MS = 16_000;
/** A provider that asks for more patience than this has failed: a write would seem to hang. */
const RETRY_AFTER_MAX_MS = 60_000;

export interface Failure {
  error: TidepoolError;
  /** Whether the next attempt may succeed. */
  isTemporary: boolean;
  retryAfterMs: number | null;
}

/** @throws the error of the last attempt; the signal's reason once that has fired. */
export async function retried<T>(attempt: () => Promise<{ answer: T } | Failure>, { maxRetries, signal }: Patience): Promise<T> {
  for (let retries = 0; ; retries++) {
    const outcome = await attempt();
    if ("answer" in outcome) return outcome.answer;
    const wait = outcome.retryAfterMs ?? backoffMs(retries);
    if (!outcome.isTemporary || retries >= maxRetries || wait > RETRY_AFTER_MAX_MS) throw outcome.error;
    await pause(wait, signal);
  }
}

/** Seconds, or a date (RFC 9110, 10.2.3), as milliseconds from now. */
export function readRetryAfter(value: string | null): number | null {
  if (value === null) return null;
  const ms = /^\s*\d+(?:\.\d+)?\s*$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}

function backoffMs(attempt: number): number {
  return Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** attempt) * (1 - Math.random() / 2);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal.addEventListener("abort", stop, { once: true });
  });
}
