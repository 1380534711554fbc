/** The worker of one baseline engine. */
import type { Baseline, BaselineName } from "./baseline.js";
import type { BaselineRequest, BaselineResponse } from "./baseline-protocol.js";
import { PlainLoop } from "./plain-loop.js";

let baseline: Promise<Baseline> | null = null;

async function create(name: BaselineName): Promise<Baseline> {
  if (name === "plain loop") return new PlainLoop();
  // Loaded when it is its turn: it is large, and reopening the other engine should not pay for it.
  const { Hnswlib } = await import("./hnswlib.js");
  return new Hnswlib();
}

async function answer({ id, engine, method, args }: BaselineRequest): Promise<BaselineResponse> {
  const opened = await (baseline ??= create(engine));
  const start = performance.now();
  try {
    const result = await (opened[method] as (...args: unknown[]) => unknown).apply(opened, args);
    return { id, result, insideMs: performance.now() - start };
  } catch (error) {
    return {
      id,
      error: `${engine}.${method}: ${error instanceof Error ? error.message : String(error)}`,
      insideMs: performance.now() - start,
    };
  }
}

addEventListener("message", ({ data }: MessageEvent<BaselineRequest>) => void answer(data).then((response) => postMessage(response)));
