/**
 * A test oracle, not part of the engine: nothing that ships imports it. The plain model that the engine is tested against:
 * a Map in insertion order, filters as functions, distances by the textbook. It shares no code with the engine.
 */
import type { MetadataPatch, Metadata, Space } from "./types.js";

export interface ModelRecord {
  id: string;
  embedding: Float32Array;
  document: string | null;
  uri: string | null;
  metadata: Metadata | null;
}

export interface ModelWrite {
  id: string;
  embedding?: Float32Array | undefined;
  document?: string | null | undefined;
  uri?: string | null | undefined;
  metadata?: MetadataPatch | null | undefined;
}

export type Matches = (record: ModelRecord) => boolean;

export class Model {
  readonly records = new Map<string, ModelRecord>();

  constructor(readonly space: Space) {}

  write(operation: "add" | "update" | "upsert", writes: readonly ModelWrite[]): void {
    for (const write of writes) {
      const existing = this.records.get(write.id);
      if (existing === undefined) {
        if (operation !== "update") this.records.set(write.id, created(write));
      } else if (operation !== "add") {
        this.records.set(write.id, updated(existing, write));
      }
    }
  }

  delete(ids: readonly string[]): number {
    return ids.filter((id) => this.records.delete(id)).length;
  }

  select(matches: Matches): ModelRecord[] {
    return [...this.records.values()].filter(matches);
  }

  query(query: Float32Array, k: number, matches: Matches): { id: string; distance: number }[] {
    const all = this.select(matches).map(({ id, embedding }) => ({ id, distance: modelDistance(this.space, query, embedding) }));
    // Sorting is stable, so equal distances stay in insertion order.
    return all.sort((a, b) => a.distance - b.distance).slice(0, k);
  }
}

function created(write: ModelWrite): ModelRecord {
  return {
    id: write.id,
    embedding: write.embedding!,
    document: write.document ?? null,
    uri: write.uri ?? null,
    metadata: write.metadata == null ? null : merged({}, write.metadata),
  };
}

function updated(old: ModelRecord, write: ModelWrite): ModelRecord {
  return {
    id: old.id,
    embedding: write.embedding ?? old.embedding,
    document: write.document ?? old.document,
    uri: write.uri ?? old.uri,
    metadata: write.metadata == null ? old.metadata : merged(old.metadata ?? {}, write.metadata),
  };
}

function merged(old: Metadata, patch: MetadataPatch): Metadata {
  const out = new Map(Object.entries(old));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) out.delete(key);
    else out.set(key, value);
  }
  return Object.fromEntries(out);
}

/** Distance in float64, rounded to float32 at the end. */
export function modelDistance(space: Space, a: Float32Array, b: Float32Array): number {
  let dot = 0;
  let aa = 0;
  let bb = 0;
  let squares = 0;
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    aa += a[i]! * a[i]!;
    bb += b[i]! * b[i]!;
    squares += (a[i]! - b[i]!) ** 2;
  }
  if (space === "l2") return Math.fround(squares);
  if (space === "ip") return Math.fround(1 - dot);
  return aa === 0 || bb === 0 ? 1 : Math.fround(1 - dot / Math.sqrt(aa * bb));
}
