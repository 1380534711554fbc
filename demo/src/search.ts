/** Asks the database. Each list of hits remembers how long each step took and which call was made, so the page can show both. */
import type { Where, WhereDocument } from "tidepool-db";
import type { Library } from "./library.js";
import type { PassageMetadata } from "./passage.js";
import { showCall } from "./show-call.js";
import type { Understanding } from "./understanding.js";

/** One list in which words and meaning are fused, or one for each. */
export type Mode = "hybrid" | "side";

/** What the reader asks for. */
export interface Criteria {
  query: string;
  /** A passage to find neighbours of; takes the place of the query. */
  similarTo: { id: string; title: string } | null;
  mode: Mode;
  k: number;
  where: Where | undefined;
  whereDocument: WhereDocument | undefined;
}

export interface Hit {
  id: string;
  document: string;
  metadata: PassageMetadata;
  /** Of a hybrid search: larger is better. */
  score: number | null;
  /** Where the vectors have it: a distance of 0 is the same direction. */
  dense: { rank: number; distance: number } | null;
  /** Where the words have it, and which of its words they are. */
  text: { rank: number; score: number; terms: string[] } | null;
}

export interface HitList {
  kind: "hybrid" | "vector" | "text" | "browse";
  hits: Hit[];
  /** How long the database took, there and back. */
  ms: number;
  /** How long the model took with the query; null where it was not asked. */
  embedMs: number | null;
  /** The call as one would write it. */
  call: string;
  /** The query's vector, for the map. */
  embedding: ArrayLike<number> | null;
}

interface Asked {
  library: Library;
  criteria: Criteria;
  /** Null while the model is not there yet: then words alone are looked for. */
  embedded: { embedding: Float32Array; ms: number } | null;
}

/** Share of a word's letters that may be wrong: one slip from five letters on, so that short words are taken as they are. */
const fuzzy = 0.12;
/** What is no nearer than this has nothing to do with the query; passages that the model has not read yet are at 1. */
const maxDistance = 0.92;
const read = { pending: { $ne: true } };

/** Runs one search per list that the reader wants to see, one after the other so that their timings do not mix. */
export async function search(library: Library, understanding: Understanding, criteria: Criteria): Promise<HitList[]> {
  if (criteria.similarTo) return [await searchNeighbours(library, criteria, criteria.similarTo.id)];
  if (criteria.query.trim() === "") return [await browse(library, criteria)];
  const embedded = understanding.isReady ? await understanding.embed(criteria.query) : null;
  const asked = { library, criteria, embedded };
  if (criteria.mode === "hybrid") return [await searchBoth(asked)];
  return embedded ? [await searchVectors(asked), await searchText(asked)] : [await searchText(asked)];
}

async function searchBoth({ library, criteria, embedded }: Asked): Promise<HitList> {
  if (!embedded) return { ...(await searchText({ library, criteria, embedded })), kind: "hybrid" };
  const { query, k, where, whereDocument } = criteria;
  const input = { queryText: query, nResults: k, where, whereDocument, prefix: true, fuzzy, maxDistance };
  const { value, ms } = await timed(() => library.passages.hybrid({ ...input, queryEmbedding: embedded.embedding }));
  const hits = value.rows().map((row) => ({ ...toHit(row), score: row.score, dense: row.dense, text: row.text }));
  const call = `${modelCall(query)}\n${showCall("hybrid", { ...input, queryEmbedding: "…embedding" })}`;
  return { kind: "hybrid", hits, ms, embedMs: embedded.ms, embedding: embedded.embedding, call };
}

async function searchVectors({ library, criteria, embedded }: Asked): Promise<HitList> {
  const { embedding, ms: embedMs } = embedded!;
  const { query, k, whereDocument } = criteria;
  const input = { nResults: k, where: and(criteria.where, read), whereDocument };
  const { value, ms } = await timed(() => library.passages.query({ ...input, queryEmbeddings: [embedding] }));
  const call = `${modelCall(query)}\n${showCall("query", { queryEmbeddings: ["…embedding"], ...input })}`;
  return { kind: "vector", hits: toNeighbours(value.rows()[0] ?? []), ms, embedMs, embedding, call };
}

async function searchNeighbours(library: Library, { k, where, whereDocument }: Criteria, id: string): Promise<HitList> {
  const embedding = await library.embeddingOf(id);
  const none = { kind: "vector", hits: [], ms: 0, embedMs: null, embedding: null, call: "// it is no longer there" } as const;
  if (!embedding) return { ...none, hits: [] };
  // The nearest is the passage itself.
  const input = { nResults: k + 1, where: and(where, read), whereDocument };
  const { value, ms } = await timed(() => library.passages.query({ ...input, queryEmbeddings: [embedding] }));
  const others = (value.rows()[0] ?? []).filter((row) => row.id !== id).slice(0, k);
  const call = showCall("query", { queryEmbeddings: ["…embedding"], ...input });
  return { ...none, hits: toNeighbours(others), ms, embedding, call };
}

async function searchText({ library, criteria }: Asked): Promise<HitList> {
  const { query, k, where, whereDocument } = criteria;
  const input = { query, nResults: k, where, whereDocument, prefix: true, fuzzy };
  const { value, ms } = await timed(() => library.passages.searchText(input));
  const hits = value.rows().map((row, index) => ({
    ...toHit(row),
    text: { rank: index + 1, score: row.score, terms: row.terms },
  }));
  return { kind: "text", hits, ms, embedMs: null, embedding: null, call: showCall("searchText", input) };
}

async function browse({ passages }: Library, { k, where, whereDocument }: Criteria): Promise<HitList> {
  const input = { limit: k, where, whereDocument };
  const { value, ms } = await timed(() => passages.get(input));
  return { kind: "browse", hits: value.rows().map(toHit), ms, embedMs: null, embedding: null, call: showCall("get", input) };
}

function and(one: Where | undefined, other: Where): Where {
  return one ? { $and: [one, other] } : other;
}

function modelCall(query: string): string {
  return `const [embedding] = await model.generate([${JSON.stringify(query)}]);`;
}

interface Row {
  id: string;
  document?: string | null;
  metadata?: unknown;
  distance?: number | null;
}

function toHit({ id, document, metadata }: Row): Hit {
  return { id, document: document ?? "", metadata: metadata as PassageMetadata, score: null, dense: null, text: null };
}

function toNeighbours(rows: readonly Row[]): Hit[] {
  return rows.map((row, index) => ({ ...toHit(row), dense: { rank: index + 1, distance: row.distance ?? 0 } }));
}

async function timed<T>(run: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const started = performance.now();
  const value = await run();
  return { value, ms: performance.now() - started };
}
