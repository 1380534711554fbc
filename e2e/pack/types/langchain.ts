import type { Document } from "@langchain/core/documents";
import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import type { VectorStore } from "@langchain/core/vectorstores";
import type { TidepoolClient } from "tidepool-db";
import { TidepoolVectorStore } from "tidepool-db/langchain";

export async function useWithLangChain(client: TidepoolClient, embeddings: EmbeddingsInterface): Promise<Document[]> {
  const store = new TidepoolVectorStore(embeddings, { client, collectionName: "typed", metadata: "flatten" });
  const any: VectorStore = store;
  await any.addDocuments([{ pageContent: "Ebb tide.", metadata: { loc: { page: 1 } } }]);
  // @ts-expect-error a filter is Chroma's where
  await store.similaritySearch("ebb", 4, { year: { $near: 3 } });
  await store.delete({ ids: ["a"], filter: { year: { $lt: 3 } } });
  return store.asRetriever({ k: 4, filter: { year: { $lt: 3 } } }).invoke("ebb");
}
