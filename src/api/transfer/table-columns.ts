/**
 * Metadata as columns of a table, for the formats that have types. Each key has a column for each kind of value that it has in any of
 * the records; a record has a value in at most one of them. Columns are named `metadata.<key>`, or `metadata.<key>:<kind>` where a key
 * has values of several kinds. A sparse vector takes two, `<name>.indices` and `<name>.values`.
 *
 * What has no column stands in the column `metadata` as a JSON object: empty lists, which have no kind, and the keys beyond the first
 * `exportColumnsMax`. It is `null` where a record has no metadata at all, or nothing beside its columns; metadata without any key is `{}`.
 *
 * Which column is of which key and kind is told exactly by `describeColumns`, which travels in the file under the key `tidepool`.
 */
import { limits } from "../../core/limits.js";
import type { IncludeField, Metadata, MetadataValue, RecordColumns } from "../../core/types.js";
import { Slice } from "../slice.js";
import { isSparse, jsonOfMetadata } from "./json-value.js";
import type { RecordPages } from "./record-pages.js";

/** What a column holds. */
export type ColumnKind = "string" | "number" | "boolean" | "string[]" | "number[]" | "boolean[]" | "sparse";

/** One column of metadata. */
export interface TableColumn {
  name: string;
  key: string;
  kind: ColumnKind;
}

/** The name of the file's own key that `describeColumns` stands under, and the column of what has no other. */
export const DESCRIPTION_KEY = "tidepool";
export const REST_COLUMN = "metadata";

/** Goes through the metadata of all records. */
export async function findColumns(pages: RecordPages): Promise<TableColumn[]> {
  const finder = new ColumnFinder();
  const slice = new Slice();
  for await (const { metadatas } of pages.read(["metadatas"])) {
    for (const metadata of metadatas!) {
      finder.note(metadata);
      await slice.tick();
    }
  }
  return finder.columns();
}

/** A page without records. */
export function emptyPage(dimension: number | null, include: readonly IncludeField[]): RecordColumns {
  const column = (field: IncludeField): [] | null => (include.includes(field) ? [] : null);
  const embeddings = include.includes("embeddings") ? { dimension: dimension ?? 0, values: new Float32Array() } : null;
  return { ids: [], documents: column("documents"), metadatas: column("metadatas"), uris: column("uris"), embeddings };
}

class ColumnFinder {
  readonly #kinds = new Map<string, Set<ColumnKind>>();
  #count = 0;

  note(metadata: Metadata | null): void {
    for (const key in metadata) this.#noteKind(key, kindOf(metadata[key]!));
  }

  #noteKind(key: string, kind: ColumnKind | null): void {
    const kinds = this.#kinds.get(key);
    if (kind === null || kinds?.has(kind) || this.#count >= limits.exportColumnsMax) return;
    this.#count++;
    if (kinds === undefined) this.#kinds.set(key, new Set([kind]));
    else kinds.add(kind);
  }

  columns(): TableColumn[] {
    const taken = new Set<string>();
    const columns: TableColumn[] = [];
    for (const [key, kinds] of this.#kinds) {
      for (const kind of kinds) {
        const name = freeName(kinds.size === 1 ? `metadata.${key}` : `metadata.${key}:${kind}`, kind, taken);
        columns.push({ name, key, kind });
      }
    }
    return columns;
  }
}

/** Names of keys may look like those of other columns. */
function freeName(wanted: string, kind: ColumnKind, taken: Set<string>): string {
  let name = wanted;
  while (namesOf(name, kind).some((one) => taken.has(one))) name += "_";
  for (const one of namesOf(name, kind)) taken.add(one);
  return name;
}

function namesOf(name: string, kind: ColumnKind): string[] {
  return kind === "sparse" ? [`${name}.indices`, `${name}.values`] : [name];
}

/** An empty list has no kind. */
function kindOf(value: MetadataValue): ColumnKind | null {
  if (!Array.isArray(value)) return isSparse(value) ? "sparse" : (typeof value as "string" | "number" | "boolean");
  return value.length === 0 ? null : (`${typeof value[0]}[]` as ColumnKind);
}

/** The values of these records in each column, and what has none. */
export function spread(
  metadatas: readonly (Metadata | null)[],
  columns: readonly TableColumn[],
): { values: (MetadataValue | null)[][]; rest: (string | null)[] } {
  const values = columns.map(() => new Array<MetadataValue | null>(metadatas.length).fill(null));
  const places = new Map(columns.map(({ key, kind }, c) => [`${kind} ${key}`, values[c]!]));
  const rest = metadatas.map((metadata, row) => {
    let left: Metadata | null = null;
    for (const key in metadata) {
      const column = places.get(`${kindOf(metadata[key]!)} ${key}`);
      if (column !== undefined) column[row] = metadata[key]!;
      else Object.defineProperty((left ??= {}), key, { value: metadata[key], enumerable: true });
    }
    const isEmpty = metadata !== null && Object.keys(metadata).length === 0;
    return isEmpty ? "{}" : left === null ? null : jsonOfMetadata(left);
  });
  return { values, rest };
}

/** What readers go by. */
export function describeColumns(columns: readonly TableColumn[]): string {
  return JSON.stringify({ version: 1, columns });
}
