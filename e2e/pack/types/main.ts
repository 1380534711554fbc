import { TidepoolClient, TidepoolError } from "tidepool-db";
import { OpenAIEmbeddingFunction } from "tidepool-db/embeddings";
import { TidepoolClient as InlineClient } from "tidepool-db/inline";
import type { TidepoolInspector } from "tidepool-db/inspector";
import { SentenceEncoder } from "tidepool-db/sentence-encoder";

export async function use(): Promise<string[]> {
  const client: TidepoolClient = new TidepoolClient({ path: "typed", durability: "relaxed" });
  new InlineClient({ path: "typed" });
  const collection = await client.getOrCreateCollection({ name: "typed" });
  try {
    await collection.add({ ids: ["a"], embeddings: [new Float32Array([1, 2])], metadatas: [{ wet: true }] });
    // @ts-expect-error ids are strings
    await collection.add({ ids: [1] });
  } catch (error) {
    if (error instanceof TidepoolError && error.code === "INVALID_ARGUMENT") return [];
    throw error;
  }
  const result = await collection.query({ queryEmbeddings: [[1, 2]], nResults: 1 });
  return result.ids.flat();
}

export function inspect(client: TidepoolClient): TidepoolInspector {
  const inspector: TidepoolInspector = document.createElement("tidepool-inspector");
  inspector.client = client;
  // @ts-expect-error a path is text
  inspector.path = 1;
  return inspector;
}

export async function useModels(client: TidepoolClient): Promise<void> {
  await client.getOrCreateCollection({ name: "typed", embeddingFunction: new SentenceEncoder() });
  await client.getOrCreateCollection({ name: "asked", embeddingFunction: new OpenAIEmbeddingFunction({ modelName: "m" }) });
}
