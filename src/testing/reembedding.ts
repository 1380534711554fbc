/** A reembedding as a page makes it, by a model of a test's own; for tests, never shipped. */
import type { EngineService } from "../core/service.js";
import type { EmbeddingFunctionConfiguration, Space } from "../core/types.js";

/** A model that tells documents apart: its vectors depend on every character, and on which model it is. */
export interface TestModel {
  readonly name: string;
  readonly dimension: number;
  readonly space: Space;
}

export function storedModel({ name }: TestModel): EmbeddingFunctionConfiguration {
  return { type: "known", name, config: {} };
}

/** The numbers are quarters, so that no sum of theirs is rounded. */
export function modelVector({ name, dimension }: TestModel, document: string): Float32Array {
  const vector = new Float32Array(dimension);
  for (const [i, character] of [...`${name} ${document}`].entries()) {
    const at = i % dimension;
    vector[at] = ((vector[at]! * 28 + character.codePointAt(0)! * (i + 1)) % 65) / 4;
  }
  return vector;
}

/** What a run has asked the model for. */
export interface ReembeddingLog {
  embedded: string[];
}

export interface ReembeddingOptions {
  limit?: number;
  log?: ReembeddingLog;
  /** Awaited after each batch that is durable; `false` leaves it there. */
  onBatch?: () => Promise<boolean> | boolean;
  requestId?: string;
  /** Leaves it there before the swap, if it gets so far. */
  endsEarly?: boolean;
}

/** Embeds what lacks its embedding, until the swap; resolves to whether it got there. */
export async function reembedWith(
  service: EngineService,
  collectionId: string,
  model: TestModel,
  { limit = 3, log, onBatch = () => true, requestId, endsEarly = false }: ReembeddingOptions = {},
): Promise<boolean> {
  const begun = await service.beginReembedding({ collectionId, embeddingFunction: storedModel(model), space: model.space });
  const of = { collectionId, reembedding: begun.reembedding };
  for (;;) {
    const { ids, documents, digests, isLast } = await service.readReembedding({ ...of, limit });
    log?.embedded.push(...ids);
    const values = Float32Array.from(documents.flatMap((document) => [...modelVector(model, document)]));
    const embeddings = { dimension: model.dimension, values, present: null };
    if (ids.length > 0) await service.writeReembedding({ ...of, ids, digests, embeddings });
    if (ids.length > 0 && !(await onBatch())) return false;
    if (!isLast) continue;
    if (endsEarly) return false;
    const caller = requestId === undefined ? undefined : { token: null, clientId: "reembedding", requestId };
    if ((await service.endReembedding(of, caller)) !== null) return true;
  }
}
