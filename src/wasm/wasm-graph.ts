/**
 * Drives the graph of the WebAssembly kernel (`assembly/graph.ts`): places nodes and towers, lays out scratch memory before every
 * call that needs it, and copies lists in and out, in the layout that `assembly/nodes.ts` tells.
 */

import type { Candidates } from "../core/index/vector/candidates.js";
import type { CommonInsertion, Graph, GraphOptions, GraphPiece } from "../core/index/vector/graph-kernel.js";
import type { CommonSearch, ScanQuery } from "../core/index/vector/vector-kernel.js";
import { layGraphScratch, putAllowed, walkGraph } from "./graph-scratch.js";
import type { SharedGraph } from "./shared-task.js";
import type { TableHelpers } from "./table-helpers.js";
import type { KernelExports, TableMemory } from "./table-memory.js";

const LIVE = 1;
/** Where a node keeps its level, its tower's address and its list of level 0. */
const LEVEL_OFFSET = 1;
const TOWER_OFFSET = 4;
const LIST_OFFSET = 8;

export class WasmGraph implements Graph {
  readonly options: GraphOptions;
  readonly #memory: TableMemory;
  readonly #kernel: KernelExports;
  readonly #helpers: TableHelpers | null;
  changing: Promise<void> | null = null;
  /** Every node is below. */
  #end = 0;

  constructor(memory: TableMemory, options: GraphOptions, helpers: TableHelpers | null) {
    this.options = options;
    this.#memory = memory;
    this.#helpers = helpers;
    this.#kernel = memory.kernel;
    const { M, efConstruction, slopeFactor, interceptFactor } = options;
    memory.setNodeBytes(this.#kernel.initGraph(M, efConstruction, slopeFactor, interceptFactor));
  }

  get entry(): number {
    return this.#kernel.entryOrdinal();
  }

  insert(ordinal: number, level: number): void {
    this.#place(ordinal, level);
    this.#layScratch();
    this.#kernel.insert(ordinal, level);
  }

  insertTogether(nodes: Uint32Array, levels: Uint8Array): CommonInsertion | null {
    if (!this.#helpers?.isWanted) return null;
    nodes.forEach((node, i) => void this.#place(node, levels[i]!));
    const [graph, change] = [() => this.#shared, () => this.#change()];
    return this.#helpers.insert(this.#memory, { nodes, levels, graph, change });
  }

  #change(): () => void {
    let over = (): void => undefined;
    this.changing = new Promise((resolve) => {
      over = () => {
        this.changing = null;
        resolve();
      };
    });
    return over;
  }

  retire(ordinal: number): void {
    if (ordinal < this.#end) this.#kernel.retire(ordinal);
  }

  repair(from: number, to: number): void {
    this.#layScratch();
    this.#kernel.repair(from, Math.min(to, this.#end));
  }

  release(ordinal: number): void {
    this.#kernel.release(ordinal, this.#end);
  }

  adopt(ordinal: number, reached: Uint32Array): boolean {
    this.#layScratch();
    putAllowed(this.#memory, reached, this.#ordinals);
    return this.#kernel.adopt(ordinal) !== 0;
  }

  /** Towers keep their places. */
  clear(): void {
    const bytes = new Uint8Array(this.#memory.buffer);
    for (let ordinal = 0; ordinal < this.#end; ordinal++) bytes[this.#memory.nodeAt(ordinal)] = 0;
    this.#kernel.clearGraph();
  }

  neighbours(ordinal: number, level: number): Uint32Array {
    const words = new Uint32Array(this.#memory.buffer);
    const list = this.#listAt(words, ordinal, level);
    return words.slice(list + 1, list + 1 + words[list]!);
  }

  read(from: number, to: number): GraphPiece {
    const bytes = new Uint8Array(this.#memory.buffer);
    const words = new Uint32Array(this.#memory.buffer);
    const heights = new Uint8Array(to - from);
    const lists: number[] = [];
    for (let ordinal = from; ordinal < Math.min(to, this.#end); ordinal++) {
      const node = this.#memory.nodeAt(ordinal);
      if (bytes[node] === 0) continue;
      const height = bytes[node + LEVEL_OFFSET]! + 1;
      heights[ordinal - from] = height;
      for (let level = 0; level < height; level++) lists.push(this.#listAt(words, ordinal, level));
    }
    return { heights, ...copyLists(words, lists) };
  }

  write(from: number, { heights, degrees, links }: GraphPiece): void {
    this.#memory.placeNodes(from + heights.length);
    for (let i = 0; i < heights.length; i++) if (heights[i]! > 0) this.#place(from + i, heights[i]! - 1);
    const bytes = new Uint8Array(this.#memory.buffer);
    const words = new Uint32Array(this.#memory.buffer);
    let list = 0;
    let link = 0;
    for (let i = 0; i < heights.length; i++) {
      const height = heights[i]!;
      if (height === 0) continue;
      const node = this.#memory.nodeAt(from + i);
      bytes[node] = LIVE;
      bytes[node + LEVEL_OFFSET] = height - 1;
      for (let level = 0; level < height; level++) {
        const at = this.#listAt(words, from + i, level);
        const degree = degrees[list++]!;
        words[at] = degree;
        for (let n = 1; n <= degree; n++) words[at + n] = links[link++]!;
      }
    }
  }

  setEntry(ordinal: number): void {
    this.#kernel.restoreEntry(ordinal);
  }

  search(codes: Int16Array, scale: number, beam: number, allowed: Uint32Array | null): Candidates {
    return walkGraph(this.#memory, { codes, scale }, { ordinals: this.#ordinals, beam: Math.min(beam, this.#ordinals), allowed });
  }

  searchTogether(queries: readonly ScanQuery[], beam: number, allowed: Uint32Array | null): CommonSearch | null {
    const ordinals = this.#ordinals;
    const scope = { ordinals, beam: Math.min(beam, ordinals), allowed };
    return this.#helpers?.walk(this.#memory, queries, scope, this.#shared) ?? null;
  }

  get #shared(): SharedGraph {
    return { options: this.options, entry: this.entry, stale: this.#kernel.staleNodes(), ordinals: this.#ordinals };
  }

  /** A bound of the ordinals, not less than 1. */
  get #ordinals(): number {
    return Math.max(1, this.#end);
  }

  #layScratch(): void {
    layGraphScratch(this.#memory, this.#ordinals, 1);
  }

  #place(ordinal: number, level: number): void {
    this.#memory.placeNodes(ordinal + 1);
    this.#end = Math.max(this.#end, ordinal + 1);
    if (level === 0) return;
    const tower = (this.#memory.nodeAt(ordinal) + TOWER_OFFSET) / 4;
    if (new Uint32Array(this.#memory.buffer)[tower] !== 0) return;
    const at = this.#memory.place(level * 4 * (1 + this.options.M));
    new Uint32Array(this.#memory.buffer)[tower] = at;
  }

  /** Index, among the words of memory, of a list's count. */
  #listAt(words: Uint32Array, ordinal: number, level: number): number {
    const node = this.#memory.nodeAt(ordinal);
    if (level === 0) return (node + LIST_OFFSET) / 4;
    return words[(node + TOWER_OFFSET) / 4]! / 4 + (level - 1) * (1 + this.options.M);
  }
}

/** The lists whose counts lie at the given words. */
function copyLists(words: Uint32Array, lists: readonly number[]): { degrees: Uint16Array; links: Uint32Array } {
  const degrees = Uint16Array.from(lists, (list) => words[list]!);
  const links = new Uint32Array(degrees.reduce((sum, degree) => sum + degree, 0));
  let link = 0;
  lists.forEach((list, i) => {
    for (let n = 1; n <= degrees[i]!; n++) links[link++] = words[list + n]!;
  });
  return { degrees, links };
}
