/**
 * Posting lists with a weight beside each ordinal: what a dimension has in an index of sparse vectors. Block: columns `key`, utf8;
 * `ordinals`, `weights` and `maxima`, lists of u32; `least`, f32. Weights and maxima are float32, bit by bit, so that a list of
 * them is a view into the block.
 *
 * Invariants: ordinals ascend strictly; `maxima` has the greatest weight of each `STRIDE` postings, and `least` is the least of
 * all, so that a search knows what a stretch of a list can add at most before it looks at it.
 */
import { encodeBlock } from "../blockstore/block.js";
import type { ValueFormat } from "../blockstore/posting-blockfile.js";

/** Postings that share a maximum. */
export const STRIDE = 128;

export interface WeightedList {
  ordinals: Uint32Array;
  /** Parallel to the ordinals. */
  weights: Float32Array;
  maxima: Float32Array;
  least: number;
}

/** Weights to put in place, `NaN` where a posting goes. Ordinals ascend strictly. */
export interface WeightedListDelta {
  ordinals: number[];
  weights: number[];
}

export const EMPTY_LIST: WeightedList = weightedList(new Uint32Array(0), new Float32Array(0));

/** A list with what is known of its weights. */
export function weightedList(ordinals: Uint32Array, weights: Float32Array): WeightedList {
  const maxima = new Float32Array(Math.ceil(weights.length / STRIDE)).fill(-Infinity);
  let least = Infinity;
  for (let i = 0; i < weights.length; i++) {
    const [stretch, weight] = [Math.floor(i / STRIDE), weights[i]!];
    if (weight > maxima[stretch]!) maxima[stretch] = weight;
    if (weight < least) least = weight;
  }
  return { ordinals, weights, maxima, least };
}

export const weightedListFormat: ValueFormat<WeightedList, WeightedListDelta> = {
  empty: EMPTY_LIST,
  sizeOf: ({ ordinals, maxima }) => ordinals.length * 8 + maxima.length * 4 + 16,
  encode: (keys, lists) =>
    encodeBlock(
      [
        { type: "utf8", name: "key", values: keys },
        { type: "u32-list", name: "ordinals", values: lists.map(({ ordinals }) => ordinals) },
        { type: "u32-list", name: "weights", values: lists.map(({ weights }) => bitsOf(weights)) },
        { type: "u32-list", name: "maxima", values: lists.map(({ maxima }) => bitsOf(maxima)) },
        { type: "f32", name: "least", values: Float32Array.from(lists, ({ least }) => least) },
      ],
      keys.length,
    ),
  decode: (block) => {
    const [ordinals, weights, maxima] = [block.u32List("ordinals"), block.u32List("weights"), block.u32List("maxima")];
    const least = block.f32("least");
    return (row, end) =>
      end === undefined
        ? { ordinals: ordinals(row), weights: floatsOf(weights(row)), maxima: floatsOf(maxima(row)), least: least[row]! }
        : weightedList(ordinals(row, end), floatsOf(weights(row, end)));
  },
  merge: mergeList,
  join: joinDeltas,
  renumber: (list, ordinalOf) => ({ ...list, ordinals: list.ordinals.map(ordinalOf) }),
};

function bitsOf({ buffer, byteOffset, length }: Float32Array): Uint32Array {
  return new Uint32Array(buffer as ArrayBuffer, byteOffset, length);
}

function floatsOf({ buffer, byteOffset, length }: Uint32Array): Float32Array {
  return new Float32Array(buffer as ArrayBuffer, byteOffset, length);
}

function mergeList(list: WeightedList, delta: WeightedListDelta): WeightedList {
  const ordinals = new Uint32Array(list.ordinals.length + delta.ordinals.length);
  const weights = new Float32Array(ordinals.length);
  let length = 0;
  let changed = false;
  for (let i = 0, d = 0; i < list.ordinals.length || d < delta.ordinals.length; ) {
    const [old, given] = [list.ordinals[i] ?? Infinity, delta.ordinals[d] ?? Infinity];
    const before = old <= given ? list.weights[i++]! : NaN;
    const after = given <= old ? Math.fround(delta.weights[d++]!) : before;
    changed ||= !Object.is(before, after);
    if (Number.isNaN(after)) continue;
    ordinals[length] = Math.min(old, given);
    weights[length++] = after;
  }
  if (!changed) return list;
  return length === 0 ? EMPTY_LIST : weightedList(ordinals.slice(0, length), weights.slice(0, length));
}

/** Where both have an ordinal, the second counts. */
function joinDeltas(first: WeightedListDelta, second: WeightedListDelta): WeightedListDelta {
  const weights = new Map([first, second].flatMap((delta) => delta.ordinals.map((ordinal, i) => [ordinal, delta.weights[i]!] as const)));
  const ordinals = [...weights.keys()].sort((a, b) => a - b);
  return { ordinals, weights: ordinals.map((ordinal) => weights.get(ordinal)!) };
}
