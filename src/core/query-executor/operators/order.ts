/**
 * Orders the records of a read by the value of a metadata key, with turns for others on the way. Records that lack the key come
 * last, in whichever direction; those that agree stay in insertion order.
 */
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

/** `ordinals` ascend. */
export async function ordered(fetch: FetchColumns, ordinals: Uint32Array, plan: OrderPlan, tick: Tick): Promise<Uint32Array> {
  const placed: Placed[] = [];
  for (let from = 0; from < ordinals.length; from += CHUNK) {
    placed.push(...(await valuesOf(fetch, ordinals.subarray(from, from + CHUNK), plan.key)));
    await tick();
  }
  return Uint32Array.from(await sortedInTurns(placed, comparing(plan), tick), ({ ordinal }) => ordinal);
}

async function valuesOf(fetch: FetchColumns, ordinals: Uint32Array, key: string): Promise<Placed[]> {
  const { metadatas } = await fetch(ordinals, { document: false, uri: false, metadata: true, embedding: false });
  return Array.from(ordinals, (ordinal, i) => {
    const metadata = metadatas![i];
    return { ordinal, value: metadata != null && Object.hasOwn(metadata, key) ? metadata[key]! : null };
  });
}

/** Records that agree stay as they are, which is in insertion order. */
function comparing({ descending }: OrderPlan): (a: Placed, b: Placed) => number {
  return (a, b) => {
    if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null);
    return (descending ? -1 : 1) * compareValues(a.value, b.value);
  };
}
