/**
 * Orders the records of a read by the value of a metadata key, with turns for others on the way: sorted runs are merged. Records that
 * lack the key come last, in whichever direction; those that agree stay in insertion order.
 */
import type { Tick } from "../../base/turns.js";
import type { OrderPlan } from "../../gateway/plan.js";
import type { MetadataValue } from "../../types.js";
import { compareValues } from "./group.js";
import type { FetchColumns } from "./select.js";

/** Records fetched, sorted or merged between two ticks. */
const RUN = 1024;

interface Placed {
  ordinal: number;
  value: MetadataValue | null;
}

/** `ordinals` ascend. */
export async function ordered(fetch: FetchColumns, ordinals: Uint32Array, plan: OrderPlan, tick: Tick): Promise<Uint32Array> {
  let runs: Placed[][] = [];
  for (let from = 0; from < ordinals.length; from += RUN) {
    runs.push((await valuesOf(fetch, ordinals.subarray(from, from + RUN), plan.key)).sort(comparing(plan)));
    await tick();
  }
  while (runs.length > 1) {
    const merged: Placed[][] = [];
    for (let i = 0; i < runs.length; i += 2) merged.push(await mergeRuns(runs[i]!, runs[i + 1] ?? [], comparing(plan), tick));
    runs = merged;
  }
  return Uint32Array.from(runs[0] ?? [], ({ ordinal }) => ordinal);
}

async function valuesOf(fetch: FetchColumns, ordinals: Uint32Array, key: string): Promise<Placed[]> {
  const { metadatas } = await fetch(ordinals, { document: false, uri: false, metadata: true, embedding: false });
  return Array.from(ordinals, (ordinal, i) => {
    const metadata = metadatas![i];
    return { ordinal, value: metadata != null && Object.hasOwn(metadata, key) ? metadata[key]! : null };
  });
}

type Compare = (a: Placed, b: Placed) => number;

function comparing({ descending }: OrderPlan): Compare {
  return (a, b) => {
    if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null) || a.ordinal - b.ordinal;
    return (descending ? -1 : 1) * compareValues(a.value, b.value) || a.ordinal - b.ordinal;
  };
}

async function mergeRuns(left: readonly Placed[], right: readonly Placed[], compare: Compare, tick: Tick): Promise<Placed[]> {
  const merged: Placed[] = [];
  for (let l = 0, r = 0; l < left.length || r < right.length; ) {
    const fromLeft = r >= right.length || (l < left.length && compare(left[l]!, right[r]!) < 0);
    merged.push(fromLeft ? left[l++]! : right[r++]!);
    if (merged.length % RUN === 0) await tick();
  }
  return merged;
}
