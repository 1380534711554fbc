/** `client.vacuum()`: asks for one step after the other, so that it can be watched and stopped. */
import { invalidArgument, show, TidepoolError } from "../core/errors.js";
import { validateFunction } from "../core/gateway/validate/values.js";
import type { EngineMethods } from "../core/service.js";
import { readCallLimits } from "./call-limits.js";
import { readArguments, readObject } from "./read-arguments.js";

/** Options of `client.vacuum`. */
export interface VacuumOptions {
  /** Whether what was deleted or replaced is overwritten, too. Default `false`. */
  erase?: boolean;
  /** Called after each step, with the number of steps done and of all: a step for each collection, and one for the space. */
  onProgress?: (progress: { done: number; total: number }) => void;
  /** Stops between two steps; what is done stays done. */
  signal?: AbortSignal;
}

/** What `client.vacuum` has left. */
export interface VacuumReport {
  /** Bytes reserved on disk for blocks. */
  blockBytesReserved: number;
  /** Bytes of all blocks in use. */
  blockBytesUsed: number;
  /** Earlier versions that `retainVersions` keeps, of all collections: what was deleted since stands in them still. */
  versionsKept: number;
}

/** `engine` is asked for one step after the other. */
export async function vacuum(engine: Pick<EngineMethods, "vacuum" | "info">, options: VacuumOptions): Promise<VacuumReport> {
  const { erase, onProgress, signal } = readArguments("vacuum", () => readOptions(options));
  for (let after = 0; ; ) {
    if (signal?.aborted) throw new TidepoolError("ABORTED", "The vacuum was stopped by its signal", { cause: signal.reason });
    const step = await engine.vacuum({ erase, after });
    onProgress?.({ done: step.done, total: step.total });
    if (step.after !== null) after = step.after;
    else {
      const { blockBytesReserved, blockBytesUsed } = await engine.info();
      return { blockBytesReserved, blockBytesUsed, versionsKept: step.versionsKept };
    }
  }
}

function readOptions(options: VacuumOptions) {
  const { erase = false, onProgress, signal } = readObject(options, "vacuum", "erase onProgress signal");
  if (typeof erase !== "boolean") throw invalidArgument(`erase must be true or false, got ${show(erase)}`);
  if (onProgress !== undefined) validateFunction(onProgress, "onProgress");
  return { erase, onProgress, signal: readCallLimits({ signal }).signal };
}
