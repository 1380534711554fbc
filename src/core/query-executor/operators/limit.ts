import type { Bitmap } from "../../index/bitmap.js";

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
