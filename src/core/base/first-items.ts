/**
 * Keeps the first so many of any number of items, by an order that calls no two of them equal: a heap with the last of those kept on
 * top, so that what an item has to come before is known at every moment.
 */
export class FirstItems<T> {
  readonly #count: number;
  readonly #compare: (a: T, b: T) => number;
  /** None comes before its children, which stand at twice its place, and one and two on. */
  readonly #heap: T[] = [];

  constructor(count: number, compare: (a: T, b: T) => number) {
    this.#count = count;
    this.#compare = compare;
  }

  /** What the next item has to come before; `undefined` while there is room for any. */
  get last(): T | undefined {
    return this.#heap.length < this.#count ? undefined : this.#heap[0];
  }

  offer(item: T): void {
    const heap = this.#heap;
    if (heap.length < this.#count) this.#rise(heap.push(item) - 1, item);
    else if (heap.length > 0 && this.#compare(item, heap[0]!) < 0) this.#sink(item);
  }

  /** Those kept, in no order. */
  items(): readonly T[] {
    return this.#heap;
  }

  #rise(at: number, item: T): void {
    const heap = this.#heap;
    for (; at > 0; at = (at - 1) >>> 1) {
      const above = heap[(at - 1) >>> 1]!;
      if (this.#compare(above, item) > 0) break;
      heap[at] = above;
    }
    heap[at] = item;
  }

  /** In place of the last. */
  #sink(item: T): void {
    const heap = this.#heap;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && this.#compare(heap[child + 1]!, heap[child]!) > 0) child++;
      if (this.#compare(heap[child]!, item) < 0) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = item;
  }
}
