/**
 * Records as an Arrow IPC stream, which every Arrow implementation reads. Columns: `id`, `document`, `uri` (Utf8), `embedding`
 * (FixedSizeList of Float32), and those of the metadata (`table-columns.ts`): Utf8, Float64 or Bool, and lists of these; the indices of
 * a sparse vector are a list of UInt32, its values one of Float32. Columns that are not included are left out.
 */
import { type Column, END_OF_STREAM, encodeBatch, encodeHead } from "../../core/blockstore/block.js";
import type { IncludeField, MetadataValue, RecordColumns, SparseVector } from "../../core/types.js";
import { Slice } from "../slice.js";
import type { WriteRecords } from "./record-pages.js";
import { DESCRIPTION_KEY, describeColumns, emptyPage, findColumns, REST_COLUMN, spread, type TableColumn } from "./table-columns.js";

export const writeArrow: WriteRecords = async function* (pages, include, onProgress) {
  const columns = include.includes("metadatas") ? await findColumns(pages) : [];
  const columnsOf = (page: RecordColumns): Column[] => tableOf(page, columns, pages.dimension, include);
  yield encodeHead(columnsOf(emptyPage(pages.dimension, include)), { [DESCRIPTION_KEY]: describeColumns(columns) });
  const slice = new Slice();
  for await (const page of pages.read(include, onProgress)) {
    yield encodeBatch(columnsOf(page), page.ids.length);
    await slice.tick();
  }
  yield END_OF_STREAM.slice();
};

function tableOf(
  page: RecordColumns,
  columns: readonly TableColumn[],
  dimension: number | null,
  include: readonly IncludeField[],
): Column[] {
  const table: Column[] = [{ type: "utf8", name: "id", values: page.ids }];
  if (include.includes("documents")) table.push({ type: "utf8", name: "document", values: page.documents! });
  if (include.includes("uris")) table.push({ type: "utf8", name: "uri", values: page.uris! });
  if (include.includes("embeddings") && dimension !== null) {
    table.push({ type: "fixed-f32", name: "embedding", width: dimension, values: page.embeddings!.values });
  }
  if (!include.includes("metadatas")) return table;
  const { values, rest } = spread(page.metadatas!, columns);
  columns.forEach((column, c) => void table.push(...arrowColumns(column, values[c]!)));
  table.push({ type: "utf8", name: REST_COLUMN, values: rest });
  return table;
}

function arrowColumns({ name, kind }: TableColumn, values: readonly (MetadataValue | null)[]): Column[] {
  switch (kind) {
    case "string":
      return [{ type: "utf8", name, values: values as (string | null)[] }];
    case "number":
      return [{ type: "f64", name, values: values as (number | null)[] }];
    case "boolean":
      return [{ type: "bool", name, values: values as (boolean | null)[] }];
    case "sparse":
      return sparseColumns(name, values as (SparseVector | null)[]);
    default: {
      const type = ({ "string[]": "utf8-list", "number[]": "f64-list", "boolean[]": "bool-list" } as const)[kind];
      return [{ type, name, values: values as (string[] | null)[] }];
    }
  }
}

/** Where there is no vector the values are null, and the indices an empty list. */
function sparseColumns(name: string, values: readonly (SparseVector | null)[]): Column[] {
  return [
    { type: "u32-list", name: `${name}.indices`, values: values.map((value) => Uint32Array.from(value?.indices ?? [])) },
    { type: "f32-list", name: `${name}.values`, values: values.map((value) => value?.values ?? null) },
  ];
}
