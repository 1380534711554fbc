/**
 * The order of one collection's writes and deletes: they enter the log as they came, whatever each of them awaits on the way
 * there. The log applies what it has queued in that order, so the next one need not wait until this one is applied. One
 * that has to see the effect of all before it, such as a delete that selects, waits for `before`.
 */
import { Serial } from "../base/serial.js";

/** An operation on its way into the log, its place there certain: what resolves once it is durable and applied. */
export interface Logged<T> {
  logged: Promise<T>;
}

export class WriteLine {
  readonly #preparing = new Serial();
  #allLogged: Promise<unknown> = Promise.resolve();

  /** Prepares an operation when all that entered earlier are prepared, or have failed; resolves when it is durable and applied. */
  enter<T>(prepare: (before: Promise<unknown>) => Promise<Logged<T>>): Promise<T> {
    const before = this.#allLogged;
    const prepared = this.#preparing.run(() => prepare(before));
    const logged = prepared.then((operation) => operation.logged);
    this.#allLogged = Promise.allSettled([before, logged]);
    return logged;
  }
}
