/** Records over REST: bodies turned into the engine's requests, its columns into Chroma's. */
import { Listed } from "../../core/base/json-parts.js";
import { isMetadataKey } from "../../core/gateway/validate/records.js";
import { limits } from "../../core/limits.js";
import type { GetRequest, QueryResponse, Selection } from "../../core/service.js";
import type { EmbeddingRows, IncludeField, MetadataPatch, RecordBatch, RecordColumns } from "../../core/types.js";
import {
  addBody,
  deleteBody,
  type EmbeddingsOnWire,
  getBody,
  queryBody,
  searchBody,
  updateBody,
  upsertBody,
  type ValueOnWire,
} from "./bodies.js";
import { type Call, orNotFound } from "./call.js";
import { decodeBase64, shortest } from "./numbers.js";
import { badRequest, isEngineError, RestError } from "./rest-error.js";
import type { Shape } from "./shape.js";
import { isSoundSparseVector, isSparseVectorOnWire, metadataOnWire } from "./sparse-on-wire.js";

type Patch = Record<string, ValueOnWire | null>;

export interface WriteBody {
  ids: string[];
  embeddings?: EmbeddingsOnWire;
  documents?: (string | null)[];
  uris?: (string | null)[];
  metadatas?: (Patch | null)[];
}

export const add = (call: Call): Promise<object> => write(call, "add", addBody);
export const upsert = (call: Call): Promise<object> => write(call, "upsert", upsertBody);
export const update = (call: Call): Promise<object> => write(call, "update", updateBody);

async function write(call: Call, operation: "add" | "update" | "upsert", shape: Shape<WriteBody>): Promise<object> {
  const { collectionId } = call;
  const batch = readColumns(await call.body(shape), operation);
  if (batch.ids.length === 0) await existing(call, call.ask("count", { collectionId }));
  for (let start = 0; start < batch.ids.length; start += limits.batchRecordsMax) {
    const records = slice(batch, start, start + limits.batchRecordsMax);
    await existing(call, tooLarge(call.ask("write", { collectionId, operation, records })));
  }
  return {};
}

function readColumns(body: WriteBody, operation: string): Columns {
  const records = distinct(body, operation);
  checkRecords(records);
  return {
    ids: records.ids,
    embeddings: records.embeddings === undefined ? null : embeddingRows(records.embeddings),
    documents: records.documents ?? null,
    uris: records.uris ?? null,
    metadatas: records.metadatas?.map(cleanMetadata) ?? null,
  };
}

/** The body of a write as one batch of the engine. */
export function readBatch(body: WriteBody, operation: string): RecordBatch {
  return slice(readColumns(body, operation), 0, body.ids.length);
}

/** Checked columns of one call; embeddings one by one. */
interface Columns extends Omit<RecordBatch, "embeddings"> {
  embeddings: (Float32Array | null)[] | null;
}

/** `add` counts the first record of an id, `update` and `upsert` the last. */
function distinct(body: WriteBody, operation: string): WriteBody {
  const count = body.ids.length;
  for (const column of [body.embeddings, body.documents, body.uris, body.metadatas]) {
    if (column !== undefined && column.length !== count)
      throw badRequest("Inconsistent number of IDs, embeddings, documents, URIs and metadatas");
  }
  const places = new Map<string, number>();
  body.ids.forEach((id, i) => {
    if (operation !== "add" || !places.has(id)) places.set(id, i);
  });
  if (places.size === count) return body;
  const kept = [...places.values()].sort((a, b) => a - b);
  const pick = <T>(column: T[] | undefined): T[] | undefined => column && kept.map((i) => column[i]!);
  return {
    ids: pick(body.ids)!,
    embeddings: pick(body.embeddings),
    documents: pick(body.documents),
    uris: pick(body.uris),
    metadatas: pick(body.metadatas),
  };
}

function checkRecords({ ids, metadatas }: WriteBody): void {
  if (ids.includes("")) throw badRequest("Empty ID, ID must have at least one character");
  metadatas?.forEach((metadata, i) => {
    for (const [key, value] of Object.entries(metadata ?? {})) {
      const badVector = isSparseVectorOnWire(value) && !isSoundSparseVector(value);
      if (!isMetadataKey(key) || badVector) throw badRequest(`Validation error: metadatas: Invalid metadata at index ${i}`);
    }
  });
}

/** Empty lists say nothing, and neither does metadata that holds nothing else. */
function cleanMetadata(metadata: Patch | null): MetadataPatch | null {
  const entries = Object.entries(metadata ?? {}).filter(([, value]) => !(Array.isArray(value) && value.length === 0));
  return entries.length === 0 ? null : (Object.fromEntries(entries) as MetadataPatch);
}

function embeddingRows(wire: EmbeddingsOnWire): (Float32Array | null)[] {
  const rows = wire.map((one) => (one === null ? null : typeof one === "string" ? decodeBase64(one) : Float32Array.from(one)));
  const given = rows.filter((row) => row !== null);
  if (given.some((row) => row.length === 0))
    throw badRequest("Validation error: embeddings: Each embedding must have at least 1 dimension");
  if (given.some((row) => row.length !== given[0]!.length)) throw badRequest("Inconsistent dimensions in provided embeddings");
  rows.forEach((row, i) => {
    const odd = row?.find((value) => !Number.isFinite(value));
    if (odd !== undefined) throw badRequest(`Non-finite float value at embedding index ${i}: ${String(odd).replace("Infinity", "inf")}`);
  });
  return rows;
}

function slice(columns: Columns, start: number, end: number): RecordBatch {
  const cut = <T>(column: readonly T[] | null): T[] | null => column?.slice(start, end) ?? null;
  return {
    ids: columns.ids.slice(start, end),
    documents: cut(columns.documents),
    uris: cut(columns.uris),
    metadatas: cut(columns.metadatas),
    embeddings: flatRows(cut(columns.embeddings)),
  };
}

function flatRows(rows: readonly (Float32Array | null)[] | null): EmbeddingRows | null {
  const given = rows?.filter((row) => row !== null) ?? [];
  if (rows === null || given.length === 0) return null;
  const dimension = given[0]!.length;
  const values = new Float32Array(given.length * dimension);
  given.forEach((row, i) => values.set(row, i * dimension));
  const present = given.length === rows.length ? null : Uint8Array.from(rows, (row) => (row === null ? 0 : 1));
  return { dimension, values, present };
}

/** A batch that is refused for its size alone is too large a payload, although the body was not. */
export async function tooLarge<T>(answer: Promise<T>): Promise<T> {
  return answer.catch((error: unknown) => {
    if (isEngineError(error) && error.details.limit === "batchBytesMax") throw new RestError(413, "ChromaError", error.message);
    throw error;
  });
}

export function existing<T>(call: Call, answer: Promise<T>): Promise<T> {
  return orNotFound(answer, `Collection [${call.collectionId}] does not exist.`);
}

// ---- reading

const GET_DEFAULT: IncludeField[] = ["documents", "metadatas"];
const QUERY_DEFAULT: IncludeField[] = ["documents", "metadatas", "distances"];

export async function get(call: Call): Promise<object> {
  const { request, toWire } = readGet(call, await call.body(getBody));
  return toWire(await existing(call, call.ask("get", request)));
}

interface GetBody extends SelectionBody {
  limit?: number;
  offset?: number;
  include?: IncludeField[];
}

/** What a get asks of the engine, and its answer on the wire. */
export function readGet(call: Call, body: GetBody): { request: GetRequest; toWire(columns: RecordColumns): object } {
  const { limit, offset, include = GET_DEFAULT } = body;
  const request = {
    collectionId: call.collectionId,
    ...selection(body),
    limit: body.ids?.length === 0 ? 0 : limit,
    offset,
    include: needed(include, "distances"),
  };
  return { request, toWire: (columns) => ({ ids: Listed.of(columns.ids), ...columnsOnWire(columns, include), include }) };
}

export async function query(call: Call): Promise<object> {
  const { collectionId } = call;
  const body = await call.body(queryBody);
  const include = body.include ?? QUERY_DEFAULT;
  const queries = await commonDimension(call, body.query_embeddings);
  const nothing = queries.length === 0 || queries[0]!.length === 0;
  const answer = nothing
    ? askNothing(call, body, queries.length)
    : call.ask("query", {
        collectionId,
        ...selection(body),
        queryEmbeddings: { dimension: queries[0]!.length, values: Float32Array.from(queries.flat()) },
        nResults: body.ids?.length === 0 ? 0 : (body.n_results ?? 10),
        include: needed(include),
      });
  const found = await existing(call, answer);
  const { counts, distances } = found;
  const columns = {
    ids: Listed.of(found.ids),
    ...columnsOnWire(found, include),
    distances: include.includes("distances") ? new Listed(distances?.length ?? 0, (i) => shortest(distances![i]!)) : null,
  };
  const nested = Object.entries(columns).map(([name, column]) => [name, column === null ? null : column.nested(counts)]);
  return { ...Object.fromEntries(nested), include };
}

/** The answer to queries that can find nothing. Their collection and filters are looked at all the same. */
async function askNothing(call: Call, body: SelectionBody, queries: number): Promise<QueryResponse> {
  const columns = await call.ask("get", { collectionId: call.collectionId, ...selection(body), limit: 0, include: [] });
  return { ...columns, distances: null, counts: new Array<number>(queries).fill(0) };
}

/** Queries of one length, or none of any length where nothing fixes the collection's. */
async function commonDimension(call: Call, queries: number[][]): Promise<number[][]> {
  const dimension = queries[0]?.length ?? 0;
  if (queries.length > 0 && dimension > 0 && queries.every((query) => query.length === dimension)) return queries;
  const expected = await existing(call, collectionDimension(call));
  const odd = queries.find((query) => query.length !== (expected ?? query.length));
  if (odd !== undefined) throw badRequest(`Collection expecting embedding with dimension of ${expected}, got ${odd.length}`);
  return queries.map(() => []);
}

async function collectionDimension(call: Call): Promise<number | null> {
  return (await call.ask("getCollectionById", { ...call.scope, collectionId: call.collectionId })).dimension;
}

export async function search(call: Call): Promise<object> {
  const { collectionId } = call;
  const { searches, read_level: readLevel } = await call.body(searchBody);
  const answer = call.ask("search", { collectionId, searches, readLevel, asChroma: true });
  const found = await existing(call, answer);
  return {
    ids: found.map(({ ids }) => Listed.of(ids)),
    documents: found.map(({ documents }) => documents && Listed.of(documents)),
    embeddings: found.map(({ embeddings }) => embeddings && rowsOnWire(embeddings)),
    metadatas: found.map(({ metadatas }) => metadatas && Listed.of(metadatas, metadataOnWire)),
    // Chroma's scores are float32.
    scores: found.map(({ scores }) => scores && new Listed(scores.length, (i) => shortest(Math.fround(scores[i]!)))),
    select: found.map(({ select }) => select),
  };
}

export async function remove(call: Call): Promise<object> {
  const { collectionId } = call;
  const body = await call.body(deleteBody);
  const filtered = body.where != null || body.where_document != null;
  if (body.limit !== undefined && !filtered) {
    throw badRequest("Validation error: limit, where: limit can only be specified when a where clause is provided");
  }
  if (body.ids?.length === 0 && !filtered) throw badRequest("Validation error: ids, where: Either ids or where must be specified");
  return existing(call, call.ask("delete", { collectionId, ...selection(body), limit: body.ids?.length === 0 ? 0 : body.limit }));
}

export async function count(call: Call): Promise<number> {
  return existing(call, call.ask("count", { collectionId: call.collectionId }));
}

/** Chroma's log counts records, this one writes: who reckons with `total_ops` has to know which. */
export async function indexingStatus(call: Call): Promise<object> {
  return { ...(await existing(call, call.ask("indexingStatus", { collectionId: call.collectionId }))), counts: "writes" };
}

interface SelectionBody {
  ids?: string[];
  where?: unknown;
  where_document?: unknown;
}

/** No ids at all is not the same as an empty list of them, which the callers see to. */
function selection(body: SelectionBody): Selection {
  const chosen: Selection = {};
  if (body.ids !== undefined && body.ids.length > 0) chosen.ids = [...new Set(body.ids)];
  chosen.asChroma = true;
  if (body.where != null) chosen.where = body.where as Selection["where"];
  if (body.where_document != null) chosen.whereDocument = body.where_document as Selection["whereDocument"];
  return chosen;
}

/** What to ask the engine for: a record with a uri has metadata, if only `{}`, so the uris must be known. */
function needed(include: readonly IncludeField[], except?: IncludeField): IncludeField[] {
  const wanted = new Set(include.filter((field) => field !== except));
  if (wanted.has("metadatas")) wanted.add("uris");
  return [...wanted];
}

/** Columns that were not asked for are `null`. */
function columnsOnWire(columns: RecordColumns, include: readonly IncludeField[]): Record<string, Listed | null> {
  const asked = (field: IncludeField, column: () => Listed): Listed | null => (include.includes(field) ? column() : null);
  return {
    embeddings: asked("embeddings", () => rowsOnWire(columns.embeddings)),
    documents: asked("documents", () => Listed.of(columns.documents ?? [])),
    uris: asked("uris", () => Listed.of(columns.uris ?? [])),
    metadatas: asked("metadatas", () => metadatasOnWire(columns)),
  };
}

function metadatasOnWire({ metadatas, uris }: RecordColumns): Listed {
  const at = (i: number): object | null => metadataOnWire(metadatas![i]!) ?? (uris?.[i] == null ? null : {});
  return new Listed(metadatas?.length ?? 0, at);
}

function rowsOnWire(embeddings: RecordColumns["embeddings"]): Listed {
  if (embeddings === null || embeddings.values.length === 0) return Listed.of([]);
  const { dimension, values } = embeddings;
  const rowAt = (row: number): number[] => Array.from(values.subarray(row * dimension, (row + 1) * dimension), shortest);
  return new Listed(values.length / dimension, rowAt);
}
