import { lowerBound } from "../base/lower-bound.js";
import type { MemtableEntry } from "./memtable.js";
import type { Entry } from "./part.js";

/** Finds entries that ascend by ordinal. Mostly they were written one after the other, and each stands where it is looked for first. */
export function entriesByOrdinal(entries: readonly Entry[]): (ordinal: number) => MemtableEntry | undefined {
  const first = entries[0]?.[0] ?? 0;
  return (ordinal) => {
    const likely = entries[ordinal - first];
    if (likely?.[0] === ordinal) return likely[1];
    const found = entries[lowerBound(0, entries.length, (at) => entries[at]![0] < ordinal)];
    return found?.[0] === ordinal ? found[1] : undefined;
  };
}
