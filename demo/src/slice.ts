/** Turns for the browser while the page does much: a frame is drawn, and keys are heard, between two slices. */

const sliceMs = 6;

export class Slice {
  #start = performance.now();

  /** Goes on at once until the slice is used up. */
  async next(): Promise<void> {
    if (performance.now() - this.#start < sliceMs) return;
    await turn();
    this.#start = performance.now();
  }
}

/** Lets the browser do what waits. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
