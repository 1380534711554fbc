/**
 * Which row of the vector index an ordinal occupies. Ordinals are never used twice, since they are the order of
 * insertion; rows are, since they are memory. So an index of records that come and go stays as large as its busiest
 * moment.
 *
 * Until a row is used again, an ordinal's slot is the ordinal itself, and nothing but the order of slots is stored.
 * Invariant: `ordinalOf(slotOf(o)) === o` for every ordinal that holds a slot; no two hold the same.
 */
import { Bitmap } from "./bitmap.js";

/** Marks a slot that nobody holds. Ordinals stay below it. */
const FREE = 0xffffffff;

export class SlotMap {
  /** slot → ordinal. */
  #ordinals = new Uint32Array(0);
  /** ordinal → slot, only where they differ. */
  readonly #moved = new Map<number, number>();
  readonly #free: number[] = [];
  #end = 0;

  /** Slots ever used: all slots lie below. */
  get end(): number {
    return this.#end;
  }

  /** The ordinal's slot, or −1 when it holds none. */
  slotOf(ordinal: number): number {
    const slot = this.#moved.get(ordinal) ?? ordinal;
    return slot < this.#end && this.#ordinals[slot] === ordinal ? slot : -1;
  }

  ordinalOf(slot: number): number {
    return this.#ordinals[slot]!;
  }

  /** The ordinal's slot; a new one when it holds none. */
  assign(ordinal: number): number {
    const held = this.slotOf(ordinal);
    if (held >= 0) return held;
    const slot = this.#free.pop() ?? this.#end++;
    if (slot >= this.#ordinals.length) this.#grow();
    this.#ordinals[slot] = ordinal;
    if (slot !== ordinal) this.#moved.set(ordinal, slot);
    return slot;
  }

  /** Lets another ordinal have the slot. Without effect when the ordinal holds none. */
  free(ordinal: number): void {
    const slot = this.slotOf(ordinal);
    if (slot < 0) return;
    this.#ordinals[slot] = FREE;
    this.#moved.delete(ordinal);
    this.#free.push(slot);
  }

  /** The slots of these ordinals, all of which hold one. The same bitmap where no slot differs from its ordinal. */
  slotsOf(ordinals: Bitmap): Bitmap {
    if (this.#moved.size === 0) return ordinals;
    const slots = new Bitmap(this.#end);
    for (const ordinal of ordinals.values()) slots.add(this.#moved.get(ordinal) ?? ordinal);
    return slots;
  }

  #grow(): void {
    const grown = new Uint32Array(Math.max(64, this.#ordinals.length * 2)).fill(FREE);
    grown.set(this.#ordinals);
    this.#ordinals = grown;
  }
}
