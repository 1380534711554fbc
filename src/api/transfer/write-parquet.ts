/**
 * Records as a Parquet file. Columns: `id`, `document`, `uri` (strings), `embedding` (LIST of FLOAT), and those of the metadata
 * (`table-columns.ts`): string, DOUBLE or BOOLEAN, and LISTs of these; the indices of a sparse vector are a LIST of INT64, its values one
 * of FLOAT. Columns that are not included are left out.
 *
 *   file   := "PAR1", row group*, footer, u32 length of the footer, "PAR1"
 *   footer := FileMetaData in Thrift's compact protocol
 *
 * A row group is written as soon as it is full, so no more than one is in memory. The format is written here and not by a library,
 * since those write a group in one step: the page would stand still meanwhile.
 */
import type { IncludeField, MetadataValue, RecordColumns, SparseVector } from "../../core/types.js";
import { VERSION } from "../../version.js";
import { Slice } from "../slice.js";
import { ByteSink } from "./byte-sink.js";
import { chunkFields, type EncodedPage, PageBuilder, type ParquetColumn, type ParquetItem, schemaOf } from "./parquet-column.js";
import type { WriteRecords } from "./record-pages.js";
import { DESCRIPTION_KEY, describeColumns, emptyPage, findColumns, REST_COLUMN, spread, type TableColumn } from "./table-columns.js";
import { i32, i64, list, struct, type ThriftValue, text, writeStruct } from "./thrift.js";

const MAGIC = new TextEncoder().encode("PAR1");
/** Pages of records in a row group, each of about `exportPageBytes`; every column has as many data pages. */
const PAGES_PER_GROUP = 8;
/** Rows that are encoded in one step. */
const ROWS_PER_STEP = 32;

export const writeParquet: WriteRecords = async function* (pages, include, onProgress) {
  const columns = include.includes("metadatas") ? await findColumns(pages) : [];
  const tableOf = (page: RecordColumns): ParquetColumn[] => parquetColumns(page, columns, include);
  const file = new ParquetFile(tableOf(emptyPage(pages.dimension, include)));
  yield MAGIC.slice();
  const slice = new Slice();
  for await (const page of pages.read(include, onProgress)) {
    for (let from = 0; from < page.ids.length; from += ROWS_PER_STEP) {
      file.add(tableOf(rowsOf(page, from, from + ROWS_PER_STEP)));
      await slice.tick();
    }
    file.endPage();
    if (file.pagesWaiting === PAGES_PER_GROUP) yield* file.takeGroup();
  }
  if (file.pagesWaiting > 0) yield* file.takeGroup();
  yield file.footer(describeColumns(columns));
};

/** What of a file is not written yet, and what its footer has to tell. */
class ParquetFile {
  readonly #columns: readonly ParquetColumn[];
  #builders: PageBuilder[];
  #rows = 0;
  /** Of each column, those of the row group that is being put together. */
  #pages: EncodedPage[][];
  #offset = MAGIC.length;
  #groupRows = 0;
  readonly #groups: ThriftValue[] = [];

  constructor(columns: readonly ParquetColumn[]) {
    this.#columns = columns;
    this.#builders = columns.map((column) => new PageBuilder(column));
    this.#pages = columns.map(() => []);
  }

  get pagesWaiting(): number {
    return this.#pages[0]!.length;
  }

  add(columns: readonly ParquetColumn[]): void {
    columns.forEach(({ cells }, c) => void this.#builders[c]!.add(cells));
    this.#groupRows += columns[0]!.cells.length;
  }

  endPage(): void {
    this.#builders.forEach((builder, c) => void this.#pages[c]!.push(builder.finish()));
    this.#builders = this.#columns.map((column) => new PageBuilder(column));
  }

  *takeGroup(): Generator<Uint8Array<ArrayBuffer>, void, undefined> {
    const chunks: ThriftValue[] = [];
    const start = this.#offset;
    for (const [c, column] of this.#columns.entries()) {
      const first = this.#offset;
      let values = 0;
      for (const page of this.#pages[c]!) {
        this.#offset += page.bytes.length;
        values += page.values;
        yield page.bytes;
      }
      const [at, size] = [i64(first), i64(this.#offset - first)];
      chunks.push(struct({ 2: at, 3: struct({ ...chunkFields(column), 5: i64(values), 6: size, 7: size, 9: at }) }));
    }
    this.#groups.push(struct({ 1: list("struct", chunks), 2: i64(this.#offset - start), 3: i64(this.#groupRows) }));
    this.#rows += this.#groupRows;
    this.#groupRows = 0;
    this.#pages = this.#columns.map(() => []);
  }

  footer(description: string): Uint8Array<ArrayBuffer> {
    const root = struct({ 4: text("schema"), 5: i32(this.#columns.length) });
    const footer = new ByteSink();
    writeStruct(footer, {
      1: i32(1),
      2: list("struct", [root, ...this.#columns.flatMap(schemaOf)]),
      3: i64(this.#rows),
      4: list("struct", this.#groups),
      5: list("struct", [struct({ 1: text(DESCRIPTION_KEY), 2: text(description) })]),
      6: text(`tidepool-db version ${VERSION}`),
    });
    footer.u32(footer.length);
    footer.bytes(MAGIC);
    return footer.taken();
  }
}

function rowsOf({ ids, documents, uris, metadatas, embeddings }: RecordColumns, from: number, to: number): RecordColumns {
  const { dimension = 0, values } = embeddings ?? {};
  return {
    ids: ids.slice(from, to),
    documents: documents?.slice(from, to) ?? null,
    uris: uris?.slice(from, to) ?? null,
    metadatas: metadatas?.slice(from, to) ?? null,
    embeddings: values === undefined ? null : { dimension, values: values.subarray(from * dimension, to * dimension) },
  };
}

function parquetColumns(page: RecordColumns, columns: readonly TableColumn[], include: readonly IncludeField[]): ParquetColumn[] {
  const table: ParquetColumn[] = [scalars("id", "string", page.ids)];
  if (include.includes("documents")) table.push(scalars("document", "string", page.documents!));
  if (include.includes("uris")) table.push(scalars("uri", "string", page.uris!));
  if (include.includes("embeddings")) table.push(lists("embedding", "float", embeddingRows(page)));
  if (!include.includes("metadatas")) return table;
  const { values, rest } = spread(page.metadatas!, columns);
  columns.forEach((column, c) => void table.push(...metadataColumns(column, values[c]!)));
  table.push(scalars(REST_COLUMN, "string", rest));
  return table;
}

function embeddingRows({ ids, embeddings }: RecordColumns): Float32Array[] {
  const { dimension, values } = embeddings!;
  return ids.map((_, i) => values.subarray(i * dimension, (i + 1) * dimension));
}

function scalars(name: string, item: ParquetItem, cells: ParquetColumn["cells"]): ParquetColumn {
  return { name, item, isList: false, cells };
}

function lists(name: string, item: ParquetItem, cells: ParquetColumn["cells"]): ParquetColumn {
  return { name, item, isList: true, cells };
}

const ITEMS = { string: "string", number: "double", boolean: "boolean" } as const;

function metadataColumns({ name, kind }: TableColumn, values: readonly (MetadataValue | null)[]): ParquetColumn[] {
  if (kind === "sparse") return sparseColumns(name, values as (SparseVector | null)[]);
  const item = ITEMS[kind.replace("[]", "") as keyof typeof ITEMS];
  return [(kind.endsWith("[]") ? lists : scalars)(name, item, values as ParquetColumn["cells"])];
}

function sparseColumns(name: string, values: readonly (SparseVector | null)[]): ParquetColumn[] {
  return [
    lists(
      `${name}.indices`,
      "u32",
      values.map((value) => value?.indices ?? null),
    ),
    lists(
      `${name}.values`,
      "float",
      values.map((value) => value?.values ?? null),
    ),
  ];
}
