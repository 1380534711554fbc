/** A silence that has lasted long enough, as far as the one who listens can tell. */
import { limits } from "../core/limits.js";

export class Silence {
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Calls back after so long, unless it has ended, or this realm itself did not run meanwhile. Returns whether it begins now. */
  begin(ms: number, callback: () => void): boolean {
    if (this.#timer !== undefined) return false;
    const from = performance.now();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (performance.now() - from < ms + limits.answerWaitMs) callback();
    }, ms);
    (this.#timer as { unref?(): void }).unref?.(); // In Node a timer would keep the process alive.
    return true;
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
