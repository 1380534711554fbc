/**
 * One request to a provider: JSON to it and back. What may pass by itself is asked again, after as long as the provider says, or
 * longer each time where it says nothing; all else is an error that tells what the provider answered. No secret gets into an error.
 */
import { TidepoolError } from "../core/errors.js";

export interface RemoteRequest {
  url: string;
  headers: Record<string, string>;
  body: unknown;
}

export interface PostOptions {
  /** Name of the provider, for errors. */
  provider: string;
  /** How often what failed is asked again. */
  maxRetries: number;
  signal: AbortSignal;
}

/** The first wait where the provider names none; it doubles with each failure, up to the largest, less up to half of it by chance. */
const BACKOFF_MS = 500;
const BACKOFF_MAX_MS = 16_000;
/** A provider that asks for more patience than this has failed: a write would seem to hang. */
const RETRY_AFTER_MAX_MS = 60_000;
/** Characters of an answer that an error shows. */
const SHOWN_MAX = 300;
/** Statuses beside 5xx that say: not now. */
const TEMPORARY = [408, 425, 429];

interface Failure {
  error: TidepoolError;
  /** Whether the next attempt may succeed. */
  isTemporary: boolean;
  retryAfterMs: number | null;
}

/** @throws `EMBEDDING_FUNCTION`; the signal's reason once that has fired. */
export async function post(request: RemoteRequest, options: PostOptions): Promise<unknown> {
  for (let attempt = 0; ; attempt++) {
    const outcome = await attemptOf(request, options);
    if ("answer" in outcome) return outcome.answer;
    const wait = outcome.retryAfterMs ?? backoffMs(attempt);
    if (!outcome.isTemporary || attempt >= options.maxRetries || wait > RETRY_AFTER_MAX_MS) throw outcome.error;
    await pause(wait, options.signal);
  }
}

async function attemptOf(request: RemoteRequest, { provider, signal }: PostOptions): Promise<{ answer: unknown } | Failure> {
  const { url, headers, body } = request;
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(body),
      signal,
    });
    const text = await response.text();
    if (!response.ok) return refusal(provider, url, response, text);
    const answer = parsed(text);
    if (answer !== undefined) return { answer };
    return { error: failed(`${provider} answered what is no JSON (POST ${url}): ${shown(text)}`), isTemporary: false, retryAfterMs: null };
  } catch (cause) {
    signal.throwIfAborted();
    // A browser says no more of a refusal by CORS than of a network that is down.
    const why = cause instanceof Error ? cause.message : String(cause);
    const error = failed(
      `${provider} could not be reached (POST ${url}): ${why}. Is it there, and does it allow this page's origin?`,
      {},
      cause,
    );
    return { error, isTemporary: true, retryAfterMs: null };
  }
}

function refusal(provider: string, url: string, { status, headers }: Response, text: string): Failure {
  const retryAfterMs = readRetryAfter(headers.get("Retry-After"));
  const details = retryAfterMs === null ? { status } : { status, retryAfterMs };
  const error = failed(`${provider} answered ${status} (POST ${url}): ${shown(reasonIn(parsed(text)) ?? text)}`, details);
  return { error, isTemporary: status >= 500 || TEMPORARY.includes(status), retryAfterMs };
}

/** Seconds, or a date (RFC 9110, 10.2.3), as milliseconds from now. */
function readRetryAfter(value: string | null): number | null {
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

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Providers put their reason in one of these places. */
function reasonIn(answer: unknown): string | undefined {
  const { error, errors, message, detail } = (answer ?? {}) as Record<string, unknown>;
  const inner = (error ?? (Array.isArray(errors) ? errors[0] : undefined)) as { message?: unknown } | string | undefined;
  return [typeof inner === "object" ? inner?.message : inner, message, detail].find((reason) => typeof reason === "string") as
    | string
    | undefined;
}

function shown(text: string): string {
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}

function failed(message: string, details: Record<string, unknown> = {}, cause?: unknown): TidepoolError {
  return new TidepoolError("EMBEDDING_FUNCTION", message, { details, cause });
}
