/**
 * Orders the records of a read by the value of a metadata key, with turns for others on the way. Records that lack the key come
 * last, in whichever direction; those that agree stay in insertion order.
 */
import { FirstItems } from "../../base/first-items.js";
import { sortedInTurns } from "../../base/sorted.js";
import type { Tick } from "../../base/turns.js";
import type { OrderPlan } from "../../gateway/plan.js";
import type { MetadataValue } from "../../types.js";
import { compareValues } from "./group.js";
import type { FetchColumns } from "./select.js";

/** Records fetched between two ticks. */
const CHUNK = 1024;

interface Placed {
  ordinal: number;
  value: MetadataValue | null;
}

/** The first so many. */
export async function ordered(
  fetch: FetchColumns,
  ordinals: Uint32Array,
  plan: OrderPlan,
  count: number,
  tick: Tick,
): Promise<Uint32Array> {
  const compare = comparing(plan);
  const first = new FirstItems(count, compare);
  for (let from = 0; from < ordinals.length; from += CHUNK) {
    for (const placed of await valuesOf(fetch, ordinals.subarray(from, from + CHUNK), plan.key)) first.offer(placed);
    await tick();
  }
  return Uint32Array.from(await sortedInTurns(first.items(), compare, tick), ({ ordinal }) => ordinal);
}

async function valuesOf(fetch: FetchColumns, ordinals: Uint32Array, key: string): Promise<Placed[]> {
  const { metadatas } = await fetch(ordinals, { document: false, uri: false, metadata: true, embedding: false });
  return Array.from(ordinals, (ordinal, i) => {
    const metadata = metadatas![i];
    return { ordinal, value: metadata != null && Object.hasOwn(metadata, key) ? metadata[key]! : null };
  });
}

function comparing({ descending }: OrderPlan): (a: Placed, b: Placed) => number {
  return (a, b) => byValue(a.value, b.value, descending) || a.ordinal - b.ordinal;
}

function byValue(a: MetadataValue | null, b: MetadataValue | null, descending: boolean): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return (descending ? -1 : 1) * compareValues(a, b);
}
