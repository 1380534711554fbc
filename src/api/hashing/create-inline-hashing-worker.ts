/** Stands in for `create-hashing-worker.ts` in the package's inline variant: the build puts the worker's code into this module. */
import { startFromBlob } from "../start-from-blob.js";

declare const __TIDEPOOL_WORKER_CODE__: string;

/** Starts the worker. */
export function createHashingWorker(): Worker {
  return startFromBlob(__TIDEPOOL_WORKER_CODE__);
}
