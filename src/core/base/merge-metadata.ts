/**
 * What a patch makes of metadata. Memtable, compaction and replay all merge through this, so that a record reads the same
 * before and after each of them. Values are assumed valid: the gateway saw them.
 */
import type { Metadata, MetadataPatch } from "../types.js";

/**
 * Merges a patch into metadata: `null` deletes a key; without a patch nothing changes. What both make may be one of them, and nobody
 * changes it.
 */
export function mergeMetadata(base: Metadata | null, patch: MetadataPatch | undefined): Metadata | null {
  if (patch === undefined) return base;
  if (base === null && !Object.values(patch).includes(null)) return patch as Metadata;
  const merged: MetadataPatch = { ...base, ...patch };
  for (const key of Object.keys(patch)) if (patch[key] === null) delete merged[key];
  return merged as Metadata;
}
