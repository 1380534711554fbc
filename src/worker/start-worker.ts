/** What every worker does: brings the parts of the engine together and speaks to the page that started it. */
import { plainCrc32, sumLongBytesBy } from "../core/base/checksum.js";
import { Engine, type EngineParts } from "../core/engine.js";
import { TidepoolError } from "../core/errors.js";
import type { LoadStem } from "../core/index/text/analyzer.js";
import { referenceKernel } from "../core/index/vector/reference-kernel.js";
import type { VectorKernel } from "../core/index/vector/vector-kernel.js";
import { Standby } from "../core/standby.js";
import { destroyStorage, openStorage } from "../storage/open-storage.js";
import { readQuota } from "../storage/read-quota.js";
import { openReadableStorage } from "../storage/readable-storage.js";
import { compileKernel, type KernelBuild, loadKernel, supportedBuild } from "../wasm/load.js";
import { withSmallTables } from "../wasm/small-tables.js";
import { wasmChecksum } from "../wasm/wasm-checksum.js";
import { workerEnvironment as environment } from "./environment.js";
import { Host } from "./host.js";
import { asError } from "./protocol.js";
import type * as Stemmers from "./stemmers.js";

/** Bundlers look for these very expressions. */
const fetchKernel: Readonly<Record<KernelBuild, () => Promise<Response>>> = {
  "wasm-simd": () => fetch(new URL("../wasm/build/kernel.wasm", import.meta.url)),
  "wasm-relaxed-simd": () => fetch(new URL("../wasm/build/kernel-relaxed.wasm", import.meta.url)),
};

/** A SIMD kernel wherever there is SIMD; a kernel that fails to load there is an error, not a slower engine. */
async function openKernel(): Promise<VectorKernel> {
  const build = supportedBuild();
  if (build === null) return referenceKernel;
  try {
    const module = await compileKernel(fetchKernel[build]());
    sumLongBytesBy(wasmChecksum(module, plainCrc32));
    return withSmallTables(await loadKernel(module, build));
  } catch (error) {
    if (error instanceof TidepoolError) throw error;
    throw new TidepoolError("CONNECTION_LOST", `The vector kernel could not be fetched: ${asError(error).message}`, { cause: error });
  }
}

/** Not followed by bundlers, which would have to divide the worker; they copy the file as they do with the kernels. */
const loadStem: LoadStem = async (language) => {
  try {
    const { stemmers } = (await import(/* @vite-ignore */ new URL("./stemmers.ts", import.meta.url).href)) as typeof Stemmers;
    return stemmers[language];
  } catch (error) {
    throw new TidepoolError("NOT_SUPPORTED", `The stemmers could not be loaded: ${asError(error).message}`, { cause: error });
  }
};

/** To be called once, when the worker starts. `engines` are the index engines that it has besides our own. */
export function startWorker(engines: NonNullable<EngineParts["engines"]> = {}): void {
  // It loads while lease and storage are being opened; opening the engine tells what went wrong.
  const kernel = openKernel();
  kernel.catch(() => {});

  const host = new Host({
    locks: navigator.locks,
    openStorage: (options, tenure) => openStorage(options, environment, tenure),
    destroyStorage,
    openEngine: async (storage, options, tell, onPoison, standby) => {
      const ahead = standby instanceof Standby ? standby.ahead : undefined;
      const parts = { storage, kernel: await kernel, environment, options, engines, loadStem, ahead, tell, onPoison, quota: readQuota };
      return Engine.open(parts);
    },
    standBy: (options) => {
      const standby = new Standby({ open: () => openReadableStorage(options.path), kernel, environment, loadStem, options });
      standby.refresh();
      return standby;
    },
    randomId: environment.randomId,
    openChannel: typeof BroadcastChannel === "undefined" ? undefined : (name) => new BroadcastChannel(name),
  });
  // A worker's global scope is its port to the page.
  host.own(globalThis as unknown as MessagePort);
}
