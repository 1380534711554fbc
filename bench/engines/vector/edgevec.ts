/**
 * edgevec. Squared distance, whose order for unit vectors is that of the cosine. Its `ef` is chosen when the index is made and
 * cannot be changed, so there is one setting; a filter is an expression in text over metadata.
 */
import init, { EdgeVec, EdgeVecConfig } from "edgevec";
import { rowOf } from "../../vector/exact.js";
import { columns, type LabelFilter } from "../../vector/labels.js";
import { serve } from "./serve.js";
import { EF_CONSTRUCTION, M, type SharedSet, type VectorEngine } from "./vector-engine.js";

const EF_SEARCH = 64;

class Edgevec implements VectorEngine {
  #set: SharedSet | null = null;
  #index: EdgeVec | null = null;

  async prepare(set: SharedSet): Promise<void> {
    await init();
    this.#set = set;
    const config = new EdgeVecConfig(set.base.dimension);
    config.metric = "l2";
    config.m = M;
    config.m0 = 2 * M;
    config.ef_construction = EF_CONSTRUCTION;
    config.ef_search = EF_SEARCH;
    this.#index = new EdgeVec(config);
  }

  add(from: number, to: number): void {
    const { base, labels } = this.#set!;
    for (let row = from; row < to; row++) {
      const metadata = Object.fromEntries(columns.map((column) => [column, labels[column][row]!]));
      this.#index!.insertWithMetadata(rowOf(base, row).slice(), metadata);
    }
  }

  /** It numbers vectors from 1 on. */
  search(query: Float32Array, k: number, filter: LabelFilter | null): number[] {
    const found =
      filter === null ? this.#index!.search(query, k) : this.#index!.searchWithFilter(query, `${filter.column} = ${filter.value}`, k);
    return found.map(({ id }) => id - 1);
  }

  async save(): Promise<number> {
    await this.#index!.save(this.#set!.name);
    let bytes = 0;
    const chunks = this.#index!.save_stream();
    for (let chunk = chunks.next_chunk(); chunk !== undefined; chunk = chunks.next_chunk()) bytes += chunk.byteLength;
    return bytes;
  }

  async open(set: SharedSet): Promise<void> {
    await init();
    this.#set = set;
    this.#index = await EdgeVec.load(set.name);
  }
}

serve(new Edgevec());
