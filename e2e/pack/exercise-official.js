/** What every app does with Chroma's own client over the package's gateway: no server runs. */
import { records } from "./records.js";

export async function exerciseOfficial({ ChromaClient }, { TidepoolClient }, { installFetch }) {
  const engine = new TidepoolClient({ path: "official" });
  const uninstall = installFetch(engine);
  try {
    return await use(new ChromaClient());
  } finally {
    uninstall();
    await engine.close();
  }
}

async function use(client) {
  const collection = await client.getOrCreateCollection({ name: "official", embeddingFunction: null });
  await collection.upsert(records);
  const near = await collection.query({ queryEmbeddings: [[0.5, 0, 1]], nResults: 2 });
  const wet = await collection.get({ where: { wet: true }, include: ["documents"] });
  const missing = await client.getCollection({ name: "nobody" }).catch((error) => error.name);
  return { near: near.ids, distances: near.distances, wet: wet.documents, missing };
}
