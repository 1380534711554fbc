/** What the page and a model's worker tell each other. The page speaks first, with `start`. */
import type { ErrorCode } from "../core/errors.js";

/** From the page. Calls have numbers; `abort` takes one back that nobody waits for any more. */
export type ToWorker<Start> =
  | { kind: "start"; start: Start }
  | { kind: "embed"; call: number; texts: string[]; prefix: string }
  | { kind: "abort"; call: number };

/** From the worker. An answer has the embeddings one after the other. */
export type FromWorker<News> =
  | { kind: "news"; news: News }
  | { kind: "embedded"; call: number; texts: number }
  | { kind: "answer"; call: number; embeddings: Float32Array }
  | { kind: "failed"; call: number; code: ErrorCode; message: string }
  | { kind: "unloadable"; code: ErrorCode; message: string };
