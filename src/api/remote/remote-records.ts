/** Records on their way to a server and back: the mirror of the gateway's `records.ts`. */
import { Listed } from "../../core/base/json-parts.js";
import { TidepoolError } from "../../core/errors.js";
import type { QueryResponse, SearchColumns, Selection } from "../../core/service.js";
import type { EmbeddingRows, IncludeField, Metadata, RecordBatch, RecordColumns } from "../../core/types.js";
import { metadataFromWire, metadataOnWire } from "../rest/sparse-on-wire.js";
import { Slice } from "../slice.js";
import { toBase64 } from "./base64.js";
import { notOnServer } from "./remote-errors.js";

type MetadataOnWire = Parameters<typeof metadataFromWire>[0];

/** The columns of an answer; those that were not asked for are `null`. */
export interface ColumnsOnWire {
  ids: string[];
  documents?: (string | null)[] | null;
  metadatas?: MetadataOnWire[] | null;
  uris?: (string | null)[] | null;
  embeddings?: number[][] | null;
}

type Nested<T> = { [K in keyof T]: T[K] extends readonly (infer V)[] | null | undefined ? V[][] | Extract<T[K], null | undefined> : never };

/** The answer to several queries: each column has a list for each query. */
export type QueryOnWire = Nested<ColumnsOnWire & { distances?: (number | null)[] | null }>;

/** The answer to several searches, of which each has columns of its own. */
export interface SearchOnWire {
  ids: string[][];
  documents: ((string | null)[] | null)[];
  embeddings: ((number[] | null)[] | null)[];
  metadatas: (MetadataOnWire[] | null)[];
  scores: ((number | null)[] | null)[];
  select: string[][];
}

// ---- to the server

/** A batch as a body. Vectors become text when they are written, one after the other. */
export function batchOnWire({ ids, embeddings, documents, metadatas, uris }: RecordBatch, asBase64: boolean): object {
  return {
    ids,
    ...(embeddings === null ? {} : { embeddings: rowsOnWire(embeddings, ids.length, asBase64) }),
    ...(documents === null ? {} : { documents }),
    ...(metadatas === null ? {} : { metadatas: metadatas.map(metadataOnWire) }),
    ...(uris === null ? {} : { uris }),
  };
}

/** The part of a batch from `start` to `end`. */
export function sliceBatch(batch: RecordBatch, start: number, end: number): RecordBatch {
  if (start === 0 && end >= batch.ids.length) return batch;
  const cut = <T>(column: T[] | null): T[] | null => column?.slice(start, end) ?? null;
  return {
    ids: batch.ids.slice(start, end),
    embeddings: batch.embeddings && sliceRows(batch.embeddings, start, end),
    documents: cut(batch.documents),
    metadatas: cut(batch.metadatas),
    uris: cut(batch.uris),
  };
}

function sliceRows({ dimension, values, present }: EmbeddingRows, start: number, end: number): EmbeddingRows | null {
  const rowAt = (record: number): number => (present === null ? record : count(present.subarray(0, record)));
  const rows = values.subarray(rowAt(start) * dimension, rowAt(end) * dimension);
  return rows.length === 0 ? null : { dimension, values: rows, present: present?.slice(start, end) ?? null };
}

function count(present: Uint8Array): number {
  return present.reduce((sum, one) => sum + one, 0);
}

function rowsOnWire({ dimension, values, present }: EmbeddingRows, records: number, asBase64: boolean): Listed {
  let row = 0;
  const places = Array.from({ length: records }, (_, i) => (present === null || present[i] === 1 ? row++ : -1));
  const rowAt = (place: number): Float32Array => values.subarray(place * dimension, (place + 1) * dimension);
  return Listed.of(places, (place) => (place < 0 ? null : asBase64 ? base64Of(rowAt(place)) : Array.from(rowAt(place))));
}

/** Little-endian float32 numbers, as `decodeBase64` of the gateway reads them. */
export function base64Of(row: Float32Array): string {
  const bytes = new Uint8Array(row.length * 4);
  const view = new DataView(bytes.buffer);
  row.forEach((value, i) => view.setFloat32(i * 4, value, true));
  return toBase64(bytes);
}

export function queriesOnWire({ dimension, values }: { dimension: number; values: Float32Array }): Listed {
  return new Listed(values.length / dimension, (row) => Array.from(values.subarray(row * dimension, (row + 1) * dimension)));
}

/** What selects records, as far as a server can select. */
export function selectionOnWire({ version, ids, where, whereDocument }: Selection, call: string, url: string): object {
  if (version !== undefined) throw notOnServer(`${call} at a version`, url);
  if (where !== undefined) refuseStartsWith(where, call, url);
  return {
    ...(ids === undefined ? {} : { ids }),
    ...(where === undefined ? {} : { where }),
    ...(whereDocument === undefined ? {} : { where_document: whereDocument }),
  };
}

/** How deep a filter may nest is for the server to say. */
function refuseStartsWith(filter: object, call: string, url: string): void {
  if (Object.hasOwn(filter, "$startsWith")) throw notOnServer(`${call} with $startsWith`, url);
  for (const part of Object.values(filter)) if (typeof part === "object" && part !== null) refuseStartsWith(part, call, url);
}

// ---- from the server

export async function columnsFromWire(wire: ColumnsOnWire, include: readonly IncludeField[]): Promise<RecordColumns> {
  const asked = <T>(field: IncludeField, column: T | null | undefined): T | null => (include.includes(field) ? (column ?? null) : null);
  const rows = asked("embeddings", wire.embeddings);
  return {
    ids: wire.ids,
    documents: asked("documents", wire.documents),
    metadatas: asked("metadatas", wire.metadatas)?.map(metadataFromWire) ?? null,
    uris: asked("uris", wire.uris),
    embeddings: rows === null ? null : await flatRows(rows),
  };
}

async function flatRows(rows: readonly (readonly number[] | null)[]): Promise<NonNullable<RecordColumns["embeddings"]>> {
  const dimension = rows[0]?.length ?? 0;
  const values = new Float32Array(rows.length * dimension);
  const slice = new Slice();
  for (const [i, row] of rows.entries()) {
    if (row?.length !== dimension) throw new TidepoolError("SERVER_ERROR", "The server answered embeddings of different lengths");
    values.set(row, i * dimension);
    await slice.tick();
  }
  return { dimension, values };
}

export async function queryFromWire(wire: QueryOnWire, include: readonly IncludeField[]): Promise<QueryResponse> {
  const flat = {
    ids: wire.ids.flat(),
    documents: wire.documents?.flat() ?? null,
    metadatas: wire.metadatas?.flat() ?? null,
    uris: wire.uris?.flat() ?? null,
    embeddings: wire.embeddings?.flat() ?? null,
  };
  const columns = await columnsFromWire(flat, include);
  const distances = include.includes("distances") ? Float32Array.from(wire.distances?.flat() ?? [], Number) : null;
  return { ...columns, distances, counts: wire.ids.map(({ length }) => length) };
}

export async function searchFromWire(wire: SearchOnWire): Promise<SearchColumns[]> {
  const found: SearchColumns[] = [];
  for (const [i, ids] of wire.ids.entries()) {
    const embeddings = wire.embeddings?.[i] ?? null;
    found.push({
      ids,
      documents: wire.documents?.[i] ?? null,
      metadatas: (wire.metadatas?.[i]?.map(metadataFromWire) as (Metadata | null)[] | undefined) ?? null,
      embeddings: embeddings === null ? null : await flatRows(embeddings),
      scores: wire.scores?.[i] ? Float64Array.from(wire.scores[i], (score) => score ?? Number.NaN) : null,
      select: wire.select?.[i] ?? [],
    });
  }
  return found;
}
