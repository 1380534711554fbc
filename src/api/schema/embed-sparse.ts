/** Makes sparse vectors of texts, where a schema names a function and what it embeds. Loaded when there is such a schema. */
import { invalidArgument, show, TidepoolError } from "../../core/errors.js";
import { validateMetadata } from "../../core/gateway/validate/records.js";
import { limits } from "../../core/limits.js";
import { DOCUMENT_KEY } from "../../core/schema.js";
import type { CollectionSchema, MetadataPatch, SparseVector, SparseVectorIndexSettings } from "../../core/types.js";
import { inBatches } from "../embedding-function.js";
import { restoreSparseFunction, type SparseEmbeddingFunction } from "./sparse-embedding-function.js";

/** What is known of a collection's sparse embedding functions. */
export interface SparseSource {
  schema: CollectionSchema;
  /** Those that the page made the collection with, by key. Others are built again from what is stored. */
  given: ReadonlyMap<string, SparseEmbeddingFunction> | undefined;
  client: unknown;
}

type Patches = (MetadataPatch | null)[];

/**
 * The metadata of a batch, with a sparse vector under each key that has a source: where a record says nothing under the key
 * and its source is a text. Never touches what was given.
 */
export async function embedSparse(
  source: SparseSource,
  count: number,
  documents: readonly (string | null)[] | null,
  metadatas: Patches | null,
): Promise<Patches | null> {
  let patches = metadatas;
  for (const [key, config] of sparseIndexes(source.schema)) {
    if (config.source_key === undefined) continue;
    const textOf = (i: number): unknown =>
      config.source_key === DOCUMENT_KEY ? documents?.[i] : ownValue(metadatas?.[i], config.source_key!);
    const places = Array.from({ length: count }, (_, i) => i).filter(
      (i) => ownValue(metadatas?.[i], key) === undefined && typeof textOf(i) === "string",
    );
    if (places.length === 0) continue;
    const vectors = await generate(await functionFor(key, config, source), places.map(textOf) as string[], "documents", key);
    const made = new Map(places.map((place, i) => [place, vectors[i]!]));
    patches = Array.from({ length: count }, (_, i) =>
      made.has(i) ? ({ ...patches?.[i], [key]: made.get(i) } as MetadataPatch) : (patches?.[i] ?? null),
    );
  }
  return patches;
}

/** The vectors of texts that are searched for under a key. */
export async function embedSparseQueries(source: SparseSource, key: string, texts: string[]): Promise<SparseVector[]> {
  const index = sparseIndexes(source.schema).find(([name]) => name === key);
  if (index !== undefined) return generate(await functionFor(key, index[1], source), texts, "queries", key);
  throw invalidArgument(
    `Cannot embed string query for key '${key}': key not found in schema. Provide an embedded vector or configure an embedding function.`,
  );
}

function sparseIndexes({ keys }: CollectionSchema): [key: string, config: SparseVectorIndexSettings][] {
  return Object.entries(keys).flatMap(([key, { sparse_vector }]) => {
    const { enabled, config } = sparse_vector?.sparse_vector_index ?? {};
    return enabled && config ? [[key, config]] : [];
  });
}

async function functionFor(
  key: string,
  { embedding_function: stored }: SparseVectorIndexSettings,
  { given, client }: SparseSource,
): Promise<SparseEmbeddingFunction> {
  const fn = given?.get(key) ?? (await restoreSparseFunction(stored, client));
  if (!(fn instanceof TidepoolError)) return fn;
  throw sparseError(`No sparse embedding function found for key '${key}': ${fn.message}. You can also provide the vectors directly`, fn);
}

/** So many texts at once as any embedding function is given. */
function generate(fn: SparseEmbeddingFunction, texts: string[], purpose: "documents" | "queries", key: string): Promise<SparseVector[]> {
  return inBatches(texts, limits.embedBatchSize, (batch) => generateOnce(fn, batch, purpose, key));
}

async function generateOnce(
  fn: SparseEmbeddingFunction,
  texts: string[],
  purpose: "documents" | "queries",
  key: string,
): Promise<SparseVector[]> {
  const label = `The sparse embedding function ${show(fn.name ?? fn.constructor.name)} of key '${key}'`;
  let vectors: unknown;
  try {
    vectors = purpose === "queries" && fn.generateForQueries ? await fn.generateForQueries(texts) : await fn.generate(texts);
  } catch (cause) {
    throw sparseError(`${label} failed: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
  if (!Array.isArray(vectors) || vectors.length !== texts.length) {
    throw sparseError(
      `${label} answered ${Array.isArray(vectors) ? vectors.length : show(vectors)} for ${texts.length} texts, ` +
        "not a sparse vector for each",
    );
  }
  vectors.forEach((vector: unknown, i) => checkVector(vector, `${label} answered ${show(vector)} for texts[${i}]`));
  return vectors as SparseVector[];
}

/** What a function answers is held to the rules for sparse vectors that are given. */
function checkVector(vector: unknown, label: string): void {
  if (typeof vector !== "object" || vector === null || Array.isArray(vector))
    throw sparseError(`${label}, not a sparse vector { indices, values }`);
  try {
    validateMetadata({ vector }, "answer");
  } catch (cause) {
    throw sparseError(`${label}: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
}

function ownValue(metadata: MetadataPatch | null | undefined, key: string): unknown {
  return metadata != null && Object.hasOwn(metadata, key) ? metadata[key] : undefined;
}

function sparseError(message: string, cause?: unknown): TidepoolError {
  return new TidepoolError("EMBEDDING_FUNCTION", message, { cause });
}
