/**
 * What every packed app does with the package it installed: write, search by vector, filter and text, and tell what it
 * ran on. The package comes as an argument, since each app gets at it in its own way.
 */
import { records } from "./records.js";

export async function exercise({ TidepoolClient }, options = { path: "packed" }, configuration = undefined) {
  const client = new TidepoolClient(options);
  try {
    return await use(client, configuration);
  } finally {
    await client.close();
  }
}

async function use(client, configuration) {
  const collection = await client.getOrCreateCollection({ name: "packed", configuration });
  await collection.upsert(records);
  const near = await collection.query({ queryEmbeddings: [[0.5, 0, 1]], nResults: 2 });
  const wet = await collection.query({ queryEmbeddings: [[0.5, 0, 1]], nResults: 2, where: { wet: true } });
  const text = await collection.searchText({ query: "moon water", nResults: 1 });
  // Asked for by a file of its own, which a bundler has to bring along.
  const pattern = await collection.get({ whereDocument: { $regex: "^the (tide|sea)" } });
  const { storage, kernel } = await client.info();
  return {
    near: near.ids,
    distances: near.distances,
    wet: wet.ids,
    text: text.rows().map((row) => row.id),
    pattern: pattern.ids,
    storage,
    kernel,
  };
}
