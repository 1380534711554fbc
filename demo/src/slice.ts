/** Turns for the browser while the page does much: a frame is drawn, and keys are heard, between two slices. */

const sliceMs = 6;

export class Slice {
  #start = performance.now();

  /** Goes on at once until the slice is used up. */
  async next(): Promise<void> {
    if (performance.now() - this.#start < sliceMs) return;
    await new Promise((resolve) => setTimeout(resolve));
    this.#start = performance.now();
  }
}
