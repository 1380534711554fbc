/** Slices of the page's time: long work in the page awaits `tick` between its steps, so that the page stays responsive. */
import { limits } from "../core/limits.js";
import { yieldToEventLoop } from "../worker/protocol.js";

export class Slice {
  #end = performance.now() + limits.sliceMs;

  /** Goes on at once until the slice is used up; then lets waiting events run. */
  async tick(): Promise<void> {
    if (performance.now() < this.#end) return;
    await yieldToEventLoop();
    this.#end = performance.now() + limits.sliceMs;
  }
}
