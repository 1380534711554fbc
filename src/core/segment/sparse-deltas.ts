/** What changed sparse vectors change of the lists of their dimensions. */
import type { Tick } from "../base/turns.js";
import type { SparseVector } from "../types.js";
import { listKey, listNumber } from "./sparse-key.js";
import type { WeightedListDelta } from "./weighted-list.js";

const NONE: SparseVector = { indices: [], values: [] };
/** Lists between two looks at the clock. */
const LISTS_PER_TICK = 1024;

export class SparseDeltas {
  readonly #byList = new Map<number, WeightedListDelta>();

  /** How many lists change. */
  get size(): number {
    return this.#byList.size;
  }

  /** A record's vector as it was and as it is; `null` for none. Ordinals ascend from call to call. */
  change(ordinal: number, before: SparseVector | null, after: SparseVector | null): void {
    const [old, now] = [before ?? NONE, after ?? NONE];
    for (let o = 0, n = 0; o < old.indices.length || n < now.indices.length; ) {
      const [was, is] = [old.indices[o] ?? Infinity, now.indices[n] ?? Infinity];
      if (was < is) this.#set(was, ordinal, NaN);
      else if (is < was || old.values[o] !== now.values[n]) this.#set(is, ordinal, now.values[n]!);
      if (was <= is) o++;
      if (is <= was) n++;
    }
  }

  /** By the keys of the lists. */
  async keyed(tick: Tick): Promise<Map<string, WeightedListDelta>> {
    const keyed = new Map<string, WeightedListDelta>();
    for (const [list, delta] of this.#byList) {
      keyed.set(listKey(list), delta);
      if (keyed.size % LISTS_PER_TICK === 0) await tick();
    }
    return keyed;
  }

  #set(dimension: number, ordinal: number, weight: number): void {
    const list = listNumber(dimension, ordinal);
    let delta = this.#byList.get(list);
    if (delta === undefined) this.#byList.set(list, (delta = { ordinals: [], weights: [] }));
    delta.ordinals.push(ordinal);
    delta.weights.push(weight);
  }
}
