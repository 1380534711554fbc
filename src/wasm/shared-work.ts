/** A task that the engine's thread and helpers do together. */

import type { Tick } from "../core/base/turns.js";
import { AT_WORK, HELPERS, LEFT, NEXT, NOT_BEGUN, takeItem } from "./help.js";
import { bytesOf, doItem, type SharedTask } from "./shared-task.js";
import type { TableMemory } from "./table-memory.js";

/** What a task needs of the pool of helpers. */
export interface WorkHost {
  /** Awaited between two items that the engine's thread does itself. */
  readonly tick: Tick;
  /** Resolves when anything was heard of a helper. */
  news(): Promise<void>;
  isGone(helper: number): boolean;
  ended(): void;
}

/** A task under way. */
export class SharedWork {
  readonly control: Int32Array;
  readonly byteLength: number;
  readonly #host: WorkHost;
  readonly #memory: TableMemory;
  readonly #task: SharedTask;
  readonly #items: number;
  readonly #helpers: number;

  constructor(host: WorkHost, memory: TableMemory, task: SharedTask, items: number, helpers: number) {
    this.#host = host;
    this.#memory = memory;
    this.#task = task;
    this.#items = items;
    this.#helpers = helpers;
    this.control = new Int32Array(new SharedArrayBuffer(4 * (HELPERS + helpers + items)));
    this.byteLength = this.control.byteLength + bytesOf(task);
  }

  /**
   * Resolves when an item is done: does others while another has it. Resolves to false, and leaves it, where it was lost with a helper
   * and `mayRepeat` is not given.
   */
  async done(item: number, mayRepeat: boolean, pause = this.#host.tick): Promise<boolean> {
    while (!this.#isDone(item)) {
      const next = takeItem(this.control);
      if (next < this.#items) {
        this.#do(next);
        await pause();
      } else if (this.#isAnyAtWork) await this.#host.news();
      // Whoever left in between has done it.
      else if (!this.#isDone(item)) {
        if (!mayRepeat) return false;
        this.#do(item);
      }
    }
    return true;
  }

  /** To be called once, whatever happened. Resolves when nobody is at work any more. */
  async end(): Promise<void> {
    Atomics.add(this.control, NEXT, this.#items);
    for (let helper = 0; helper < this.#helpers; helper++) {
      Atomics.compareExchange(this.control, HELPERS + helper, NOT_BEGUN, LEFT);
    }
    while (this.#isAnyAtWork) await this.#host.news();
    this.#host.ended();
  }

  #do(item: number): void {
    doItem(this.#task, this.#memory, item);
    Atomics.store(this.control, HELPERS + this.#helpers + item, 1);
  }

  #isDone(item: number): boolean {
    return Atomics.load(this.control, HELPERS + this.#helpers + item) === 1;
  }

  get #isAnyAtWork(): boolean {
    for (let helper = 0; helper < this.#helpers; helper++) {
      if (Atomics.load(this.control, HELPERS + helper) === AT_WORK && !this.#host.isGone(helper)) return true;
    }
    return false;
  }
}
