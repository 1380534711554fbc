/**
 * Requests to a Chroma server: JSON written and read in slices of the page's time, errors made this package's own, and another try
 * where the request may be made twice and the server, or the way to it, has only stumbled.
 */
import { jsonParts } from "../../core/base/json-parts.js";
import { parseInSteps } from "../../core/base/json-steps.js";
import { inTurns } from "../../core/base/steps.js";
import { TidepoolError } from "../../core/errors.js";
import { aborted, orAborted } from "../call-limits.js";
import { Slice } from "../slice.js";
import { backOffMs, REQUEST_ATTEMPTS_MAX, requestBackOff } from "./back-off.js";
import { refused, unreachable } from "./remote-errors.js";
import { headersNow, type Remote } from "./remote-options.js";

export interface Asked {
  /** The call of this package that it is for, by its public name. */
  call: string;
  method: "GET" | "POST" | "PUT" | "DELETE";
  path: string;
  query?: Readonly<Record<string, string | number | undefined>>;
  body?: object;
  /** Whether it may be made twice, since the second time changes nothing, or nothing that matters. */
  repeatable: boolean;
}

/** What it takes from its surroundings, so that tests have none of their time. */
export interface Surroundings {
  /** Resolves after so many milliseconds. */
  wait(ms: number): Promise<void>;
  /** 0–1. */
  random(): number;
  /** Whether a call may be made twice of which that is known to change nothing; none: each may. */
  mayRepeat?(call: string): boolean;
}

export const surroundings: Surroundings = {
  wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  random: Math.random,
};

/** A server that asks to be left alone for longer is not waited for: its answer is the call's. */
const RETRY_AFTER_MS_MAX = 60_000;
/** Statuses of a server, or of what stands before it, that may answer another time. */
const MAY_PASS = [408, 425, 502, 503, 504];

/** An answer, or an error that may or may not be worth another try. */
type Outcome = { value: unknown } | { error: TidepoolError; again: boolean; afterMs?: number | undefined };

export class ChromaServer {
  readonly #remote: Remote;
  readonly #around: Surroundings;

  constructor(remote: Remote, around: Surroundings) {
    this.#remote = remote;
    this.#around = around;
  }

  get url(): string {
    return this.#remote.url;
  }

  async ask<T>(asked: Asked, signal: AbortSignal): Promise<T> {
    const body = asked.body === undefined ? undefined : await writeBody(asked.body);
    for (let attempt = 1; ; attempt++) {
      if (signal.aborted) throw aborted(signal);
      const outcome = await this.#once(asked, body, signal);
      if ("value" in outcome) return outcome.value as T;
      if (!outcome.again || attempt === REQUEST_ATTEMPTS_MAX) throw outcome.error;
      await orAborted(this.#around.wait(outcome.afterMs ?? backOffMs(requestBackOff, attempt, this.#around.random())), signal);
    }
  }

  async #once(asked: Asked, body: BodyInit | undefined, signal: AbortSignal): Promise<Outcome> {
    const headers = { ...(await headersNow(this.#remote)), ...(body === undefined ? {} : { "content-type": "application/json" }) };
    try {
      const init: RequestInit = { method: asked.method, headers, signal, ...(body === undefined ? {} : { body }) };
      const response = await this.#remote.fetch(this.url + asked.path + queryOf(asked.query), init);
      const text = await response.text();
      return response.ok ? { value: await this.#read(text, asked) } : this.#refusal(response, text, asked);
    } catch (error) {
      if (signal.aborted) throw aborted(signal);
      if (error instanceof TidepoolError) throw error;
      return { error: unreachable(asked.call, this.url, error), again: this.#mayRepeat(asked) };
    }
  }

  #mayRepeat({ call, repeatable }: Asked): boolean {
    return repeatable && (this.#around.mayRepeat?.(call) ?? true);
  }

  async #read(text: string, { call }: Asked): Promise<unknown> {
    const slice = new Slice();
    try {
      return text === "" ? null : await inTurns(parseInSteps(text), () => slice.tick());
    } catch (cause) {
      throw new TidepoolError("SERVER_ERROR", `The answer of ${this.url} to ${call} is no JSON: is there a Chroma server?`, { cause });
    }
  }

  /** What was refused for the number of requests has not been done, whatever it was. */
  #refusal({ status, headers }: Response, text: string, asked: Asked): Outcome {
    const { call } = asked;
    const retryAfterMs = readRetryAfter(headers.get("retry-after"), Date.now());
    const error = refused({ call, url: this.url, status, ...readError(text), retryAfterMs });
    const mayPass = status === 429 || (this.#mayRepeat(asked) && MAY_PASS.includes(status) && error.code === "SERVER_ERROR");
    return { error, again: mayPass && (retryAfterMs ?? 0) <= RETRY_AFTER_MS_MAX, afterMs: retryAfterMs };
  }
}

/** Seconds, or a date, as milliseconds from now. */
export function readRetryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const ms = /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

/** A short body as one text; a long one in parts, each written in its turn. */
async function writeBody(body: object): Promise<BodyInit> {
  const slice = new Slice();
  const parts: string[] = [];
  for (const part of jsonParts(body)) {
    parts.push(part);
    await slice.tick();
  }
  return parts.length === 1 ? parts[0]! : new Blob(parts);
}

function queryOf(query: Asked["query"] = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined) as [string, string | number][];
  return given.length === 0 ? "" : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}

function readError(text: string): { name: string | undefined; message: string } {
  try {
    const { error, message } = JSON.parse(text) as { error?: unknown; message?: unknown };
    return { name: typeof error === "string" ? error : undefined, message: typeof message === "string" ? message : text };
  } catch {
    return { name: undefined, message: text };
  }
}
