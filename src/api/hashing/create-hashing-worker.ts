/** The one place that names the file of the worker that hashes; its form matters, as in `api/create-worker.ts`. */
import { trusting } from "../trusted-worker.js";

/** Starts the worker. */
export function createHashingWorker(): Worker {
  return trusting("Worker", () => new Worker(new URL("./hashing-worker.ts", import.meta.url), { type: "module" }));
}
