/**
 * SQLite with sqlite-vec 0.1.6, in memory: an exact scan in SQL, with columns to filter by. (The project's own
 * `sqlite-vec-wasm-demo` 0.1.9 aborts while it starts: it sets `Module.postRun` too late for the Emscripten it was built with.)
 */
import init, { type Database, type Sqlite, type Statement } from "sqlite-vec-wasm/dist/sqlite3-bundler-friendly.mjs";
import { rowOf } from "../../vector/exact.js";
import type { LabelFilter } from "../../vector/labels.js";
import { serve } from "./serve.js";
import { loadParts, saveParts } from "./snapshot-file.js";
import type { SharedSet, VectorEngine } from "./vector-engine.js";

class SqliteVec implements VectorEngine {
  #set: SharedSet | null = null;
  #sqlite: Sqlite | null = null;
  #database: Database | null = null;
  readonly #statements = new Map<string, Statement>();

  async prepare(set: SharedSet): Promise<void> {
    this.#set = set;
    this.#sqlite = await init();
    this.#database = new this.#sqlite.oo1.DB(":memory:", "c");
    const metric = set.base.space === "l2" ? "l2" : "cosine";
    this.#database.exec(
      "CREATE VIRTUAL TABLE vectors USING vec0(" +
        `embedding float[${set.base.dimension}] distance_metric=${metric}, tenth integer, hundredth integer, region integer)`,
    );
  }

  add(from: number, to: number): void {
    const { base, labels } = this.#set!;
    const insert = this.#statement("INSERT INTO vectors(rowid, embedding, tenth, hundredth, region) VALUES (?, ?, ?, ?, ?)");
    this.#database!.exec("BEGIN");
    for (let row = from; row < to; row++)
      insert.bind([row, bytesOf(rowOf(base, row)), labels.tenth[row]!, labels.hundredth[row]!, labels.region[row]!]).stepReset();
    this.#database!.exec("COMMIT");
  }

  search(query: Float32Array, k: number, filter: LabelFilter | null): number[] {
    const condition = filter === null ? "" : ` AND ${filter.column} = ?`;
    const select = this.#statement(`SELECT rowid FROM vectors WHERE embedding MATCH ? AND k = ?${condition}`);
    select.bind([bytesOf(query), k, ...(filter === null ? [] : [filter.value])]);
    const rows: number[] = [];
    while (select.step()) rows.push(select.getInt(0));
    select.reset();
    return rows;
  }

  save(): Promise<number> {
    return saveParts(`sqlite-${this.#set!.name}`, [this.#sqlite!.capi.sqlite3_js_db_export(this.#database!)]);
  }

  async open(set: SharedSet): Promise<void> {
    this.#set = set;
    const { oo1, capi, wasm } = (this.#sqlite = await init());
    this.#database = new oo1.DB(":memory:", "c");
    const [file] = await loadParts(`sqlite-${set.name}`);
    const bytes = new Uint8Array(file!);
    const flags = capi.SQLITE_DESERIALIZE_FREEONCLOSE | capi.SQLITE_DESERIALIZE_RESIZEABLE;
    const code = capi.sqlite3_deserialize(
      this.#database.pointer,
      "main",
      wasm.allocFromTypedArray(bytes),
      bytes.length,
      bytes.length,
      flags,
    );
    if (code !== 0) throw new Error(`sqlite3_deserialize says ${code}`);
  }

  /** Prepared once. */
  #statement(sql: string): Statement {
    const statement = this.#statements.get(sql) ?? this.#database!.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

/** A copy: SQLite's glue does not take memory that is shared. */
function bytesOf(vector: Float32Array): Uint8Array {
  return new Uint8Array(vector.slice().buffer);
}

serve(new SqliteVec());
