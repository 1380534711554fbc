/** The columns of ranked records that a search selects. */
import type { SelectPlan } from "../../gateway/search-plan.js";
import type { SearchColumns } from "../../service.js";
import type { IncludeField, Metadata, RecordColumns } from "../../types.js";
import type { Ranked } from "./rank.js";

/** Which columns a read wants beside the ids. */
export interface FieldSelection {
  document: boolean;
  uri: boolean;
  metadata: boolean;
  embedding: boolean;
}

/** What a read includes. */
export function fieldsOf(include: ReadonlySet<IncludeField>): FieldSelection {
  return {
    document: include.has("documents"),
    uri: include.has("uris"),
    metadata: include.has("metadatas"),
    embedding: include.has("embeddings"),
  };
}

/** Reads columns of these ordinals, in their order. */
export type FetchColumns = (ordinals: Uint32Array, fields: FieldSelection) => Promise<RecordColumns>;

export async function select({ ordinals, scores }: Ranked, plan: SelectPlan, fetch: FetchColumns): Promise<SearchColumns> {
  const { document, embedding, score, metadata } = plan;
  const { ids, documents, metadatas, embeddings } = await fetch(ordinals, {
    document,
    embedding,
    metadata: metadata !== "none",
    uri: false,
  });
  return {
    ids,
    documents,
    embeddings,
    metadatas: metadatas?.map((one) => selectedMetadata(one, metadata)) ?? null,
    scores: score ? scores : null,
    select: [...plan.keys],
  };
}

/** As in Chroma, metadata of which nothing is left is `null`. */
function selectedMetadata(metadata: Metadata | null, keys: SelectPlan["metadata"]): Metadata | null {
  const entries = Object.entries(metadata ?? {}).filter(([key]) => keys === "all" || (keys !== "none" && keys.has(key)));
  return entries.length === 0 ? null : Object.fromEntries(entries);
}
