/** Messages between the page and a baseline's worker. */
import type { Baseline, BaselineName } from "./baseline.js";

export type BaselineMethod = keyof Baseline;

export interface BaselineRequest {
  id: number;
  engine: BaselineName;
  method: BaselineMethod;
  args: unknown[];
}

export interface BaselineResponse {
  id: number;
  result?: unknown;
  error?: string;
  /** Time that the engine itself took, without the messages. */
  insideMs: number;
}
