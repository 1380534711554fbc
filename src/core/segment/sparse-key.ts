/**
 * Keys of the lists in an index of sparse vectors: one for each dimension and each `SPAN` ordinals that have it, so that a
 * compaction writes the last list of a frequent dimension anew and not all of it.
 *
 *   key = dimension span        eight and four hexadecimal digits; span = the ordinal divided by `SPAN`
 */
import type { KeyRange } from "./posting-key.js";

const SPAN_BITS = 16;
/** Ordinals that share a list. */
export const SPAN = 2 ** SPAN_BITS;

/** A list as a number, which sorts as its key does. */
export function listNumber(dimension: number, ordinal: number): number {
  return dimension * SPAN + (ordinal >>> SPAN_BITS);
}

export function listKey(list: number): string {
  return list.toString(16).padStart(12, "0");
}

/** The list that a key names; `NaN` for what is no key. */
export function listOfKey(key: string): number {
  return /^[0-9a-f]{12}$/.test(key) ? Number.parseInt(key, 16) : NaN;
}

export function dimensionOf(list: number): number {
  return Math.floor(list / SPAN);
}

/** Keys of all lists of a dimension. */
export function listsOfDimension(dimension: number): KeyRange {
  const from = listKey(dimension * SPAN).slice(0, 8);
  return { from, to: `${from}g` };
}
