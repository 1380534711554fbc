/** What every worker does: brings the parts of the engine together and speaks to the page that started it. */
import { Engine, type EngineParts } from "../core/engine.js";
import type { VectorKernel } from "../core/index/vector/vector-kernel.js";
import { limits } from "../core/limits.js";
import type { OpenOptions } from "../core/service.js";
import { Standby } from "../core/standby.js";
import { destroyStorage, openStorage } from "../storage/open-storage.js";
import { openCacheFile } from "../storage/opfs/open-cache-file.js";
import { readQuota } from "../storage/read-quota.js";
import { openReadableStorage } from "../storage/readable-storage.js";
import { workerEnvironment as environment } from "./environment.js";
import { Host } from "./host.js";
import { loadEncryption } from "./load-encryption.js";
import { loadHelpers } from "./load-helpers.js";
import { loadPatterns } from "./load-patterns.js";
import { loadStem } from "./load-stem.js";
import { loadStopWords } from "./load-stop-words.js";
import { type KernelFiles, openKernel } from "./open-kernel.js";
import { openSource } from "./open-source.js";

/** Bundlers look for these very expressions. */
const kernelFiles: KernelFiles = {
  "wasm-simd": () => fetch(new URL("../wasm/build/kernel.wasm", import.meta.url)),
  "wasm-relaxed-simd": () => fetch(new URL("../wasm/build/kernel-relaxed.wasm", import.meta.url)),
};

/** Has the kernel make tables that helpers can read, where there may be any. */
async function withCores(kernel: Promise<VectorKernel>, { cores = limits.coresDefaultMax }: OpenOptions): Promise<VectorKernel> {
  const { helpers } = await kernel;
  helpers?.use(Math.min(cores, limits.coresMax, navigator.hardwareConcurrency || 1));
  return kernel;
}

/** To be called once, when the worker starts. `engines` are the index engines that it has besides our own. */
export function startWorker(engines: NonNullable<EngineParts["engines"]> = {}): void {
  // It loads while lease and storage are being opened; opening the engine tells what went wrong.
  const kernel = openKernel(kernelFiles, loadHelpers);
  kernel.catch(() => {});

  const host = new Host({
    locks: navigator.locks,
    openStorage: (options, tenure) =>
      options.source === undefined
        ? openStorage(options, { now: environment.now, loadEncryption }, tenure)
        : openSource(options, environment, tenure, (name) => openCacheFile(options, name, tenure)),
    destroyStorage,
    openEngine: async (storage, options, tell, onPoison, standby) => {
      const ahead = standby instanceof Standby ? standby.ahead : undefined;
      const loads = { engines, loadPatterns, loadStem, loadStopWords };
      const helped = await withCores(kernel, options);
      return Engine.open({ storage, kernel: helped, environment, options, ...loads, ahead, tell, onPoison, quota: readQuota });
    },
    standBy: (options) => {
      if (options.source !== undefined) return null;
      const asked = { path: options.path, key: options.encryption?.key, load: loadEncryption };
      const open = () => openReadableStorage(asked);
      const standby = new Standby({ open, kernel: withCores(kernel, options), environment, loadStem, options });
      standby.refresh();
      return standby;
    },
    randomId: environment.randomId,
    openChannel: typeof BroadcastChannel === "undefined" ? undefined : (name) => new BroadcastChannel(name),
  });
  // A worker's global scope is its port to the page.
  host.own(globalThis as unknown as MessagePort);
}
