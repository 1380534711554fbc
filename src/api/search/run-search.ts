/** A search call: payloads out, with their texts embedded, and columns back. */
import { limits } from "../../core/limits.js";
import type { SearchColumns } from "../../core/service.js";
import type { EmbeddingRows, Metadata } from "../../core/types.js";
import { toNumberArrays } from "../embeddings.js";
import { type SearchLike, type SearchPayload, toSearch } from "./search.js";
import { SearchResult } from "./search-result.js";

/** Turns texts into vectors, one row each. */
type EmbedQueries = (texts: string[]) => Promise<EmbeddingRows>;

/** The payloads of a call. Texts of all its searches are embedded together, each once. */
export async function searchPayloads(searches: SearchLike | SearchLike[], embed: EmbedQueries): Promise<SearchPayload[]> {
  const payloads = [searches].flat().map((search) => toSearch(search).toPayload());
  const texts: string[] = [];
  for (const { rank } of payloads) mapTexts(rank, (text) => texts.includes(text) || texts.push(text));
  if (texts.length === 0) return payloads;
  const { dimension, values } = await embed(texts);
  const vectorOf = (text: string) => values.slice(texts.indexOf(text) * dimension, (texts.indexOf(text) + 1) * dimension);
  return payloads.map((payload) => ({ ...payload, rank: mapTexts(payload.rank, vectorOf) }));
}

/** The rank with each text that asks for its neighbours replaced. What nests too deep is left to the engine, which refuses it. */
function mapTexts<T>(rank: T, replace: (text: string) => unknown, depth = 0): T {
  if (typeof rank !== "object" || rank === null || ArrayBuffer.isView(rank) || depth > 2 * limits.rankDepthMax) return rank;
  if (Array.isArray(rank)) return rank.map((part) => mapTexts(part, replace, depth + 1)) as T;
  const entries = Object.entries(rank).map(([key, value]) => {
    const isText = key === "$knn" && typeof value?.query === "string" && (value.key ?? "#embedding") === "#embedding";
    return [key, isText ? { ...value, query: replace(value.query) } : mapTexts(value, replace, depth + 1)];
  });
  return Object.fromEntries(entries) as T;
}

export function searchResult<T extends Metadata>(found: SearchColumns[]): SearchResult<T> {
  return new SearchResult<T>({
    ids: found.map(({ ids }) => ids),
    documents: found.map(({ documents }) => documents),
    embeddings: found.map(({ embeddings }) => embeddings && toNumberArrays(embeddings.dimension, embeddings.values)),
    metadatas: found.map(({ metadatas }) => metadatas as (T | null)[] | null),
    scores: found.map(({ scores }) => scores && Array.from(scores, (score) => (Number.isNaN(score) ? null : score))),
    select: found.map(({ select }) => select),
  });
}
