/** A search call: payloads out, with their texts embedded, and columns back. */
import { TidepoolError } from "../../core/errors.js";
import { limits } from "../../core/limits.js";
import { EMBEDDING_KEY } from "../../core/schema.js";
import type { SearchColumns } from "../../core/service.js";
import type { EmbeddingRows, MetadataOf } from "../../core/types.js";
import { toNumberArrays } from "../embeddings.js";
import { part } from "../part.js";
import { readArguments, readList } from "../read-arguments.js";
import type { SparseSource } from "../schema/embed-sparse.js";
import { type SearchLike, type SearchPayload, toSearch } from "./search.js";
import { SearchResult } from "./search-result.js";

/** An expression is an object that holds a list, or an object, of its operands; the engine counts expressions. */
const RANK_LEVELS_MAX = 3 * (limits.rankDepthMax + 1);

/** What turns texts into vectors, one row or one sparse vector each. */
export interface EmbedQueries {
  dense(texts: string[]): Promise<EmbeddingRows>;
  sparse: SparseSource;
}

/** The payloads of a call. Texts of all its searches are embedded together, each once for every key. */
export async function searchPayloads(searches: SearchLike | SearchLike[], embed: EmbedQueries): Promise<SearchPayload[]> {
  const textsOf = new Map<string, Set<string>>();
  const payloads = readArguments("search", () => {
    const list = Array.isArray(searches) ? readList(searches, "searches", limits.searchesMax) : [searches];
    const read = list.map((search) => toSearch(search).toPayload());
    for (const { rank } of read) mapTexts(rank, (text, key) => textsOf.set(key, (textsOf.get(key) ?? new Set()).add(text)));
    return read;
  });
  if (textsOf.size === 0) return payloads;
  const vectors = new Map<string, Map<string, unknown>>();
  for (const [key, texts] of textsOf) vectors.set(key, await embedTexts(key, [...texts], embed));
  return payloads.map((payload) => ({ ...payload, rank: mapTexts(payload.rank, (text, key) => vectors.get(key)!.get(text)) }));
}

async function embedTexts(key: string, texts: string[], { dense, sparse }: EmbedQueries): Promise<Map<string, unknown>> {
  if (key !== EMBEDDING_KEY) {
    const vectors = await (await part(import("../schema/embed-sparse.js"))).embedSparseQueries(sparse, key, texts);
    return new Map(texts.map((text, i) => [text, vectors[i]]));
  }
  const { dimension, values } = await dense(texts);
  return new Map(texts.map((text, i) => [text, values.slice(i * dimension, (i + 1) * dimension)]));
}

/** The rank with each text that asks for its neighbours replaced. */
function mapTexts<T>(rank: T, replace: (text: string, key: string) => unknown, depth = 0): T {
  if (typeof rank !== "object" || rank === null || ArrayBuffer.isView(rank)) return rank;
  if (depth > RANK_LEVELS_MAX) {
    const message = `A rank nests deeper than the limit of ${limits.rankDepthMax} (rankDepthMax)`;
    throw new TidepoolError("LIMIT_EXCEEDED", message, { details: { limit: "rankDepthMax", allowed: limits.rankDepthMax } });
  }
  if (Array.isArray(rank)) return rank.map((part) => mapTexts(part, replace, depth + 1)) as T;
  const entries = Object.entries(rank).map(([key, value]) => {
    const isText = key === "$knn" && typeof value?.query === "string";
    return [
      key,
      isText ? { ...value, query: replace(value.query, String(value.key ?? EMBEDDING_KEY)) } : mapTexts(value, replace, depth + 1),
    ];
  });
  return Object.fromEntries(entries) as T;
}

export async function searchResult<T extends MetadataOf<T>>(found: SearchColumns[]): Promise<SearchResult<T>> {
  const rows: (number[][] | null)[] = [];
  for (const { embeddings } of found) rows.push(embeddings && (await toNumberArrays(embeddings)));
  return new SearchResult<T>({
    ids: found.map(({ ids }) => ids),
    documents: found.map(({ documents }) => documents),
    embeddings: rows,
    metadatas: found.map(({ metadatas }) => metadatas as (T | null)[] | null),
    scores: found.map(({ scores }) => scores && Array.from(scores, (score) => (Number.isNaN(score) ? null : score))),
    select: found.map(({ select }) => select),
  });
}
