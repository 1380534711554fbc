/** The one place that names the file of the worker with hnswlib; its form matters, as in `create-worker.ts`. */
import { TidepoolError } from "../core/errors.js";
import { trusting } from "./trusted-worker.js";

/**
 * Starts a worker that has the index engine "hnswlib" beside Tidepool's own, for the client's option `worker`. It takes
 * the npm package hnswlib-wasm, which is to be installed beside this one, and loads it when a collection asks for it.
 *
 * @throws `NOT_SUPPORTED` where there are no workers.
 *
 * @example
 * import { createHnswlibWorker } from "tidepool-db/hnswlib";
 *
 * const client = new TidepoolClient({ path: "hnswlib", worker: createHnswlibWorker });
 * const tides = await client.createCollection({ name: "tides", configuration: { hnsw: { engine: "hnswlib" } } });
 */
export function createHnswlibWorker(): Worker {
  if (typeof Worker === "undefined")
    throw new TidepoolError("NOT_SUPPORTED", 'The index engine "hnswlib" needs a browser: there is no Worker here');
  return trusting("Worker", () => new Worker(new URL("../worker/hnswlib-worker.ts", import.meta.url), { type: "module" }));
}
