/** What the page and the encoder's worker tell each other. The page speaks first, with `start`. */
import type { ErrorCode } from "../core/errors.js";
import type { LoadProgress } from "./load-progress.js";

/** From the page. Calls have numbers; `abort` takes one back that nobody waits for any more. */
export type ToWorker =
  | { kind: "start"; modelUrl: string | null }
  | { kind: "embed"; call: number; texts: string[] }
  | { kind: "abort"; call: number };

/** From the worker. An answer has the embeddings one after the other. */
export type FromWorker =
  | { kind: "loading"; progress: LoadProgress }
  | { kind: "embedded"; call: number; texts: number }
  | { kind: "answer"; call: number; embeddings: Float32Array }
  | { kind: "failed"; call: number; code: ErrorCode; message: string }
  | { kind: "unloadable"; code: ErrorCode; message: string };
