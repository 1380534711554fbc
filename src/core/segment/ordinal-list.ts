/**
 * Posting lists of bare ordinals: what a key of the metadata index has. Block: columns `key`, utf8, and `ordinals`, a list of u32.
 *
 * Invariant: a list ascends strictly.
 */
import { encodeBlock } from "../blockstore/block.js";
import type { ValueFormat } from "../blockstore/posting-blockfile.js";

/** Ordinals in any order; repeats do no harm. An ordinal in both lists ends up present. */
export interface OrdinalListDelta {
  add: number[];
  remove: number[];
}

const NONE = new Uint32Array(0);

export const ordinalListFormat: ValueFormat<Uint32Array, OrdinalListDelta> = {
  empty: NONE,
  sizeOf: (list) => list.length * 4 + 4,
  encode: (keys, lists) =>
    encodeBlock(
      [
        { type: "utf8", name: "key", values: keys },
        { type: "u32-list", name: "ordinals", values: lists },
      ],
      keys.length,
    ),
  decode: (block) => block.u32List("ordinals"),
  merge: mergeOrdinals,
  join: (first, second) => ({ add: [...first.add, ...second.add], remove: [...first.remove, ...second.remove] }),
  renumber: (list, ordinalOf) => list.map(ordinalOf),
};

function mergeOrdinals(list: Uint32Array, delta: OrdinalListDelta): Uint32Array {
  const add = ascending(delta.add);
  const remove = ascending(delta.remove);
  const merged = new Uint32Array(list.length + add.length);
  let length = 0;
  let kept = 0;
  for (let i = 0, a = 0, r = 0; i < list.length || a < add.length; ) {
    const added = a < add.length && (i >= list.length || add[a]! <= list[i]!);
    const ordinal = added ? add[a++]! : list[i]!;
    const present = i < list.length && list[i] === ordinal;
    if (present) i++;
    while (r < remove.length && remove[r]! < ordinal) r++;
    if (!added && remove[r] === ordinal) continue;
    merged[length++] = ordinal;
    if (present) kept++;
  }
  if (length === 0) return NONE;
  return kept === list.length && length === kept ? list : merged.slice(0, length);
}

/** Sorted and without repeats. */
function ascending(ordinals: readonly number[]): Uint32Array {
  if (ordinals.length < 2) return new Uint32Array(ordinals);
  const sorted = new Uint32Array(ordinals).sort();
  let length = 1;
  for (let i = 1; i < sorted.length; i++) if (sorted[i] !== sorted[length - 1]) sorted[length++] = sorted[i]!;
  return sorted.subarray(0, length);
}
