/** What tables ask of helpers (`helper-pool.ts`), which are loaded where there may be any. */

import type { CommonInsertion } from "../core/index/vector/graph-kernel.js";
import type { CommonSearch, KernelHelpers, ScanQuery } from "../core/index/vector/vector-kernel.js";
import type { WalkScope } from "./graph-scratch.js";
import type { ScanScope } from "./scan-pass.js";
import type { SharedGraph } from "./shared-task.js";
import type { TableMemory } from "./table-memory.js";

/** Nodes that are to be inserted together. */
export interface Insertion {
  nodes: Uint32Array;
  levels: Uint8Array;
  /** The graph as it is. */
  graph(): SharedGraph;
  /** Called when searches are to wait; what it returns when they may go on. */
  change(): () => void;
}

export interface TableHelpers extends KernelHelpers {
  /** Whether tables are to be made that can be shared. */
  readonly isWanted: boolean;
  /** Bytes that the task under way shares beside tables. */
  readonly byteLength: number;
  /** The kernel for memory that is shared. */
  readonly module: WebAssembly.Module;
  /** Memory that can be shared; `null`, of which the engine is told, where a device gives out none: then nobody helps with that table. */
  newMemory(): WebAssembly.Memory | null;
  /** `null` where it is not worth it, there is nobody to help, or all are at work. */
  scan(memory: TableMemory, queries: readonly ScanQuery[], scope: ScanScope): CommonSearch | null;
  walk(memory: TableMemory, queries: readonly ScanQuery[], scope: WalkScope, graph: SharedGraph): CommonSearch | null;
  insert(memory: TableMemory, insertion: Insertion): CommonInsertion;
}

/** What stands where helpers could not be loaded. */
export interface LackingHelpers extends KernelHelpers {
  readonly isWanted: false;
  readonly byteLength: 0;
}
