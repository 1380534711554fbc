/** Metadata in the one form in which copies and syncs compare it. */
import type { Metadata, MetadataValue } from "../../core/types.js";

/** Metadata that is equal gives equal texts: keys in order, sparse vectors as float32, and no keys at all as nothing. */
export function plain(metadata: Metadata | null): [string, unknown][] | null {
  const entries = Object.entries(metadata ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0 ? null : entries.map(([key, value]) => [key, plainValue(value)]);
}

function plainValue(value: MetadataValue): unknown {
  if (typeof value !== "object" || Array.isArray(value)) return value;
  return { indices: value.indices, values: value.values.map(Math.fround) };
}
