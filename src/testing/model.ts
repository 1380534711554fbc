/**
 * A test oracle, not part of the engine: nothing that ships imports it. The plain model that the engine is tested against:
 * a Map in insertion order, filters as functions, distances by the textbook. It shares no code with the engine. What REST
 * adds to it, names and requests, is in `src/testing/rest/rest-model.ts`.
 */
import type { Metadata, MetadataPatch, MetadataValue, Scalar, Space, SparseVector } from "../core/types.js";

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

export type ModelOperation =
  | { operation: "add" | "update" | "upsert"; writes: readonly ModelWrite[] }
  | { operation: "delete"; ids: string[] };

export class Model {
  readonly records = new Map<string, ModelRecord>();
  /** The ids that each change names, whether or not it changed anything. */
  readonly changes: string[][] = [];
  /** What there was after each change; `null`: nobody asks. */
  readonly #past: ReadonlyMap<string, ModelRecord>[] | null;

  constructor(
    readonly space: Space,
    { keepsPast = false } = {},
  ) {
    this.#past = keepsPast ? [] : null;
  }

  /** Another one that begins with all that this one holds. */
  fork(): Model {
    const fork = new Model(this.space, { keepsPast: this.#past !== null });
    for (const [id, record] of this.records) fork.records.set(id, record);
    fork.changes.push(...this.changes);
    fork.#past?.push(...this.#past!);
    return fork;
  }

  /** What this one was after so many changes, where it keeps its past. */
  at(changes: number): Model {
    const earlier = new Model(this.space);
    for (const [id, record] of changes === 0 ? [] : this.#past![changes - 1]!) earlier.records.set(id, record);
    return earlier;
  }

  write(operation: "add" | "update" | "upsert", writes: readonly ModelWrite[]): void {
    this.#write(operation, writes);
    this.#changed(writes.map(({ id }) => id));
  }

  /** A deletion of nothing is no change. */
  delete(ids: readonly string[]): number {
    const found = ids.filter((id) => this.records.has(id));
    this.#delete(found);
    if (found.length > 0) this.#changed(found);
    return found.length;
  }

  /** All of it is one change, which names also what it finds nothing to delete of. */
  transact(operations: readonly ModelOperation[]): void {
    for (const one of operations) {
      if (one.operation === "delete") this.#delete(one.ids);
      else this.#write(one.operation, one.writes);
    }
    this.#changed(operations.flatMap((one) => (one.operation === "delete" ? one.ids : one.writes.map(({ id }) => id))));
  }

  /** Whether one of these ids, or any, was named after so many changes. */
  hasChangedSince(count: number, ids: ReadonlySet<string> | null): boolean {
    return this.changes.slice(count).some((named) => ids === null || named.some((id) => ids.has(id)));
  }

  #write(operation: "add" | "update" | "upsert", writes: readonly ModelWrite[]): void {
    for (const write of writes) {
      const existing = this.records.get(write.id);
      if (existing === undefined) {
        if (operation !== "update") this.records.set(write.id, created(write));
      } else if (operation !== "add") {
        this.records.set(write.id, updated(existing, write));
      }
    }
  }

  #delete(ids: readonly string[]): void {
    for (const id of ids) this.records.delete(id);
  }

  #changed(ids: string[]): void {
    this.changes.push(ids);
    this.#past?.push(new Map(this.records));
  }

  select(matches: Matches): ModelRecord[] {
    return [...this.records.values()].filter(matches);
  }

  /** Those whose sparse vector under a key shares an index with the query, by 1 − their dot product, rounded to float32 at the end. */
  sparse(
    key: string,
    { indices, values }: SparseVector,
    { byRarity, limit, matches }: { byRarity: boolean; limit: number; matches: Matches },
  ): { id: string; score: number }[] {
    const holders = indices.map((index) => this.select((record) => indicesOf(record, key).includes(index)).length);
    const rarities = holders.map((count) => Math.log1p((this.records.size - count + 0.5) / (count + 0.5)));
    const weights = values.map((value, i) => Math.fround(value * (byRarity ? rarities[i]! : 1)));
    const found = this.select((record) => matches(record) && indicesOf(record, key).some((index) => indices.includes(index)));
    const hits = found.map((record) => {
      const { indices: own, values: stored } = record.metadata![key] as SparseVector;
      const dot = indices.reduce((sum, index, i) => sum + (own.includes(index) ? weights[i]! * stored[own.indexOf(index)]! : 0), 0);
      return { id: record.id, score: Math.fround(1 - dot) };
    });
    return hits.sort((a, b) => a.score - b.score).slice(0, limit);
  }

  /** The values of a key, most frequent first, those of lists too, with the number of records that have each; and how many have none. */
  facet(key: string, matches: Matches): { values: [value: Scalar, count: number][]; missing: number } {
    const counts = new Map<Scalar, number>();
    let missing = 0;
    for (const { metadata } of this.select(matches)) {
      const own = Object.entries(metadata ?? {}).find(([name]) => name === key)?.[1];
      const values = new Set([own ?? []].flat().filter(isScalar));
      if (values.size === 0) missing++;
      for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    return { values: [...counts].sort((a, b) => b[1] - a[1] || compareScalars(a[0], b[0])), missing };
  }

  query(query: Float32Array, k: number, matches: Matches): { id: string; distance: number }[] {
    const all = this.select(matches).map(({ id, embedding }) => ({ id, distance: modelDistance(this.space, query, embedding) }));
    // Sorting is stable, so equal distances stay in insertion order.
    return all.sort((a, b) => a.distance - b.distance).slice(0, k);
  }
}

/** Booleans, numbers, then strings by UTF-16 units. */
export function compareScalars(a: Scalar, b: Scalar): number {
  const types = ["boolean", "number", "string"];
  const order = types.indexOf(typeof a) - types.indexOf(typeof b);
  return order !== 0 ? order : a < b ? -1 : Number(a > b);
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

function indicesOf({ metadata }: ModelRecord, key: string): number[] {
  const value = Object.entries(metadata ?? {}).find(([name]) => name === key)?.[1];
  return typeof value === "object" && !Array.isArray(value) ? value.indices : [];
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

// ---- filters, as callers write them

/** What a `where` clause matches; `null` for what is no such clause. */
export function modelWhere(where: unknown): Matches | null {
  return modelClause(where, (key, operand) => {
    if (key.startsWith("$")) return null;
    if (isScalar(operand)) return ofMetadata(key, (value) => value === operand);
    const [operator, value] = onlyEntry(operand) ?? [];
    return operator === undefined ? null : modelOperator(key, operator, value);
  });
}

/** The keys that a sound `where` clause asks for, each with what it is compared with. */
export function modelOperands(where: unknown): [key: string, operand: Scalar][] {
  const [key, operand] = onlyEntry(where)!;
  if (key === "$and" || key === "$or") return (operand as unknown[]).flatMap(modelOperands);
  const value = isScalar(operand) ? operand : onlyEntry(operand)![1];
  return [value].flat().map((one) => [key, one as Scalar]);
}

/** What a `whereDocument` clause matches; `null` for what is no such clause. Patterns mean here what they mean to JavaScript. */
export function modelWhereDocument(where: unknown): Matches | null {
  return modelClause(where, (operator, operand) => {
    if (typeof operand !== "string") return null;
    if (operator === "$contains") return ({ document }) => document?.includes(operand) ?? false;
    if (operator === "$not_contains") return ({ document }) => !(document?.includes(operand) ?? false);
    if (operator === "$regex") return ({ document }) => document !== null && new RegExp(operand).test(document);
    if (operator === "$not_regex") return ({ document }) => document === null || !new RegExp(operand).test(document);
    return null;
  });
}

function modelClause(clause: unknown, leaf: (key: string, operand: unknown) => Matches | null): Matches | null {
  const [key, operand] = onlyEntry(clause) ?? [];
  if (key === undefined) return null;
  if (key !== "$and" && key !== "$or") return leaf(key, operand);
  if (!Array.isArray(operand)) return null;
  const parts = operand.map((child) => modelClause(child, leaf));
  if (parts.includes(null)) return null;
  return (record) => (key === "$and" ? parts.every((part) => part!(record)) : parts.some((part) => part!(record)));
}

const RANGES: Record<string, (value: number, bound: number) => boolean> = {
  $gt: (value, bound) => value > bound,
  $gte: (value, bound) => value >= bound,
  $lt: (value, bound) => value < bound,
  $lte: (value, bound) => value <= bound,
};

const NEGATIONS: Record<string, string> = { $ne: "$eq", $nin: "$in", $not_contains: "$contains" };

/** Negations are what their opposites do not match, so they match records that lack the key. */
function modelOperator(key: string, operator: string, operand: unknown): Matches | null {
  const positive = NEGATIONS[operator];
  if (positive !== undefined) {
    const matches = modelOperator(key, positive, operand);
    return matches && ((record) => !matches(record));
  }
  if (operator === "$in") {
    return isScalarList(operand) && operand.length > 0 ? ofMetadata(key, (value) => operand.includes(value as Scalar)) : null;
  }
  if (!isScalar(operand)) return null;
  if (operator === "$eq") return ofMetadata(key, (value) => value === operand);
  if (operator === "$contains") return ofMetadata(key, (value) => Array.isArray(value) && (value as Scalar[]).includes(operand));
  const inRange = RANGES[operator];
  if (inRange === undefined || typeof operand !== "number") return null;
  return ofMetadata(key, (value) => typeof value === "number" && inRange(value, operand));
}

function ofMetadata(key: string, holds: (value: MetadataValue) => boolean): Matches {
  return ({ metadata }) => metadata !== null && Object.hasOwn(metadata, key) && holds(metadata[key]!);
}

function onlyEntry(value: unknown): [key: string, operand: unknown] | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const entries = Object.entries(value);
  return entries.length === 1 ? entries[0]! : null;
}

export function isScalar(value: unknown): value is Scalar {
  return typeof value === "string" || typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value));
}

/** Scalars of one type. */
export function isScalarList(value: unknown): value is Scalar[] {
  return Array.isArray(value) && value.every((one) => isScalar(one) && typeof one === typeof value[0]);
}
