/** PostgreSQL in WebAssembly with pgvector's HNSW, in memory. Filters are conditions in SQL, over indexed columns. */
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import { rowOf } from "../../vector/exact.js";
import type { LabelFilter } from "../../vector/labels.js";
import { columns } from "../../vector/labels.js";
import { serve } from "./serve.js";
import { loadParts, saveParts } from "./snapshot-file.js";
import { EF_CONSTRUCTION, M, type SharedSet, type VectorEngine } from "./vector-engine.js";

class Pglite implements VectorEngine {
  #set: SharedSet | null = null;
  #database: PGlite | null = null;

  async prepare(set: SharedSet): Promise<void> {
    this.#set = set;
    this.#database = new PGlite({ extensions: { vector } });
    const operators = set.base.space === "l2" ? "vector_l2_ops" : "vector_cosine_ops";
    await this.#database.exec(`
      CREATE EXTENSION vector;
      CREATE TABLE vectors (id int, ${columns.map((column) => `${column} int`).join(", ")}, embedding vector(${set.base.dimension}));
      CREATE INDEX ON vectors USING hnsw (embedding ${operators}) WITH (m = ${M}, ef_construction = ${EF_CONSTRUCTION});
      ${columns.map((column) => `CREATE INDEX ON vectors (${column});`).join(" ")}`);
    await this.#begin();
  }

  async add(from: number, to: number): Promise<void> {
    const { base, labels } = this.#set!;
    const lines = Array.from({ length: to - from }, (_, i) => {
      const row = from + i;
      return `${row}\t${columns.map((column) => labels[column][row]).join("\t")}\t[${rowOf(base, row).join(",")}]\n`;
    });
    await this.#database!.query("COPY vectors FROM '/dev/blob'", [], { blob: new Blob(lines) });
  }

  async setEf(ef: number): Promise<void> {
    await this.#database!.exec(`SET hnsw.ef_search = ${ef}`);
  }

  async search(query: Float32Array, k: number, filter: LabelFilter | null): Promise<number[]> {
    const condition = filter === null ? "" : `WHERE ${filter.column} = ${filter.value}`;
    const operator = this.#set!.base.space === "l2" ? "<->" : "<=>";
    const { rows } = await this.#database!.query<{ id: number }>(
      `SELECT id FROM vectors ${condition} ORDER BY embedding ${operator} $1 LIMIT ${k}`,
      [`[${query.join(",")}]`],
    );
    return rows.map(({ id }) => id);
  }

  async save(): Promise<number> {
    const file = await this.#database!.dumpDataDir("none");
    return saveParts(`pglite-${this.#set!.name}`, [new Uint8Array(await file.arrayBuffer())]);
  }

  async open(set: SharedSet): Promise<void> {
    this.#set = set;
    const [file] = await loadParts(`pglite-${set.name}`);
    this.#database = new PGlite({ extensions: { vector }, loadDataDir: new Blob([file!]) });
    await this.#begin();
  }

  /** Goes on along the graph until enough rows pass the filter. */
  async #begin(): Promise<void> {
    await this.#database!.waitReady;
    await this.#database!.exec("SET hnsw.iterative_scan = strict_order");
  }
}

serve(new Pglite());
