/** Starts helpers of the engine, each a worker of this one, and hears how they fare. */
import { limits } from "../core/limits.js";
import { type HelperNews, HelperPool, type HelperPort } from "../wasm/helper-pool.js";
import { workerEnvironment } from "./environment.js";
import { HELPER_NAME, type HelperAnswer } from "./helper-worker.js";

interface ScriptPolicy {
  createScriptURL(url: string): string;
}

let policy: ScriptPolicy | null | undefined;

/** The URL as a worker's constructor takes it where a policy wants trusted types. */
function trusted(url: string): string {
  const { trustedTypes } = globalThis as { trustedTypes?: { createPolicy(name: string, rules: ScriptPolicy): ScriptPolicy } };
  try {
    policy ??= trustedTypes?.createPolicy("tidepool-db", { createScriptURL: (given) => given }) ?? null;
  } catch {
    // The policy allows no other of this name: the plain URL is what can be tried, and the constructor says what is wrong with it.
    policy = null;
  }
  return policy?.createScriptURL(url) ?? url;
}

/** The helpers of a kernel, which are workers of the file at `url`. */
export function newHelperPool(bytes: Uint8Array<ArrayBuffer>, url: string): HelperPool {
  const start = (news: HelperNews): HelperPort => startHelper(url, news);
  return new HelperPool({ start, bytes, schedule: workerEnvironment.schedule, idleMs: limits.helpersIdleMs });
}

/** Throws where the browser refuses at once; most of what a policy forbids is heard of later. */
function startHelper(url: string, news: HelperNews): HelperPort {
  const name = `${HELPER_NAME}${workerEnvironment.randomId()}`;
  const worker = new Worker(trusted(url), { type: "module", name });
  const watched = new AbortController();
  worker.addEventListener("message", ({ data }: MessageEvent<HelperAnswer>) => {
    if (data.type === "left") return news.left();
    if (data.type === "failed") return news.gone(data.why);
    navigator.locks.request(name, { signal: watched.signal }, () => news.gone("it has ended")).catch(() => undefined);
    news.ready();
  });
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    news.gone(event.message || "it could not be loaded: do the page's policies allow it?");
  });
  worker.addEventListener("messageerror", () => news.gone("a message could not be read"));
  return {
    send: (message) => worker.postMessage(message),
    end: () => {
      watched.abort();
      worker.terminate();
    },
  };
}
