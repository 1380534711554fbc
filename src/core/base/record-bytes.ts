/** How large records are, about: what batches, quotas and answers are measured by. */
import type { Metadata, MetadataPatch, SparseVector } from "../types.js";

/** About how many bytes a record takes in the log beside its embedding: characters count as one byte each. */
export function recordTextBytes(
  id: string,
  document?: string | null,
  uri?: string | null,
  metadata?: Metadata | MetadataPatch | null,
): number {
  let bytes = 16 + id.length + (document?.length ?? 0) + (uri?.length ?? 0);
  if (metadata != null) {
    for (const key of Object.keys(metadata)) bytes += key.length + metadataValueBytes(metadata[key]);
  }
  return bytes;
}

function metadataValueBytes(value: unknown): number {
  if (typeof value === "string") return value.length + 4;
  if (Array.isArray(value)) return value.reduce<number>((sum, one) => sum + metadataValueBytes(one), 4);
  if (typeof value === "object" && value !== null) return 8 * (1 + ((value as Partial<SparseVector>).indices?.length ?? 0));
  return 8;
}
