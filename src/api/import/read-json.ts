/**
 * JSON that is one value: a list of objects, alone or within objects, as LangChain, Pinecone and Qdrant write records, or the columns that
 * Chroma's `get()` gives. Of a list each object is a row as soon as it is read. Columns have no rows before the last of them is there, so
 * the source has to fit in memory: `limits.importColumnsLengthMax`.
 */
import { invalidArgument, show, TidepoolError } from "../../core/errors.js";
import { limits } from "../../core/limits.js";
import type { ByteReader } from "./byte-reader.js";
import { type JsonElement, JsonSplitter } from "./json-splitter.js";
import { readRow } from "./read-json-lines.js";
import { markedEncoding, textOf } from "./read-text.js";
import type { Fields, SourceRow, Warn } from "./source-row.js";

/** Chroma's columns, and the field that each is of a row. */
const COLUMNS = new Map([
  ["ids", "id"],
  ["embeddings", "embedding"],
  ["documents", "document"],
  ["metadatas", "metadata"],
  ["uris", "uri"],
]);
/** What Chroma's results tell beside. */
const ASIDE = ["included", "include", "data", "distances", "deletedIds"];

/** Whether an object that begins with this key has columns. */
export function isColumn(key: string): boolean {
  return COLUMNS.has(key) || ASIDE.includes(key);
}

export async function* readJson(reader: ByteReader, warn: Warn): AsyncGenerator<SourceRow, void, undefined> {
  const splitter = new JsonSplitter();
  const columns = new Columns();
  let row = 0;
  for await (const text of textOf(reader.pieces(), markedEncoding(await reader.head()))) {
    for (const element of splitter.push(text)) {
      if (isColumn(element.path)) columns.take(element);
      else yield { row: ++row, line: null, ...readRow(element.text) };
    }
  }
  if (splitter.rest !== null && (splitter.rest === "other" || isColumn(splitter.path))) {
    throw invalidArgument("The source is not JSON: it ends before it is complete");
  }
  if (splitter.rest === "list") yield { row: ++row, line: null, reason: "the source ends here, in the midst of its list" };
  yield* columns.rows(row, warn);
}

class Columns {
  readonly #columns = new Map<string, unknown[]>();
  #length = 0;

  get isEmpty(): boolean {
    return this.#columns.size === 0;
  }

  take({ path, text }: JsonElement): void {
    if (!COLUMNS.has(path)) return;
    this.#length += text.length;
    if (this.#length > limits.importColumnsLengthMax) throw tooLong();
    const column = this.#columns.get(path) ?? [];
    this.#columns.set(path, column);
    column.push(parse(path, column.length, text));
  }

  *rows(before: number, warn: Warn): Generator<SourceRow, void, undefined> {
    if (this.isEmpty) return;
    if (before > 0) warn(`The source has lists beside its columns: the first ${before} rows are of them.`);
    const columns = [...this.#columns].map(([name, values]) => [name, flat(values)] as const);
    const count = columns.find(([name]) => name === "ids")?.[1].length;
    if (count === undefined) throw invalidArgument("The source has columns, and none of them is 'ids'");
    for (const [name, { length }] of columns) {
      if (length !== count) throw invalidArgument(`The source has ${count} ids and ${length} ${name}: its columns must be of one length`);
    }
    for (let i = 0; i < count; i++) yield { row: before + i + 1, line: null, fields: fieldsOf(columns, i) };
  }
}

function fieldsOf(columns: readonly (readonly [string, readonly unknown[]])[], i: number): Fields {
  return Object.fromEntries(columns.map(([name, values]) => [COLUMNS.get(name)!, values[i]]));
}

/** Results of queries have a list for each query. */
function flat(values: readonly unknown[]): readonly unknown[] {
  const first = values[0];
  const isNested = Array.isArray(first) && (first.length === 0 || typeof first[0] !== "number");
  return isNested ? (values as unknown[][]).flat(1) : values;
}

function parse(path: string, index: number, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalidArgument(`The source is not JSON: ${path}[${index}] is ${show(text.slice(0, 80))}: ${(error as Error).message}`);
  }
}

function tooLong(): TidepoolError {
  const allowed = limits.importColumnsLengthMax;
  const remedy = "give them in parts, or as JSON lines";
  const message = `The columns of the source have more than the ${allowed} characters allowed (importColumnsLengthMax): ${remedy}`;
  return new TidepoolError("LIMIT_EXCEEDED", message, { details: { limit: "importColumnsLengthMax", allowed } });
}
