/**
 * Arrow IPC, as a stream or as a file: batch by batch, of which one is in memory. A column may be a value, a list of values, or an object
 * of such columns.
 */
import { invalidArgument, show, TidepoolError } from "../../core/errors.js";
import { type ArrowColumn, ColumnTaker } from "./arrow-columns.js";
import { type ArrowField, isTimeField, readField, whyNot } from "./arrow-fields.js";
import { type ArrowBatch, type ArrowSchema, readMessages } from "./arrow-messages.js";
import type { ByteReader } from "./byte-reader.js";
import type { Fields, SourceRow, Warn } from "./source-row.js";
import { columnNotRead, DESCRIPTION_KEY, type ReadTableRow, tableRows } from "./table-rows.js";

type Wants = (name: string) => boolean;

export async function* readArrow(reader: ByteReader, warn: Warn, wants: Wants): AsyncGenerator<SourceRow, void, undefined> {
  const table = new ArrowTable(warn, wants);
  try {
    for await (const message of readMessages(reader)) {
      if (message.kind === "schema") table.begin(message);
      else yield* table.rows(message);
    }
    table.checkBegun();
  } catch (error) {
    if (error instanceof TidepoolError) throw error;
    const after = table.row === 0 ? "" : `, after row ${table.row}`;
    throw invalidArgument(`The source is not Arrow that can be read${after}: ${(error as Error).message}`);
  }
}

class ArrowTable {
  readonly #warn: Warn;
  readonly #wants: Wants;
  #fields: readonly ArrowField[] | null = null;
  #wanted: readonly boolean[] = [];
  #readRow: ReadTableRow = tableRows(undefined);
  readonly #dictionaries = new Map<bigint, ArrowColumn>();
  /** Rows that were read. */
  row = 0;

  constructor(warn: Warn, wants: Wants) {
    this.#warn = warn;
    this.#wants = wants;
  }

  begin({ schema, metadata, length }: ArrowSchema): void {
    if (this.#fields !== null) throw new Error("it has a second schema");
    const fields = Array.from({ length: length }, (_, i) => readField(schema.fields(i)!));
    const description = metadata.get(DESCRIPTION_KEY);
    this.#fields = fields;
    this.#wanted = fields.map(({ name }) => description !== undefined || this.#wants(name));
    this.#readRow = tableRows(description);
    fields.filter((_, i) => this.#wanted[i]).forEach((field) => void this.#check(field));
  }

  #check(field: ArrowField): void {
    const why = whyNot(field);
    if (why !== null) throw columnNotRead(field.name, why);
    if (isTimeField(field)) this.#warn(`The column ${show(field.name)} has points in time: they become milliseconds since 1970.`);
  }

  checkBegun(): void {
    if (this.#fields === null) throw new Error("it has no schema");
  }

  *rows(batch: ArrowBatch): Generator<SourceRow, void, undefined> {
    this.checkBegun();
    if (batch.dictionary !== null) return this.#define(batch, batch.dictionary);
    const taker = new ColumnTaker(batch, this.#dictionaries);
    const columns = this.#fields!.map((field) => taker.take(field));
    const short = columns.findIndex(({ length }) => length !== batch.rows);
    if (short >= 0)
      throw new Error(`a batch of ${batch.rows} rows has ${columns[short]!.length} of the column ${show(this.#fields![short]!.name)}`);
    for (let i = 0; i < batch.rows; i++) yield { row: ++this.row, line: null, ...this.#readRow(this.#fieldsOf(columns, i)) };
  }

  #fieldsOf(columns: readonly ArrowColumn[], row: number): Fields {
    return Object.fromEntries(this.#fields!.flatMap(({ name }, i) => (this.#wanted[i] ? [[name, columns[i]!.get(row)]] : [])));
  }

  /** A later dictionary takes the place of the one before it, or goes on with it. */
  #define(batch: ArrowBatch, id: bigint): void {
    const field = findDictionary(this.#fields!, id);
    const column = new ColumnTaker(batch, this.#dictionaries).take({ ...field, dictionary: null });
    const before = batch.isDelta ? this.#dictionaries.get(id) : undefined;
    this.#dictionaries.set(id, before === undefined ? column : joined(before, column));
  }
}

function findDictionary(fields: readonly ArrowField[], id: bigint): ArrowField {
  const all = fields.flatMap(function inside(field: ArrowField): ArrowField[] {
    return [field, ...field.children.flatMap(inside)];
  });
  const field = all.find(({ dictionary }) => dictionary === id);
  if (field === undefined) throw new Error(`the dictionary ${id} belongs to no column`);
  return field;
}

function joined(a: ArrowColumn, b: ArrowColumn): ArrowColumn {
  const get = (index: number): unknown => (index < a.length ? a.get(index) : b.get(index - a.length));
  return { length: a.length + b.length, get, slice: (start, end) => Array.from({ length: end - start }, (_, i) => get(start + i)) };
}
