/**
 * hnswlib-wasm. Inner product of unit vectors is their cosine and spares the library a normalization. A filter is a
 * callback that looks a byte up. Its index can be kept in its own file system in IndexedDB only.
 */

import { type HierarchicalNSW, type HnswlibModule, loadHnswlib, syncFileSystem } from "hnswlib-wasm";
import { openDB } from "idb";
import { rowOf } from "../../vector/exact.js";
import type { LabelFilter } from "../../vector/labels.js";
import { serve } from "./serve.js";
import { EF_CONSTRUCTION, keptRows, M, PreparedFilters, type SharedSet, type VectorEngine } from "./vector-engine.js";

const SEED = 100;
/** Where Emscripten's file system keeps its files. */
const DATABASE = "/hnswlib-index";
const STORE = "FILE_DATA";

class Hnswlib implements VectorEngine {
  #set: SharedSet | null = null;
  #index: HierarchicalNSW | null = null;
  readonly #filters = new PreparedFilters((filter) => {
    const kept = keptRows(this.#set!, filter);
    return (label: number): boolean => kept[label] === 1;
  });

  async prepare(set: SharedSet): Promise<void> {
    this.#set = set;
    this.#index = newIndex(await loadHnswlib(), set);
    this.#index.initIndex(set.base.count, M, EF_CONSTRUCTION, SEED);
  }

  add(from: number, to: number): void {
    const labels = Array.from({ length: to - from }, (_, i) => from + i);
    this.#index!.addPoints(
      labels.map((row) => rowOf(this.#set!.base, row)),
      labels,
      false,
    );
  }

  setEf(ef: number): void {
    this.#index!.setEfSearch(ef);
  }

  prepareFilter(filter: LabelFilter): void {
    this.#filters.get(filter);
  }

  search(query: Float32Array, k: number, filter: LabelFilter | null): number[] {
    return this.#index!.searchKnn(query, k, filter === null ? undefined : this.#filters.get(filter)).neighbors;
  }

  async save(): Promise<number> {
    const name = fileName(this.#set!);
    await this.#index!.writeIndex(name);
    await syncFileSystem("write");
    const database = await openDB(DATABASE);
    const file = (await database.get(STORE, `${DATABASE}/${name}`)) as { contents: Uint8Array } | undefined;
    database.close();
    return file?.contents.byteLength ?? 0;
  }

  async open(set: SharedSet): Promise<void> {
    this.#set = set;
    const library = await loadHnswlib();
    await syncFileSystem("read");
    this.#index = newIndex(library, set);
    await this.#index.readIndex(fileName(set), set.base.count);
  }
}

function newIndex(library: HnswlibModule, { base }: SharedSet): HierarchicalNSW {
  return new library.HierarchicalNSW(base.space === "l2" ? "l2" : "ip", base.dimension, "");
}

function fileName({ name }: SharedSet): string {
  return `${name}.dat`;
}

serve(new Hnswlib());
