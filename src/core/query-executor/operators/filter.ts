/**
 * Turns filters into the set of live ordinals that match.
 *
 * Parts of a filter that ask for metadata alone, or for documents alone, are answered by indexes, combined as sets, for
 * compacted records. What no index can tell, and records whose truth is in the memtable, is tested record by record, and
 * each record is read once for such a part. In a mixed filter these parts are gathered first, so that no record is fetched
 * twice where once would do. All narrow a set of candidates, so a later part only ever looks at what the earlier ones left,
 * and cheap parts go first: ids, then metadata (equality before ranges), then documents. A negation is "candidates minus
 * what satisfies". The source's bitmaps are read and never changed.
 */

import { Bitmap } from "../../base/bitmap.js";
import type { Tick } from "../../base/turns.js";
import type {
  Condition,
  DocumentCondition,
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
  /** Ordinals of the records that ids name, in no order. */
  find(ids: ReadonlySet<string>): Promise<Iterable<number>>;
  /** Compacted ordinals that satisfy a condition; may contain shadowed ones. `null`: no index tells, the records must be tested. */
  metadata(condition: Condition): Promise<Bitmap> | null;
  /** What an index tells of a condition on documents, of compacted ordinals, those of `within` at least; `null`: nothing. */
  documents(condition: DocumentCondition, within: Bitmap): Promise<Bounds> | null;
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
/** Text in one chunk of documents, about, and text looked at between two ticks: each condition looks at all of it. */
const CHUNK_CHARS = 1 << 20;
/** Conditions tested on metadata between two ticks, about. */
const METADATA_TESTS_PER_TICK = 16_384;

/** Live ordinals that match. The caller owns the bitmap. */
export function filterOrdinals(source: FilterSource, filter: RecordFilter): Promise<Bitmap> {
  return narrow(source, filter, source.universe);
}

/** How the conditions of one sort are decided: by an index (`null`: none can tell), or by looking at the records. */
interface Decider<C> {
  ask(condition: C, within: Bitmap): Promise<Bounds> | null;
  test(filter: FilterTree<C>, candidates: Bitmap): Promise<Bitmap>;
}

/** What indexes tell of a set of records: those that match for sure, and all that may match. */
export interface Bounds {
  sure: Bitmap;
  possible: Bitmap;
}

/** The members of `within` that match, as a new bitmap. */
async function narrow(source: FilterSource, filter: RecordFilter, within: Bitmap): Promise<Bitmap> {
  if (asksOnly(filter, isOnMetadata)) return decide(source, byMetadata(source), filter, within);
  if (asksOnly(filter, isOnDocument)) return decide(source, byDocuments(source), filter, within);
  if (filter.kind === "condition") return pick(within, await namedBy(source, filter.condition as IdCondition), filter.negated);
  const parts = gathered(filter.kind, filter.filters);
  return filter.kind === "and" ? narrowByAll(source, parts, within) : narrowByAny(source, parts, within);
}

function byMetadata(source: FilterSource): Decider<Condition> {
  return {
    ask: (condition) => source.metadata(condition)?.then(exactly) ?? null,
    test: (filter, candidates) => testMetadata(source, filter, candidates),
  };
}

function byDocuments(source: FilterSource): Decider<DocumentCondition> {
  return {
    ask: (condition, within) => source.documents(condition, within),
    test: (filter, candidates) => testDocuments(source, filter, candidates),
  };
}

/** Of compacted records, those are tested whose match the indexes leave open; of those in the memtable, all. The caller owns the result. */
async function decide<C extends RecordCondition>(
  source: FilterSource,
  decider: Decider<C>,
  filter: FilterTree<C>,
  within: Bitmap,
): Promise<Bitmap> {
  const ordered = cheapFirst(filter);
  // Mostly nothing is in the memtable, and the indexes leave nothing open: then no bitmap is made for it.
  const fresh = isEmpty(source.memtableOrdinals) ? new Bitmap() : pick(within, source.memtableOrdinals, false);
  const compacted = isEmpty(fresh) ? within : within.clone().subtract(fresh);
  const { sure, possible } = await boundsOf(decider, ordered, compacted);
  const open = sure === possible ? fresh : fresh.union(possible).subtract(sure);
  return isEmpty(open) ? sure : sure.union(await decider.test(ordered, open));
}

/** What is sure is a new bitmap; what is possible may be it, or `within`. */

async function boundsOf<C>(decider: Decider<C>, filter: FilterTree<C>, within: Bitmap): Promise<Bounds> {
  if (isEmpty(within)) return exactly(new Bitmap());
  if (filter.kind !== "condition") {
    return filter.kind === "and" ? boundsOfAll(decider, filter.filters, within) : boundsOfAny(decider, filter.filters, within);
  }
  const told = await decider.ask(filter.condition, within);
  if (told === null) return { sure: new Bitmap(), possible: within };
  const { negated } = filter;
  if (told.sure === told.possible) return exactly(pick(within, told.sure, negated));
  // What may satisfy a condition is what does not surely satisfy its negation.
  const [sure, possible] = negated ? [told.possible, told.sure] : [told.sure, told.possible];
  return { sure: pick(within, sure, negated), possible: pick(within, possible, negated) };
}

function exactly(matches: Bitmap): Bounds {
  return { sure: matches, possible: matches };
}

async function boundsOfAll<C>(decider: Decider<C>, filters: readonly FilterTree<C>[], within: Bitmap): Promise<Bounds> {
  const sure = within.clone();
  let possible = within;
  for (const filter of filters) {
    const part = await boundsOf(decider, filter, possible);
    sure.intersect(part.sure);
    possible = part.possible;
  }
  return { sure, possible };
}

async function boundsOfAny<C>(decider: Decider<C>, filters: readonly FilterTree<C>[], within: Bitmap): Promise<Bounds> {
  const sure = new Bitmap();
  const possible = new Bitmap();
  const undecided = within.clone();
  for (const filter of filters) {
    const part = await boundsOf(decider, filter, undecided);
    sure.union(part.sure);
    possible.union(part.possible);
    undecided.subtract(part.sure);
  }
  return { sure, possible };
}

async function narrowByAll(source: FilterSource, filters: readonly RecordFilter[], within: Bitmap): Promise<Bitmap> {
  let left = within.clone();
  for (const filter of filters) {
    if (isEmpty(left)) break;
    left = await narrow(source, filter, left);
  }
  return left;
}

async function narrowByAny(source: FilterSource, filters: readonly RecordFilter[], within: Bitmap): Promise<Bitmap> {
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

function pick(within: Bitmap, satisfied: Bitmap, negated: boolean): Bitmap {
  return negated ? within.clone().subtract(satisfied) : within.clone().intersect(satisfied);
}

async function namedBy(source: FilterSource, { ids }: IdCondition): Promise<Bitmap> {
  return Bitmap.of(await source.find(ids));
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

function isOnDocument(condition: RecordCondition): condition is DocumentCondition {
  return !isOnMetadata(condition) && !isOnId(condition);
}

async function testMetadata(source: FilterSource, filter: MetadataFilter, candidates: Bitmap): Promise<Bitmap> {
  const matches = new Bitmap();
  const ordinals = candidates.toArray();
  const records = atMostRecords(METADATA_TESTS_PER_TICK / conditionsIn(filter));
  for (let start = 0; start < ordinals.length; start += records) {
    if (start > 0) await source.tick();
    const chunk = ordinals.subarray(start, start + records);
    const { metadatas } = await source.fetch(chunk, { metadata: true, document: false });
    chunk.forEach((ordinal, i) => {
      if (matchesMetadata(filter, metadatas?.[i] ?? null)) matches.add(ordinal);
    });
  }
  return matches;
}

async function testDocuments(source: FilterSource, filter: DocumentFilter, candidates: Bitmap): Promise<Bitmap> {
  const matches = new Bitmap();
  const ordinals = candidates.toArray();
  const charsAtOnce = CHUNK_CHARS / conditionsIn(filter);
  let chars = 0;
  let records = CHUNK_RECORDS_FIRST;
  for (let start = 0; start < ordinals.length; ) {
    const chunk = ordinals.subarray(start, start + records);
    const { documents } = await source.fetch(chunk, { metadata: false, document: true });
    let sinceTick = 0;
    for (let i = 0; i < chunk.length; i++) {
      const document = documents?.[i] ?? null;
      const steps = matchesDocument(filter, document);
      let step = steps.next();
      // Most documents are done within one step, and nothing is awaited for them.
      for (; step.done !== true; step = steps.next()) await source.tick();
      if (step.value) matches.add(chunk[i]!);
      chars += document?.length ?? 0;
      sinceTick += document?.length ?? 0;
      if (sinceTick < charsAtOnce) continue;
      sinceTick = 0;
      await source.tick();
    }
    start += chunk.length;
    records = atMostRecords(CHUNK_CHARS / Math.max(1, chars / start));
    if (start < ordinals.length) await source.tick();
  }
  return matches;
}

function atMostRecords(records: number): number {
  return Math.max(1, Math.min(CHUNK_RECORDS_MAX, Math.floor(records)));
}

function conditionsIn<C extends RecordCondition>(filter: FilterTree<C>): number {
  return filter.kind === "condition" ? 1 : filter.filters.reduce((sum, part) => sum + conditionsIn(part), 0);
}

/** A filter of the same meaning with the cheaper children of every node in front; equal ones keep their order. */
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
