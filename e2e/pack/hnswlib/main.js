import * as tidepool from "tidepool-db";
import { createHnswlibWorker } from "tidepool-db/hnswlib";
import { exercise } from "./exercise.js";

const options = { path: "hnswlib", worker: createHnswlibWorker };

globalThis.packed = exercise(tidepool, options, { hnsw: { engine: "hnswlib" } }).catch(async ({ code, message }) => {
  const client = new tidepool.TidepoolClient({ path: options.path });
  const collections = await client.countCollections();
  await client.close();
  return { code, message, collections };
});
