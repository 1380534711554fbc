/** A helper: a worker of the engine's worker that does items of its tasks (`wasm/help.ts`). */

import { Helper } from "../wasm/help.js";
import type { HelperMessage } from "../wasm/helper-pool.js";

/** What the names of helpers begin with. */
export const HELPER_NAME = "tidepool-helper:";

/** What a helper says. */
export type HelperAnswer = { type: "ready" } | { type: "left" } | { type: "failed"; why: string };

/** The scope of a worker. */
export interface HelperScope {
  name: string;
  postMessage(answer: HelperAnswer): void;
}

/** Has this worker help from now on. */
export function beHelper(scope: HelperScope): void {
  let helper: Helper | null = null;

  const fail = (error: unknown): void => {
    scope.postMessage({ type: "failed", why: error instanceof Error ? error.message : String(error) });
  };

  /** The engine gets the lock when this worker is no more, however it ended. It sends nothing before it waits for that. */
  const begin = (module: WebAssembly.Module): void => {
    helper = new Helper(module);
    const forEver = new Promise<never>(() => undefined);
    const hold = (): Promise<never> => {
      scope.postMessage({ type: "ready" });
      return forEver;
    };
    navigator.locks.request(scope.name, hold).catch(fail);
  };

  addEventListener("message", ({ data }: MessageEvent<HelperMessage>) => {
    try {
      if (data.type === "start") return begin(data.module);
      helper!.help(data);
      scope.postMessage({ type: "left" });
    } catch (error) {
      fail(error);
    }
  });
}
