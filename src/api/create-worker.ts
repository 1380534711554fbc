/**
 * The one place that names the worker's file. The expression must stay exactly as it is: bundlers find the worker by
 * this form. Builds for places where a worker URL cannot work replace this module.
 */
import { TidepoolError } from "../core/errors.js";
import { trusting } from "./trusted-worker.js";

/** Starts the engine's worker. Throws `NOT_SUPPORTED` where there are no workers. */
export function createWorker(): Worker {
  if (typeof Worker === "undefined") {
    throw new TidepoolError(
      "NOT_SUPPORTED",
      "tidepool-db needs a browser: there is no Worker here. In Node, use tidepool-db/node, or give the option `worker`",
    );
  }
  return trusting("Worker", () => new Worker(new URL("../worker/worker.ts", import.meta.url), { type: "module" }));
}
