/**
 * The columns of a response, fetched a chunk at a time with turns between, and no more of them than one response may hold. What is
 * counted is about what the columns take in memory: two bytes for a character are not, since most texts need one.
 */

import { concat } from "../../base/concat.js";
import { recordTextBytes } from "../../base/record-bytes.js";
import type { Tick } from "../../base/turns.js";
import { TidepoolError } from "../../errors.js";
import { limits } from "../../limits.js";
import type { Highlight, RecordColumns } from "../../types.js";
import type { FetchColumns } from "./select.js";

/** Records fetched between two ticks. */
const CHUNK = 256;

/** Least that a record takes: its id. */
const RECORD_BYTES = 16;

/**
 * Refuses so many records, each with an embedding of so many numbers, or none, before anybody looks for them. `counted`: how many there
 * are in fact, where it takes time to tell.
 */
export function assertAnswerable(records: number, dimension: number, counted = (): number => records): void {
  const most = limits.responseBytesMax / (RECORD_BYTES + dimension * Float32Array.BYTES_PER_ELEMENT);
  if (records > most && counted() > most) throw tooLarge();
}

/** Refuses what is marked where it takes more than a response may hold. */
export function assertSendable(highlights: readonly Highlight[]): void {
  let bytes = 0;
  for (const { ranges, snippet } of highlights) bytes += RECORD_BYTES * (1 + ranges.length) + snippet.length;
  if (bytes > limits.responseBytesMax) throw tooLarge();
}

/** Fetches for one response, however many times it is called. */
export function forResponse(fetch: FetchColumns, tick: Tick): FetchColumns {
  let bytes = 0;
  return async (ordinals, fields) => {
    const all = await fetch(ordinals.subarray(0, CHUNK), fields);
    const rows = all.embeddings === null ? null : rowsFor(ordinals.length, all.embeddings, limits.responseBytesMax - bytes);
    bytes += columnBytes(all);
    for (let from = CHUNK; from < ordinals.length; from += CHUNK) {
      if (bytes > limits.responseBytesMax) throw tooLarge();
      await tick();
      const chunk = await fetch(ordinals.subarray(from, from + CHUNK), fields);
      bytes += columnBytes(chunk);
      append(all, chunk);
      rows?.values.set(chunk.embeddings!.values, from * rows.dimension);
    }
    if (bytes > limits.responseBytesMax) throw tooLarge();
    return { ...all, embeddings: rows };
  };
}

/** About what the columns take. */
export function columnBytes({ ids, documents, metadatas, uris, embeddings }: RecordColumns): number {
  let bytes = embeddings?.values.byteLength ?? 0;
  for (let i = 0; i < ids.length; i++) bytes += recordTextBytes(ids[i]!, documents?.[i], uris?.[i], metadatas?.[i]);
  return bytes;
}

/** Columns of the same fields, one after the other; there is at least one. */
export function joinedColumns(chunks: readonly RecordColumns[]): RecordColumns {
  const [first, ...others] = chunks as [RecordColumns, ...RecordColumns[]];
  for (const chunk of others) append(first, chunk);
  if (first.embeddings === null) return first;
  const values = concat(
    Float32Array,
    chunks.map(({ embeddings }) => embeddings!.values),
  );
  return { ...first, embeddings: { ...first.embeddings, values } };
}

type Rows = NonNullable<RecordColumns["embeddings"]>;

/** Room for as many rows, the first of which are there. */
function rowsFor(count: number, { dimension, values }: Rows, bytesMax: number): Rows {
  if (count * dimension * Float32Array.BYTES_PER_ELEMENT > bytesMax) throw tooLarge();
  if (count * dimension === values.length) return { dimension, values };
  const rows = new Float32Array(count * dimension);
  rows.set(values);
  return { dimension, values: rows };
}

/** Lengthens the columns of `all` in place: joining them at the end would be one long step. */
function append(all: RecordColumns, chunk: RecordColumns): void {
  for (const column of ["ids", "documents", "metadatas", "uris"] as const) (all[column] as unknown[] | null)?.push(...chunk[column]!);
}

function tooLarge(): TidepoolError {
  const allowed = limits.responseBytesMax;
  return new TidepoolError(
    "LIMIT_EXCEEDED",
    `The answer takes more than the ${allowed} bytes allowed (responseBytesMax): ask for fewer records at a time (limit and offset, ` +
      "nResults) or for fewer columns (include, select)",
    { details: { limit: "responseBytesMax", allowed } },
  );
}
