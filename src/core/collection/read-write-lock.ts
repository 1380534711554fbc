/**
 * A lock with many readers or one writer, fair in order of arrival: a waiting writer holds back later readers, so neither
 * side starves. One per open collection: a read holds it from snapshot to result, and applying a write or installing a
 * compaction holds it alone, so within a read nothing moves and no extent it reads can be released.
 */
export class ReadWriteLock {
  #readers = 0;
  #writing = false;
  readonly #waiting: { exclusive: boolean; grant: () => void }[] = [];

  /** Runs `body` together with other shared holders. */
  async shared<T>(body: () => Promise<T> | T): Promise<T> {
    await this.#acquire(false);
    try {
      return await body();
    } finally {
      this.#readers--;
      this.#grantNext();
    }
  }

  /** Runs `body` alone. */
  async exclusive<T>(body: () => Promise<T> | T): Promise<T> {
    await this.#acquire(true);
    try {
      return await body();
    } finally {
      this.#writing = false;
      this.#grantNext();
    }
  }

  #acquire(exclusive: boolean): Promise<void> | undefined {
    if (this.#waiting.length === 0 && this.#isFree(exclusive)) {
      this.#take(exclusive);
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push({ exclusive, grant: resolve }));
  }

  #isFree(exclusive: boolean): boolean {
    return !this.#writing && (!exclusive || this.#readers === 0);
  }

  #take(exclusive: boolean): void {
    if (exclusive) this.#writing = true;
    else this.#readers++;
  }

  #grantNext(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#isFree(next.exclusive); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#take(next.exclusive);
      next.grant();
    }
  }
}
