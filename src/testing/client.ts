/** A client for tests in Node: the real engine with memory storage, at the other end of the worker's own protocol. */

import { TidepoolClient, type TidepoolClientOptions } from "../api/client.js";
import { Engine } from "../core/engine.js";
import { referenceKernel } from "../core/index/vector/reference-kernel.js";
import type { Environment } from "../core/storage.js";
import { openStorage } from "../storage/open-storage.js";
import { workerEnvironment } from "../worker/environment.js";
import { Host } from "../worker/host.js";
import { TestWorker } from "./worker.js";

let databases = 0;

/** Opens nothing until it is used. `environment` brings a clock of the test's own. */
export function openTestClient(options: TidepoolClientOptions = {}, environment: Environment = workerEnvironment): TidepoolClient {
  const host = () =>
    new Host({
      locks: undefined,
      openStorage: (opened) => openStorage(opened, environment),
      openEngine: (storage, opened, onWarning) =>
        Engine.open({ storage, kernel: referenceKernel, environment, options: opened, onWarning }),
      destroyStorage: async () => undefined,
      randomId: environment.randomId.bind(environment),
    });
  return new TidepoolClient({ path: `test-${++databases}`, storage: "memory", worker: TestWorker.factory(host), ...options });
}
