/**
 * What the result of a watched read depends on, and whether something that was written can have changed it. It never says that
 * nothing has changed where something may have; where it cannot tell, it says that something may.
 */
import { Bitmap } from "../base/bitmap.js";
import type { RecordFields } from "../collection/memtable.js";
import type { RecordFilter } from "../gateway/filter.js";
import type { WatchPlan } from "../gateway/plan-watch.js";
import type { RankSource, SingleSearchPlan } from "../gateway/search-plan.js";
import type { IncludeField } from "../types.js";
import { sourcesOfHybrid } from "./hybrid.js";
import type { FieldSelection } from "./operators/select.js";
import { sourcesOfSearch } from "./search.js";

/** What was done to one record, all in all: the fields that were written, and whether it is gone. */
export type RecordChange = { [Field in keyof RecordFields]: boolean } & {
  deleted: boolean;
  /** Of the last log record that did something to it. */
  offset: number;
};

/** What a read has seen of its collection. */
export interface Seen {
  /** Of the last log record that it saw. */
  offset: number;
  /** What its ordinals mean: see `CollectionRecords.numbering`. */
  numbering: object;
  /** Records of this ordinal, or a larger one, came later. */
  end: number;
  /** The records that each of its filters has selected. */
  selected: Map<RecordFilter, Bitmap>;
  /** The records that it has read columns of: at least those of its result. */
  shown: Bitmap;
}

/** What a result depends on. */
export interface Interest {
  /** Of each part of the read, such as one search of several; `null` selects all. */
  filters: readonly (RecordFilter | null)[];
  /** `count`: how many match; `page`: those that match, in insertion order; `nearest`: those of a query alone; `ranked`: all else. */
  kind: "count" | "page" | "nearest" | "ranked";
  /** Records of a page. */
  limit: number;
  /** Whether the words of all documents count, as they do in scores. */
  text: boolean;
  /** Whether the vectors of all that match count. */
  vector: boolean;
  /** Whether all sparse vectors count, as they do in scores. */
  sparse: boolean;
  /** Whether the metadata of all that match count, to order or group by. */
  metadata: boolean;
  /** What is told of each record. */
  fields: FieldSelection;
}

export function interestOf({ method, plan }: WatchPlan): Interest {
  switch (method) {
    case "count":
      return { ...nothing, filters: [plan.filter], kind: "count" };
    case "get": {
      const kind = plan.orderBy === null ? "page" : "ranked";
      const common = { kind, limit: plan.limit, metadata: plan.orderBy !== null, fields: fieldsOf(plan.include) } as const;
      return { ...nothing, ...common, filters: [plan.filter] };
    }
    case "query":
      return { ...nothing, ...bySources([plan.source]), filters: [plan.filter], kind: "nearest", fields: fieldsOf(plan.include) };
    case "searchText":
      return { ...nothing, ...bySources([plan.source]), filters: [plan.filter], fields: fieldsOf(plan.include) };
    case "hybrid":
      return { ...nothing, ...bySources(sourcesOfHybrid(plan)), filters: [plan.filter], fields: fieldsOf(plan.include) };
    case "search":
      return { ...nothing, ...bySearches(plan.searches) };
  }
}

const noFields: FieldSelection = { document: false, metadata: false, uri: false, embedding: false };
const nothing: Interest = {
  filters: [],
  kind: "ranked",
  limit: Infinity,
  text: false,
  vector: false,
  sparse: false,
  metadata: false,
  fields: noFields,
};

function bySources(sources: readonly RankSource[]): Pick<Interest, "text" | "vector" | "sparse"> {
  const has = (kind: RankSource["kind"]): boolean => sources.some((source) => source.kind === kind);
  return { text: has("text"), vector: has("knn"), sparse: has("sparse") };
}

function bySearches(searches: readonly SingleSearchPlan[]): Partial<Interest> {
  return {
    ...bySources(searches.flatMap(sourcesOfSearch)),
    filters: searches.map(({ filter }) => filter),
    metadata: searches.some(({ group }) => group !== null),
    fields: {
      document: searches.some(({ select }) => select.document),
      embedding: searches.some(({ select }) => select.embedding),
      metadata: searches.some(({ select }) => select.metadata !== "none"),
      uri: false,
    },
  };
}

function fieldsOf(include: ReadonlySet<IncludeField>): FieldSelection {
  return {
    document: include.has("documents"),
    uri: include.has("uris"),
    // A uri shows among the metadata, too.
    metadata: include.has("metadatas"),
    embedding: include.has("embeddings"),
  };
}

/** What is true of a record that was written. */
export interface Standing {
  ordinal: number;
  change: RecordChange;
  /** Of each filter of the interest, whether the record matches it now. */
  matches: readonly boolean[];
}

/** Whether the change may have changed the result. `isExact`: the nearest of a query are found, all of them; a graph may miss some. */
export function isTouched(interest: Interest, seen: Seen, { ordinal, change, matches }: Standing, isExact: boolean): boolean {
  if (change.offset <= seen.offset) return false;
  const isNew = ordinal >= seen.end;
  if (interest.text && (change.document || (change.deleted && !isNew))) return true;
  if (interest.sparse && (change.metadata || change.deleted)) return true;
  if (interest.vector && !isExact && (change.vector || change.deleted)) return true;
  return interest.filters.some((filter, i) => {
    const selected = filter === null ? null : seen.selected.get(filter);
    if (selected === undefined) return true;
    const was = selected === null ? !isNew : selected.has(ordinal);
    const is = !change.deleted && matches[i]!;
    if (was === is) return was && staysOtherwise(interest, seen, ordinal, change);
    return comesOrGoes(interest, seen, ordinal, isExact && was);
  });
}

/** Whether it changes the result that a record matches now, or does not any more. `mayBeSpared`: what is not shown was not needed. */
function comesOrGoes({ kind, limit }: Interest, { shown }: Seen, ordinal: number, mayBeSpared: boolean): boolean {
  if (kind === "nearest") return !mayBeSpared || shown.has(ordinal);
  if (kind !== "page" || shown.count() < limit) return true;
  // What comes after a full page changes nothing of it.
  return shown.hasAny(ordinal, Infinity);
}

/** Whether it changes the result that a record matches as before, but is another. */
function staysOtherwise({ kind, vector, metadata, fields }: Interest, { shown }: Seen, ordinal: number, change: RecordChange): boolean {
  if (kind === "count") return false;
  if ((vector && change.vector) || (metadata && change.metadata)) return true;
  return shown.has(ordinal) && tells(fields, change);
}

function tells(fields: FieldSelection, { document, metadata, uri, vector }: RecordChange): boolean {
  return (fields.document && document) || (fields.metadata && (metadata || uri)) || (fields.uri && uri) || (fields.embedding && vector);
}

/** One change after another, as one. */
export function bothChanges(before: RecordChange | undefined, after: RecordChange): RecordChange {
  if (before === undefined) return after;
  return {
    vector: before.vector || after.vector,
    document: before.document || after.document,
    uri: before.uri || after.uri,
    metadata: before.metadata || after.metadata,
    deleted: before.deleted || after.deleted,
    offset: after.offset,
  };
}

export function newSeen(offset: number, numbering: object, end: number): Seen {
  return { offset, numbering, end, selected: new Map(), shown: new Bitmap() };
}
