/**
 * Drives the graph of the WebAssembly kernel (`assembly/graph.ts`): places nodes and towers, lays out scratch memory before every
 * call that needs it, and copies lists in and out, in the layout that `assembly/nodes.ts` tells.
 */

import type { Candidates } from "../core/index/vector/candidates.js";
import type { Graph, GraphOptions, GraphPiece } from "../core/index/vector/graph-kernel.js";
import { candidatesAt } from "./candidates-at.js";
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
  /** Every node is below. */
  #end = 0;

  constructor(memory: TableMemory, options: GraphOptions) {
    this.options = options;
    this.#memory = memory;
    this.#kernel = memory.kernel;
    const { M, efConstruction, slopeFactor, interceptFactor } = options;
    memory.setNodeBytes(this.#kernel.initGraph(M, efConstruction, slopeFactor, interceptFactor));
  }

  get entry(): number {
    return this.#kernel.entryOrdinal();
  }

  insert(ordinal: number, level: number): void {
    this.#place(ordinal, level);
    this.#layScratch(1);
    this.#kernel.insert(ordinal, level);
  }

  retire(ordinal: number): void {
    if (ordinal < this.#end) this.#kernel.retire(ordinal);
  }

  repair(from: number, to: number): void {
    this.#layScratch(1);
    this.#kernel.repair(from, Math.min(to, this.#end));
  }

  release(ordinal: number): void {
    this.#kernel.release(ordinal, this.#end);
  }

  adopt(ordinal: number, reached: Uint32Array): boolean {
    this.#putAllowed(reached, this.#layScratch(1));
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

  search(query: Int16Array, queryScale: number, beam: number, allowed: Uint32Array | null): Candidates {
    const ordinals = this.#layScratch(beam);
    if (allowed !== null) this.#putAllowed(allowed, ordinals);
    new Int16Array(this.#memory.buffer, this.#kernel.queryAt(0), query.length).set(query);
    const count = this.#kernel.search(queryScale, Math.min(beam, ordinals), allowed !== null);
    return candidatesAt(this.#memory.buffer, this.#kernel.resultsAt() >>> 0, count, 0);
  }

  /** Bits of ordinals that have no node are never looked at. */
  #putAllowed(allowed: Uint32Array, ordinals: number): void {
    const words = new Uint32Array(this.#memory.buffer, this.#kernel.allowedAt() >>> 0, Math.ceil(ordinals / 32));
    words.fill(0, allowed.length);
    words.set(allowed.subarray(0, words.length));
  }

  /** Lays out scratch memory for a beam; returns a bound of the ordinals, not less than 1. */
  #layScratch(beam: number): number {
    const ordinals = Math.max(1, this.#end);
    this.#memory.reserve(this.#kernel.layScratch(this.#memory.scratchAt, ordinals, Math.min(beam, ordinals)) >>> 0);
    return ordinals;
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
