/**
 * Work that runs one piece after the other, each beginning when the one before has ended, well or badly. The order is that of
 * the calls.
 */
export class Serial {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `work` when all that was given before has ended. Its failure reaches this caller and nobody else. */
  run<T>(work: () => Promise<T> | T): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Resolves when all work given so far has ended. */
  async idle(): Promise<void> {
    await this.#last;
  }
}
