/**
 * Embeddings on their way in: `number[][]`, `Float32Array[]` or one flat `Float32Array`, copied when the call is made, checked, and
 * cut, batch by batch, into buffers that can be handed over to the worker. The caller's arrays are never detached.
 */
import { invalidArgument, show } from "../core/errors.js";
import { validateDimension, validateVector } from "../core/gateway/validate/records.js";
import { limits } from "../core/limits.js";
import type { EmbeddingRows } from "../core/types.js";
import { Slice } from "./slice.js";

/**
 * Embeddings as callers may give them: one array per record, or one flat array that holds `ids.length` rows one after the
 * other. They are stored as float32. Arrays are copied, never kept or detached.
 */
export type Embeddings = readonly (readonly number[] | Float32Array)[] | Float32Array;

/** Numbers that are allocated together when rows are copied. */
const NUMBERS_ALLOCATED = 1 << 18;
/** What rounds to more than the largest float32. */
const FLOAT32_BOUND = 2 ** 128 - 2 ** 103;

/**
 * The column as it is now, as float32, which takes half the room of numbers. It runs before the call returns, so it does as little as
 * can be: rows that are not well formed stay what they are, and are refused when they are checked.
 */
export function copyEmbeddings(value: unknown, count: number): unknown {
  if (value instanceof Float32Array) return value.slice();
  if (!Array.isArray(value)) return value;
  let room = new Float32Array(0);
  return Array.from({ length: count }, (_, i) => {
    const row: unknown = value[i];
    if (!isRow(row) || row.length > limits.dimensionMax) return row;
    const { length } = row;
    if (room.length < length) room = new Float32Array(Math.max(length, Math.min(NUMBERS_ALLOCATED, (count - i) * length)));
    if (!fill(room, row)) return row;
    const copy = room.subarray(0, length);
    room = room.subarray(length);
    return copy;
  });
}

/** `false` where the row holds something else than numbers that float32 can hold. */
function fill(room: Float32Array, row: ArrayLike<unknown>): boolean {
  if (row instanceof Float32Array) {
    room.set(row);
    return true;
  }
  for (let i = 0; i < row.length; i++) {
    const value = row[i];
    if (typeof value !== "number" || !(Math.abs(value) < FLOAT32_BOUND)) return false;
    room[i] = value;
  }
  return true;
}

/** A column of embeddings that can be checked and copied in ranges. */
export interface EmbeddingSource {
  readonly dimension: number;
  /** Throws unless the embeddings `start … end − 1` are well formed. */
  check(start: number, end: number): void;
  copy(start: number, end: number): EmbeddingRows;
}

export interface EmbeddingExpectation {
  /** Name of the argument, for errors. */
  argument: string;
  /** The collection's dimension, where it is known. */
  dimension?: number | null;
  /** Whether an entry may be `null`: no embedding for this record. */
  nullable?: boolean;
  /** Whether the values are the call's own, which nobody changes any more: as a whole they need no other copy. */
  isOwn?: boolean;
}

/** Reads a column of `count` embeddings. Throws when its outer shape is wrong; `check` looks at the numbers. */
export function readEmbeddings(value: unknown, count: number, expectation: EmbeddingExpectation): EmbeddingSource | null {
  if (value instanceof Float32Array) return new FlatEmbeddings(value, count, expectation);
  const { argument, nullable = false } = expectation;
  if (!Array.isArray(value)) throw invalidArgument(`Expected '${argument}' to be an array, but got ${show(value)}`);
  const first = nullable ? value.find((row) => row != null) : value[0];
  if (first === undefined && nullable) return null;
  validateRow(first, `${argument}[${value.indexOf(first)}]`);
  return new RowEmbeddings(value, first.length, expectation);
}

class FlatEmbeddings implements EmbeddingSource {
  readonly dimension: number;
  readonly #values: Float32Array;
  readonly #argument: string;
  readonly #isOwn: boolean;

  constructor(values: Float32Array, count: number, { argument, dimension, isOwn = false }: EmbeddingExpectation) {
    this.dimension = values.length / count;
    if (!Number.isInteger(this.dimension)) {
      throw invalidArgument(`${argument} holds ${values.length} numbers, which is not a multiple of the ${count} ids`);
    }
    validateDimension(this.dimension, argument, dimension);
    this.#values = values;
    this.#argument = argument;
    this.#isOwn = isOwn;
  }

  #row(index: number): Float32Array {
    return this.#values.subarray(index * this.dimension, (index + 1) * this.dimension);
  }

  check(start: number, end: number): void {
    for (let i = start; i < end; i++) validateVector(this.#row(i), this.#argument, i);
  }

  copy(start: number, end: number): EmbeddingRows {
    const part = this.#values.subarray(start * this.dimension, end * this.dimension);
    const values = this.#isOwn && part.byteLength === part.buffer.byteLength ? part : part.slice();
    return { dimension: this.dimension, values, present: null };
  }
}

class RowEmbeddings implements EmbeddingSource {
  readonly dimension: number;
  readonly #rows: readonly unknown[];
  readonly #expectation: EmbeddingExpectation;

  constructor(rows: readonly unknown[], dimension: number, expectation: EmbeddingExpectation) {
    this.#rows = rows;
    this.dimension = dimension;
    this.#expectation = expectation;
  }

  check(start: number, end: number): void {
    const { argument, dimension, nullable } = this.#expectation;
    for (let i = start; i < end; i++) {
      const row = this.#rows[i];
      if (nullable && row == null) continue;
      const name = `${argument}[${i}]`;
      validateRow(row, name);
      validateDimension(row.length, name, dimension);
      if (row.length !== this.dimension) {
        throw invalidArgument(`Inconsistent dimensions in provided embeddings: ${name} has ${row.length}, the first has ${this.dimension}`);
      }
      validateVector(row, argument, i);
    }
  }

  copy(start: number, end: number): EmbeddingRows {
    const rows = this.#rows.slice(start, end) as (ArrayLike<number> | null | undefined)[];
    const carried = rows.filter((row) => row != null);
    const values = new Float32Array(carried.length * this.dimension);
    carried.forEach((row, i) => values.set(row, i * this.dimension));
    const present = carried.length === rows.length ? null : Uint8Array.from(rows, (row) => (row == null ? 0 : 1));
    return { dimension: this.dimension, values, present };
  }
}

function isRow(row: unknown): row is ArrayLike<unknown> {
  return Array.isArray(row) || (ArrayBuffer.isView(row) && !(row instanceof DataView));
}

function validateRow(row: unknown, name: string): asserts row is ArrayLike<unknown> {
  if (isRow(row)) return;
  throw invalidArgument(`Expected each embedding to be an array of numbers, but ${name} is ${show(row)}`);
}

/** Numbers turned between two looks at the clock. */
const NUMBERS_AT_ONCE = 8192;

/**
 * Row-major float32 as the plain arrays that Chroma's results hold, with turns for the page on the way. `Array.from` takes five
 * times as long.
 */
export async function toNumberArrays({ dimension, values }: { dimension: number; values: Float32Array }): Promise<number[][]> {
  const rows: number[][] = [];
  const slice = new Slice();
  for (let start = 0, turned = 0; start < values.length; start += dimension, turned += dimension) {
    const row = new Array<number>(dimension);
    for (let i = 0; i < dimension; i++) row[i] = values[start + i]!;
    rows.push(row);
    if (turned < NUMBERS_AT_ONCE) continue;
    turned = 0;
    await slice.tick();
  }
  return rows;
}
