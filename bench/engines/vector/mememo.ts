/** mememo: HNSW in JavaScript over a map, kept in memory; without filters. It takes arrays of numbers and gives back keys. */
import { HNSW } from "mememo";
import { rowOf } from "../../vector/exact.js";
import { serve } from "./serve.js";
import { loadParts, saveParts } from "./snapshot-file.js";
import { EF_CONSTRUCTION, M, type SharedSet, type VectorEngine } from "./vector-engine.js";

const SEED = 1;

class Mememo implements VectorEngine {
  #set: SharedSet | null = null;
  #index: HNSW | null = null;
  #ef = 16;

  prepare(set: SharedSet): void {
    this.#set = set;
    this.#index = new HNSW({
      distanceFunction: "cosine-normalized",
      m: M,
      efConstruction: EF_CONSTRUCTION,
      seed: SEED,
      useIndexedDB: false,
    });
  }

  async add(from: number, to: number): Promise<void> {
    await this.#index!.bulkInsert(...this.#rows(from, to));
  }

  setEf(ef: number): void {
    this.#ef = ef;
  }

  async search(query: Float32Array, k: number): Promise<number[]> {
    const { keys } = await this.#index!.query([...query], k, Math.max(this.#ef, k));
    return keys.map(Number);
  }

  /** Its graph; the vectors it wants to be given again. */
  save(): Promise<number> {
    return saveParts(`mememo-${this.#set!.name}`, [new TextEncoder().encode(JSON.stringify(this.#index!.exportIndex()))]);
  }

  async open(set: SharedSet): Promise<void> {
    this.prepare(set);
    const [text] = await loadParts(`mememo-${set.name}`);
    this.#index!.loadIndex(JSON.parse(new TextDecoder().decode(text)) as object);
    await this.#index!.bulkInsertSkipIndex(...this.#rows(0, set.base.count));
  }

  #rows(from: number, to: number): [string[], number[][]] {
    const rows = Array.from({ length: to - from }, (_, i) => from + i);
    return [rows.map(String), rows.map((row) => [...rowOf(this.#set!.base, row)])];
  }
}

serve(new Mememo());
