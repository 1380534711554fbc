/**
 * A write call from its arguments to its last acknowledgement. The whole call is validated before anything is sent; then
 * it is split into batches, each atomic, of which at most two are under way, so that copying, embedding and storing overlap. What
 * takes long to embed goes in smaller ones. Acknowledgements count in order: "n acknowledged" always means the first n records of
 * the call.
 */
import { recordTextBytes } from "../core/base/record-bytes.js";
import { beyondLimit, invalidArgument, show, TidepoolError } from "../core/errors.js";
import {
  validateIdRange,
  validateLengths,
  validateMetadata,
  validateMetadataRange,
  validateStringRange,
  type WriteOperation,
} from "../core/gateway/validate/records.js";
import { validateArray, validateAtLeast, validateFunction } from "../core/gateway/validate/values.js";
import { limits } from "../core/limits.js";
import type { TidepoolWarning } from "../core/service.js";
import type { EmbeddingRows, Metadata, MetadataPatch, RecordBatch } from "../core/types.js";
import { aborted, CALL_LIMITS, type CallLimits, limited, orAborted, readCallLimits, TimeLimit } from "./call-limits.js";
import { type EmbeddingFunction, embed, embeddingError } from "./embedding-function.js";
import { copyEmbeddings, type EmbeddingSource, type Embeddings, readEmbeddings } from "./embeddings.js";
import { part } from "./part.js";
import { copyOf, readArguments, readArgumentsInTurns, readObject } from "./read-arguments.js";
import { Slice } from "./slice.js";

/** How far a long write has come, in records. */
export interface Progress {
  /** Records acknowledged so far: durable, and visible to every read. */
  done: number;
  /** Records of the whole call. */
  total: number;
  /** Records whose texts are embedded so far; only where the call embeds any. */
  embedded?: number;
}

/** Options that `add`, `update` and `upsert` share. */
export interface WriteOptions extends CallLimits {
  /** Stops the call between batches. It then rejects with `ABORTED`; `details.acknowledged` says how many records stay. */
  signal?: AbortSignal;
  /** Milliseconds after which the call stops between batches, and rejects with `TIMEOUT` as it does with `ABORTED`. */
  timeoutMs?: number;
  /** Called after each acknowledged batch, and where the call embeds texts, after each batch of these. */
  onProgress?: (progress: Progress) => void;
  /** Records whose texts the embedding function is given at once, at most. Default 64. */
  embedBatchSize?: number;
}

/** The arguments as they come, before any check. */
export interface WriteArguments extends WriteOptions {
  ids: string[];
  embeddings?: Embeddings | readonly (readonly number[] | Float32Array | null)[] | null;
  documents?: readonly (string | null | undefined)[] | null;
  metadatas?: readonly (object | null | undefined)[] | null;
  uris?: readonly (string | null | undefined)[] | null;
  metadata?: "flatten" | undefined;
}

/** What it takes to prepare the records of a collection. */
export interface WriteSource {
  dimension: number | null;
  /** The embedding function, or throws the error that says why there is none. */
  embeddingFunction(): EmbeddingFunction;
  /** Tells of what the call does without. */
  warn(warning: TidepoolWarning): void;
  /** Makes the sparse vectors that a batch of so many records leaves to be made, `null` where there are none to make. */
  embedSparse: ((count: number, documents: (string | null)[] | null, metadatas: Patches | null) => Promise<Patches | null>) | null;
}

/** What a write has to know of its collection. */
export interface WriteTarget extends WriteSource {
  send(batch: RecordBatch): Promise<void>;
  /** The call's place among those that write. */
  place: Place;
}

/**
 * A call's place in the order of the calls that write through one collection object. Calls prepare and embed side by side,
 * and send one after the other. None waits for the acknowledgements of those before it.
 */
export interface Place {
  /** Resolves when every earlier call has sent all that it will send. */
  before: Promise<void>;
  /** Says that this call has. */
  sent(): void;
}

type Patches = (MetadataPatch | null)[];

const FIELDS = `ids embeddings documents metadatas uris metadata onProgress embedBatchSize ${CALL_LIMITS}`;
/** Size at which a batch is closed; single records may be larger, up to `limits.batchBytesMax`. */
const BATCH_BYTES = 8 * 1024 * 1024;
const BATCHES_IN_FLIGHT_MAX = 2;
/** Records checked between two looks at the clock. */
const VALIDATED_AT_ONCE = 16;
/** Assumed while the function that will make the embeddings has not told their length. */
const DIMENSION_GUESS = 1024;

/** Validates the whole call, then sends it batch by batch. */
export async function write(args: WriteArguments, operation: WriteOperation, target: WriteTarget): Promise<void> {
  try {
    const records = readArguments(operation, () => new Records(args, operation, target));
    if (args.signal?.aborted) throw interrupted(aborted(args.signal), 0, records.count);
    const { timeoutMs, signal, onProgress } = args;
    const timer = timeoutMs === undefined ? null : new TimeLimit(timeoutMs, signal);
    try {
      const batches = await readArgumentsInTurns(operation, () => records.validate());
      await sendBatches(records, batches, { onProgress, signal: timer?.signal ?? signal }, target);
    } finally {
      timer?.end();
    }
  } finally {
    target.place.sent();
  }
}

/** As `write`, up to the sending: all records of the call as one batch, which is as large as one may be. */
export async function prepareWrite(args: WriteArguments, operation: WriteOperation, source: WriteSource): Promise<RecordBatch> {
  const records = readArguments(operation, () => new Records(args, operation, source));
  const { count } = records;
  if (count > limits.batchRecordsMax)
    throw beyondLimit(`The call has ${count} records in one write of a transaction, more`, "batchRecordsMax", limits.batchRecordsMax);
  const { signal, timeoutMs, onProgress } = args;
  return limited({ signal, timeoutMs }, (ends) =>
    readArgumentsInTurns(operation, async () => {
      const bytes = (await records.validate()).reduce((sum, batch) => sum + batch.bytes, 0);
      if (bytes > limits.batchBytesMax)
        throw beyondLimit(`The call has about ${bytes} bytes in one write of a transaction, more`, "batchBytesMax", limits.batchBytesMax);
      const parts: RecordBatch[] = [];
      for (let start = 0; start < count; ) {
        const tell = (embedded: number) => onProgress?.({ done: 0, total: count, embedded });
        const { batch, end } = await records.batch({ start, end: count, bytes }, tell, ends);
        parts.push(batch);
        start = end;
      }
      return joined(parts);
    }),
  );
}

/** Records `start … end − 1` of the call, which go together. */
interface Batch {
  start: number;
  end: number;
  bytes: number;
}

/** The columns of one call as they were when it was made: what the caller does to its own afterwards changes nothing. */
class Records {
  readonly count: number;
  readonly #operation: WriteOperation;
  readonly #ids: readonly string[];
  readonly #documents: readonly (string | null | undefined)[] | null;
  #metadatas: Patches | null;
  readonly #flattens: boolean;
  readonly #warn: WriteSource["warn"];
  readonly #uris: readonly (string | null | undefined)[] | null;
  /** Embeddings that the caller gave; `null` when there are none or when they are made from the documents. */
  readonly #embeddings: EmbeddingSource | null;
  readonly #embeddingFunction: EmbeddingFunction | null;
  readonly #embedSparse: WriteSource["embedSparse"];
  readonly #embedBatchSize: number;
  #dimension: number | null;

  constructor(args: WriteArguments, operation: WriteOperation, target: WriteSource) {
    const given = readObject(args, operation, FIELDS);
    validateOptions(given);
    const { ids, embeddings = null, documents = null, metadatas = null, uris = null } = given;
    validateArray(ids, "ids");
    if (ids.length === 0) throw invalidArgument("Non-empty lists are required for ids");
    for (const [name, column] of Object.entries({ documents, metadatas, uris })) {
      if (column !== null) validateArray(column, name);
    }
    const rows = embeddings instanceof Float32Array ? null : embeddings;
    if (rows !== null) validateArray(rows, "embeddings");
    validateLengths(ids.length, { embeddings: rows, documents, metadatas, uris });
    if (operation !== "update" && embeddings === null && documents === null) {
      throw invalidArgument("At least one of 'embeddings' and 'documents' must be provided");
    }
    this.count = ids.length;
    this.#operation = operation;
    this.#ids = copyIds(ids);
    const copied = this.#ids.length;
    this.#documents = documents?.slice(0, copied) ?? null;
    this.#metadatas = metadatas && Array.from({ length: copied }, (_, i) => copyMetadata(metadatas[i], operation !== "add"));
    this.#uris = uris?.slice(0, copied) ?? null;
    this.#dimension = target.dimension;
    this.#embedBatchSize = given.embedBatchSize ?? limits.embedBatchSize;
    this.#embedSparse = target.embedSparse;
    this.#flattens = given.metadata !== undefined;
    this.#warn = target.warn;
    const expectation = { argument: "embeddings", dimension: target.dimension, nullable: operation === "update", isOwn: true };
    this.#embeddings = embeddings === null ? null : readEmbeddings(copyEmbeddings(embeddings, copied), ids.length, expectation);
    this.#embeddingFunction = embeddings === null && documents !== null ? target.embeddingFunction() : null;
  }

  /** Checks every record, giving the page its turns, and says where to cut. */
  async validate(): Promise<Batch[]> {
    if (this.#flattens && this.#metadatas) {
      // Loaded when it is first needed, like the Search API.
      const { flattenColumn } = await part(import("./flatten-metadata.js"));
      this.#metadatas = await flattenColumn(this.#metadatas, this.#operation, this.#warn);
    }
    const seen = new Set<string>();
    const batches: Batch[] = [];
    const slice = new Slice();
    for (let start = 0; start < this.count; start += VALIDATED_AT_ONCE) {
      const end = Math.min(start + VALIDATED_AT_ONCE, this.count);
      this.#validateRange(start, end, seen);
      this.#cut(start, end, batches);
      await slice.tick();
    }
    return batches;
  }

  #validateRange(start: number, end: number, seen: Set<string>): void {
    validateIdRange(this.#ids, "ids", start, end, seen);
    this.#embeddings?.check(start, end);
    if (this.#documents !== null) validateStringRange(this.#documents, "documents", start, end);
    if (this.#uris !== null) validateStringRange(this.#uris, "uris", start, end);
    if (this.#metadatas !== null) {
      validateMetadataRange(this.#metadatas, this.#operation, "metadatas", start, end);
    }
    if (this.#embeddingFunction !== null && this.#operation !== "update") this.#requireDocuments(start, end);
  }

  #requireDocuments(start: number, end: number): void {
    for (let i = start; i < end; i++) {
      if (this.#documents![i] != null) continue;
      throw invalidArgument(`documents[${i}] is ${show(this.#documents![i])}: without embeddings every record needs a document to embed`);
    }
  }

  /** Takes the range into the last batch, as far as that has room, and into new ones. */
  #cut(start: number, end: number, batches: Batch[]): void {
    let last = batches.at(-1);
    for (let i = start; i < end; i++) {
      const size = this.#recordBytes(i);
      if (size > limits.batchBytesMax) {
        throw new TidepoolError(
          "LIMIT_EXCEEDED",
          `The record ids[${i}] (${show(this.#ids[i])}) takes about ${size} bytes, more than the ${limits.batchBytesMax} allowed`,
        );
      }
      if (last === undefined || i - last.start === limits.batchRecordsSent || last.bytes + size > BATCH_BYTES) {
        batches.push((last = { start: i, end: i, bytes: 0 }));
      }
      last.end = i + 1;
      last.bytes += size;
    }
  }

  #recordBytes(i: number): number {
    const made = this.#embeddingFunction === null ? 0 : (this.#dimension ?? DIMENSION_GUESS);
    const text = recordTextBytes(this.#ids[i]!, this.#documents?.[i], this.#uris?.[i], this.#metadatas?.[i]);
    return text + (this.#embeddings?.dimension ?? made) * Float32Array.BYTES_PER_ELEMENT;
  }

  /** Whether the call makes vectors of texts. */
  get embeds(): boolean {
    return this.#embeddingFunction !== null || this.#embedSparse !== null;
  }

  /**
   * Copies one batch out, or as much of it as is embedded in `limits.embedPaceMs`: a function that takes long for few texts should
   * not have what it has made wait for the rest. `onEmbedded` is told after each call of it how far it has come.
   */
  async batch(
    { start, end }: Batch,
    onEmbedded: (end: number) => void,
    signal: AbortSignal | undefined,
  ): Promise<{ batch: RecordBatch; end: number }> {
    if (!this.embeds) return { batch: await this.#columns(start, end, signal), end };
    const parts: RecordBatch[] = [];
    const until = performance.now() + limits.embedPaceMs;
    let at = start;
    do {
      const next = Math.min(at + this.#embedBatchSize, end);
      parts.push(await this.#columns(at, next, signal));
      onEmbedded((at = next));
    } while (at < end && performance.now() < until);
    return { batch: joined(parts), end: at };
  }

  async #columns(start: number, end: number, signal: AbortSignal | undefined): Promise<RecordBatch> {
    const documents = nullable(this.#documents, start, end);
    const metadatas = this.#metadatas?.slice(start, end) ?? null;
    return {
      ids: this.#ids.slice(start, end),
      embeddings: this.#embeddingFunction === null ? (this.#embeddings?.copy(start, end) ?? null) : await this.#embed(documents!, signal),
      documents,
      metadatas: this.#embedSparse === null ? metadatas : await this.#embedSparse(end - start, documents, metadatas),
      uris: nullable(this.#uris, start, end),
    };
  }

  async #embed(documents: (string | null)[], signal: AbortSignal | undefined): Promise<EmbeddingRows | null> {
    const texts = documents.filter((document) => document !== null);
    if (texts.length === 0) return null;
    const rows = await embedRows(this.#embeddingFunction!, texts, "documents", this.#dimension, this.#embedBatchSize, signal);
    this.#dimension = rows.dimension;
    if (texts.length === documents.length) return rows;
    return { ...rows, present: Uint8Array.from(documents, (document) => (document === null ? 0 : 1)) };
  }
}

/** Embeds texts into flat rows; whatever is wrong with the answer is the function's error. */
export async function embedRows(
  fn: EmbeddingFunction,
  texts: string[],
  purpose: "documents" | "queries",
  dimension: number | null,
  atOnce: number = limits.embedBatchSize,
  signal?: AbortSignal,
): Promise<EmbeddingRows> {
  const argument = `answer of the embedding function ${show(fn.name ?? fn.constructor.name)}`;
  const vectors = await embed(fn, texts, purpose, atOnce, signal);
  try {
    const source = readEmbeddings(vectors, texts.length, { argument, dimension })!;
    source.check(0, texts.length);
    return source.copy(0, texts.length);
  } catch (error) {
    if (error instanceof TidepoolError && error.code !== "INVALID_ARGUMENT") throw error;
    throw embeddingError("The embedding function answered something that is not an embedding", error);
  }
}

async function sendBatches(records: Records, batches: Batch[], options: WriteOptions, target: WriteTarget): Promise<void> {
  const sending = new Sending(records, options, target);
  try {
    for (const range of batches) await sending.send(range);
    target.place.sent();
    await sending.settled();
  } catch (error) {
    throw interrupted(error, await sending.stop(), records.count);
  }
}

/** The batches of a call on their way, and what is told of them as it happens. */
class Sending {
  readonly #records: Records;
  readonly #options: WriteOptions;
  readonly #target: WriteTarget;
  readonly #sent: Promise<void>[] = [];
  /** For each batch: it and all before it are acknowledged, and that has been told. */
  readonly #told: Promise<void>[] = [];
  #inOrder: Promise<unknown> = Promise.resolve();
  #acknowledged = 0;
  #embedded = 0;
  #isOver = false;

  constructor(records: Records, options: WriteOptions, target: WriteTarget) {
    this.#records = records;
    this.#options = options;
    this.#target = target;
  }

  async send(range: Batch): Promise<void> {
    for (let { start } = range; start < range.end; ) {
      const prepared = readArgumentsInTurns("the call", () =>
        this.#records.batch({ ...range, start }, this.#onEmbedded, this.#options.signal),
      );
      const [{ batch, end }] = await orAborted(Promise.all([prepared, this.#target.place.before]), this.#options.signal);
      await this.#told.at(-BATCHES_IN_FLIGHT_MAX);
      if (this.#options.signal?.aborted) throw aborted(this.#options.signal);
      this.#begin(batch, end);
      start = end;
    }
  }

  #begin(batch: RecordBatch, end: number): void {
    const sent = this.#target.send(batch);
    const inOrder = Promise.all([sent, this.#inOrder]).then(() => {
      this.#acknowledged = end;
    });
    const told = inOrder.then(() => this.#tell());
    told.catch(() => {}); // Looked at when its turn comes.
    this.#sent.push(sent);
    this.#told.push(told);
    this.#inOrder = inOrder;
  }

  readonly #onEmbedded = (end: number): void => {
    this.#embedded = end;
    this.#tell();
  };

  #tell(): void {
    if (this.#isOver) return;
    const progress = { done: this.#acknowledged, total: this.#records.count };
    this.#options.onProgress?.(this.#records.embeds ? { ...progress, embedded: this.#embedded } : progress);
  }

  async settled(): Promise<void> {
    await Promise.all(this.#told);
  }

  /** Tells nothing any more. The number of acknowledged records, once nothing is on its way. */
  async stop(): Promise<number> {
    this.#isOver = true;
    await Promise.allSettled([...this.#sent, this.#inOrder]);
    return this.#acknowledged;
  }
}

/** Batches that follow each other as one. */
function joined(parts: readonly RecordBatch[]): RecordBatch {
  const [first] = parts as [RecordBatch];
  if (parts.length === 1) return first;
  const column = <T>(of: (part: RecordBatch) => (T | null)[] | null): (T | null)[] | null =>
    parts.every((part) => of(part) === null) ? null : parts.flatMap((part) => of(part) ?? part.ids.map(() => null));
  return {
    ids: parts.flatMap(({ ids }) => ids),
    embeddings: joinedRows(parts),
    documents: column(({ documents }) => documents),
    metadatas: column(({ metadatas }) => metadatas),
    uris: column(({ uris }) => uris),
  };
}

function joinedRows(parts: readonly RecordBatch[]): EmbeddingRows | null {
  const carried = parts.flatMap(({ embeddings }) => embeddings ?? []);
  if (carried.length === 0) return null;
  const values = new Float32Array(carried.reduce((length, rows) => length + rows.values.length, 0));
  let at = 0;
  for (const rows of carried) {
    values.set(rows.values, at);
    at += rows.values.length;
  }
  const presence = ({ ids, embeddings }: RecordBatch) => ids.map((_, i) => (embeddings === null ? 0 : (embeddings.present?.[i] ?? 1)));
  const present = Uint8Array.from(parts.flatMap(presence));
  return { dimension: carried[0]!.dimension, values, present: present.includes(0) ? present : null };
}

/** The error of a call that stopped half-way, telling how much of it stays. */
function interrupted(error: unknown, acknowledged: number, total: number): TidepoolError {
  const known = error instanceof TidepoolError ? error : null;
  const code = known?.code ?? "INVALID_ARGUMENT";
  const message = known?.message ?? `onProgress threw: ${error instanceof Error ? error.message : show(error)}`;
  const stays =
    acknowledged > 0 || ["ABORTED", "TIMEOUT"].includes(code) ? ` (${acknowledged} of ${total} records were acknowledged and stay)` : "";
  return new TidepoolError(code, message + stays, { cause: error, details: { ...known?.details, acknowledged } });
}

function validateOptions({ signal, timeoutMs, onProgress, embedBatchSize = 1, metadata }: WriteArguments): void {
  readCallLimits({ signal, timeoutMs });
  validateAtLeast(embedBatchSize, 1, "embedBatchSize");
  if (metadata !== undefined && metadata !== "flatten") throw invalidArgument(`metadata must be "flatten", got ${show(metadata)}`);
  if (onProgress !== undefined) validateFunction(onProgress, "onProgress");
}

function nullable<T>(column: readonly (T | null | undefined)[] | null, start: number, end: number): (T | null)[] | null {
  return column === null ? null : column.slice(start, end).map((value) => value ?? null);
}

/** Up to the first that is none: it is refused when it is its turn, and what comes after it is never looked at. */
function copyIds(ids: readonly unknown[]): string[] {
  const copied: unknown[] = [];
  for (let i = 0; i < ids.length && (i === 0 || typeof copied[i - 1] === "string"); i++) copied.push(ids[i]);
  return copied as string[];
}

/**
 * An own copy of the metadata, without keys that say nothing: those whose value is `undefined` and, where nulls delete nothing,
 * `null`, as Chroma's client leaves them out. `null` when nothing else was in it. Too many keys are refused for what they are, and
 * not read before.
 */
function copyMetadata(metadata: unknown, nullDeletes: boolean): MetadataPatch | null {
  if (typeof metadata !== "object" || metadata === null || Array.isArray(metadata)) return (metadata ?? null) as null;
  const count = Object.keys(metadata).length;
  if (count > limits.metadataKeysMax) return metadata as MetadataPatch;
  const copy: Record<string, unknown> = { ...metadata };
  let left = count;
  for (const [key, value] of Object.entries(copy)) {
    if (typeof value === "object" && value !== null) copy[key] = copyOf(value);
    if (value !== undefined && (value !== null || nullDeletes)) continue;
    delete copy[key];
    left--;
  }
  return left === 0 && count > 0 ? null : (copy as MetadataPatch);
}

/** A collection's metadata, checked, without keys that say nothing. */
export function readCollectionMetadata(metadata: object | null | undefined): Metadata | null {
  if (metadata == null) return null;
  const kept = copyMetadata(metadata, false) ?? {};
  validateMetadata(kept, "metadata");
  return kept as Metadata;
}
