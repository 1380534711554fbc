/** What one writes without a library: an array of vectors and a loop. */
import { dotProduct, exactDistance, type Rows } from "../../vector/exact.js";
import type { LabelFilter } from "../../vector/labels.js";
import { serve } from "./serve.js";
import { loadParts, saveParts } from "./snapshot-file.js";
import type { SharedSet, VectorEngine } from "./vector-engine.js";

class PlainLoop implements VectorEngine {
  #set: SharedSet | null = null;
  #own: Rows | null = null;

  prepare(set: SharedSet): void {
    this.#set = set;
    this.#own = { ...set.base, values: new Float32Array(set.base.values.length) };
  }

  add(from: number, to: number): void {
    const { dimension, values } = this.#set!.base;
    this.#own!.values.set(values.subarray(from * dimension, to * dimension), from * dimension);
  }

  search(query: Float32Array, k: number, filter: LabelFilter | null): number[] {
    const own = this.#own!;
    const column = filter === null ? null : this.#set!.labels[filter.column];
    const nearest: number[] = [];
    const distances: number[] = [];
    for (let row = 0; row < own.count; row++) {
      if (column !== null && column[row] !== filter!.value) continue;
      const distance = own.space === "cosine" ? -dotProduct(own.values, row * own.dimension, query) : exactDistance(own, row, query);
      if (nearest.length === k && distance >= distances[k - 1]!) continue;
      let place = nearest.length;
      while (place > 0 && distances[place - 1]! > distance) place--;
      nearest.splice(place, 0, row);
      distances.splice(place, 0, distance);
      if (nearest.length > k) {
        nearest.pop();
        distances.pop();
      }
    }
    return nearest;
  }

  save(): Promise<number> {
    return saveParts(`plain-${this.#set!.name}`, [this.#own!.values]);
  }

  async open(set: SharedSet): Promise<void> {
    this.#set = set;
    const [values] = await loadParts(`plain-${set.name}`);
    this.#own = { ...set.base, values: new Float32Array(values!) };
  }
}

serve(new PlainLoop());
