/** The one place that names the file of the model's worker; its form matters, as in `api/create-worker.ts`. */
import { trusting } from "../api/trusted-worker.js";
import { TidepoolError } from "../core/errors.js";

/** Starts the worker. Throws `NOT_SUPPORTED` where there are no workers. */
export function createTransformersWorker(): Worker {
  if (typeof Worker === "undefined")
    throw new TidepoolError("NOT_SUPPORTED", "TransformersEmbeddingFunction needs a browser: there is no Worker here");
  return trusting("Worker", () => new Worker(new URL("./transformers-worker.ts", import.meta.url), { type: "module" }));
}
