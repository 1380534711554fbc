/** One data set of the evaluation: how it gets into the database, and how its answers are judged. */
import type { TidepoolClient } from "tidepool-db";
import { quantile } from "../statistics.js";
import type { Outcome } from "./outcome.js";

export interface EvalSet {
  readonly name: string;
  ingest(client: TidepoolClient): Promise<void>;
  evaluate(client: TidepoolClient): Promise<Outcome>;
}

const WARM_UP = 5;

/** Runs each query, a few of them once more beforehand, and times every one. */
export async function timeQueries<TQuery, TAnswer>(
  queries: readonly TQuery[],
  ask: (query: TQuery) => Promise<TAnswer>,
): Promise<{ answers: TAnswer[]; timesMs: number[] }> {
  for (const query of queries.slice(0, WARM_UP)) await ask(query);
  const answers: TAnswer[] = [];
  const timesMs: number[] = [];
  for (const query of queries) {
    const start = performance.now();
    answers.push(await ask(query));
    timesMs.push(performance.now() - start);
  }
  return { answers, timesMs };
}

export function latencies(timesMs: readonly number[]): { p50Ms: number; p95Ms: number } {
  return { p50Ms: quantile(timesMs, 0.5), p95Ms: quantile(timesMs, 0.95) };
}
