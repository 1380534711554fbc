/** Documents with nested metadata go in by LangChain's names, and are found by a retriever after another store has opened them. */
import { TidepoolVectorStore } from "tidepool-db/langchain";

/** Texts are angles in degrees. */
const embeddings = {
  embedQuery: async (text) => [Math.cos((text * Math.PI) / 180), Math.sin((text * Math.PI) / 180)],
  embedDocuments: (texts) => Promise.all(texts.map((text) => embeddings.embedQuery(text))),
};
const config = { path: "langchain", collectionName: "angles", metadata: "flatten" };

async function exercise() {
  const documents = ["0", "1", "60"].map((pageContent) => ({
    id: pageContent,
    pageContent,
    metadata: { loc: { from: Number(pageContent) } },
  }));
  await (await TidepoolVectorStore.fromDocuments(documents, embeddings, config)).close();
  const store = await TidepoolVectorStore.fromExistingCollection(embeddings, config);
  try {
    const [[{ id, metadata }, score]] = await store.similaritySearchWithScore("0", 1, { "loc.from": { $gt: 1 } });
    const diverse = await store.asRetriever({ k: 2, searchType: "mmr", searchKwargs: { lambda: 0 } }).invoke("0");
    await store.delete({ ids: ["0"] });
    const left = await store.similaritySearch("0", 1);
    return { id, metadata, score: score.toFixed(3), diverse: diverse.map((one) => one.pageContent), left: left.map((one) => one.id) };
  } finally {
    await store.close();
  }
}

globalThis.packed = exercise();
