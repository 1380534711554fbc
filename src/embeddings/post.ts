/**
 * One request to a provider: JSON to it and back. What may pass by itself is asked again, after as long as the provider says, or
 * longer each time where it says nothing; all else is an error that tells what the provider answered. No secret gets into an error.
 */
import { TidepoolError } from "../core/errors.js";
import { type Failure, type Patience, readRetryAfter, retried } from "./retry.js";

export interface RemoteRequest {
  url: string;
  headers: Record<string, string>;
  body: unknown;
}

export interface PostOptions extends Patience {
  /** Name of the provider, for errors. */
  provider: string;
}

/** Characters of an answer that an error shows. */
const SHOWN_MAX = 300;
/** Statuses beside 5xx that say: not now. */
const TEMPORARY = [408, 425, 429];

/** @throws `EMBEDDING_FUNCTION`; the signal's reason once that has fired. */
export function post(request: RemoteRequest, options: PostOptions): Promise<unknown> {
  return retried(() => attemptOf(request, options), options);
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
