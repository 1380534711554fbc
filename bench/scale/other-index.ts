/** Indexes of others over the same rows, each in a worker of its own, asked by message as a collection is. In the page. */
import type { EngineMethods } from "../engines/vector/engine-protocol.js";
import type { SharedSet } from "../engines/vector/vector-engine.js";
import { WorkerClient } from "../engines/worker-calls.js";
import { allDistances, type Due, dueOf, exactDistance, type Rows, recallOf, rowOf } from "../vector/exact.js";
import type { LabelFilter } from "../vector/labels.js";
import type { FilterColumn } from "./asking.js";

const K = 10;
const BATCH = 1000;
const EF = [16, 32, 48, 64, 96, 128, 192, 256, 384, 512];
const RECALL_MIN = 0.98;
/** A tenth, and a hundredth, of the rows has each. */
const VALUE = 3;

export interface OtherAnswers {
  recall: number;
  ms: number[];
}

export class OtherIndex {
  readonly #engine: WorkerClient<EngineMethods>;
  readonly #set: SharedSet;
  /** What each query is due, by filter. */
  readonly #due = new Map<FilterColumn | null, Due[]>();

  /** `rows` lie in memory that is shared with the worker. */
  constructor(module: string, name: string, rows: Rows, queries: Rows) {
    this.#engine = new WorkerClient<EngineMethods>(module);
    const column = (every: number): Uint8Array => {
      const labels = new Uint8Array(new SharedArrayBuffer(rows.count));
      for (let row = 0; row < rows.count; row++) labels[row] = row % every;
      return labels;
    };
    const labels = { tenth: column(10), hundredth: column(100), region: column(1) };
    this.#set = { name, base: rows, queries, labels };
  }

  /** Takes all rows; milliseconds inside the index. */
  async build(): Promise<number> {
    await this.#engine.call("prepare", this.#set);
    let ms = 0;
    const { count } = this.#set.base;
    for (let from = 0; from < count; from += BATCH) ms += await this.#engine.call("add", from, Math.min(count, from + BATCH));
    return ms;
  }

  /** The least effort that finds enough, where there is a choice; else nothing. */
  async tune(): Promise<void> {
    for (const ef of EF) {
      if (!(await this.#engine.call("setEf", ef))) return;
      if ((await this.ask(null)).recall >= RECALL_MIN) return;
    }
  }

  async ask(filter: FilterColumn | null): Promise<OtherAnswers> {
    const { base, queries } = this.#set;
    const wanted: LabelFilter | null = filter === null ? null : { column: filter, value: VALUE };
    const keeps = (row: number): boolean => wanted === null || this.#set.labels[wanted.column][row] === VALUE;
    const due =
      this.#due.get(filter) ?? Array.from({ length: queries.count }, (_, q) => dueOf(allDistances(base, rowOf(queries, q)), K, keeps));
    this.#due.set(filter, due);
    const ms: number[] = [];
    let recall = 0;
    for (let q = 0; q < queries.count; q++) {
      const query = rowOf(queries, q).slice();
      const start = performance.now();
      const found = await this.#engine.call("search", query, K, wanted);
      ms.push(performance.now() - start);
      recall += recallOf(found, due[q]!, (row) => exactDistance(base, row, query), keeps) / queries.count;
    }
    return { recall, ms };
  }

  wasmBytes(): Promise<number> {
    return this.#engine.call("wasmBytes");
  }

  close(): void {
    this.#engine.close();
  }
}
