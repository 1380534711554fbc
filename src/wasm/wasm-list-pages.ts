/**
 * `ListPages` in a memory of their own:
 *
 *     tables of the query scanned last · sums · pages, as they are needed · what a call takes and returns
 */

import { carved } from "../core/base/slab.js";
import { scanFactorsOf } from "../core/index/vector/spann/fast-scan.js";
import { SUB_BLOCK_ROWS, subBlockBytesOf } from "../core/index/vector/spann/list-layout.js";
import type { ListPages, PreparedQuery, Probe, ScannedLists, ScanOptions } from "../core/index/vector/spann/spann-kernel.js";
import { TableMemory } from "./table-memory.js";

/** Pages that memory is taken for at once. */
const CHUNK_PAGES = 32;
const SUMS_BYTES = 4 * SUB_BLOCK_ROWS;
/** What the kernel takes of a list: six words. */
const PROBE_WORDS = 6;
const SUB_BLOCKS_WORD = 4;
const END_WORD = 5;

export class WasmListPages implements ListPages {
  readonly #memory: TableMemory;
  readonly #paddedDimension: number;
  readonly #tablesAt: number;
  readonly #sumsAt: number;
  /** Where each chunk of pages begins. */
  readonly #chunks: number[] = [];
  #query: PreparedQuery | null = null;
  #bytes: Uint8Array;
  #words: Uint32Array;
  #floats: Float32Array;

  constructor(module: WebAssembly.Module, paddedDimension: number, bytesMax: number) {
    this.#memory = new TableMemory(module, paddedDimension, { headroomEnd: bytesMax });
    this.#paddedDimension = paddedDimension;
    // Behind what scans of code tables take, of which there is none here.
    this.#memory.place(-this.#memory.scratchAt & 15);
    this.#tablesAt = this.#memory.place(4 * paddedDimension);
    this.#sumsAt = this.#memory.place(SUMS_BYTES);
    this.#bytes = new Uint8Array(this.#memory.buffer);
    this.#words = new Uint32Array(this.#memory.buffer);
    this.#floats = new Float32Array(this.#memory.buffer);
  }

  get byteLength(): number {
    return this.#memory.buffer.byteLength;
  }

  put(page: number, subBlock: Uint8Array): void {
    while (page >= CHUNK_PAGES * this.#chunks.length) this.#chunks.push(this.#memory.place(CHUNK_PAGES * this.#pageBytes));
    this.#renewViews();
    this.#bytes.set(subBlock, this.#at(page));
  }

  copy(page: number, into: Uint8Array): void {
    into.set(this.#bytes.subarray(this.#at(page), this.#at(page) + this.#pageBytes));
  }

  /** Scratch memory holds the lists' words, then the pages' addresses, then ordinals, estimates and sigmas. */
  scan(query: PreparedQuery, probes: readonly Probe[], pages: Uint32Array, counts: Uint32Array, options: ScanOptions): ScannedLists {
    const { kernel } = this.#memory;
    const probesAt = Math.ceil(this.#memory.scratchAt / 4) * 4;
    const pagesAt = probesAt + 4 * PROBE_WORDS * probes.length;
    const foundAt = pagesAt + 4 * pages.length;
    const column = SUB_BLOCK_ROWS * pages.length;
    this.#memory.reserve(foundAt + 12 * column);
    this.#renewViews();
    this.#layTables(query);
    for (let i = 0; i < pages.length; i++) this.#words[pagesAt / 4 + i] = this.#at(pages[i]!);
    probes.forEach((probe, i) => void this.#putProbe(probesAt / 4 + PROBE_WORDS * i, query, probe, counts[i]!, options));
    const { step, minimum, epsilon, below } = scanFactorsOf(query, probes[0]!, options);
    kernel.beginScan(step, minimum, epsilon, below, foundAt, foundAt + 4 * column, foundAt + 8 * column);
    kernel.scanPages(probesAt, probes.length, pagesAt, this.#paddedDimension, this.#tablesAt, this.#sumsAt);
    const ends = carved(Uint32Array, probes.length);
    for (let i = 0; i < ends.length; i++) ends[i] = this.#words[probesAt / 4 + PROBE_WORDS * i + END_WORD]!;
    const count = ends[ends.length - 1]!;
    const at = foundAt / 4;
    return {
      ordinals: this.#words.subarray(at, at + count),
      estimates: this.#floats.subarray(at + column, at + column + count),
      sigmas: this.#floats.subarray(at + 2 * column, at + 2 * column + count),
      ends,
    };
  }

  #putProbe(at: number, query: PreparedQuery, probe: Probe, count: number, options: ScanOptions): void {
    const { base, weight, spread, limit } = scanFactorsOf(query, probe, options);
    this.#floats[at] = base;
    this.#floats[at + 1] = weight;
    this.#floats[at + 2] = spread;
    this.#floats[at + 3] = limit;
    this.#words[at + SUB_BLOCKS_WORD] = count;
  }

  #layTables(query: PreparedQuery): void {
    if (this.#query === query) return;
    this.#bytes.set(query.tables, this.#tablesAt);
    this.#query = query;
  }

  get #pageBytes(): number {
    return subBlockBytesOf(this.#paddedDimension);
  }

  #at(page: number): number {
    return this.#chunks[Math.floor(page / CHUNK_PAGES)]! + (page % CHUNK_PAGES) * this.#pageBytes;
  }

  /** Memory that has grown is seen by new views only. */
  #renewViews(): void {
    const { buffer } = this.#memory;
    if (this.#bytes.buffer === buffer) return;
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer);
    this.#floats = new Float32Array(buffer);
  }
}
