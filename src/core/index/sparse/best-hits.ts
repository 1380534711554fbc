/**
 * The best so many hits of a search for a sparse vector: the smallest scores, equal ones by ordinal. A heap with the worst on top,
 * so that what a hit must be better than is known at every moment.
 */

export interface SparseHits {
  ordinals: Uint32Array;
  /** 1 − the dot product, as float32; ascending, equal ones in insertion order. */
  scores: Float32Array;
}

interface Hit {
  ordinal: number;
  score: number;
}

export class BestHits {
  readonly #count: number;
  /** Each is no better than its children, which stand at twice its place, and one and two on. */
  readonly #heap: Hit[] = [];

  constructor(count: number) {
    this.#count = count;
  }

  /** What the next hit must not exceed: the worst score among enough hits, else infinity. */
  get bound(): number {
    return this.#heap.length < this.#count ? Infinity : this.#heap[0]!.score;
  }

  offer(ordinal: number, score: number): void {
    const hit = { ordinal, score };
    if (this.#heap.length < this.#count) this.#rise(this.#heap.push(hit) - 1, hit);
    else if (isWorse(this.#heap[0]!, hit)) this.#sink(hit);
  }

  take(): SparseHits {
    const hits = this.#heap.toSorted((a, b) => (isWorse(a, b) ? 1 : -1));
    return { ordinals: Uint32Array.from(hits, ({ ordinal }) => ordinal), scores: Float32Array.from(hits, ({ score }) => score) };
  }

  #rise(at: number, hit: Hit): void {
    const heap = this.#heap;
    for (; at > 0; at = (at - 1) >>> 1) {
      const above = heap[(at - 1) >>> 1]!;
      if (!isWorse(hit, above)) break;
      heap[at] = above;
    }
    heap[at] = hit;
  }

  /** In place of the worst. */
  #sink(hit: Hit): void {
    const heap = this.#heap;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && isWorse(heap[child + 1]!, heap[child]!)) child++;
      if (!isWorse(heap[child]!, hit)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = hit;
  }
}

function isWorse(a: Hit, b: Hit): boolean {
  return a.score > b.score || (a.score === b.score && a.ordinal > b.ordinal);
}
