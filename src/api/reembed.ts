/**
 * Changing the model of a collection: its documents are embedded here, batch after batch, and sent to where they are gathered until all
 * are there. Loaded when it is first called.
 *
 * What is sent is durable, and the engine knows what is left, so nothing is remembered here: when the engine moves to another tab on the
 * way, it is asked again.
 */
import { invalidArgument, show, TidepoolError } from "../core/errors.js";
import { validateHnsw } from "../core/gateway/validate/configuration.js";
import { validateAtLeast, validateFunction } from "../core/gateway/validate/values.js";
import { limits } from "../core/limits.js";
import type { BeginReembeddingRequest } from "../core/service.js";
import type { CollectionInfo, Space } from "../core/types.js";
import { aborted, CALL_LIMITS, type CallLimits, limited, readCallLimits } from "./call-limits.js";
import { validateSpace } from "./configuration.js";
import type { Connection } from "./connection.js";
import { type EmbeddingFunction, validateEmbeddingFunction } from "./embedding-function.js";
import { type Restored, serializeEmbeddingFunction } from "./embedding-registry.js";
import { readArguments, readObject } from "./read-arguments.js";
import { embedRows } from "./write.js";

/** How far a reembedding has come, in records. */
export interface ReembedProgress {
  /** Records whose new embedding is durable. */
  done: number;
  /** Records of the collection. */
  total: number;
  /** Of those that are done, how many this call has embedded. */
  embedded: number;
}

/** Arguments of `collection.reembed`. */
export interface ReembedArguments extends CallLimits {
  /** Embeds the documents, and from the exchange on whatever the collection is given. Not together with `giveUp`. */
  embeddingFunction?: EmbeddingFunction;
  /**
   * How distance is measured between the new vectors. Default: the function's own, as for a new collection, where the collection's is "l2"
   * or that of the function that it has; any other was chosen, and stays.
   */
  space?: Space;
  /** Texts that the function is given at once, 1 to 1,000. Default 64. What it makes of them is durable before it is given more. */
  batchSize?: number;
  /** Called after each batch that is durable, and as others turn out to be done already. What it throws ends the call. */
  onProgress?: (progress: ReembedProgress) => void;
  /** Gives up for good what earlier calls have embedded and not put in place, and does nothing else. Default `false`. */
  giveUp?: boolean;
  /** Stops the call between two batches. What is embedded is kept, and the next call goes on. */
  signal?: AbortSignal;
}

/** What a call of `collection.reembed` has done. */
export interface ReembedReport {
  /** Records of the collection, when it last looked. 0 where it was given up. */
  records: number;
  /** Documents that this call has embedded; others were embedded by earlier ones. */
  embedded: number;
  /** Whether something of earlier calls was there to go on with, or to be given up. */
  resumed: boolean;
}

/** What the collection is from then on, and what is told. @internal */
export interface Reembedded {
  info: CollectionInfo;
  embedding: Restored;
  report: ReembedReport;
}

/** @internal */
export async function reembed(
  args: ReembedArguments,
  connection: Connection,
  info: CollectionInfo,
  current: Restored,
): Promise<Reembedded> {
  const { within, ...given } = readArguments("reembed", () => readReembed(args));
  if (given.giveUp) {
    const { givenUp } = await limited(within, (signal) => connection.call("giveUpReembedding", { collectionId: info.id }, { signal }));
    return { info, embedding: current, report: { records: 0, embedded: 0, resumed: givenUp } };
  }
  const fn = given.embeddingFunction!;
  const space = given.space ?? readArguments("reembed", () => spaceFor(fn, current.fn, info.configuration.hnsw.space));
  if (fn.supportedSpaces) validateSpace(fn, space);
  const target = { collectionId: info.id, embeddingFunction: serializeEmbeddingFunction(fn), space };
  const done = await limited(within, (signal) => new Run(connection, { ...given, embeddingFunction: fn }, target, signal).run());
  return { ...done, embedding: { ...current, fn, failure: null } };
}

function readReembed(args: ReembedArguments) {
  const given = readObject(args, "reembed", `embeddingFunction space batchSize onProgress giveUp ${CALL_LIMITS}`);
  const { embeddingFunction, batchSize = limits.embedBatchSize, onProgress, giveUp = false } = given;
  if (typeof giveUp !== "boolean") throw invalidArgument(`giveUp must be true or false, got ${show(giveUp)}`);
  if (giveUp && embeddingFunction !== undefined) throw invalidArgument("reembed takes an embeddingFunction or giveUp, and not both");
  if (!giveUp) validateEmbeddingFunction(embeddingFunction, "embeddingFunction");
  validateAtLeast(batchSize, 1, "batchSize");
  if (batchSize > limits.batchRecordsSent) throw tooMany(batchSize);
  if (onProgress !== undefined) validateFunction(onProgress, "onProgress");
  const { space } = validateHnsw({ space: given.space }, "create", "argument of reembed");
  return { embeddingFunction, space, batchSize, onProgress, giveUp, within: readCallLimits(given) };
}

function tooMany(actual: number): TidepoolError {
  const allowed = limits.batchRecordsSent;
  const message = `batchSize may be at most ${allowed} (batchRecordsSent), got ${actual}`;
  return new TidepoolError("LIMIT_EXCEEDED", message, { details: { limit: "batchRecordsSent", allowed, actual } });
}

/** A space that nobody has chosen follows the function. */
function spaceFor(next: EmbeddingFunction, current: EmbeddingFunction | undefined, space: Space): Space {
  const wasChosen = space !== "l2" && space !== defaultSpace(current);
  return wasChosen ? space : defaultSpace(next);
}

/** As a new collection with this function gets it. */
function defaultSpace(fn: EmbeddingFunction | undefined): Space {
  return (fn?.supportedSpaces && fn.defaultSpace?.()) || "l2";
}

interface Work {
  embeddingFunction: EmbeddingFunction;
  batchSize: number;
  onProgress: ReembedArguments["onProgress"];
}

class Run {
  readonly #connection: Connection;
  readonly #work: Work;
  readonly #target: BeginReembeddingRequest;
  readonly #signal: AbortSignal | undefined;
  #embedded = 0;
  #resumed: boolean | null = null;
  #dimension: number | null = null;

  constructor(connection: Connection, work: Work, target: BeginReembeddingRequest, signal: AbortSignal | undefined) {
    this.#connection = connection;
    this.#work = work;
    this.#target = target;
    this.#signal = signal;
  }

  async run(): Promise<Omit<Reembedded, "embedding">> {
    for (;;) {
      const { reembedding, isResumed } = await this.#begin();
      this.#resumed ??= isResumed;
      try {
        const { info, records } = await this.#embedAll({ collectionId: this.#target.collectionId, reembedding });
        return { info, report: { records, embedded: this.#embedded, resumed: this.#resumed } };
      } catch (error) {
        // The engine runs in another tab now, which does not know the call, but all that it has embedded.
        if (!(error instanceof TidepoolError) || error.code !== "STALE_READ") throw error;
      }
    }
  }

  #begin() {
    return this.#connection.call("beginReembedding", { ...this.#target, goesOn: this.#resumed !== null }, { signal: this.#signal });
  }

  async #embedAll(of: { collectionId: string; reembedding: string }): Promise<{ info: CollectionInfo; records: number }> {
    for (;;) {
      if (this.#signal?.aborted) throw aborted(this.#signal);
      const batch = await this.#connection.call("readReembedding", { ...of, limit: this.#work.batchSize }, { signal: this.#signal });
      const { ids, digests, documents, isLast, total } = batch;
      if (ids.length > 0) {
        const embeddings = await this.#embed(documents);
        await this.#connection.call("writeReembedding", { ...of, ids, digests, embeddings });
      }
      this.#embedded += ids.length;
      this.#work.onProgress?.({ done: batch.done + ids.length, total, embedded: this.#embedded });
      const info = isLast ? await this.#connection.call("endReembedding", of) : null;
      if (info !== null) return { info, records: total };
    }
  }

  async #embed(documents: string[]) {
    const { embeddingFunction, batchSize } = this.#work;
    const rows = await embedRows(embeddingFunction, documents, "documents", this.#dimension, batchSize, this.#signal);
    this.#dimension = rows.dimension;
    return rows;
  }
}
