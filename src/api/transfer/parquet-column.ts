/**
 * One column of a Parquet file: its place in the schema, and its values as data pages. Values are written plain and uncompressed: an
 * embedding does not get smaller, and a dictionary would take 0 and −0 for one value. Every column is optional, and so is every list,
 * whose elements are not:
 *
 *   scalar   optional T
 *   list     optional group (LIST) { repeated group list { required T element } }
 *
 *   page   := header, [repetition levels], definition levels, values
 *   levels := u32 length, runs: varint count × 2, u8 level
 */
import { ByteSink } from "./byte-sink.js";
import { i32, list, struct, type ThriftFields, type ThriftValue, text, writeStruct } from "./thrift.js";

export type ParquetItem = "string" | "double" | "float" | "boolean" | "u32";
type Value = string | number | boolean;
type Cell = Value | ArrayLike<Value> | null;

/** What a column is. */
export interface ParquetShape {
  name: string;
  item: ParquetItem;
  isList: boolean;
}

/** A column and its cells of some rows. */
export interface ParquetColumn extends ParquetShape {
  cells: readonly Cell[];
}

/** Types, kinds of repetition, encodings and kinds of pages, by Parquet's numbers. */
const TYPES: Record<ParquetItem, number> = { boolean: 0, u32: 2, float: 4, double: 5, string: 6 };
const REQUIRED = 0;
const OPTIONAL = 1;
const REPEATED = 2;
const PLAIN = 0;
const RLE = 3;
const DATA_PAGE = 0;

/** The elements of the schema that a column takes. */
export function schemaOf({ name, item, isList }: ParquetShape): ThriftValue[] {
  if (!isList) return [struct(leaf(name, item, OPTIONAL))];
  return [
    struct({ 3: i32(OPTIONAL), 4: text(name), 5: i32(1), 6: i32(3), 10: struct({ 3: struct({}) }) }),
    struct({ 3: i32(REPEATED), 4: text("list"), 5: i32(1) }),
    struct(leaf("element", item, REQUIRED)),
  ];
}

function leaf(name: string, item: ParquetItem, repetition: number): ThriftFields {
  const fields = { 1: i32(TYPES[item]), 3: i32(repetition), 4: text(name) };
  return item === "string" ? { ...fields, 6: i32(0), 10: struct({ 1: struct({}) }) } : fields;
}

/** What the footer says of every chunk of the column: its type, encodings and path. */
export function chunkFields({ name, item, isList }: ParquetShape): ThriftFields {
  const path = isList ? [name, "list", "element"] : [name];
  return { 1: i32(TYPES[item]), 2: list("i32", [i32(PLAIN), i32(RLE)]), 3: list("text", path.map(text)), 4: i32(0) };
}

/** A data page, and how many values it has: those that are not there, too. */
export interface EncodedPage {
  bytes: Uint8Array<ArrayBuffer>;
  values: number;
}

/** Puts a data page together. */
export class PageBuilder {
  readonly #shape: ParquetShape;
  readonly #definitions = new Levels();
  readonly #repetitions = new Levels();
  readonly #data = new ByteSink();
  /** Booleans wait until they are all known, since eight share a byte. */
  readonly #bits: boolean[] = [];

  constructor(shape: ParquetShape) {
    this.#shape = shape;
  }

  add(cells: readonly Cell[]): void {
    for (const cell of cells) {
      if (this.#shape.isList) this.#addList(cell as ArrayLike<Value> | null);
      else {
        this.#definitions.add(cell === null ? 0 : 1, 1);
        if (cell !== null) this.#addValue(cell as Value);
      }
    }
  }

  /** A list that is empty, or not there, takes one place too. */
  #addList(cell: ArrayLike<Value> | null): void {
    const length = cell?.length ?? 0;
    this.#definitions.add(cell === null ? 0 : length === 0 ? 1 : 2, Math.max(1, length));
    this.#repetitions.add(0, 1);
    this.#repetitions.add(1, Math.max(0, length - 1));
    for (let i = 0; i < length; i++) this.#addValue(cell![i]!);
  }

  #addValue(value: Value): void {
    const { item } = this.#shape;
    if (item === "float") this.#data.f32(value as number);
    else if (item === "double") this.#data.f64(value as number);
    else if (item === "u32") this.#data.u64(value as number);
    else if (item === "string") this.#data.text(value as string, (length) => this.#data.u32(length));
    else this.#bits.push(value as boolean);
  }

  finish(): EncodedPage {
    const body = new ByteSink();
    if (this.#shape.isList) this.#repetitions.writeTo(body);
    this.#definitions.writeTo(body);
    body.bytes(this.#data.taken());
    writeBits(body, this.#bits);
    const values = this.#definitions.count;
    const page = struct({ 1: i32(values), 2: i32(PLAIN), 3: i32(RLE), 4: i32(RLE) });
    const header = new ByteSink();
    writeStruct(header, { 1: i32(DATA_PAGE), 2: i32(body.length), 3: i32(body.length), 5: page });
    header.bytes(body.taken());
    return { bytes: header.taken(), values };
  }
}

/** Levels in runs. */
class Levels {
  readonly #runs = new ByteSink();
  #level = 0;
  #run = 0;
  count = 0;

  add(level: number, times: number): void {
    if (times === 0) return;
    if (level !== this.#level) this.#end();
    this.#level = level;
    this.#run += times;
    this.count += times;
  }

  #end(): void {
    if (this.#run > 0) {
      this.#runs.varint(this.#run * 2);
      this.#runs.u8(this.#level);
    }
    this.#run = 0;
  }

  writeTo(sink: ByteSink): void {
    this.#end();
    sink.u32(this.#runs.length);
    sink.bytes(this.#runs.taken());
  }
}

/** Eight a byte, the first in the lowest bit. */
function writeBits(sink: ByteSink, values: readonly boolean[]): void {
  for (let from = 0; from < values.length; from += 8) {
    let byte = 0;
    for (let i = 0; i < 8; i++) if (values[from + i]) byte |= 1 << i;
    sink.u8(byte);
  }
}
