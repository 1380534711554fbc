/** What a helper does: items of the task that it is sent, until none is left. The engine's thread does items of it as well. */

import { TidepoolError } from "../core/errors.js";
import { doItem, enterGraph, type SharedTask } from "./shared-task.js";
import { type Desk, instanceOver, type KernelExports, spotsOf, viewsOf, type Workplace } from "./table-memory.js";

/**
 * Where those who do a task meet: the next item to be taken, what each helper is about, and which items are done. Whoever takes an item
 * has said before that it is at work, and says so until all that it took are done, unless it dies.
 */
export const NEXT = 0;
export const HELPERS = 1;
/** What a helper is about. One that has not begun when the task is over is told that it has left. */
export const NOT_BEGUN = 0;
export const AT_WORK = 1;
export const LEFT = 2;

export interface HelperJob {
  type: "job";
  /** Number of the helper. */
  helper: number;
  helpers: number;
  items: number;
  control: Int32Array;
  task: SharedTask;
  /** The table: its number, memory, and what instances are told of it. */
  table: { number: number; memory: WebAssembly.Memory; dimension: number; chunkShift: number; longest: number };
  desk: Desk;
}

/** Does items of jobs, over instances of one module. */
export class Helper {
  readonly #module: WebAssembly.Module;
  /** Of the latest table. */
  #instance: { table: number; kernel: KernelExports } | null = null;

  constructor(module: WebAssembly.Module) {
    this.#module = module;
  }

  /** Returns how many items were left for it. */
  help({ helper, helpers, items, control, task, table, desk }: HelperJob): number {
    const about = HELPERS + helper;
    if (Atomics.compareExchange(control, about, NOT_BEGUN, AT_WORK) !== NOT_BEGUN) return 0;
    let count = 0;
    try {
      let place: Workplace | null = null;
      for (let item = takeItem(control); item < items; item = takeItem(control)) {
        place ??= this.#placeAt(table, desk, task);
        doItem(task, place, item);
        Atomics.store(control, HELPERS + helpers + item, 1);
        count++;
      }
      return count;
    } finally {
      Atomics.store(control, about, LEFT);
    }
  }

  #placeAt(table: HelperJob["table"], desk: Desk, task: SharedTask): Workplace {
    if (this.#instance?.table !== table.number) {
      this.#instance = { table: table.number, kernel: instanceOver(this.#module, table.memory) };
      this.#instance.kernel.init(table.dimension, table.chunkShift);
    }
    const { kernel } = this.#instance;
    kernel.workAt(desk.at);
    kernel.noteLongest(table.longest);
    const scratchAt = Math.ceil((desk.at + kernel.deskBytes()) / 16) * 16;
    const reserve = (bytes: number): void => checkRoom(bytes, desk);
    const place = { kernel, views: viewsOf(kernel.memory.buffer), spots: spotsOf(kernel), scratchAt, reserve };
    if (task.kind !== "scan") enterGraph(place, task.graph);
    return place;
  }
}

/** The item that is the caller's to do; beyond the last there is none. */
export function takeItem(control: Int32Array): number {
  return Atomics.add(control, NEXT, 1);
}

function checkRoom(bytes: number, desk: Desk): void {
  if (bytes > desk.end) throw new TidepoolError("INTERNAL", `A helper needs memory up to ${bytes}, and has it up to ${desk.end}.`);
}
