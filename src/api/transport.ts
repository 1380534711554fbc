/**
 * The way to a session with a worker's host: over a worker of one's own, which ends with the transport, or over a port to a
 * worker that others use as well, which goes on.
 *
 * Comlink never settles a call whose worker is gone, so every call is registered here and rejected with `CONNECTION_LOST`
 * when the worker reports an error, sends what cannot be read, or ends silently (its presence lock becomes free); and with the
 * reason, which `worker-trouble.ts` finds, where it could not even be loaded. A transport ends once, and for good, and then
 * nothing that outlives it leads back to it: Comlink has the channel kept for as long as the session's proxy is, so a channel
 * that led to the transport, and by it to that proxy, would never go.
 */
import { type Remote, releaseProxy, wrap } from "comlink";
import { invalidArgument, show, TidepoolError } from "../core/errors.js";
import type { Caller } from "../core/gateway/caller.js";
import { limits } from "../core/limits.js";
import type { EngineMethods } from "../core/service.js";
import {
  type AnswerMessage,
  asError,
  type CallMessage,
  type HelperRequest,
  type HostSession,
  type Push,
  receiveErrors,
  restored,
} from "../worker/protocol.js";
import { PageHelpers } from "./page-helpers.js";

export type Channel = Worker | MessagePort | BroadcastChannel;

/** Hears of what the host tells unasked. What it throws is the page's own uncaught error. */
export type OnPush = (push: Push) => void;

/** Whoever waits for a call. `null` after the end: the call may stay open for ever, and must not hold what was made of it. */
interface Waiter {
  resolve: ((value: unknown) => void) | null;
  reject: ((error: TidepoolError) => void) | null;
}

const EVENTS = ["error", "messageerror", "message"] as const;

export class Transport {
  readonly #channel: Channel;
  readonly #onPush: OnPush;
  readonly #onEnd: () => void;
  readonly #pending = new Set<Waiter>();
  /** Of each call of the engine under way, by its number. */
  readonly #calls = new Map<number, { resolve(value: unknown): void; reject(error: TidepoolError): void }>();
  #lastCall = 0;
  readonly #helpers = new PageHelpers();
  readonly #watch = new AbortController();
  #ended: TidepoolError | null = null;
  /** Whether the worker has ever answered. One that has not may never have been loaded. */
  #hasBegun = false;
  /** What it ends with when the worker goes, as it may once it is asked to close. */
  #closing: TidepoolError | null = null;
  /** Name of the lock that the worker holds until it dies: `null` while it is not known, and where there are no locks. */
  host: string | null = null;
  /** Resolves with `host` once the worker has told it. */
  readonly presence: Promise<string | null>;
  /** The session's other end. What it is asked is to be given to `settle`. */
  readonly session: Remote<HostSession>;

  /** Where `start` throws something other than a `TidepoolError` it ends at once, with what is found out of it. */
  constructor(start: () => Channel, onPush: OnPush = () => {}, onEnd: () => void = () => {}) {
    receiveErrors();
    this.#channel = this.#started(start);
    this.#onPush = onPush;
    this.#onEnd = onEnd;
    for (const type of EVENTS) (this.#channel as EventTarget).addEventListener(type, this.#onEvent);
    this.session = wrap<HostSession>(this.#channel);
    this.presence = this.settle(this.session.presence()).then(
      (name) => {
        this.#hasBegun = true;
        this.host = name;
        if (name !== null) this.#watchPresence(name);
        return name;
      },
      (error: TidepoolError) => {
        this.end(error);
        return null;
      },
    );
  }

  /** Whether it has ended. */
  get hasEnded(): boolean {
    return this.#ended !== null;
  }

  /** Closes the session, and ends. Rejects where closing failed. */
  async close(reason: TidepoolError): Promise<void> {
    this.#closing = reason;
    try {
      await this.settle(this.session.close());
    } catch (error) {
      if (error !== reason) throw error;
    } finally {
      this.end(reason);
    }
  }

  /** Hands a port to the worker, whose other end is a guest's. */
  pass(port: MessagePort): void {
    if (this.#ended === null && "terminate" in this.#channel) this.#channel.postMessage({ type: "guest" }, [port]);
  }

  /** Asks the engine; rejects with the end of the transport where that comes first. A large answer is a `CutAnswer`. */
  call(method: keyof EngineMethods, request: unknown, caller: Caller): Promise<unknown> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      const call = ++this.#lastCall;
      try {
        this.#channel.postMessage({ call, method, request, caller } satisfies CallMessage);
        this.#calls.set(call, { resolve, reject });
      } catch (error) {
        reject(readable(error, request));
      }
    });
  }

  /** The call's own outcome, or the end of the transport, whichever comes first. A call that stays open keeps no transport. */
  settle<T>(call: Promise<T>, request?: unknown): Promise<T> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    const pending = this.#pending;
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { resolve: resolve as Waiter["resolve"], reject };
      pending.add(waiter);
      const done = call.then(
        (value) => waiter.resolve?.(value),
        (error: unknown) => waiter.reject?.(readable(error, request)),
      );
      void done.finally(() => pending.delete(waiter));
    });
  }

  /** Ends the worker, or tells the host at the other end of a port that the session is over. Calls under way reject with `error`. */
  end(error: TidepoolError): void {
    if (this.#ended !== null) return;
    this.#ended = error;
    this.#watch.abort();
    const channel = this.#channel;
    for (const type of EVENTS) (channel as EventTarget).removeEventListener(type, this.#onEvent);
    this.#helpers.end();
    if ("terminate" in channel) channel.terminate();
    else {
      void this.session.close();
      // Else Comlink would say so once the proxy is collected, over a channel that is closed by then.
      this.session[releaseProxy]();
      channel.close();
    }
    this.#onEnd();
    for (const waiter of this.#pending) {
      waiter.reject?.(error);
      waiter.resolve = waiter.reject = null;
    }
    this.#pending.clear();
    for (const call of this.#calls.values()) call.reject(error);
    this.#calls.clear();
  }

  readonly #onEvent = (event: Event): void => {
    if (event.type === "error") return this.#onError(event);
    if (event.type === "messageerror") return this.end(lost("an answer of the worker could not be read"));
    const { data, ports } = event as MessageEvent<Push | AnswerMessage | HelperRequest | null>;
    if (data === null || typeof data !== "object") return;
    if ("answer" in data) this.#settleCall(data);
    else if (data.type === "helper") this.#helpers.onRequest(data, ports[0]);
    else if (data.type !== undefined && "event" in data) this.#onPush(data);
  };

  #settleCall(message: AnswerMessage): void {
    const call = this.#calls.get(message.answer);
    this.#calls.delete(message.answer);
    if ("thrown" in message) call?.reject(readable(restored(message.thrown), undefined));
    else call?.resolve(message.value);
  }

  #onError(event: Event): void {
    event.preventDefault();
    const { message } = event as ErrorEvent;
    if (!message && !this.#hasBegun) this.#explain(this.#channel);
    else this.end(lost(`the worker failed${message ? `: ${message}` : ""}`));
  }

  /** Ends it with the reason why no worker could be had, which takes a while to find out. */
  #explain(failed: unknown): void {
    void import("./worker-trouble.js")
      .then(({ workerTrouble }) => workerTrouble(failed))
      .catch((error: unknown) => lost(`the worker could not be loaded, nor what tells why: ${asError(error).message}`))
      .then((error) => this.end(error));
  }

  /** A channel to nobody where the worker cannot be started. */
  #started(start: () => Channel): Channel {
    try {
      const channel = start();
      if (typeof channel?.addEventListener !== "function") throw invalidArgument(`worker must return a Worker, got ${show(channel)}`);
      return channel;
    } catch (error) {
      if (error instanceof TidepoolError) throw error;
      this.#explain(error);
      return new MessageChannel().port1;
    }
  }

  /**
   * The worker holds this lock while it lives, so whoever gets it later knows that the worker is gone. Where it is free at once, page
   * and worker may have locks of their own, as they have when site data was cleared between their beginnings: then the worker is asked.
   * It is looked up: Firefox puts no page into its back/forward cache to which it has once refused a lock with `ifAvailable`.
   */
  #watchPresence(name: string): void {
    const { locks } = globalThis.navigator ?? {};
    const gone = (): void => this.end(this.#closing ?? lost("the worker ended"));
    locks
      ?.query()
      .then(({ held = [] }) => {
        const isHeld = held.some((lock) => lock.name === name);
        return isHeld ? locks.request(name, { signal: this.#watch.signal }, gone) : this.#ask(gone);
      })
      .catch((error: unknown) => {
        if (!this.#watch.signal.aborted) this.end(lost(`its presence could not be watched: ${asError(error).message}`));
      });
  }

  async #ask(gone: () => void): Promise<void> {
    const timer = setTimeout(gone, limits.silenceMs);
    await this.settle(this.session.presence()).finally(() => clearTimeout(timer));
  }
}

/** What a transport ends with when the worker is gone. */
export function lost(why: string): TidepoolError {
  return new TidepoolError(
    "CONNECTION_LOST",
    `The connection to the database is lost: ${why}. Calls under way may or may not have taken effect; the next call connects anew`,
  );
}

/** Whatever a call rejects with, as a `TidepoolError`. Never throws, since it runs where nobody would hear of it. */
function readable(error: unknown, request: unknown): TidepoolError {
  if (error instanceof TidepoolError) return error;
  const obstacle = unsendable(request);
  if (obstacle !== null) return invalidArgument(`${obstacle}, which cannot be sent to the worker`);
  return new TidepoolError("INTERNAL", asError(error).message, { cause: error });
}

/** Steps of a path that names what cannot be sent. A value that nests deeper is named by its first steps. */
const PATH_STEPS_MAX = 16;

/**
 * Names the innermost part that keeps `value` from being sent, and what it is; `null` where all of it can be sent. `seen` ends
 * the walk over circles.
 */
function unsendable(value: unknown, path: string[] = [], seen = new Set<unknown>()): string | null {
  try {
    structuredClone(value);
    return null;
  } catch {
    seen.add(value);
    for (const [key, part] of path.length < PATH_STEPS_MAX ? entriesOf(value) : []) {
      if (seen.has(part)) continue;
      const step = Array.isArray(value) ? `[${key}]` : `.${key}`;
      const obstacle = unsendable(part, [...path, step], seen);
      if (obstacle !== null) return obstacle;
    }
    return `${path.join("").replace(/^\./, "") || "the request"} is ${show(value)}`;
  }
}

/** None, where reading them throws. */
function entriesOf(value: unknown): [string, unknown][] {
  try {
    return Object.entries(Object(value) as object);
  } catch {
    return [];
  }
}
