/** Sorting with turns for others on the way: runs are sorted one by one, then merged. */
import { FirstItems } from "./first-items.js";
import type { Tick } from "./turns.js";

/** Items sorted, merged or looked at between two ticks. */
const RUN = 512;

/** The items in the order of `compare`, those that it calls equal in the order in which they came. */
export async function sortedInTurns<T>(items: readonly T[], compare: (a: T, b: T) => number, tick: Tick): Promise<T[]> {
  let runs: T[][] = [];
  for (let from = 0; from < items.length; from += RUN) {
    runs.push(items.slice(from, from + RUN).sort(compare));
    await tick();
  }
  while (runs.length > 1) {
    const merged: T[][] = [];
    for (let i = 0; i < runs.length; i += 2) merged.push(await merge(runs[i]!, runs[i + 1] ?? [], compare, tick));
    runs = merged;
  }
  return runs[0] ?? [];
}

/** The first so many of the items in the order of `compare`, which calls no two equal: the others are not sorted. */
export async function firstInTurns<T>(items: Iterable<T>, count: number, compare: (a: T, b: T) => number, tick: Tick): Promise<T[]> {
  const first = new FirstItems(count, compare);
  let looked = 0;
  for (const item of items) {
    first.offer(item);
    if (++looked % RUN === 0) await tick();
  }
  return sortedInTurns(first.items(), compare, tick);
}

async function merge<T>(left: readonly T[], right: readonly T[], compare: (a: T, b: T) => number, tick: Tick): Promise<T[]> {
  const merged: T[] = [];
  for (let l = 0, r = 0; l < left.length || r < right.length; ) {
    const fromLeft = r >= right.length || (l < left.length && compare(left[l]!, right[r]!) <= 0);
    merged.push(fromLeft ? left[l++]! : right[r++]!);
    if (merged.length % RUN === 0) await tick();
  }
  return merged;
}
