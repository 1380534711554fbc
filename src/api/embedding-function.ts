/** Embedding functions: Chroma's interface, and how they are run, on the page. */
import { invalidArgument, show, TidepoolError } from "../core/errors.js";
import { limits } from "../core/limits.js";
import type { Space } from "../core/types.js";

/** How an embedding function wants its vectors compared. */
export type EmbeddingFunctionSpace = Space;

/** An embedding as a function may answer it. */
export type Vector = number[] | Float32Array;

/** What a collection tells an embedding function beside the texts. A function may leave it unread. */
export interface GenerateOptions {
  /** Fires when nobody waits for the vectors any more. */
  signal?: AbortSignal;
  /** Hears how far the call has come, where the function tells. `total`: how many texts it embeds, like ones once. */
  onProgress?: (progress: { embedded: number; total: number }) => void;
}

/** Turns texts into vectors. Only `generate` is required; the rest lets a collection restore the function by itself. */
export interface EmbeddingFunction {
  /** One embedding per text, all of one length, every number finite. */
  generate(texts: string[], options?: GenerateOptions): Promise<Vector[]>;
  /** Used for queries instead of `generate`, where present. */
  generateForQueries?(texts: string[], options?: GenerateOptions): Promise<Vector[]>;
  /** Name under which the class is registered. */
  name?: string;
  /** Space that a collection gets when none is configured (needs `supportedSpaces` too). */
  defaultSpace?(): EmbeddingFunctionSpace;
  /** Spaces that a collection with this function may have. */
  supportedSpaces?(): EmbeddingFunctionSpace[];
  /** Builds an instance from what `getConfig` told. */
  buildFromConfig?(config: object, client?: unknown): EmbeddingFunction;
  /** What is stored with the collection: plain JSON, no secrets. */
  getConfig?(): object;
  /** Throws when a collection of this function must not change to that configuration. */
  validateConfigUpdate?(newConfig: object): void;
  /** Throws when the configuration is malformed. */
  validateConfig?(config: object): void;
}

/** Throws unless the value can serve as an embedding function. */
export function validateEmbeddingFunction(fn: unknown, argument: string): asserts fn is EmbeddingFunction {
  if (typeof (fn as EmbeddingFunction | null)?.generate === "function") return;
  throw invalidArgument(`${argument} must be an embedding function (an object with a method generate), got ${show(fn)}`);
}

/** What helps whoever means another function than that which made a collection's vectors. */
export const TO_CHANGE = "; collection.reembed goes over to another";

/** Asks the present function whether a collection may go over to the new one's configuration. */
export function validateConfigUpdate(current: EmbeddingFunction, next: EmbeddingFunction): void {
  if (!current.validateConfigUpdate || !next.getConfig) return;
  try {
    current.validateConfigUpdate(next.getConfig());
  } catch (error) {
    const what = `The embedding function "${next.name}" has a configuration that does not fit the collection's vectors${TO_CHANGE}`;
    throw embeddingError(what, error);
  }
}

/** What `generate` makes of the texts, of which it is given so many at once, one batch after the other. */
export async function inBatches<V>(texts: string[], atOnce: number, generate: (texts: string[]) => Promise<V[]>): Promise<V[]> {
  const made: V[][] = [];
  for (let at = 0; at < texts.length; at += atOnce) made.push(await generate(texts.slice(at, at + atOnce)));
  return made.flat();
}

/** Runs the function on the texts; the numbers are checked with the batch. */
export function embed(
  fn: EmbeddingFunction,
  texts: string[],
  purpose: "documents" | "queries",
  atOnce: number,
  signal?: AbortSignal,
): Promise<Vector[]> {
  return inBatches(texts, atOnce, (batch) => embedOnce(fn, batch, purpose, signal));
}

/** Checks that it answers one array per text. */
async function embedOnce(
  fn: EmbeddingFunction,
  texts: string[],
  purpose: "documents" | "queries",
  signal: AbortSignal | undefined,
): Promise<Vector[]> {
  const forQueries = purpose === "queries" && typeof fn.generateForQueries === "function";
  const method = forQueries ? "generateForQueries" : "generate";
  const label = `${method} of the embedding function ${show(fn.name ?? fn.constructor.name)}`;
  let vectors: unknown;
  try {
    vectors = await inTime(signal, (stop) =>
      forQueries ? fn.generateForQueries!(texts, { signal: stop }) : fn.generate(texts, { signal: stop }),
    );
  } catch (error) {
    throw embeddingError(`${label} failed`, error);
  }
  if (!Array.isArray(vectors)) throw embeddingError(`${label} answered ${show(vectors)}, not an array of embeddings`);
  if (vectors.length !== texts.length) throw embeddingError(`${label} answered ${vectors.length} embeddings for ${texts.length} texts`);
  return vectors as Vector[];
}

/** A function that never answers must not hold back for good the writes that wait for their turn behind it. */
async function inTime<T>(signal: AbortSignal | undefined, ask: (stop: AbortSignal) => Promise<T>): Promise<T> {
  const why = new Error(`it did not answer within the ${limits.embeddingWaitMs} ms allowed (embeddingWaitMs)`);
  const late = new AbortController();
  const end = (reason: unknown) => late.abort(reason);
  const onAbort = () => end(signal!.reason);
  const ended = new Promise<never>((_, reject) => late.signal.addEventListener("abort", () => reject(late.signal.reason)));
  const timer = setTimeout(end, limits.embeddingWaitMs, why);
  signal?.addEventListener("abort", onAbort);
  try {
    return await Promise.race([ask(late.signal), ended]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

export function embeddingError(message: string, cause?: unknown): TidepoolError {
  const reason = cause instanceof Error ? `: ${cause.message}` : "";
  return new TidepoolError("EMBEDDING_FUNCTION", `${message}${reason}`, { cause });
}
