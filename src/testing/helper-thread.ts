/** The entry of a thread that helps in tests; as `worker/helper-worker.ts`, but that it is late by the seed for some of its jobs. */
import { parentPort, workerData } from "node:worker_threads";
import { Helper } from "../wasm/help.js";
import type { HelperMessage } from "../wasm/helper-pool.js";
import type { HelperAnswer } from "../worker/protocol.js";

const given = workerData as { seed: number; items: Int32Array };
let state = given.seed;
const answer = (message: HelperAnswer): void => parentPort!.postMessage(message);

let helper: Helper | null = null;

/** From 0 to 1. */
function random(): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}

function spin(steps: number): void {
  for (let step = 0; step < steps; step++) random();
}

parentPort!.on("message", (message: HelperMessage) => {
  try {
    if (message.type === "start") {
      helper = new Helper(message.module);
      answer({ type: "ready" });
      return;
    }
    spin(random() * random() * 100_000);
    Atomics.add(given.items, 0, helper!.help(message));
    answer({ type: "left" });
  } catch (error) {
    answer({ type: "failed", why: error instanceof Error ? error.message : String(error) });
  }
});
