/**
 * One subscription: it asks, remembers the latest results, and tells its listener how the next differ.
 *
 * Invariants: it asks once at a time, and once more where something may have changed meanwhile; nothing is told after it has ended;
 * every failure is told, to `onError` or as a warning of the client. After one it is tried again, later each time, unless asking
 * again cannot help: then it ends.
 */
import { type ErrorCode, TidepoolError } from "../../core/errors.js";
import { limits } from "../../core/limits.js";
import { aborted } from "../call-limits.js";
import type { Connection } from "../connection.js";
import { LiveQueries, type Refreshed } from "./live-queries.js";
import { type LiveUpdate, updateOf } from "./live-results.js";

/** What a subscription takes beside what it is about. */
export interface LiveOptions {
  /**
   * Hears why the results could not be refreshed. The subscription goes on, and tries again after a second, and later each time, until
   * it has ended: `isFinal`, once its collection is deleted (`NOT_FOUND`), may not be read any more (`FORBIDDEN`, `UNAUTHENTICATED`), or
   * was reembedded, so that the vectors it asks with are another model's (`EMBEDDING_FUNCTION`).
   * Default: the client warns, with the code `SUBSCRIPTION`.
   */
  onError?: (error: TidepoolError, about: { isFinal: boolean }) => void;
  /** Ends the subscription when it fires. While the first results are not there the call rejects with `ABORTED`. */
  signal?: AbortSignal;
}

/** Results that are kept up to date until they are not wanted any more. */
export interface Subscription<R> {
  /** The results as they were at first; what has changed since is told to the listener. */
  readonly initial: R;
  /** Asks again at once, whether or not something was written. Resolves with the results; where they differ the listener is told. */
  refresh(): Promise<R>;
  /** Ends it: the listener is called no more. Calling it again is fine. */
  unsubscribe(): void;
}

/**
 * What it asks, and whom it tells.
 *
 * @internal
 */
export interface LiveQuestion<R> {
  connection: Connection;
  /** For messages, such as `get of collection "notes"`. */
  what: string;
  /** Calls `refresh` whenever the results may have changed, until the function that it returns is called. Without it the engine does. */
  refreshOn?: (refresh: () => void) => () => void;
  ask(name: string): Promise<R>;
  listener: (update: LiveUpdate<R>) => void;
  options: LiveOptions;
}

const FINAL: readonly ErrorCode[] = ["NOT_FOUND", "FORBIDDEN", "UNAUTHENTICATED", "EMBEDDING_FUNCTION"];

/** @internal */
export class LiveQuery<R> implements Refreshed, Subscription<R> {
  readonly name: string;
  readonly #question: LiveQuestion<R>;
  readonly #queries: LiveQueries;
  #latest: { results: R } | null = null;
  initial!: R;
  #refreshing: Promise<unknown> = Promise.resolve();
  #hasEnded = false;
  #retryMs: number = limits.liveRetryMs;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #off: (() => void) | undefined;
  /** Rejects when it ends before the first results are there. */
  #giveUp: (error: TidepoolError) => void = () => undefined;

  private constructor(question: LiveQuestion<R>) {
    this.#question = question;
    this.#queries = LiveQueries.of(question.connection);
    this.name = this.#queries.newName();
  }

  /** Resolves once the first results are there. */
  static async open<R>(question: LiveQuestion<R>): Promise<Subscription<R>> {
    const query = new LiveQuery(question);
    const { signal } = question.options;
    if (signal?.aborted) throw aborted(signal);
    query.#queries.add(query);
    query.#off = question.refreshOn?.(() => query.#queries.touch(query));
    signal?.addEventListener("abort", query.#onAbort, { once: true });
    const givenUp = new Promise<never>((_, reject) => (query.#giveUp = reject));
    try {
      query.initial = await Promise.race([query.refresh(), givenUp]);
    } catch (error) {
      query.unsubscribe();
      throw error;
    }
    return { initial: query.initial, refresh: () => query.refresh(), unsubscribe: () => query.unsubscribe() };
  }

  readonly #onAbort = (): void => {
    this.#giveUp(aborted(this.#question.options.signal!));
    this.unsubscribe();
  };

  unsubscribe(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const { refreshOn, options } = this.#question;
    clearTimeout(this.#retry);
    this.#off?.();
    options.signal?.removeEventListener("abort", this.#onAbort);
    this.#queries.delete(this, refreshOn === undefined);
    this.#latest = null;
  }

  end(): void {
    this.#giveUp(new TidepoolError("CLOSED", "The client was closed"));
    this.unsubscribe();
  }

  refresh(): Promise<R> {
    if (this.#hasEnded) return Promise.reject(new TidepoolError("CLOSED", "The subscription has ended; subscribe anew"));
    const next = this.#refreshing.then(() => this.#askNow());
    this.#refreshing = next.catch(() => undefined);
    return next;
  }

  async refreshNow(): Promise<void> {
    try {
      await this.refresh();
      this.#retryMs = limits.liveRetryMs;
    } catch (error) {
      if (!this.#hasEnded) this.#fail(error as TidepoolError);
    }
  }

  async #askNow(): Promise<R> {
    const results = await this.#question.ask(this.name);
    const before = this.#latest;
    if (this.#hasEnded) return results;
    this.#latest = { results };
    const update = before === null ? null : await updateOf(before.results, results);
    if (update !== null && !this.#hasEnded) this.#tell(() => this.#question.listener(update));
    return results;
  }

  #fail(error: TidepoolError): void {
    const isFinal = FINAL.includes(error.code);
    if (isFinal) this.unsubscribe();
    else this.#retryLater();
    const { connection, what, options } = this.#question;
    const { onError } = options;
    if (onError !== undefined) return this.#tell(() => onError(error, { isFinal }));
    const then = isFinal ? "and has ended" : "and is tried again";
    connection.warn({ code: "SUBSCRIPTION", message: `A subscription to ${what} failed ${then}: ${error.message}` });
  }

  #retryLater(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#queries.touch(this), this.#retryMs);
    this.#retryMs = Math.min(limits.liveRetryMsMax, 2 * this.#retryMs);
  }

  /** What a listener throws is the page's own uncaught error, and ends nothing. */
  #tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
