/**
 * Ids and ordinals of a collection's live records. Ordinal → id is an array. id → ordinal is a map that takes longer to make
 * than the rest of an opening's work on ids, and that queries do without: it is made in slices after opening, or at once
 * when it is needed before.
 *
 * Invariant: nothing is added or deleted while there is no map, so one that is being made cannot miss a change.
 */

import { Bitmap } from "../base/bitmap.js";
import type { Tick } from "../base/turns.js";

/** Records between two looks at the clock. */
const RECORDS_PER_TICK = 512;

export class IdTable {
  /** Ordinals of live records. Not to be changed from outside. */
  readonly live = new Bitmap();
  readonly #ids: (string | undefined)[] = [];
  #ordinals: Map<string, number> | null = null;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Of live records only. */
  idOf(ordinal: number): string {
    return this.#ids[ordinal]!;
  }

  ordinalOf(id: string): number | undefined {
    return this.#byId().get(id);
  }

  /** Takes the next of the records that are there at the beginning. */
  load(id: string, ordinal: number): void {
    this.#ids[ordinal] = id;
    this.live.add(ordinal);
    this.#count++;
  }

  add(id: string, ordinal: number): void {
    this.#byId().set(id, ordinal);
    this.load(id, ordinal);
  }

  delete(id: string, ordinal: number): void {
    this.#byId().delete(id);
    this.#ids[ordinal] = undefined;
    this.live.delete(ordinal);
    this.#count--;
  }

  /** A table of these records under other ordinals, in the order in which they are now. */
  renumbered(ordinalOf: (ordinal: number) => number): IdTable {
    const table = new IdTable();
    for (const ordinal of this.live.values()) table.load(this.idOf(ordinal), ordinalOf(ordinal));
    return table;
  }

  /** Makes the map ahead of need. */
  async prepare(tick: Tick): Promise<void> {
    const ordinals = new Map<string, number>();
    for (const ordinal of this.live.values()) {
      if (this.#ordinals !== null) return;
      ordinals.set(this.idOf(ordinal), ordinal);
      if (ordinals.size % RECORDS_PER_TICK === 0) await tick();
    }
    this.#ordinals ??= ordinals;
  }

  #byId(): Map<string, number> {
    if (this.#ordinals !== null) return this.#ordinals;
    this.#ordinals = new Map();
    for (const ordinal of this.live.values()) this.#ordinals.set(this.idOf(ordinal), ordinal);
    return this.#ordinals;
  }
}
