// A program in Node with a database in a directory, which is opened again, and one in memory.
import { NodeClient } from "tidepool-db/node";

const write = async () => {
  const client = new NodeClient({ directory: "notes" });
  const notes = await client.getOrCreateCollection({ name: "notes" });
  await notes.upsert({ ids: ["a", "b"], documents: ["Spring tides follow the new moon.", "The office moved to Oslo."] });
  await client.close();
};

const read = async () => {
  const client = new NodeClient({ directory: "notes" });
  const notes = await client.getCollection({ name: "notes" });
  const found = await notes.query({ queryTexts: ["moon"], nResults: 1 });
  const { kernel, storage } = await client.info();
  await client.close();
  return { ids: found.ids[0], kernel, storage };
};

const remember = async () => {
  const client = new NodeClient({ storage: "memory" });
  const notes = await client.createCollection({ name: "brief" });
  await notes.add({ ids: ["c"], embeddings: [[1, 2]] });
  const count = await notes.count();
  await client.close();
  return count;
};

await write();
console.log(JSON.stringify({ ...(await read()), inMemory: await remember() }));
