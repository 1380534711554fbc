/**
 * Turns `where` and `whereDocument` into the set of live ordinals that match.
 *
 * Compacted records are answered by posting lists, combined as sets; records whose truth is in the memtable are tested
 * one by one. Both narrow a set of candidates, so a later part only ever looks at what the earlier ones left, and cheap
 * parts go first: equality before ranges, metadata before documents. A negation is "candidates minus what satisfies".
 * The source's bitmaps are read and never changed.
 */
import { Bitmap } from "../../index/bitmap.js";
import type { Metadata } from "../../types.js";
import type { Condition, DocumentCondition, DocumentFilter, FilterTree, MetadataFilter } from "../../gateway/filter.js";
import { matchesDocument, matchesMetadata } from "../predicate.js";

/** What the engine provides: one consistent view of a collection. */
export interface FilterSource {
  /** All live ordinals, of segments and memtable. */
  universe: Bitmap;
  /** Ordinals whose truth is in the memtable, the deleted ones too. */
  memtableOrdinals: Bitmap;
  /** Compacted ordinals that satisfy a condition; may contain shadowed ones. */
  metadata(condition: Condition): Promise<Bitmap>;
  /** The fields of these records, given ascending; a field that was not asked for is `null`. */
  fetch(
    ordinals: Uint32Array,
    fields: { metadata: boolean; document: boolean },
  ): Promise<{ metadatas: (Metadata | null)[] | null; documents: (string | null)[] | null }>;
  /** Awaited between chunks, so that the worker stays responsive. */
  tick(): Promise<void>;
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
  where: MetadataFilter | null,
  whereDocument: DocumentFilter | null,
): Promise<Bitmap> {
  const matches = where === null ? source.universe.clone() : await filterMetadata(source, where);
  if (whereDocument === null || isEmpty(matches)) return matches;
  return scanDocuments(source, matches, cheapFirst(whereDocument, documentCost));
}

async function filterMetadata(source: FilterSource, where: MetadataFilter): Promise<Bitmap> {
  const filter = cheapFirst(where, conditionCost);
  const compacted = source.universe.clone().subtract(source.memtableOrdinals);
  const uncompacted = source.universe.clone().intersect(source.memtableOrdinals);
  const matches = isEmpty(compacted) ? compacted : await narrow(source, filter, compacted);
  return matches.union(await testMetadata(source, filter, uncompacted));
}

/** The members of `within` that match, as a new bitmap. */
async function narrow(source: FilterSource, filter: MetadataFilter, within: Bitmap): Promise<Bitmap> {
  switch (filter.kind) {
    case "and":
      return narrowByAll(source, filter.filters, within);
    case "or":
      return narrowByAny(source, filter.filters, within);
    case "condition": {
      const satisfied = await source.metadata(filter.condition);
      return filter.negated ? within.clone().subtract(satisfied) : within.clone().intersect(satisfied);
    }
  }
}

async function narrowByAll(source: FilterSource, filters: readonly MetadataFilter[], within: Bitmap): Promise<Bitmap> {
  let left = within.clone();
  for (const filter of filters) {
    if (isEmpty(left)) break;
    left = await narrow(source, filter, left);
  }
  return left;
}

async function narrowByAny(source: FilterSource, filters: readonly MetadataFilter[], within: Bitmap): Promise<Bitmap> {
  const matches = new Bitmap();
  const undecided = within.clone();
  for (const filter of filters) {
    if (isEmpty(undecided)) break;
    const found = await narrow(source, filter, undecided);
    matches.union(found);
    undecided.subtract(found);
  }
  return matches;
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
function cheapFirst<C>(filter: FilterTree<C>, cost: (condition: C) => number): FilterTree<C> {
  if (filter.kind === "condition") return filter;
  const filters = filter.filters.map((child) => cheapFirst(child, cost));
  const costs = new Map(filters.map((child) => [child, treeCost(child, cost)]));
  return { kind: filter.kind, filters: filters.sort((a, b) => costs.get(a)! - costs.get(b)!) };
}

function treeCost<C>(filter: FilterTree<C>, cost: (condition: C) => number): number {
  if (filter.kind === "condition") return cost(filter.condition);
  return filter.filters.reduce((total, child) => total + treeCost(child, cost), 0);
}

/** Posting lists to be read, roughly; a range reads one for each number in it. */
function conditionCost(condition: Condition): number {
  switch (condition.operator) {
    case "eq":
    case "contains":
      return 1;
    case "in":
      return condition.values.size;
    default:
      return 100;
  }
}

function documentCost(condition: DocumentCondition): number {
  return condition.operator === "contains" ? 1 : 10;
}

function isEmpty(bitmap: Bitmap): boolean {
  return bitmap.words.every((word) => word === 0);
}
