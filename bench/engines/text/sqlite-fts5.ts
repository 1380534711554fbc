/** SQLite's FTS5 in WebAssembly, in memory: BM25 by `rank`, words or-ed as in the others; saved as the database's file. */
import init, { type Database, type Sqlite } from "@sqlite.org/sqlite-wasm";
import type { Kind } from "../../text/questions.js";
import { loadParts, saveParts } from "../vector/snapshot-file.js";
import { serveTexts, type TextEngine } from "./text-engine.js";

const MATCH = "SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY rank LIMIT ?";
const CONTAINS = "SELECT rowid FROM texts WHERE instr(text, ?)";

class SqliteFts5 implements TextEngine {
  readonly kinds = ["one word", "two words", "ten words", "prefix", "phrase", "$contains", "$contains, common"] as const;
  #sqlite: Sqlite | null = null;
  #database: Database | null = null;

  async prepare(): Promise<void> {
    await this.#start();
    this.#database!.exec("CREATE VIRTUAL TABLE texts USING fts5(text, tokenize = 'unicode61')");
  }

  add(from: number, texts: readonly string[]): void {
    const insert = this.#database!.prepare("INSERT INTO texts(rowid, text) VALUES (?, ?)");
    this.#database!.exec("BEGIN");
    for (const [i, text] of texts.entries()) insert.bind([from + i, text]).stepReset();
    this.#database!.exec("COMMIT");
    insert.finalize();
  }

  search(kind: Kind, question: string, limit: number): number[] {
    const isFilter = kind.startsWith("$");
    const select = this.#database!.prepare(isFilter ? CONTAINS : MATCH).bind(isFilter ? [question] : [matching(kind, question), limit]);
    const rows: number[] = [];
    while (select.step()) rows.push(select.getInt(0));
    select.finalize();
    return rows;
  }

  save(name: string): Promise<number> {
    return saveParts(name, [this.#sqlite!.capi.sqlite3_js_db_export(this.#database!)]);
  }

  async open(name: string): Promise<void> {
    await this.#start();
    const { capi, wasm } = this.#sqlite!;
    const bytes = new Uint8Array((await loadParts(name))[0]!);
    const flags = capi.SQLITE_DESERIALIZE_FREEONCLOSE | capi.SQLITE_DESERIALIZE_RESIZEABLE;
    const { pointer } = this.#database!;
    const code = capi.sqlite3_deserialize(pointer, "main", wasm.allocFromTypedArray(bytes), bytes.length, bytes.length, flags);
    if (code !== 0) throw new Error(`sqlite3_deserialize says ${code}`);
  }

  async #start(): Promise<void> {
    this.#sqlite = await init();
    this.#database = new this.#sqlite.oo1.DB(":memory:", "c");
  }
}

function matching(kind: Kind, question: string): string {
  if (kind === "phrase") return `"${question}"`;
  const words = question.split(" ").map((word) => `"${word}"`);
  return `${words.join(" OR ")}${kind === "prefix" ? "*" : ""}`;
}

serveTexts(new SqliteFts5());
