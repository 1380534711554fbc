/**
 * Stands in for `create-worker.ts` in the package's inline variant: the build puts the worker's code, kernel included,
 * into this module, and the worker starts from a blob.
 */
import { TidepoolError } from "../core/errors.js";
import { startFromBlob } from "./start-from-blob.js";

declare const __TIDEPOOL_WORKER_CODE__: string;

/** Starts the engine's worker. Throws `NOT_SUPPORTED` where there are no workers. */
export function createWorker(): Worker {
  if (typeof Worker === "undefined") {
    throw new TidepoolError(
      "NOT_SUPPORTED",
      "tidepool-db needs a browser: there is no Worker here. " +
        "Importing the package on a server is fine, calling it is not, unless the option `worker` gives it a worker to run in",
    );
  }
  return startFromBlob(__TIDEPOOL_WORKER_CODE__);
}
