/** A helper: a worker that does items of the engine's tasks (`wasm/help.ts`), over a port to it. */

import { Helper } from "../wasm/help.js";
import type { HelperMessage } from "../wasm/helper-pool.js";
import type { HelperAnswer } from "./protocol.js";

/** What the names of helpers begin with. */
export const HELPER_NAME = "tidepool-helper:";

/** The scope of a worker. */
export interface HelperScope {
  name: string;
  postMessage(message: null): void;
  addEventListener(type: "message", listener: (event: MessageEvent) => void, options: { once: boolean }): void;
}

/** Has this worker help from now on: the page, told that it runs, gives it the port. */
export function beHelper(scope: HelperScope): void {
  scope.addEventListener("message", ({ ports }) => serve(scope.name, ports[0]!), { once: true });
  scope.postMessage(null);
}

function serve(name: string, port: MessagePort): void {
  let helper: Helper | null = null;
  const answer = (said: HelperAnswer): void => port.postMessage(said);
  const fail = (error: unknown): void => answer({ type: "failed", why: error instanceof Error ? error.message : String(error) });

  /** The engine gets the lock when this worker is no more, however it ended. It sends nothing before it waits for that. */
  const begin = (module: WebAssembly.Module): void => {
    helper = new Helper(module);
    const forEver = new Promise<never>(() => undefined);
    const hold = (): Promise<never> => {
      answer({ type: "ready" });
      return forEver;
    };
    navigator.locks.request(name, hold).catch(fail);
  };

  port.onmessage = ({ data }: MessageEvent<HelperMessage>) => {
    try {
      if (data.type === "start") return begin(data.module);
      helper!.help(data);
      answer({ type: "left" });
    } catch (error) {
      fail(error);
    }
  };
}
