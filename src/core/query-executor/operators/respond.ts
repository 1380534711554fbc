/**
 * The columns of a response, fetched a chunk at a time with turns between, and no more of them than one response may hold. What is
 * counted is about what the columns take in memory: two bytes for a character are not, since most texts need one.
 */

import { recordTextBytes } from "../../base/record-bytes.js";
import type { Tick } from "../../base/turns.js";
import { TidepoolError } from "../../errors.js";
import { limits } from "../../limits.js";
import type { RecordColumns } from "../../types.js";
import type { FetchColumns } from "./select.js";

/** Records fetched between two ticks. */
const CHUNK = 256;

/** Fetches for one response, however many times it is called. */
export function forResponse(fetch: FetchColumns, tick: Tick): FetchColumns {
  let bytes = 0;
  return async (ordinals, fields) => {
    const chunks: RecordColumns[] = [];
    for (let from = 0; from === 0 || from < ordinals.length; from += CHUNK) {
      if (from > 0) await tick();
      const chunk = await fetch(ordinals.subarray(from, from + CHUNK), fields);
      bytes += bytesOf(chunk);
      if (bytes > limits.responseBytesMax) throw tooLarge();
      chunks.push(chunk);
    }
    return chunks.length === 1 ? chunks[0]! : join(chunks);
  };
}

function bytesOf({ ids, documents, metadatas, uris, embeddings }: RecordColumns): number {
  let bytes = embeddings?.values.byteLength ?? 0;
  for (let i = 0; i < ids.length; i++) bytes += recordTextBytes(ids[i]!, documents?.[i], uris?.[i], metadatas?.[i]);
  return bytes;
}

function join(chunks: readonly RecordColumns[]): RecordColumns {
  const [first] = chunks as [RecordColumns];
  return {
    ids: chunks.flatMap(({ ids }) => ids),
    documents: first.documents && chunks.flatMap(({ documents }) => documents!),
    metadatas: first.metadatas && chunks.flatMap(({ metadatas }) => metadatas!),
    uris: first.uris && chunks.flatMap(({ uris }) => uris!),
    embeddings: first.embeddings && joinEmbeddings(chunks.map(({ embeddings }) => embeddings!)),
  };
}

function joinEmbeddings(parts: NonNullable<RecordColumns["embeddings"]>[]): RecordColumns["embeddings"] {
  const values = new Float32Array(parts.reduce((sum, part) => sum + part.values.length, 0));
  let at = 0;
  for (const part of parts) {
    values.set(part.values, at);
    at += part.values.length;
  }
  return { dimension: parts[0]!.dimension, values };
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
