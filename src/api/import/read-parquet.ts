/**
 * Parquet: the footer by hyparquet, and pages one after the other, so that a row group of any size takes little memory, and the page gets
 * its turns. A column may be a value, a list of values, or an object of such columns.
 */
import type { ColumnChunk, FileMetaData, SchemaTree } from "hyparquet";
import { parquetMetadata, parquetSchema } from "hyparquet";
import { DEFAULT_PARSERS } from "hyparquet/src/convert.js";
import { getMaxDefinitionLevel, getMaxRepetitionLevel } from "hyparquet/src/schema.js";
import { invalidArgument, show, TidepoolError } from "../../core/errors.js";
import { limits } from "../../core/limits.js";
import { Slice } from "../slice.js";
import type { ByteReader } from "./byte-reader.js";
import { ParquetColumn, type ParquetLeaf } from "./parquet-pages.js";
import { isTime, PARSERS } from "./parquet-values.js";
import type { RandomAccess } from "./random-access.js";
import type { Fields, SourceRow, Warn } from "./source-row.js";
import { columnNotRead, DESCRIPTION_KEY, tableRows } from "./table-rows.js";

const FOOTER_END_BYTES = 8;

/** A part of the schema whose values are wanted: an object of such parts, or a leaf, by its place among the leaves of the file. */
interface Branch {
  name: string;
  parts: Branch[] | null;
  place: number;
}

export async function* readParquet(
  reader: ByteReader,
  warn: Warn,
  wants: (name: string) => boolean,
): AsyncGenerator<SourceRow, void, undefined> {
  try {
    yield* readRows(await reader.anywhere(), warn, wants);
  } catch (error) {
    if (error instanceof TidepoolError) throw error;
    throw notParquet((error as Error).message);
  }
}

async function* readRows(file: RandomAccess, warn: Warn, wants: (name: string) => boolean): AsyncGenerator<SourceRow, void, undefined> {
  const footer = await readFooter(file);
  const description = footer.key_value_metadata?.find(({ key }) => key === DESCRIPTION_KEY)?.value;
  const schema = new Schema(footer, description === undefined ? wants : () => true);
  for (const name of schema.times) warn(`The column ${show(name)} has points in time: they become milliseconds since 1970.`);
  const readRow = tableRows(description);
  let row = 0;
  for (const [g, group] of footer.row_groups.entries()) {
    const columns = schema.columns(file, group.columns, g);
    for await (const values of rowsOf(schema, columns, Number(group.num_rows), g)) yield { row: ++row, line: null, ...readRow(values) };
  }
}

async function readFooter(file: RandomAccess): Promise<FileMetaData> {
  if (file.size < 2 * FOOTER_END_BYTES) throw notParquet(`it has ${file.size} bytes only`);
  const end = await file.read(file.size - FOOTER_END_BYTES, file.size);
  const magic = String.fromCharCode(...end.subarray(4));
  if (magic === "PARE") throw notParquet("its footer is encrypted");
  if (magic !== "PAR1") throw notParquet(`it ends with ${show(magic)} and not with "PAR1": it may have been cut`);
  const length = new DataView(end.buffer).getUint32(0, true);
  const start = file.size - FOOTER_END_BYTES - length;
  if (start < 4 || length > limits.importRowBytesMax) throw notParquet(`its footer of ${length} bytes is too long`);
  return parquetMetadata((await file.read(start, file.size)).buffer, { parsers: PARSERS, geoparquet: false });
}

function notParquet(why: string): TidepoolError {
  return invalidArgument(`The source is not a Parquet file that can be read: ${why}`);
}

/** Rows of a row group, which all columns have as many of. */
async function* rowsOf(
  schema: Schema,
  columns: ReadonlyMap<number, ParquetColumn>,
  count: number,
  group: number,
): AsyncGenerator<Fields, void, undefined> {
  const slice = new Slice();
  const isThere = async (column: ParquetColumn): Promise<boolean> => {
    while (!column.isReady && (await column.fill())) await slice.tick();
    return column.isReady;
  };
  for (let i = 0; i < count; i++) {
    for (const [place, column] of columns) {
      if (!column.isReady && !(await isThere(column))) throw wrongLength(schema.leaves[place]!, group, `has ${i} of ${count} rows`);
    }
    yield schema.fields(columns);
  }
  for (const [place, column] of columns) {
    if (await isThere(column)) throw wrongLength(schema.leaves[place]!, group, `has more than ${count} rows`);
  }
}

function wrongLength({ name }: ParquetLeaf, group: number, what: string): TidepoolError {
  return invalidArgument(`The Parquet file cannot be read: column ${show(name)} ${what} in row group ${group}`);
}

class Schema {
  readonly leaves: ParquetLeaf[] = [];
  readonly #paths: (readonly string[])[] = [];
  readonly #branches: Branch[];
  readonly #wanted = new Set<number>();
  /** Columns of points in time. */
  readonly times: string[] = [];

  constructor(footer: FileMetaData, wants: (name: string) => boolean) {
    const root = parquetSchema(footer);
    this.#branches = root.children.flatMap((child) => {
      const isWanted = wants(child.element.name);
      const branch = this.#branch(child, [root, child], isWanted);
      return isWanted ? [branch] : [];
    });
    if (this.#wanted.size === 0) throw notParquet("it has no columns that are wanted");
  }

  #branch(node: SchemaTree, path: SchemaTree[], isWanted: boolean): Branch {
    const { name } = node.element;
    const isObject = node.children.length > 0 && node.element.repetition_type !== "REPEATED" && !isList(node);
    if (isWanted && isObject) checkObject(node);
    if (isObject || !isWanted) {
      const parts = node.children.map((child) => this.#branch(child, [...path, child], isWanted));
      return { name, parts: node.children.length > 0 ? parts : null, place: node.children.length > 0 ? -1 : this.#leaf(path, isWanted) };
    }
    return { name, parts: null, place: this.#leaf(toLeaf(node, path), true) };
  }

  #leaf(path: SchemaTree[], isWanted: boolean): number {
    const { element, path: names } = path.at(-1)!;
    const firstList = path.findIndex((node) => node.element.repetition_type === "REPEATED") + 1;
    const depths = { definition: getMaxDefinitionLevel(path), list: firstList === 0 ? 0 : getMaxDefinitionLevel(path.slice(0, firstList)) };
    const decoder = { type: element.type!, element, schemaPath: path, parsers: { ...DEFAULT_PARSERS, ...PARSERS } };
    const name = names.join(".");
    if (isWanted && isTime(element)) this.times.push(name);
    if (isWanted) this.#wanted.add(this.leaves.length);
    this.#paths.push(names);
    return this.leaves.push({ name, decoder, depths }) - 1;
  }

  /** The wanted columns of a row group, by the places of their leaves. */
  columns(file: RandomAccess, chunks: readonly ColumnChunk[], group: number): Map<number, ParquetColumn> {
    if (chunks.length !== this.leaves.length) throw notParquet(`row group ${group} has ${chunks.length} of ${this.leaves.length} columns`);
    const columns = [...this.#wanted].map((place) => {
      const { meta_data: chunk, file_path: path } = chunks[place]!;
      const names = this.#paths[place]!;
      if (path !== undefined) throw notParquet(`column ${show(names.join("."))} lies in another file, ${show(path)}`);
      if (chunk === undefined) throw notParquet(`column ${show(names.join("."))} is encrypted`);
      if (!names.every((name, i) => chunk.path_in_schema[i] === name)) throw notParquet(`row group ${group} has columns in another order`);
      return [place, new ParquetColumn(file, this.leaves[place]!, chunk)] as const;
    });
    return new Map(columns);
  }

  fields(columns: ReadonlyMap<number, ParquetColumn>): Fields {
    return Object.fromEntries(this.#branches.map((branch) => [branch.name, valueIn(branch, columns)]));
  }
}

function valueIn({ parts, place }: Branch, columns: ReadonlyMap<number, ParquetColumn>): unknown {
  if (parts === null) return columns.get(place)!.take();
  const entries = parts.map((part) => [part.name, valueIn(part, columns)] as const).filter(([, value]) => value !== null);
  return entries.length === 0 ? null : Object.fromEntries(entries);
}

/** Lists are groups in groups, in older files only repeated values, or groups of them. */
function isList(node: SchemaTree): boolean {
  const [only, ...more] = node.children;
  return only?.element.repetition_type === "REPEATED" && more.length === 0;
}

function toLeaf(node: SchemaTree, path: SchemaTree[]): SchemaTree[] {
  const whole = [...path];
  for (let next = node; next.children.length > 0; next = next.children[0]!) {
    if (next.children.length > 1) throw columnNotRead(node.path.join("."), "a list of objects, or a map");
    whole.push(next.children[0]!);
  }
  if (getMaxRepetitionLevel(whole) > 1) throw columnNotRead(node.path.join("."), "a list of lists");
  return whole;
}

function checkObject({ element, path }: SchemaTree): void {
  if (element.logical_type?.type === "VARIANT") throw columnNotRead(path.join("."), "of the type VARIANT");
}
