/** Work of many small steps, with a tick whenever enough of it was done. */
import type { Tick } from "./turns.js";

export class Pace {
  readonly #tick: Tick;
  readonly #workPerTick: number;
  #work = 0;

  constructor(tick: Tick, workPerTick: number) {
    this.#tick = tick;
    this.#workPerTick = workPerTick;
  }

  /** A promise only when it is time, so that most steps cost no turn of the event loop. */
  step(work: number): Promise<void> | void {
    this.#work += work;
    if (this.#work >= this.#workPerTick) return this.pause();
  }

  pause(): Promise<void> | void {
    this.#work = 0;
    return this.#tick();
  }
}
