/**
 * One column of a row group of a Parquet file, row by row. In memory are the bytes of a page, some that come after it, and its values. A
 * list may go on in the next page, so the last one of a page is told when that is read.
 */
import type { ColumnMetaData, PageHeader } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { invalidArgument, show, TidepoolError } from "../../core/errors.js";
import { limits } from "../../core/limits.js";
import { joinBytes } from "./byte-reader.js";
import { type Depths, joinLists, type LeveledValues, rowsOf } from "./parquet-rows.js";
import { type Decoder, readDictionary, readerOf, readHybrid, readValues, VALUES_MAX, type Values } from "./parquet-values.js";
import type { RandomAccess } from "./random-access.js";
import { unpackPage } from "./unpack-page.js";

/** What of the schema the column is. */
export interface ParquetLeaf {
  /** Its names from the top of the schema, as errors have it. */
  name: string;
  decoder: Decoder;
  depths: Depths;
}

/** Bytes that are read in one step, and in which the header of a page has to be. */
const WINDOW_BYTES = 1024 * 1024;

interface Page {
  header: PageHeader;
  bytes: Uint8Array;
}

export class ParquetColumn {
  readonly #file: RandomAccess;
  readonly #leaf: ParquetLeaf;
  readonly #chunk: ColumnMetaData;
  /** Where the next page begins, and where the column ends. */
  #at: number;
  readonly #end: number;
  /** Bytes from `#at` on. */
  #ahead: Uint8Array = new Uint8Array();
  #dictionary: Values | null = null;
  #rows: Values = [];
  #next = 0;

  constructor(file: RandomAccess, leaf: ParquetLeaf, chunk: ColumnMetaData) {
    this.#file = file;
    this.#leaf = leaf;
    this.#chunk = chunk;
    this.#at = Number(chunk.dictionary_page_offset || chunk.data_page_offset);
    this.#end = this.#at + Number(chunk.total_compressed_size);
    const isThere = Number.isSafeInteger(this.#at) && Number.isSafeInteger(this.#end) && this.#at >= 4 && this.#end >= this.#at;
    if (!isThere || this.#end > file.size) throw this.#failure(new Error(`it would end at byte ${this.#end} of ${file.size}`));
  }

  /** Whether `take` has a row. */
  get isReady(): boolean {
    const held = this.#leaf.depths.list > 0 && this.#at < this.#end ? 1 : 0;
    return this.#next < this.#rows.length - held;
  }

  take(): unknown {
    return this.#rows[this.#next++];
  }

  /** Reads the next page. `false` at the end. */
  async fill(): Promise<boolean> {
    if (this.#at >= this.#end) return false;
    try {
      await this.#read(await this.#page());
    } catch (error) {
      throw this.#failure(error);
    }
    return true;
  }

  async #read({ header, bytes }: Page): Promise<void> {
    const { type, data_page_header: v1, data_page_header_v2: v2, dictionary_page_header: dictionary } = header;
    if (type === "DICTIONARY_PAGE") {
      const page = await this.#unpack(bytes, header);
      this.#dictionary = readDictionary(page, countOf(dictionary?.num_values), this.#leaf.decoder);
    } else if (type === "DATA_PAGE" && v1) this.#add(await this.#first(header, bytes));
    else if (type === "DATA_PAGE_V2" && v2) this.#add(await this.#second(header, bytes));
    else if (type !== "INDEX_PAGE") throw new Error("a page is of no known kind");
  }

  /** Levels stand before the values, packed with them, with their lengths. */
  async #first(header: PageHeader, bytes: Uint8Array): Promise<LeveledValues> {
    const { num_values, encoding } = header.data_page_header!;
    const count = countOf(num_values);
    let page = await this.#unpack(bytes, header);
    const levels = (highest: number): Uint32Array | null => {
      if (highest === 0) return null;
      const end = 4 + readerOf(page).view.getUint32(0, true);
      if (end > page.length) throw new Error("its levels go on behind its end");
      const numbers = readHybrid(page.subarray(4, end), widthOf(highest), count);
      page = page.subarray(end);
      return numbers;
    };
    const repetitions = levels(this.#leaf.depths.list > 0 ? 1 : 0);
    const definitions = levels(this.#leaf.depths.definition);
    return this.#leveled(count, repetitions, definitions, (present) => this.#values(page, encoding, present));
  }

  /** Levels stand before what is packed, and the header has their lengths. */
  async #second(header: PageHeader, bytes: Uint8Array): Promise<LeveledValues> {
    const { num_values, encoding, is_compressed, ...lengths } = header.data_page_header_v2!;
    const count = countOf(num_values);
    const { depths } = this.#leaf;
    const begin = countOf(lengths.repetition_levels_byte_length);
    const end = begin + countOf(lengths.definition_levels_byte_length);
    if (end > bytes.length || end > header.uncompressed_page_size) throw new Error("its levels go on behind its end");
    const repetitions = depths.list === 0 ? null : readHybrid(bytes.subarray(0, begin), 1, count);
    const definitions = depths.definition === 0 ? null : readHybrid(bytes.subarray(begin, end), widthOf(depths.definition), count);
    const codec = is_compressed === false ? "UNCOMPRESSED" : this.#chunk.codec;
    const page = await unpackPage(bytes.subarray(end), sizeOf(header) - end, codec);
    return this.#leveled(count, repetitions, definitions, (present) => this.#values(page, encoding, present));
  }

  #leveled(
    count: number,
    repetitions: Uint32Array | null,
    definitions: Uint32Array | null,
    read: (count: number) => Values,
  ): LeveledValues {
    const { definition } = this.#leaf.depths;
    const present = definitions === null ? count : definitions.reduce((sum, level) => sum + (level === definition ? 1 : 0), 0);
    return { repetitions, definitions, values: read(present) };
  }

  #values(page: Uint8Array, encoding: Parameters<typeof readValues>[1], count: number): Values {
    return readValues(page, encoding, count, this.#leaf.decoder, this.#dictionary);
  }

  #add(page: LeveledValues): void {
    const { continued, rows } = rowsOf(page, this.#leaf.depths);
    const left = Array.from({ length: this.#rows.length - this.#next }, () => this.take());
    if (continued !== null) left.push(this.#joined(left.pop(), continued));
    this.#rows = left.length === 0 ? rows : [...left, ...Array.from(rows)];
    this.#next = 0;
  }

  #joined(last: unknown, continued: Values): Values {
    if (last == null) throw new Error("a list goes on that has not begun");
    const joined = joinLists(last as Values, continued);
    if (joined.length > VALUES_MAX) throw new Error(`a list has more than ${VALUES_MAX} elements`);
    return joined;
  }

  #unpack(bytes: Uint8Array, header: PageHeader): Promise<Uint8Array> {
    return unpackPage(bytes, sizeOf(header), this.#chunk.codec);
  }

  async #page(): Promise<Page> {
    await this.#look(WINDOW_BYTES);
    const reader = readerOf(this.#ahead);
    const header = parquetHeader(reader);
    const begin = reader.offset;
    const end = begin + countOf(header.compressed_page_size, limits.importRowBytesMax);
    await this.#look(end);
    if (end > this.#ahead.length) throw new Error("its last page ends before it is complete");
    const bytes = this.#ahead.subarray(begin, end);
    this.#ahead = this.#ahead.subarray(end);
    this.#at += end;
    return { header, bytes };
  }

  /** Has so many bytes ahead, where the column has them. */
  async #look(length: number): Promise<void> {
    const missing = Math.min(length, this.#end - this.#at) - this.#ahead.length;
    if (missing <= 0) return;
    const start = this.#at + this.#ahead.length;
    const end = Math.min(Math.max(start + missing, this.#at + WINDOW_BYTES), this.#end);
    this.#ahead = joinBytes([this.#ahead, await this.#file.read(start, end)]);
  }

  #failure(error: unknown): unknown {
    if (error instanceof TidepoolError) return error;
    const why = (error as Error).message;
    return invalidArgument(`The Parquet file cannot be read: column ${show(this.#leaf.name)} at byte ${this.#at}: ${why}`);
  }
}

function widthOf(highest: number): number {
  return 32 - Math.clz32(highest);
}

function sizeOf({ uncompressed_page_size: size }: PageHeader): number {
  return countOf(size, limits.importRowBytesMax);
}

function countOf(count: number | undefined, allowed: number = VALUES_MAX): number {
  if (Number.isInteger(count) && count! >= 0 && count! <= allowed) return count!;
  throw new Error(`a page has ${count} bytes or values, and at most ${allowed} are possible`);
}
