import { TidepoolClient } from "tidepool-db";
import { TransformersEmbeddingFunction } from "tidepool-db/transformers";

/** What a packed app with a model of Hugging Face's kind does: it loads it, writes sentences and finds one by what it means. */
async function exercise() {
  const client = new TidepoolClient({ path: "transformers" });
  try {
    const embeddingFunction = new TransformersEmbeddingFunction({
      model: "test/tiny",
      pooling: "mean",
      localModelPath: "models/",
      device: "wasm",
    });
    const { device } = await embeddingFunction.load();
    const notes = await client.getOrCreateCollection({ name: "notes", embeddingFunction });
    await notes.upsert({ ids: ["harbour", "office"], documents: ["The harbour dries out.", "Our office moved."] });
    const { ids } = await notes.query({ queryTexts: ["Where are boats?"], nResults: 1 });
    return { device, nearest: ids[0] };
  } finally {
    await client.close();
  }
}

globalThis.packed = exercise();
