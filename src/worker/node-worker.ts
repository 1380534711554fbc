/**
 * The entry of the engine's thread in Node: a host as in a browser's worker, over a directory or memory, whose lease is the directory's
 * lock. Sessions come as ports from the thread that has started it; a port that closes ends its session.
 */
import { readFile } from "node:fs/promises";
import { parentPort, workerData } from "node:worker_threads";
import { Engine } from "../core/engine.js";
import { TidepoolError } from "../core/errors.js";
import { limits } from "../core/limits.js";
import type { OpenOptions } from "../core/service.js";
import type { Storage } from "../core/storage.js";
import { lockDirectory, unlockDirectory } from "../storage/directory/directory-lock.js";
import { openDirectoryStorage, readDiskQuota } from "../storage/directory/directory-storage.js";
import { makeDirectory } from "../storage/directory/disk-directory.js";
import { findEncryption } from "../storage/encrypted/find-encryption.js";
import { openMemory } from "../storage/open-memory.js";
import type { Tenure } from "../storage/tenure.js";
import { workerEnvironment as environment } from "./environment.js";
import { Host } from "./host.js";
import type { Lease } from "./lease.js";
import { loadEncryption } from "./load-encryption.js";
import { loadPatterns } from "./load-patterns.js";
import { loadStem } from "./load-stem.js";
import { loadStopWords } from "./load-stop-words.js";
import { openKernel } from "./open-kernel.js";
import { openSource } from "./open-source.js";

/** What the thread is started with: `null` for memory, and the name of its lock. */
const { directory, lock } = workerData as { directory: string | null; lock: string };

const kernel = openKernel({
  "wasm-simd": () => readFile(new URL("../wasm/build/kernel.wasm", import.meta.url)),
  "wasm-relaxed-simd": () => readFile(new URL("../wasm/build/kernel-relaxed.wasm", import.meta.url)),
});
// Opening the engine tells what went wrong.
kernel.catch(() => {});

/** An engine that does not come to its end keeps the lock: whoever started this thread ends it, and gives the lock back. */
async function lease(): Promise<Lease> {
  makeDirectory(directory!);
  await lockDirectory(directory!, lock, limits.lockWaitMs);
  return {
    lost: new Promise(() => {}),
    predecessors: async () => null,
    release: () => unlockDirectory(directory!, lock),
    resign: () => undefined,
  };
}

async function openDirectory(from: string, options: OpenOptions, { lost }: Tenure): Promise<Storage> {
  const { path, durability } = options;
  // With it comes the fast sum: all of the journal is read.
  await kernel;
  const storage = await openDirectoryStorage(from, { durability, now: environment.now, lost });
  try {
    const encryption = await findEncryption(storage.catalog, { path, key: options.encryption?.key, load: loadEncryption });
    return (await encryption?.over(storage)) ?? storage;
  } catch (error) {
    await storage.close();
    throw error;
  }
}

const loads = { loadPatterns, loadStem, loadStopWords };

const host = new Host({
  locks: undefined,
  lease,
  openStorage: (options, tenure) => {
    if (options.source !== undefined) return openSource(options, environment, tenure, async () => null);
    return directory === null ? openMemory(options) : openDirectory(directory, options, tenure);
  },
  destroyStorage: async () => {
    throw new TidepoolError("NOT_SUPPORTED", "A database in a directory is destroyed by removing its files");
  },
  openEngine: async (storage, options, tell, onPoison) => {
    const quota = async () => (directory === null ? null : readDiskQuota(directory).catch(() => null));
    return Engine.open({ storage, kernel: await kernel, environment, options, ...loads, tell, onPoison, quota });
  },
  randomId: environment.randomId,
});

parentPort!.on("message", (port: MessagePort) => {
  const session = host.connect(port);
  port.addEventListener("close", () => void session.close().catch(() => undefined));
});
