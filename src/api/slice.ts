/** Slices of the page's time: long work in the page awaits `tick` between its steps, so that the page stays responsive. */
import { limits } from "../core/limits.js";
import { yieldToEventLoop } from "../worker/protocol.js";

export class Slice {
  #end = performance.now() + limits.sliceMs;

  get isOver(): boolean {
    return performance.now() >= this.#end;
  }

  /** Goes on at once until the slice is used up; then lets waiting events run. */
  async tick(): Promise<void> {
    if (!this.isOver) return;
    await yieldToEventLoop();
    this.#end = performance.now() + limits.sliceMs;
  }
}
