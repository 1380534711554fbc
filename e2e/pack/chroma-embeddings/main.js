import { ChromaBm25EmbeddingFunction } from "@chroma-core/chroma-bm25";
import { HuggingfaceServerEmbeddingFunction } from "@chroma-core/huggingface-server";
import { JinaEmbeddingFunction } from "@chroma-core/jina";
import { OllamaEmbeddingFunction } from "@chroma-core/ollama";
import { K, Knn, Schema, Search, SparseVectorIndexConfig, TidepoolClient } from "tidepool-db";
import { records } from "./records.js";

globalThis.providerKeys.JINA_API_KEY = "a key";

const models = new URLSearchParams(location.search).get("models");
const functions = {
  huggingface: new HuggingfaceServerEmbeddingFunction({ url: `${models}/embed` }),
  ollama: new OllamaEmbeddingFunction({ url: models, model: "letters" }),
  jina: new JinaEmbeddingFunction({ modelName: "letters" }),
};
const { ids, documents } = records;
const query = { queryTexts: ["the moon"], nResults: 1, include: [] };
const words = new Search().rank(Knn({ query: "pools", key: "words" })).limit(1);

/** The nearest by each function: of a collection that was made with it, and of that collection as it is found again. */
async function exercise() {
  const found = { made: [], restored: [] };
  const maker = new TidepoolClient({ path: "chroma-embeddings" });
  for (const [name, embeddingFunction] of Object.entries(functions)) {
    const collection = await maker.createCollection({ name, embeddingFunction });
    await collection.add({ ids, documents });
    found.made.push((await collection.query(query)).ids[0][0]);
  }
  const embeddingFunction = new ChromaBm25EmbeddingFunction();
  const schema = new Schema().createIndex(new SparseVectorIndexConfig({ embeddingFunction, sourceKey: K.DOCUMENT }), "words");
  const sparse = await maker.createCollection({ name: "bm25", schema });
  await sparse.add({ ids, documents });
  found.made.push((await sparse.search(words)).ids[0][0]);
  await maker.close();

  const finder = new TidepoolClient({ path: "chroma-embeddings" });
  for (const name of Object.keys(functions)) {
    const collection = await finder.getCollection({ name });
    await collection.add({ ids: ["later"], documents: ["moon moon moon"] });
    found.restored.push((await collection.query(query)).ids[0][0]);
  }
  const again = await finder.getCollection({ name: "bm25" });
  await again.add({ ids: ["later"], documents: ["pools, pools and pools"] });
  found.restored.push((await again.search(words)).ids[0][0]);
  await finder.close();
  return found;
}

globalThis.packed = exercise();
