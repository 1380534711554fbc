/** What tests replace: clock, timers, ids and randomness, all driven by the test, so that a run can be repeated from its seed. */
import type { Environment } from "../core/storage.js";

declare const setImmediate: (callback: () => void) => void;

/** A clock that stands still until the test moves it; timers fire only from `advance`. */
export class TestEnvironment implements Environment {
  #now = 1_700_000_000_000;
  /** How many ids it has given out; a later environment of one database goes on from there. */
  ids: number;
  readonly #timers = new Set<{ at: number; callback: () => void }>();

  constructor(ids = 0) {
    this.ids = ids;
  }

  now(): number {
    return this.#now;
  }

  elapsed(): number {
    return this.#now;
  }

  randomId(): string {
    return `00000000-0000-4000-8000-${String(++this.ids).padStart(12, "0")}`;
  }

  yieldToEventLoop(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  schedule(callback: () => void, delayMs: number): () => void {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Moves the clock and fires what came due, in order. */
  advance(ms: number): void {
    this.#now += ms;
    for (const timer of [...this.#timers].sort((a, b) => a.at - b.at)) {
      if (timer.at <= this.#now && this.#timers.delete(timer)) timer.callback();
    }
  }
}

/** A small seeded generator (mulberry32, public domain). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A number in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** A whole number in [0, below). */
  below(below: number): number {
    return Math.floor(this.next() * below);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  vector(dimension: number): Float32Array {
    return Float32Array.from({ length: dimension }, () => this.next() * 2 - 1);
  }
}
