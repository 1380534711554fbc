/** Starts the worker for files, under a policy that takes trusted types only, too. */
import { startWorker } from "../engine.js";
import workerUrl from "./file-worker.ts?worker&url";

export function startFileWorker(): Worker {
  return startWorker(workerUrl);
}
