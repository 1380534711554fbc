/**
 * A block: an immutable batch of rows as one Arrow IPC stream (framing in `arrow-message.ts`), readable by any Arrow
 * implementation. Encoding lays the buffers of all columns out first and copies each once into the final bytes; decoding
 * copies nothing, and looks at a value only when it is asked for.
 *
 * Invariants: rows are fixed when encoded; elements of lists are never null; a buffer begins at a multiple of 8 bytes from
 * the start of the block, so typed arrays are views; validity bitmaps are left out when nothing is null. Strings are UTF-8
 * without any normalisation, except that a lone surrogate becomes U+FFFD. Bytes that contradict themselves give `CORRUPTION`,
 * while decoding or when the value concerned is read; damage within a value is for the checksum to find.
 */
import type { Utf8Rows } from "../base/utf8-rows.js";
import { TidepoolError } from "../errors.js";
import type { BufferRange, FieldShape, Item, NodeShape } from "./arrow-message.js";
import {
  columnTooLarge,
  corruption,
  decodeStream,
  END_OF_STREAM,
  encodeBatchMessage,
  encodeSchemaMessage,
  OFFSET_MAX,
  padTo8,
} from "./arrow-message.js";
import { decodeUtf8, encodeStrings, isUtf8Of } from "./utf8.js";

export { END_OF_STREAM };

type ListRow = readonly (string | number | boolean)[];

/** One column of a block to encode. Columns of type f64, bool, utf8 and their lists may hold nulls, and so may f32-list. */
export type Column =
  | { type: "u32"; name: string; values: Uint32Array }
  | { type: "f32"; name: string; values: Float32Array }
  | { type: "f64"; name: string; values: ArrayLike<number | null> }
  | { type: "bool"; name: string; values: ArrayLike<boolean | null> }
  | { type: "utf8"; name: string; values: ArrayLike<string | null> }
  /** `width` values a row, row after row. */
  | { type: "fixed-f32"; name: string; width: number; values: Float32Array }
  | { type: "fixed-i8"; name: string; width: number; values: Int8Array }
  | { type: "u32-list"; name: string; values: readonly Uint32Array[] }
  | { type: "utf8-list" | "f32-list" | "f64-list" | "bool-list"; name: string; values: readonly (ListRow | null)[] };

type ColumnType = Column["type"];

const SHAPES: Record<ColumnType, Pick<FieldShape, "item" | "list" | "nullable">> = {
  u32: { item: "u32", list: "none", nullable: false },
  f32: { item: "f32", list: "none", nullable: false },
  f64: { item: "f64", list: "none", nullable: true },
  bool: { item: "bool", list: "none", nullable: true },
  utf8: { item: "utf8", list: "none", nullable: true },
  "fixed-f32": { item: "f32", list: "fixed", nullable: false },
  "fixed-i8": { item: "i8", list: "fixed", nullable: false },
  "u32-list": { item: "u32", list: "variable", nullable: false },
  "utf8-list": { item: "utf8", list: "variable", nullable: true },
  "f32-list": { item: "f32", list: "variable", nullable: true },
  "f64-list": { item: "f64", list: "variable", nullable: true },
  "bool-list": { item: "bool", list: "variable", nullable: true },
};

const EMPTY = new Uint8Array(0);

// ---------------------------------------------------------------------------------------------------------- encoding

/** Encodes columns of `rows` rows each. `metadata` travels in the Arrow schema. */
export function encodeBlock(columns: readonly Column[], rows: number, metadata: Record<string, string> = {}): Uint8Array {
  const body = bodyOf(columns, rows);
  const schema = encodeHead(columns, metadata);
  const batch = messageOf(body, rows);
  const bytes = new Uint8Array(schema.length + batch.length + body.length + END_OF_STREAM.length);
  bytes.set(schema, 0);
  bytes.set(batch, schema.length);
  body.copyTo(bytes, schema.length + batch.length);
  bytes.set(END_OF_STREAM, bytes.length - END_OF_STREAM.length);
  return bytes;
}

/** What an Arrow stream of batches with such columns begins with; it ends with `END_OF_STREAM`. Blocks have one batch. */
export function encodeHead(columns: readonly Column[], metadata: Record<string, string>): Uint8Array<ArrayBuffer> {
  return encodeSchemaMessage(columns.map(shapeOf), metadata);
}

/** One batch of such a stream. */
export function encodeBatch(columns: readonly Column[], rows: number): Uint8Array<ArrayBuffer> {
  const body = bodyOf(columns, rows);
  const message = messageOf(body, rows);
  const bytes = new Uint8Array(message.length + body.length);
  bytes.set(message, 0);
  body.copyTo(bytes, message.length);
  return bytes;
}

function bodyOf(columns: readonly Column[], rows: number): Body {
  const body = new Body();
  for (const column of columns) {
    checkLength(column, rows);
    appendColumn(body, column, rows);
  }
  return body;
}

function messageOf({ nodes, ranges, length }: Body, rows: number): Uint8Array {
  return encodeBatchMessage({ rows, nodes, buffers: ranges, bodyLength: length });
}

function shapeOf(column: Column): FieldShape {
  return { name: column.name, width: "width" in column ? column.width : 1, ...SHAPES[column.type] };
}

function checkLength(column: Column, rows: number): void {
  const expected = "width" in column ? rows * column.width : rows;
  if (column.values.length !== expected) {
    throw new TidepoolError("INTERNAL", `Column "${column.name}" has ${column.values.length} values where ${rows} rows need ${expected}.`);
  }
}

/** Collects the buffers of a record batch in Arrow's order: depth first, validity before offsets before data. */
class Body {
  readonly nodes: NodeShape[] = [];
  readonly ranges: BufferRange[] = [];
  readonly #chunks: Uint8Array[] = [];
  length = 0;

  addNode(length: number, validity: Validity | null = null): void {
    this.nodes.push({ length, nullCount: validity?.nullCount ?? 0 });
    this.add(validity === null || validity.nullCount === 0 ? EMPTY : validity.bits);
  }

  add(view: ArrayBufferView): void {
    this.ranges.push({ offset: this.length, length: view.byteLength });
    this.#chunks.push(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
    this.length += padTo8(view.byteLength);
  }

  copyTo(bytes: Uint8Array, start: number): void {
    for (let i = 0; i < this.ranges.length; i++) bytes.set(this.#chunks[i]!, start + this.ranges[i]!.offset);
  }
}

/** One bit a row, set where the row has a value. */
interface Validity {
  bits: Uint8Array;
  nullCount: number;
}

function validityOf(values: ArrayLike<unknown>): Validity {
  const bits = new Uint8Array((values.length + 7) >>> 3);
  let nullCount = 0;
  for (let i = 0; i < values.length; i++) {
    if (values[i] === null) nullCount++;
    else bits[i >>> 3]! |= 1 << (i & 7);
  }
  return { bits, nullCount };
}

function appendColumn(body: Body, column: Column, rows: number): void {
  switch (column.type) {
    case "u32":
    case "f32":
      body.addNode(rows);
      return body.add(column.values);
    case "fixed-f32":
    case "fixed-i8":
      body.addNode(rows);
      body.addNode(column.values.length);
      return body.add(column.values);
    case "f64":
    case "bool":
    case "utf8":
      body.addNode(rows, validityOf(column.values));
      return appendItems(body, SHAPES[column.type].item, column.values);
    case "u32-list":
      return appendOrdinalLists(body, column.values);
    default:
      return appendLists(body, SHAPES[column.type].item, column.values);
  }
}

function appendItems(body: Body, item: Item, values: ArrayLike<unknown>): void {
  if (item === "f64") body.add(packDoubles(values as ArrayLike<number | null>));
  else if (item === "f32") body.add(Float32Array.from(values as ArrayLike<number>));
  else if (item === "bool") body.add(packBits(values as ArrayLike<boolean | null>));
  else appendStrings(body, values as ArrayLike<string | null>);
}

function packDoubles(values: ArrayLike<number | null>): Float64Array {
  if (values instanceof Float64Array) return values;
  const packed = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) packed[i] = values[i] ?? 0;
  return packed;
}

function packBits(values: ArrayLike<boolean | null>): Uint8Array {
  const bits = new Uint8Array((values.length + 7) >>> 3);
  for (let i = 0; i < values.length; i++) if (values[i] === true) bits[i >>> 3]! |= 1 << (i & 7);
  return bits;
}

function appendStrings(body: Body, values: ArrayLike<string | null>): void {
  const { offsets, bytes } = encodeStrings(values);
  body.add(offsets);
  body.add(bytes);
}

/** Offsets of lists one after another; a null list is empty. */
function offsetsOf(lists: readonly (ArrayLike<unknown> | null)[]): Int32Array {
  const offsets = new Int32Array(lists.length + 1);
  for (let i = 0, total = 0; i < lists.length; i++) {
    total += lists[i]?.length ?? 0;
    if (total > OFFSET_MAX) throw columnTooLarge();
    offsets[i + 1] = total;
  }
  return offsets;
}

function appendOrdinalLists(body: Body, lists: readonly Uint32Array[]): void {
  const offsets = offsetsOf(lists);
  const values = new Uint32Array(offsets[lists.length]!);
  for (let i = 0; i < lists.length; i++) values.set(lists[i]!, offsets[i]!);
  body.addNode(lists.length);
  body.add(offsets);
  body.addNode(values.length);
  body.add(values);
}

function appendLists(body: Body, item: Item, lists: readonly (ListRow | null)[]): void {
  const values: (string | number | boolean)[] = [];
  for (const list of lists) if (list !== null) for (const value of list) values.push(value);
  body.addNode(lists.length, validityOf(lists));
  body.add(offsetsOf(lists));
  body.addNode(values.length);
  appendItems(body, item, values);
}

// ---------------------------------------------------------------------------------------------------------- decoding

/** Where a decoded column's nodes and buffers begin among those of the batch. */
interface ColumnPlace {
  field: FieldShape;
  node: number;
  buffer: number;
}

type Accessor<T> = (row: number) => T;

/** A decoded block. Everything that it hands out is a view into its bytes: do not write to it. */
export class Block {
  readonly rows: number;
  /** Length of the encoded bytes, which are what the block keeps in memory. */
  readonly byteLength: number;
  readonly metadata: ReadonlyMap<string, string>;
  readonly #bytes: Uint8Array;
  readonly #bodyStart: number;
  readonly #nodes: NodeShape[];
  readonly #buffers: BufferRange[];
  readonly #places = new Map<string, ColumnPlace>();

  private constructor(bytes: Uint8Array) {
    const stream = decodeStream(bytes);
    this.rows = stream.rows;
    this.byteLength = bytes.length;
    this.metadata = stream.metadata;
    this.#bytes = bytes;
    this.#bodyStart = stream.bodyStart;
    this.#nodes = stream.nodes;
    this.#buffers = stream.buffers;
    this.#place(stream.fields);
  }

  /** Keeps `bytes` unless they are misaligned, in which case it copies them. */
  static decode(bytes: Uint8Array): Block {
    try {
      return new Block(bytes.byteOffset % 8 === 0 ? bytes : bytes.slice());
    } catch (error) {
      const why = error instanceof TidepoolError ? error.message : "its Arrow messages cannot be read";
      throw corruption(`The block is damaged: ${why}.`, error instanceof TidepoolError ? error.cause : error);
    }
  }

  has(name: string): boolean {
    return this.#places.has(name);
  }

  names(): string[] {
    return [...this.#places.keys()];
  }

  u32(name: string): Uint32Array {
    return this.#words(Uint32Array, this.#find(name, "u32").buffer + 1);
  }

  f32(name: string): Float32Array {
    return this.#words(Float32Array, this.#find(name, "f32").buffer + 1);
  }

  fixedF32(name: string): Float32Array {
    return this.#words(Float32Array, this.#find(name, "fixed-f32").buffer + 2);
  }

  fixedI8(name: string): Int8Array {
    return this.#words(Int8Array, this.#find(name, "fixed-i8").buffer + 2);
  }

  /** Byte offset, from the start of the encoded block, of a fixed-f32 column: row r lies at offset + r · width · 4. */
  fixedF32Offset(name: string): number {
    return this.#bodyStart + this.#buffers[this.#find(name, "fixed-f32").buffer + 2]!.offset;
  }

  f64(name: string): Accessor<number | null> {
    return this.#nullable(name, "f64", (place) => this.#itemF64(place.buffer + 1));
  }

  bool(name: string): Accessor<boolean | null> {
    return this.#nullable(name, "bool", (place) => this.#itemBool(place.buffer + 1));
  }

  utf8(name: string): Accessor<string | null> {
    return this.#nullable(name, "utf8", (place) => this.#itemUtf8(name, place.buffer + 1));
  }

  /** A string column without nulls, all rows at once. */
  utf8Column(name: string): string[] {
    const place = this.#find(name, "utf8");
    const data = this.#view(place.buffer + 2);
    const range = this.#offsets(name, place.buffer + 1, data.length);
    return stringsIn(data, this.rows, range);
  }

  /** Strings of some rows, each another, of a column without nulls: gathered, to be decoded at once. */
  utf8Some(name: string, rows: ArrayLike<number>): string[] {
    const { bytes, start, end } = this.utf8Rows(name);
    const offsets = new Int32Array(rows.length + 1);
    for (let i = 0; i < rows.length; i++) {
      const from = start(rows[i]!);
      offsets[i + 1] = offsets[i]! + end(rows[i]!) - from;
      if (offsets[i + 1]! > bytes.length) throw corruption(`The block is damaged: rows of column "${name}" overlap.`);
    }
    const gathered = new Uint8Array(offsets[rows.length]!);
    for (let i = 0; i < rows.length; i++) {
      const shift = start(rows[i]!) - offsets[i]!;
      for (let at = offsets[i]!; at < offsets[i + 1]!; at++) gathered[at] = bytes[at + shift]!;
    }
    return stringsIn(gathered, rows.length, new OffsetRange(name, offsets, gathered.length));
  }

  /** Whether the string of a row, of a column without nulls, is the one given. */
  utf8Is(name: string): (row: number, text: string) => boolean {
    const { bytes, start, end } = this.utf8Rows(name);
    return (row, text) => isUtf8Of(text, bytes, start(row), end(row));
  }

  /** A string column without nulls as it lies there: the string of a row is `bytes` from `start(row)` to `end(row)`. */
  utf8Rows(name: string): Utf8Rows {
    const { buffer } = this.#find(name, "utf8");
    const bytes = this.#view(buffer + 2);
    const range = this.#offsets(name, buffer + 1, bytes.length);
    return { rows: this.rows, bytes, start: (row) => range.start(row), end: (row) => range.end(row) };
  }

  /** The list of a row; with `end`, the lists of the rows from `row` up to but without `end`, one after another. */
  u32List(name: string): (row: number, end?: number) => Uint32Array {
    const place = this.#find(name, "u32-list");
    const values = this.#words(Uint32Array, place.buffer + 3);
    const range = this.#offsets(name, place.buffer + 1, values.length);
    return (row, end = row + 1) => values.subarray(range.start(row), range.end(end - 1));
  }

  utf8List(name: string): Accessor<string[] | null> {
    return this.#list(name, "utf8-list", (buffer) => this.#itemUtf8(name, buffer));
  }

  f32List(name: string): Accessor<number[] | null> {
    return this.#list(name, "f32-list", (buffer) => this.#itemF32(buffer));
  }

  f64List(name: string): Accessor<number[] | null> {
    return this.#list(name, "f64-list", (buffer) => this.#itemF64(buffer));
  }

  boolList(name: string): Accessor<boolean[] | null> {
    return this.#list(name, "bool-list", (buffer) => this.#itemBool(buffer));
  }

  /** Assigns nodes and buffers to the columns, and checks that each buffer is exactly as long as its column needs. */
  #place(fields: readonly FieldShape[]): void {
    let node = 0;
    let buffer = 0;
    for (const field of fields) {
      const place = { field, node, buffer };
      if (this.#places.has(field.name)) throw corruption(`it has two columns "${field.name}"`);
      this.#places.set(field.name, place);
      node += field.list === "none" ? 1 : 2;
      buffer += bufferCount(field);
      if (node > this.#nodes.length || buffer > this.#buffers.length) throw corruption(`it lacks buffers of column "${field.name}"`);
      this.#check(place);
    }
    if (node !== this.#nodes.length || buffer !== this.#buffers.length) throw corruption("it has buffers that belong to no column");
  }

  #check({ field, node, buffer }: ColumnPlace): void {
    const { length, nullCount } = this.#nodes[node]!;
    if (length !== this.rows) throw corruption(`column "${field.name}" has ${length} rows instead of ${this.rows}`);
    if (nullCount > 0 && !field.nullable) throw corruption(`column "${field.name}" has nulls`);
    this.#expect(field, buffer, nullCount > 0 ? bitsLength(length) : 0);
    if (field.list === "none") return this.#checkItems(field, buffer + 1, length);
    const child = this.#nodes[node + 1]!;
    if (child.nullCount > 0) throw corruption(`lists of column "${field.name}" have null elements`);
    if (field.list === "variable") this.#expect(field, buffer + 1, (length + 1) * 4);
    else if (child.length !== length * field.width) throw corruption(`column "${field.name}" has ${child.length} elements`);
    this.#checkItems(field, buffer + bufferCount(field) - itemBufferCount(field.item), child.length);
  }

  #checkItems(field: FieldShape, buffer: number, length: number): void {
    this.#expect(field, buffer, itemBytes(field.item, length));
  }

  #expect(field: FieldShape, buffer: number, length: number): void {
    const found = this.#buffers[buffer]!.length;
    if (found !== length) throw corruption(`a buffer of column "${field.name}" has ${found} bytes instead of ${length}`);
  }

  #find(name: string, type: ColumnType): ColumnPlace {
    const place = this.#places.get(name);
    const shape = SHAPES[type];
    if (place === undefined || place.field.item !== shape.item || place.field.list !== shape.list) {
      throw corruption(`The block has no column "${name}" of type ${type}; its columns are ${this.names().join(", ")}.`);
    }
    return place;
  }

  #view(buffer: number): Uint8Array {
    const { offset, length } = this.#buffers[buffer]!;
    const start = this.#bodyStart + offset;
    return this.#bytes.subarray(start, start + length);
  }

  #words<T>(type: TypedArray<T>, buffer: number): T {
    const view = this.#view(buffer);
    return new type(view.buffer, view.byteOffset, view.byteLength / type.BYTES_PER_ELEMENT);
  }

  #nullable<T>(name: string, type: ColumnType, open: (place: ColumnPlace) => Accessor<T>): Accessor<T | null> {
    const place = this.#find(name, type);
    const item = open(place);
    if (this.#nodes[place.node]!.nullCount === 0) return item;
    const validity = this.#view(place.buffer);
    return (row) => (bit(validity, row) ? item(row) : null);
  }

  #itemF32(buffer: number): Accessor<number> {
    const values = this.#words(Float32Array, buffer);
    return (row) => values[row]!;
  }

  #itemF64(buffer: number): Accessor<number> {
    const values = this.#words(Float64Array, buffer);
    return (row) => values[row]!;
  }

  #itemBool(buffer: number): Accessor<boolean> {
    const bits = this.#view(buffer);
    return (row) => bit(bits, row);
  }

  #itemUtf8(name: string, buffer: number): Accessor<string> {
    const data = this.#view(buffer + 1);
    const range = this.#offsets(name, buffer, data.length);
    return (row) => decodeUtf8(data, range.start(row), range.end(row));
  }

  #list<T>(name: string, type: ColumnType, open: (buffer: number) => Accessor<T>): Accessor<T[] | null> {
    return this.#nullable(name, type, (place) => {
      const range = this.#offsets(name, place.buffer + 1, this.#nodes[place.node + 1]!.length);
      const item = open(place.buffer + 3);
      return (row) => {
        const start = range.start(row);
        return Array.from({ length: range.end(row) - start }, (_, i) => item(start + i));
      };
    });
  }

  #offsets(name: string, buffer: number, limit: number): OffsetRange {
    return new OffsetRange(name, this.#words(Int32Array, buffer), limit);
  }
}

/** So many strings in bytes: ASCII, which ids mostly are, is decoded in one go. */
function stringsIn(bytes: Uint8Array, count: number, range: OffsetRange): string[] {
  const text = decodeUtf8(bytes, 0, bytes.length);
  const isAscii = text.length === bytes.length;
  const strings = new Array<string>(count);
  for (let i = 0; i < count; i++) {
    const start = range.start(i);
    strings[i] = isAscii ? text.slice(start, range.end(i)) : decodeUtf8(bytes, start, range.end(i));
  }
  return strings;
}

/** Arrow's variable-length offsets, checked as they are read. */
class OffsetRange {
  readonly #name: string;
  readonly #offsets: Int32Array;
  readonly #limit: number;

  constructor(name: string, offsets: Int32Array, limit: number) {
    this.#name = name;
    this.#offsets = offsets;
    this.#limit = limit;
  }

  start(row: number): number {
    const start = this.#offsets[row]!;
    const end = this.#offsets[row + 1]!;
    if (!(start >= 0 && start <= end && end <= this.#limit)) {
      throw corruption(`The block is damaged: row ${row} of column "${this.#name}" claims ${start} to ${end} of ${this.#limit}.`);
    }
    return start;
  }

  end(row: number): number {
    return this.#offsets[row + 1]!;
  }
}

interface TypedArray<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
}

function bit(bits: Uint8Array, index: number): boolean {
  return ((bits[index >>> 3]! >>> (index & 7)) & 1) === 1;
}

function bitsLength(count: number): number {
  return (count + 7) >>> 3;
}

/** Buffers of one item after its validity: strings have offsets and bytes. */
function itemBufferCount(item: Item): number {
  return item === "utf8" ? 2 : 1;
}

function bufferCount({ list, item }: FieldShape): number {
  return { none: 1, fixed: 2, variable: 3 }[list] + itemBufferCount(item);
}

/** Length of the first buffer of `length` items. */
function itemBytes(item: Item, length: number): number {
  switch (item) {
    case "bool":
      return bitsLength(length);
    case "i8":
      return length;
    case "f64":
      return length * 8;
    case "utf8":
      return (length + 1) * 4;
    default:
      return length * 4;
  }
}
