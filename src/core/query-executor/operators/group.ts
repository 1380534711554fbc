/**
 * Keeps the best records of every group: records that agree in all grouping keys form one, those without a key agree in
 * lacking it. Within a group, records are ordered by the aggregate's keys; equal ones by their rank. What is kept comes
 * back in the order of its rank.
 *
 * Values of different types have the order: missing, booleans, numbers, strings, sparse vectors, arrays.
 */

import { compareSparseVectors, isSparseVector } from "../../base/sparse-vector.js";
import type { Tick } from "../../base/turns.js";
import type { GroupPlan } from "../../gateway/search-plan.js";
import type { Metadata, MetadataValue, SparseVector } from "../../types.js";
import { ascending, type Ranked } from "./rank.js";

/** Metadata of these ordinals, in their order. */
export type ReadMetadata = (ordinals: Uint32Array) => Promise<(Metadata | null)[]>;

type Sortable = MetadataValue | null;

/** A ranked record: its position, and its values of the aggregate's keys. */
interface Member {
  position: number;
  values: Sortable[];
}

/** Metadata read at once, so that no more than this many records are held. */
const CHUNK = 1024;

export async function group(ranked: Ranked, plan: GroupPlan, read: ReadMetadata, tick: Tick): Promise<Ranked> {
  const groups = new Map<string, Member[]>();
  for (let from = 0; from < ranked.ordinals.length; from += CHUNK) {
    if (from > 0) await tick();
    const metadatas = await read(ranked.ordinals.subarray(from, from + CHUNK));
    metadatas.forEach((metadata, i) => admit(groups, plan, { metadata, position: from + i, score: ranked.scores[from + i]! }));
  }
  const kept = [...groups.values()].flatMap((members) => best(members, plan)).sort((a, b) => a - b);
  return {
    ordinals: Uint32Array.from(kept, (position) => ranked.ordinals[position]!),
    scores: Float64Array.from(kept, (position) => ranked.scores[position]!),
  };
}

function admit(
  groups: Map<string, Member[]>,
  plan: GroupPlan,
  record: { metadata: Metadata | null; position: number; score: number },
): void {
  const { metadata, position, score } = record;
  // JSON tells types apart, and a missing value (null) from every value that metadata can hold.
  const name = JSON.stringify(plan.keys.map((key) => ownValue(metadata, key)));
  const member = { position, values: plan.by.map((key) => (key === "#score" ? score : ownValue(metadata, key))) };
  const members = groups.get(name);
  if (members === undefined) groups.set(name, [member]);
  else members.push(member);
}

/** Only own keys count: "constructor" and its like are ordinary names. */
function ownValue(metadata: Metadata | null, key: string): Sortable {
  return metadata !== null && Object.hasOwn(metadata, key) ? metadata[key]! : null;
}

/** Positions of a group's first members. */
function best(members: Member[], { k, largest }: GroupPlan): number[] {
  const sign = largest ? -1 : 1;
  members.sort((a, b) => sign * compareAll(a.values, b.values) || a.position - b.position);
  return members.slice(0, k).map(({ position }) => position);
}

function compareAll(a: readonly Sortable[], b: readonly Sortable[]): number {
  for (let i = 0; i < a.length; i++) {
    const order = compareValues(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return 0;
}

/** Metadata values in one order: missing ones, booleans, numbers, strings by UTF-16 units, sparse vectors, arrays. */
export function compareValues(a: Sortable, b: Sortable): number {
  if (Array.isArray(a) && Array.isArray(b)) return compareAll(a, b) || a.length - b.length;
  const types = typeRank(a) - typeRank(b);
  if (types !== 0 || a === null || b === null) return types;
  if (isSparseVector(a)) return compareSparseVectors(a, b as SparseVector);
  if (typeof a === "number") return ascending(a, b as number);
  return a < b ? -1 : Number(a > b);
}

function typeRank(value: Sortable): number {
  if (value === null) return 0;
  return Array.isArray(value)
    ? 5
    : { boolean: 1, number: 2, string: 3, object: 4 }[typeof value as "boolean" | "number" | "string" | "object"];
}
