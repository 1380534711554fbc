/** The best so many hits of a search for a sparse vector: the smallest scores, equal ones by ordinal. */
import { FirstItems } from "../../base/first-items.js";

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
  readonly #first: FirstItems<Hit>;

  constructor(count: number) {
    this.#first = new FirstItems(count, byScore);
  }

  /** What the next hit must not exceed: the worst score among enough hits, else infinity. */
  get bound(): number {
    return this.#first.last?.score ?? Infinity;
  }

  offer(ordinal: number, score: number): void {
    this.#first.offer({ ordinal, score });
  }

  take(): SparseHits {
    const hits = this.#first.items().toSorted(byScore);
    return { ordinals: Uint32Array.from(hits, ({ ordinal }) => ordinal), scores: Float32Array.from(hits, ({ score }) => score) };
  }
}

function byScore(a: Hit, b: Hit): number {
  return a.score - b.score || a.ordinal - b.ordinal;
}
