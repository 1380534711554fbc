/** The page of the suite `kernels`: passes questions on to a worker, as the engine runs in one. */
import type { KernelMethods, KernelTimes, KernelVariant } from "../engines/list-kernels.js";
import { WorkerClient } from "../engines/worker-calls.js";
import { expose } from "../page.js";

const worker = new WorkerClient<KernelMethods>("list-kernels");

const functions = {
  measure: (variant: KernelVariant, dimension: number, rounds: number): Promise<KernelTimes | null> =>
    worker.call("measure", variant, dimension, rounds),
};

export type KernelsPage = typeof functions;

expose(functions);
