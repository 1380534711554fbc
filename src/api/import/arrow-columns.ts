/**
 * Columns of an Arrow batch, whose values are read when they are asked for: numbers, booleans, texts, points in time, lists and objects of
 * these, and values in a dictionary. Lengths and offsets are checked, so that each value lies within its buffer.
 */
import { Type } from "apache-arrow/fb/type";
import type { ArrowField, NumberShape } from "./arrow-fields.js";
import type { ArrowBatch } from "./arrow-messages.js";
import { textOrBytes } from "./table-rows.js";

export interface ArrowColumn {
  readonly length: number;
  get(index: number): unknown;
  /** A part of it; numbers stay where they are. */
  slice(start: number, end: number): ArrayLike<unknown>;
}

export type Dictionaries = ReadonlyMap<bigint, ArrowColumn>;

/** Takes the nodes and buffers of a batch in the order of its fields. */
export class ColumnTaker {
  readonly #batch: ArrowBatch;
  readonly #dictionaries: Dictionaries;
  #node = 0;
  #buffer = 0;

  constructor(batch: ArrowBatch, dictionaries: Dictionaries) {
    this.#batch = batch;
    this.#dictionaries = dictionaries;
  }

  take(field: ArrowField): ArrowColumn {
    const node = this.#batch.nodes[this.#node++];
    if (node === undefined) throw new Error("a batch has fewer columns than the schema");
    const { length } = node;
    if (field.type === Type.Null && field.dictionary === null) return nullable(length, null, () => null);
    const marks = this.#bytes(node.nulls === 0 ? 0 : Math.ceil(length / 8));
    const validity = node.nulls === 0 ? null : marks;
    if (field.dictionary !== null) return nullable(length, validity, this.#indexed(field, length));
    if (field.numbers !== null) return numeric(length, validity, this.#numbers(field.numbers, length), field.numbers);
    return nullable(length, validity, this.#values(field, length));
  }

  #values(field: ArrowField, length: number): (index: number) => unknown {
    const { type, size, children } = field;
    if (type === Type.Bool) return bits(this.#bytes(Math.ceil(length / 8)));
    if (type === Type.Utf8 || type === Type.LargeUtf8) return this.#ranges(length, type === Type.LargeUtf8, textOrBytes);
    if (type === Type.Binary || type === Type.LargeBinary) return this.#ranges(length, type === Type.LargeBinary, (bytes) => bytes);
    if (type === Type.List || type === Type.LargeList || type === Type.Map) return this.#lists(field, length, type === Type.LargeList);
    if (type === Type.FixedSizeList) return this.#fixedLists(children[0]!, length, size);
    if (type === Type.Struct_)
      return objects(
        children,
        children.map((child) => this.take(child)),
        length,
      );
    if (type === Type.FixedSizeBinary || isSimple(type)) return bytesOf(this.#bytes(0));
    throw new Error(`the column ${JSON.stringify(field.name)} is of the type ${Type[type]}, which is not supported`);
  }

  #bytes(atLeast: number): Uint8Array<ArrayBuffer> {
    const bytes = this.#batch.buffers[this.#buffer++];
    if (bytes === undefined) throw new Error("a batch has fewer buffers than the schema");
    if (bytes.length >= atLeast) return bytes;
    throw new Error(`a buffer has ${bytes.length} bytes, and ${atLeast} are needed`);
  }

  #numbers({ array }: NumberShape, length: number): ArrayLike<unknown> {
    const width = array.BYTES_PER_ELEMENT;
    const bytes = this.#bytes(length * width);
    const aligned = bytes.byteOffset % width === 0 ? bytes : bytes.slice();
    return new array(aligned.buffer, aligned.byteOffset, length);
  }

  #indexed({ dictionary, indices }: ArrowField, length: number): (index: number) => unknown {
    const numbers = this.#numbers(indices!, length);
    const values = this.#dictionaries.get(dictionary!);
    if (values === undefined) throw new Error(`the dictionary ${dictionary} is missing`);
    return (index) => {
      const at = Number(numbers[index]);
      if (at >= 0 && at < values.length) return values.get(at);
      throw new Error(`entry ${at} of a dictionary of ${values.length} is missing`);
    };
  }

  /** Offsets, checked when they are used. A column without rows may have none. */
  #offsets(length: number, isLarge: boolean): (index: number) => number {
    if (length === 0 && this.#bytes(0)) return () => 0;
    const offsets = this.#numbers({ array: isLarge ? BigInt64Array : Int32Array, become: null }, length + 1);
    return (index) => Number(offsets[index]);
  }

  #ranges(length: number, isLarge: boolean, become: (bytes: Uint8Array) => unknown): (index: number) => unknown {
    const offset = this.#offsets(length, isLarge);
    const bytes = this.#bytes(0);
    return (index) => become(bytes.subarray(...range(offset, index, bytes.length)));
  }

  #lists({ children }: ArrowField, length: number, isLarge: boolean): (index: number) => unknown {
    const offset = this.#offsets(length, isLarge);
    const elements = this.take(children[0]!);
    return (index) => elements.slice(...range(offset, index, elements.length));
  }

  #fixedLists(child: ArrowField, length: number, size: number): (index: number) => unknown {
    const elements = this.take(child);
    if (elements.length < length * size) throw new Error(`${length} lists of ${size} cannot be in ${elements.length} elements`);
    return (index) => elements.slice(index * size, (index + 1) * size);
  }
}

function isSimple(type: Type): boolean {
  return type === Type.Decimal || type === Type.Time || type === Type.Interval || type === Type.Duration;
}

function bytesOf(bytes: Uint8Array): () => unknown {
  return () => bytes;
}

function range(offset: (index: number) => number, index: number, length: number): [number, number] {
  const [start, end] = [offset(index), offset(index + 1)];
  if (start >= 0 && start <= end && end <= length) return [start, end];
  throw new Error(`a value from ${start} to ${end} does not lie in ${length}`);
}

function bits(bytes: Uint8Array): (index: number) => boolean {
  return (index) => ((bytes[index >> 3]! >> (index & 7)) & 1) === 1;
}

function objects(fields: readonly ArrowField[], columns: readonly ArrowColumn[], length: number): (index: number) => unknown {
  if (columns.some((column) => column.length < length)) throw new Error("the parts of an object are shorter than it");
  return (index) => {
    const entries = fields.map(({ name }, i) => [name, columns[i]!.get(index)] as const).filter(([, value]) => value !== null);
    return entries.length === 0 ? null : Object.fromEntries(entries);
  };
}

function nullable(length: number, validity: Uint8Array | null, read: (index: number) => unknown): ArrowColumn {
  const isThere = validity === null ? () => true : bits(validity);
  const get = (index: number): unknown => (isThere(index) ? read(index) : null);
  return { length, get, slice: (start, end) => Array.from({ length: end - start }, (_, i) => get(start + i)) };
}

function numeric(length: number, validity: Uint8Array | null, numbers: ArrayLike<unknown>, { become }: NumberShape): ArrowColumn {
  const read = become === null ? (index: number) => numbers[index] : (index: number) => become(numbers[index] as never);
  const column = nullable(length, validity, read);
  const isPlain = validity === null && become === null;
  return isPlain ? { ...column, slice: (start, end) => (numbers as Float32Array).subarray(start, end) } : column;
}
