/**
 * Turns filters into the set of live ordinals that match.
 *
 * Parts of a filter that ask for metadata alone are answered by posting lists, combined as sets, for compacted records,
 * and record by record where the truth is in the memtable; parts that ask for documents alone by reading the documents.
 * In a mixed filter such parts are gathered first, so that no record is fetched twice where once would do. All narrow a
 * set of candidates, so a later part only ever looks at what the earlier ones left, and cheap parts go first: ids, then
 * metadata (equality before ranges), then documents. A negation is "candidates minus what satisfies". The source's
 * bitmaps are read and never changed.
 */

import { Bitmap } from "../../base/bitmap.js";
import type { Tick } from "../../base/turns.js";
import type {
  Condition,
  DocumentFilter,
  FilterTree,
  IdCondition,
  MetadataFilter,
  RecordCondition,
  RecordFilter,
} from "../../gateway/filter.js";
import type { Metadata } from "../../types.js";
import { matchesDocument, matchesMetadata } from "../predicate.js";

/** What the engine provides: one consistent view of a collection. */
export interface FilterSource {
  /** All live ordinals, of segments and memtable. */
  universe: Bitmap;
  /** Ordinals whose truth is in the memtable, the deleted ones too. */
  memtableOrdinals: Bitmap;
  /** `undefined` when there is no such record. */
  ordinalOf(id: string): number | undefined;
  /** Compacted ordinals that satisfy a condition; may contain shadowed ones. `null`: no index tells, the records must be tested. */
  metadata(condition: Condition): Promise<Bitmap> | null;
  /** The fields of these records, given ascending; a field that was not asked for is `null`. */
  fetch(
    ordinals: Uint32Array,
    fields: { metadata: boolean; document: boolean },
  ): Promise<{ metadatas: (Metadata | null)[] | null; documents: (string | null)[] | null }>;
  /** Awaited between chunks, so that the worker stays responsive. */
  tick: Tick;
}

/** Records fetched at once, at most. */
const CHUNK_RECORDS_MAX = 1024;
/** Records of the first chunk of documents, whose length is not known yet. */
const CHUNK_RECORDS_FIRST = 64;
/** Text in one chunk of documents, about: bounds memory and the time between two ticks. */
const CHUNK_CHARS = 1 << 20;

/** Live ordinals that match both filters; `null` lets everything pass. The caller owns the bitmap. */
export async function filterOrdinals(
  source: FilterSource,
  where: RecordFilter | null,
  whereDocument: DocumentFilter | null,
): Promise<Bitmap> {
  const filters = [where, whereDocument].filter((filter) => filter !== null);
  return narrow(source, { kind: "and", filters }, source.universe);
}

/** The members of `within` that match, as a new bitmap. */
async function narrow(source: FilterSource, filter: RecordFilter, within: Bitmap): Promise<Bitmap> {
  if (asksOnly(filter, isOnMetadata)) return filterMetadata(source, cheapFirst(filter), within);
  if (asksOnly(filter, isOnDocument)) return scanDocuments(source, within, cheapFirst(filter));
  if (filter.kind === "condition") return pick(within, namedBy(source, filter.condition as IdCondition), filter.negated);
  const parts = gathered(filter.kind, filter.filters);
  const step = (part: RecordFilter, left: Bitmap) => narrow(source, part, left);
  return filter.kind === "and" ? narrowByAll(parts, within, step) : narrowByAny(parts, within, step);
}

async function filterMetadata(source: FilterSource, filter: MetadataFilter, within: Bitmap): Promise<Bitmap> {
  const compacted = within.clone().subtract(source.memtableOrdinals);
  const uncompacted = within.clone().intersect(source.memtableOrdinals);
  const matches = isEmpty(compacted) ? compacted : await narrowByPostings(source, filter, compacted);
  return matches.union(await testMetadata(source, filter, uncompacted));
}

/** The same for compacted records and metadata only. */
async function narrowByPostings(source: FilterSource, filter: MetadataFilter, within: Bitmap): Promise<Bitmap> {
  if (filter.kind === "condition") {
    const satisfied = source.metadata(filter.condition);
    return satisfied === null ? testMetadata(source, filter, within) : pick(within, await satisfied, filter.negated);
  }
  const step = (part: MetadataFilter, left: Bitmap) => narrowByPostings(source, part, left);
  return filter.kind === "and" ? narrowByAll(filter.filters, within, step) : narrowByAny(filter.filters, within, step);
}

type Narrow<C> = (filter: FilterTree<C>, within: Bitmap) => Promise<Bitmap>;

async function narrowByAll<C>(filters: readonly FilterTree<C>[], within: Bitmap, step: Narrow<C>): Promise<Bitmap> {
  let left = within.clone();
  for (const filter of filters) {
    if (isEmpty(left)) break;
    left = await step(filter, left);
  }
  return left;
}

async function narrowByAny<C>(filters: readonly FilterTree<C>[], within: Bitmap, step: Narrow<C>): Promise<Bitmap> {
  const matches = new Bitmap();
  const undecided = within.clone();
  for (const filter of filters) {
    if (isEmpty(undecided)) break;
    const found = await step(filter, undecided);
    matches.union(found);
    undecided.subtract(found);
  }
  return matches;
}

function pick(within: Bitmap, satisfied: Bitmap, negated: boolean): Bitmap {
  return negated ? within.clone().subtract(satisfied) : within.clone().intersect(satisfied);
}

function namedBy(source: FilterSource, { ids }: IdCondition): Bitmap {
  return Bitmap.of([...ids].map((id) => source.ordinalOf(id)).filter((ordinal) => ordinal !== undefined));
}

/** The parts of a mixed "and" or "or" in the order of their cost, those on metadata and those on documents each as one. */
function gathered(kind: "and" | "or", filters: readonly RecordFilter[]): RecordFilter[] {
  const onMetadata = filters.filter((part) => asksOnly(part, isOnMetadata));
  const onDocuments = filters.filter((part) => asksOnly(part, isOnDocument));
  const onIds = filters.filter((part) => part.kind === "condition" && isOnId(part.condition));
  const mixed = filters.filter((part) => ![onIds, onMetadata, onDocuments].some((parts) => parts.includes(part)));
  const asOne = (parts: RecordFilter[]): RecordFilter[] => (parts.length > 1 ? [{ kind, filters: parts }] : parts);
  return [...onIds, ...asOne(onMetadata), ...asOne(onDocuments), ...mixed];
}

/** Whether there are conditions and all of them are of one sort. */
function asksOnly<C extends RecordCondition>(
  filter: RecordFilter,
  sort: (condition: RecordCondition) => condition is C,
): filter is FilterTree<C> {
  if (filter.kind === "condition") return sort(filter.condition);
  return filter.filters.length > 0 && filter.filters.every((part) => asksOnly(part, sort));
}

function isOnMetadata(condition: RecordCondition): condition is Condition {
  return "key" in condition;
}

function isOnId(condition: RecordCondition): condition is IdCondition {
  return condition.operator === "id";
}

function isOnDocument(condition: RecordCondition): condition is Exclude<RecordCondition, Condition | IdCondition> {
  return !isOnMetadata(condition) && !isOnId(condition);
}

async function testMetadata(source: FilterSource, filter: MetadataFilter, candidates: Bitmap): Promise<Bitmap> {
  const matches = new Bitmap();
  const ordinals = candidates.toArray();
  for (let start = 0; start < ordinals.length; start += CHUNK_RECORDS_MAX) {
    if (start > 0) await source.tick();
    const chunk = ordinals.subarray(start, start + CHUNK_RECORDS_MAX);
    const { metadatas } = await source.fetch(chunk, { metadata: true, document: false });
    chunk.forEach((ordinal, i) => {
      if (matchesMetadata(filter, metadatas?.[i] ?? null)) matches.add(ordinal);
    });
  }
  return matches;
}

async function scanDocuments(source: FilterSource, candidates: Bitmap, filter: DocumentFilter): Promise<Bitmap> {
  const matches = new Bitmap();
  const ordinals = candidates.toArray();
  let chars = 0;
  let records = CHUNK_RECORDS_FIRST;
  for (let start = 0; start < ordinals.length; ) {
    if (start > 0) await source.tick();
    const chunk = ordinals.subarray(start, start + records);
    const { documents } = await source.fetch(chunk, { metadata: false, document: true });
    chunk.forEach((ordinal, i) => {
      const document = documents?.[i] ?? null;
      chars += document?.length ?? 0;
      if (matchesDocument(filter, document)) matches.add(ordinal);
    });
    start += chunk.length;
    records = recordsPerChunk(chars / start);
  }
  return matches;
}

function recordsPerChunk(charsPerRecord: number): number {
  return Math.max(1, Math.min(CHUNK_RECORDS_MAX, Math.floor(CHUNK_CHARS / Math.max(1, charsPerRecord))));
}

/** The same filter with the cheaper children of every node in front; equal ones keep their order. */
function cheapFirst<C extends RecordCondition>(filter: FilterTree<C>): FilterTree<C> {
  if (filter.kind === "condition") return filter;
  const filters = filter.filters.map((child) => cheapFirst(child));
  const costs = new Map(filters.map((child) => [child, treeCost(child)]));
  return { kind: filter.kind, filters: filters.sort((a, b) => costs.get(a)! - costs.get(b)!) };
}

function treeCost(filter: RecordFilter): number {
  if (filter.kind === "condition") return conditionCost(filter.condition);
  return filter.filters.reduce((total, child) => total + treeCost(child), 0);
}

/** Posting lists to be read, roughly (a range reads one for each number in it), or time for each document. */
function conditionCost(condition: RecordCondition): number {
  switch (condition.operator) {
    case "eq":
    case "contains":
      return 1;
    case "in":
      return condition.values.size;
    case "regex":
      return 10;
    default:
      return 100;
  }
}

function isEmpty(bitmap: Bitmap): boolean {
  return bitmap.words.every((word) => word === 0);
}
