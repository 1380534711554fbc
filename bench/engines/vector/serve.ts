/** The worker's side of an engine: answers the page's messages, and times the engine without them. */

import { rowOf } from "../../vector/exact.js";
import type { LabelFilter } from "../../vector/labels.js";
import { answerCalls } from "../worker-calls.js";
import type { EngineMethods, Measured } from "./engine-protocol.js";
import type { SharedSet, VectorEngine } from "./vector-engine.js";
import { wasmBytes } from "./wasm-memory.js";

/** Called once by the module of an engine. */
export function serve(engine: VectorEngine): void {
  answerCalls<EngineMethods>(new Served(engine));
}

class Served implements EngineMethods {
  readonly #engine: VectorEngine;
  #queries: Float32Array[] = [];

  constructor(engine: VectorEngine) {
    this.#engine = engine;
  }

  async prepare(set: SharedSet): Promise<void> {
    this.#takeQueries(set);
    await this.#engine.prepare(set);
  }

  async open(set: SharedSet): Promise<void> {
    this.#takeQueries(set);
    await this.#engine.open?.(set);
  }

  async add(from: number, to: number): Promise<number> {
    const start = performance.now();
    await this.#engine.add(from, to);
    return performance.now() - start;
  }

  async setEf(ef: number): Promise<boolean> {
    await this.#engine.setEf?.(ef);
    return this.#engine.setEf !== undefined;
  }

  async measure(k: number, filters: (LabelFilter | null)[], warmUp: number): Promise<Measured> {
    for (const filter of filters) if (filter !== null) this.#engine.prepareFilter?.(filter);
    for (let q = 0; q < warmUp; q++) await this.#engine.search(this.#queries[q % this.#queries.length]!, k, filters[q % filters.length]!);
    const measured: Measured = { timesMs: [], rows: [] };
    for (const [q, query] of this.#queries.entries()) {
      const start = performance.now();
      const answer = this.#engine.search(query, k, filters[q]!);
      // An engine that answers at once should not pay for a promise.
      const rows: readonly number[] = answer instanceof Promise ? await answer : answer;
      measured.timesMs.push(performance.now() - start);
      measured.rows.push([...rows]);
    }
    return measured;
  }

  async search(query: Float32Array, k: number, filter: LabelFilter | null): Promise<readonly number[]> {
    return this.#engine.search(query, k, filter);
  }

  async save(): Promise<number | null> {
    return (await this.#engine.save?.()) ?? null;
  }

  async wasmBytes(): Promise<number> {
    return wasmBytes();
  }

  async distancesPerQuery(ef: number): Promise<number | null> {
    return this.#engine.distancesPerQuery?.(ef) ?? null;
  }

  /** Copies: some engines do not take memory that is shared. */
  #takeQueries({ queries }: SharedSet): void {
    this.#queries = Array.from({ length: queries.count }, (_, q) => rowOf(queries, q).slice());
  }
}
