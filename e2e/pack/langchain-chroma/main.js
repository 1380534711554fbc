/** LangChain's own class for Chroma, unchanged, over a client that is given to it as its `index`. */
import { Chroma } from "@langchain/community/vectorstores/chroma";
import { TidepoolClient } from "tidepool-db";

/** Texts are angles in degrees. */
const embeddings = {
  embedQuery: async (text) => [Math.cos((text * Math.PI) / 180), Math.sin((text * Math.PI) / 180)],
  embedDocuments: (texts) => Promise.all(texts.map((text) => embeddings.embedQuery(text))),
};

async function exercise() {
  const client = new TidepoolClient({ path: "langchain-chroma" });
  try {
    const metadata = { "hnsw:space": "cosine" };
    const store = new Chroma(embeddings, { index: client, collectionName: "angles", collectionMetadata: metadata });
    const documents = ["0", "60", "90"].map((pageContent) => ({ pageContent, metadata: { n: Number(pageContent) } }));
    await store.addDocuments(documents, { ids: ["a", "b", "c"] });
    const found = await store.similaritySearchWithScore("0", 2);
    const retrieved = await store.asRetriever({ k: 1, filter: { n: { $lt: 90 } } }).invoke("90");
    await store.delete({ ids: ["a"] });
    await store.delete({ filter: { n: 90 } });
    const left = await store.similaritySearch("0", 3);
    return {
      found: found.map(([{ id }, distance]) => [id, distance.toFixed(3)]),
      retrieved: retrieved.map((one) => one.pageContent),
      left: left.map((one) => one.id),
    };
  } finally {
    await client.close();
  }
}

globalThis.packed = exercise();
