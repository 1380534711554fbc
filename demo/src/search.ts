/** Asks the database. Each list of hits remembers how long the engine took and which call was made, so the page can show both. */
import type { Where, WhereDocument } from "tidepool-db";
import type { Library } from "./library.js";
import type { PassageMetadata } from "./passage.js";

export type Mode = "both" | "vector" | "text";

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
  /** Of a vector search: 0 is the same direction. */
  distance: number | null;
  /** Of a text search: larger is better. */
  score: number | null;
  /** Of a text search: the words that matched. */
  terms: string[];
}

export interface HitList {
  kind: "vector" | "text" | "browse";
  hits: Hit[];
  ms: number;
  /** The call as one would write it. */
  call: string;
}

/** Share of a word's letters that may be wrong: one slip from five letters on, so that short words are taken as they are. */
const fuzzy = 0.12;

/** Runs one search per list that the reader wants to see, one after the other so that their timings do not mix. */
export async function search(library: Library, criteria: Criteria): Promise<HitList[]> {
  if (criteria.similarTo) return [await searchNeighbours(library, criteria, criteria.similarTo.id)];
  if (criteria.query.trim() === "") return [await browse(library, criteria)];
  const lists: HitList[] = [];
  if (criteria.mode !== "text") lists.push(await searchVectors(library, criteria));
  if (criteria.mode !== "vector") lists.push(await searchText(library, criteria));
  return lists;
}

async function searchVectors({ passages }: Library, { query, k, where, whereDocument }: Criteria): Promise<HitList> {
  const input = { queryTexts: [query], nResults: k, where, whereDocument };
  const { value, ms } = await timed(() => passages.query(input));
  return { kind: "vector", ms, call: showCall("query", input), hits: (value.rows()[0] ?? []).map(toHit) };
}

async function searchNeighbours(library: Library, { k, where, whereDocument }: Criteria, id: string): Promise<HitList> {
  const embedding = await library.embeddingOf(id);
  if (!embedding) return { kind: "vector", hits: [], ms: 0, call: `// ${id} is no longer there` };
  const input = { queryEmbeddings: [embedding], nResults: k, where, whereDocument };
  const { value, ms } = await timed(() => library.passages.query(input));
  const shown = { ...input, queryEmbeddings: [[...embedding.slice(0, 3).map((number) => Number(number.toFixed(3))), "…"]] };
  return { kind: "vector", ms, call: showCall("query", shown), hits: (value.rows()[0] ?? []).map(toHit) };
}

async function searchText({ passages }: Library, { query, k, where, whereDocument }: Criteria): Promise<HitList> {
  const input = { query, nResults: k, where, whereDocument, prefix: true, fuzzy };
  const { value, ms } = await timed(() => passages.searchText(input));
  return { kind: "text", ms, call: showCall("searchText", input), hits: value.rows().map(toHit) };
}

async function browse({ passages }: Library, { k, where, whereDocument }: Criteria): Promise<HitList> {
  const input = { limit: k, where, whereDocument };
  const { value, ms } = await timed(() => passages.get(input));
  return { kind: "browse", ms, call: showCall("get", input), hits: value.rows().map(toHit) };
}

interface Row {
  id: string;
  document?: string | null;
  metadata?: unknown;
  distance?: number | null;
  score?: number | null;
  terms?: string[];
}

function toHit({ id, document, metadata, distance, score, terms }: Row): Hit {
  return {
    id,
    document: document ?? "",
    metadata: metadata as PassageMetadata,
    distance: distance ?? null,
    score: score ?? null,
    terms: terms ?? [],
  };
}

async function timed<T>(run: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const started = performance.now();
  const value = await run();
  return { value, ms: performance.now() - started };
}

function showCall(method: string, input: object): string {
  const lines = Object.entries(input)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `  ${key}: ${showValue(value)},`);
  return `await collection.${method}({\n${lines.join("\n")}\n});`;
}

/** A value as it stands in a program: keys bare where they may be. */
function showValue(value: unknown): string {
  if (value === "…") return "…";
  if (Array.isArray(value)) return `[${value.map(showValue).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, inner]) => `${/^[$\w]+$/.test(key) ? key : JSON.stringify(key)}: ${showValue(inner)}`);
  return `{ ${entries.join(", ")} }`;
}
