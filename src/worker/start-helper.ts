/** Has the page start helpers of the engine (`api/page-helpers.ts`), and hears how they fare. */
import { limits } from "../core/limits.js";
import { type HelperNews, HelperPool, type HelperPort } from "../wasm/helper-pool.js";
import { workerEnvironment } from "./environment.js";
import { HELPER_NAME } from "./helper-worker.js";
import type { HelperAnswer, HelperRequest } from "./protocol.js";

/** The helpers of a kernel, which are workers of the file at `url`. */
export function newHelperPool(bytes: Uint8Array<ArrayBuffer>, url: string): HelperPool {
  const start = (news: HelperNews): HelperPort => startHelper(url, news);
  return new HelperPool({ start, bytes, schedule: workerEnvironment.schedule, idleMs: limits.helpersIdleMs });
}

/** Waits for nobody. The page says over the port what keeps it from starting one. */
function startHelper(url: string, news: HelperNews): HelperPort {
  const name = `${HELPER_NAME}${workerEnvironment.randomId()}`;
  const { port1, port2 } = new MessageChannel();
  const watched = new AbortController();
  port1.onmessage = ({ data }: MessageEvent<HelperAnswer>) => {
    if (data.type === "left") return news.left();
    if (data.type === "failed") return news.gone(data.why);
    navigator.locks.request(name, { signal: watched.signal }, () => news.gone("it has ended")).catch(() => undefined);
    news.ready();
  };
  port1.onmessageerror = () => news.gone("a message could not be read");
  ask({ type: "helper", name, url }, [port2]);
  return {
    send: (message) => port1.postMessage(message),
    end: () => {
      watched.abort();
      port1.close();
      ask({ type: "helper", name });
    },
  };
}

/** A worker's global scope is its port to the page. */
function ask(request: HelperRequest, transfer: Transferable[] = []): void {
  (globalThis as unknown as MessagePort).postMessage(request, transfer);
}
