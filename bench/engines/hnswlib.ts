/**
 * hnswlib-wasm with documents and metadata in plain arrays beside it, M 16 and efConstruction 200. Inner product of unit
 * vectors is their cosine and spares the library a normalization. Filters are callbacks that look at the metadata.
 */
import { type HierarchicalNSW, type HnswlibModule, loadHnswlib, syncFileSystem } from "hnswlib-wasm";
import { type Dataset, DIMENSION, type RecordMetadata } from "../clustered.js";
import { type FilterName, filterNamed } from "../filters.js";
import type { Baseline, Hit } from "./baseline.js";
import { loadColumns, saveColumns } from "./record-file.js";

const M = 16;
const EF_CONSTRUCTION = 200;
const SEED = 100;

export class Hnswlib implements Baseline {
  #index: HierarchicalNSW | null = null;
  readonly #ids: string[] = [];
  readonly #documents: string[] = [];
  readonly #metadatas: RecordMetadata[] = [];

  async prepare(capacity: number): Promise<void> {
    this.#index = newIndex(await loadHnswlib());
    this.#index.initIndex(capacity, M, EF_CONSTRUCTION, SEED);
  }

  get #opened(): HierarchicalNSW {
    if (this.#index === null) throw new Error("the index was not prepared");
    return this.#index;
  }

  setEfSearch(ef: number): void {
    this.#opened.setEfSearch(ef);
  }

  add({ ids, vectors, documents, metadatas }: Dataset): void {
    const first = this.#ids.length;
    const rows = ids.map((_, row) => vectors.subarray(row * DIMENSION, (row + 1) * DIMENSION));
    this.#opened.addPoints(
      rows,
      ids.map((_, row) => first + row),
      false,
    );
    this.#ids.push(...ids);
    this.#documents.push(...documents);
    this.#metadatas.push(...metadatas);
  }

  query(embedding: Float32Array, k: number, filter: FilterName): Hit[] {
    const { where, keep } = filterNamed(filter);
    const allow = where === undefined ? undefined : (label: number): boolean => keep(this.#metadatas[label]!);
    const { neighbors, distances } = this.#opened.searchKnn(embedding, k, allow);
    return neighbors.map((label, i) => ({
      id: this.#ids[label]!,
      distance: distances[i]!,
      document: this.#documents[label]!,
      metadata: this.#metadatas[label],
    }));
  }

  async persist(name: string): Promise<void> {
    await this.#opened.writeIndex(`${name}.dat`);
    await syncFileSystem("write");
    await saveColumns(`hnswlib-${name}`, { ids: this.#ids, documents: this.#documents, metadatas: this.#metadatas });
  }

  async open(name: string): Promise<void> {
    for (const { ids, documents, metadatas } of await loadColumns(`hnswlib-${name}`)) {
      this.#ids.push(...ids);
      this.#documents.push(...documents);
      this.#metadatas.push(...(metadatas as RecordMetadata[]));
    }
    const library = await loadHnswlib();
    await syncFileSystem("read");
    this.#index = newIndex(library);
    await this.#index.readIndex(`${name}.dat`, this.#ids.length);
  }
}

function newIndex(library: HnswlibModule): HierarchicalNSW {
  return new library.HierarchicalNSW("ip", DIMENSION, "");
}
