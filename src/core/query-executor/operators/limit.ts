/** Cuts the page that was asked for, `offset` and a number, out of what a read selected or ranked. */
import type { Bitmap } from "../../base/bitmap.js";
import type { Ranked } from "./rank.js";

/** The ordinals from position `offset` on, at most `count` of them, ascending. */
export function limit(ordinals: Bitmap, offset: number, count: number): Uint32Array {
  if (offset === 0 && count === Infinity) return ordinals.toArray();
  const out: number[] = [];
  let position = 0;
  for (const ordinal of ordinals.values()) {
    if (out.length >= count) break;
    if (position++ >= offset) out.push(ordinal);
  }
  return Uint32Array.from(out);
}

/** The ranked records from position `offset` on, at most `count` of them, in the order of their rank. */
export function limitRanked({ ordinals, scores }: Ranked, offset: number, count: number): Ranked {
  return { ordinals: ordinals.slice(offset, offset + count), scores: scores.slice(offset, offset + count) };
}
