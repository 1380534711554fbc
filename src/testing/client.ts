/** A client for tests in Node: the real engine with memory storage, at the other end of the worker's own protocol. */

import { TidepoolClient, type TidepoolClientOptions } from "../api/client.js";
import { Engine, type EngineParts } from "../core/engine.js";
import { referenceKernel } from "../core/index/vector/reference-kernel.js";
import type { Environment } from "../core/storage.js";
import { destroyStorage, openStorage } from "../storage/open-storage.js";
import type { CacheFile } from "../storage/published/published-tools.js";
import { workerEnvironment } from "../worker/environment.js";
import { Host } from "../worker/host.js";
import type { Locks } from "../worker/lease.js";
import { openSource } from "../worker/open-source.js";
import { loadPatterns } from "./patterns.js";
import { TestWorker } from "./worker.js";

let databases = 0;

/** Opens a file that keeps what is read of a published database. */
export type OpenFile = (name: string) => Promise<CacheFile | null>;

/** What a host of tests may be given. `quota` is what the browser says of the origin's space. */
interface HostOptions {
  quota?: EngineParts["quota"];
  openFile?: OpenFile;
}

/** A host of the real engine, with memory storage. */
export function memoryHost(
  environment: Environment = workerEnvironment,
  locks?: Locks,
  { quota, openFile = async () => null }: HostOptions = {},
): Host {
  return new Host({
    locks,
    openStorage: (options, tenure) =>
      options.source === undefined ? openStorage(options, environment, tenure) : openSource(options, environment, tenure, openFile),
    openEngine: (storage, options, tell, onPoison) =>
      Engine.open({ storage, kernel: referenceKernel, loadPatterns, environment, options, tell, onPoison, ...(quota && { quota }) }),
    destroyStorage,
    randomId: () => environment.randomId(),
  });
}

/** Opens nothing until it is used. `environment` brings a clock of the test's own. */
export function openTestClient(options: TidepoolClientOptions = {}, environment: Environment = workerEnvironment): TidepoolClient {
  const worker = TestWorker.factory(() => memoryHost(environment));
  return new TidepoolClient({ path: `test-${++databases}`, storage: "memory", worker, ...options });
}
