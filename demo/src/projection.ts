/** The page's side of the projection: hands the vectors to a worker, which ends when it has answered. */
import { startWorker } from "./engine.js";
import type { Plane, Points, Rows } from "./principal-axes.js";
import workerUrl from "./projection-worker.ts?worker&url";

export interface Projection {
  plane: Plane;
  points: Points;
}

/** Rejects with the signal's reason when it is aborted. The rows' buffer is handed over. */
export function project(rows: Rows, signal: AbortSignal): Promise<Projection> {
  const worker = startWorker(workerUrl);
  const answer = new Promise<Projection>((resolve, reject) => {
    worker.addEventListener("message", ({ data }: MessageEvent<Projection>) => resolve(data));
    worker.addEventListener("error", (event) => reject(new Error(`The map's worker failed: ${event.message}`)));
    signal.addEventListener("abort", () => reject(signal.reason));
  });
  worker.postMessage(rows, [rows.values.buffer]);
  return answer.finally(() => worker.terminate());
}
