/**
 * A collection as a vector store of LangChain.js, with that library's names, arguments and order of arguments. Texts are embedded by
 * the `Embeddings` that the store is given, so the collection needs no embedding function of its own.
 */

import { Document, type DocumentInterface } from "@langchain/core/documents";
import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import { maximalMarginalRelevance } from "@langchain/core/utils/math";
import { type MaxMarginalRelevanceSearchOptions, VectorStore } from "@langchain/core/vectorstores";
import { TidepoolClient } from "../api/client.js";
import type { Collection } from "../api/collection.js";
import { flattenMetadata } from "../api/flatten-metadata.js";
import { readArguments, readObject } from "../api/read-arguments.js";
import { invalidArgument, show } from "../core/errors.js";
import { validateArray, validateObject, validateText } from "../core/gateway/validate/values.js";
import type { Metadata, MetadataPatch, Space, Where } from "../core/types.js";

/** Where a {@link TidepoolVectorStore} keeps its documents, and how. Either `client` or `path` is needed. */
export interface TidepoolVectorStoreConfig {
  /** The client of the database. It stays yours to close. */
  client?: TidepoolClient;
  /** Path of the database, for which the store makes a client of its own; `close` closes that. */
  path?: string;
  /** Name of the collection. 3–512 of [a-zA-Z0-9._-]; it is made with the first call that needs it. */
  collectionName: string;
  /** How the vectors of a collection that is made are compared. Default "cosine"; a collection that exists keeps its own. */
  space?: Space;
  /** Metadata of a collection that is made; at least one key. */
  collectionMetadata?: Metadata;
  /**
   * `"flatten"` takes nested metadata: nested objects become dotted keys, and empty arrays and objects are left out with a warning of the
   * client. By default such metadata is refused.
   */
  metadata?: "flatten";
}

/** Options of `addDocuments` and `addVectors`. */
export interface TidepoolAddOptions {
  /** One per document, distinct. By default those of the documents, and a new UUID where a document has none. */
  ids?: string[];
}

/** What `delete` deletes: what all given parts select. */
export interface TidepoolDeleteParameters {
  /** Ids of documents; unknown ones are ignored, and an empty list deletes nothing. */
  ids?: string[];
  /** A filter on metadata, as Chroma's `where`. */
  filter?: Where;
}

const CONFIG = "client path collectionName space collectionMetadata metadata";
/** Documents that maximal marginal relevance chooses from, where nothing else is said. */
const FETCH_K = 20;
/** Ids whose stored metadata is looked up in one read. */
const IDS_AT_ONCE = 1000;

/**
 * A vector store of LangChain.js in this browser.
 *
 * Scores are similarities, the higher the nearer: in a "cosine" space the cosine of the angle (−1 to 1), in an "ip" space the inner
 * product, in an "l2" space `1 / (1 + d)` of the squared distance `d` (0 to 1).
 *
 * @example
 * const store = await TidepoolVectorStore.fromTexts(["Ebb.", "Flood."], [{ n: 1 }, { n: 2 }], embeddings, {
 *   path: "my-app",
 *   collectionName: "notes",
 * });
 * const [[document, score]] = await store.similaritySearchWithScore("Low water", 1, { n: { $lt: 3 } });
 */
export class TidepoolVectorStore extends VectorStore {
  /** Chroma's `where`. */
  declare FilterType: Where;
  readonly #config: TidepoolVectorStoreConfig;
  readonly #client: TidepoolClient;
  #collection: Promise<Collection> | null = null;

  /**
   * Opens nothing until it is used.
   *
   * @throws `INVALID_ARGUMENT` for a configuration that names neither a client nor a path, or both, or anything unknown.
   */
  constructor(embeddings: EmbeddingsInterface, config: TidepoolVectorStoreConfig) {
    super(embeddings, config);
    this.#config = readConfig(config);
    this.#client = this.#config.client ?? new TidepoolClient({ path: this.#config.path! });
  }

  /** The name by which LangChain knows the class. */
  static override lc_name(): string {
    return "TidepoolVectorStore";
  }

  /** "tidepool": the name of the kind of store, in traces and tags. */
  override _vectorstoreType(): string {
    return "tidepool";
  }

  /**
   * The collection that holds the documents, which is made if need be: for what LangChain has no name for, such as `searchText` and
   * `hybrid`.
   *
   * @throws As `client.getOrCreateCollection`.
   */
  ensureCollection(): Promise<Collection> {
    return this.#open(() => {
      const { collectionName: name, collectionMetadata: metadata, space = "cosine" } = this.#config;
      return this.#client.getOrCreateCollection({ name, metadata, embeddingFunction: null, configuration: { hnsw: { space } } });
    });
  }

  /** One opening for all calls; one that failed is forgotten. */
  #open(open: () => Promise<Collection>): Promise<Collection> {
    const opening = (this.#collection ??= open());
    opening.catch(() => (this.#collection = this.#collection === opening ? null : this.#collection));
    return opening;
  }

  /**
   * Embeds documents and stores them, as `addVectors` does.
   *
   * @returns The ids.
   */
  override async addDocuments(documents: DocumentInterface[], options?: TidepoolAddOptions): Promise<string[]> {
    validateArray(documents, "documents");
    const texts = readArguments("addDocuments", () => documents.map(({ pageContent }) => pageContent));
    return this.addVectors(await this.embeddings.embedDocuments(texts), documents, options);
  }

  /**
   * Stores documents with vectors of them. A document takes the place of the one that has its id, with all its metadata. When it resolves,
   * all are durable and visible.
   *
   * @throws `INVALID_ARGUMENT`, also for nested metadata where the store is not made with `metadata: "flatten"`; `DIMENSION_MISMATCH`;
   *   and as `collection.upsert`.
   *
   * @returns The ids.
   */
  override async addVectors(vectors: number[][], documents: DocumentInterface[], options: TidepoolAddOptions = {}): Promise<string[]> {
    validateArray(vectors, "vectors");
    validateArray(documents, "documents");
    if (vectors.length !== documents.length) {
      throw invalidArgument(`${documents.length} documents need as many vectors, got ${vectors.length}`);
    }
    const { ids: given } = readObject(options, "addDocuments", "ids");
    const ids = readArguments("addDocuments", () => idsOf(documents, given));
    if (ids.length === 0) return ids;
    const collection = await this.ensureCollection();
    const stored = await storedMetadata(collection, ids);
    await collection.upsert({
      ids,
      embeddings: vectors,
      documents: documents.map(({ pageContent }) => pageContent),
      metadatas: documents.map(({ metadata }, i) => this.#replacing(metadata, stored.get(ids[i]!), i)) as (MetadataPatch | null)[],
      metadata: this.#config.metadata as undefined,
    });
    return ids;
  }

  /** The metadata, with `null` for the keys that it no longer has, since an upsert merges. */
  #replacing(metadata: object | undefined, stored: Metadata | undefined, index: number): object | null {
    const given = metadata ?? {};
    validateObject(given, `documents[${index}].metadata`);
    if (stored === undefined) return Object.keys(given).length === 0 ? null : given;
    const kept = this.#config.metadata === "flatten" ? flattenMetadata(given).metadata : given;
    const gone = Object.keys(stored).filter((key) => kept === null || !Object.hasOwn(kept, key));
    return gone.length + Object.keys(given).length === 0 ? null : { ...given, ...Object.fromEntries(gone.map((key) => [key, null])) };
  }

  /**
   * Deletes documents: those that `ids` and `filter` both select, where both are given.
   *
   * @throws `INVALID_ARGUMENT` where neither is given.
   */
  override async delete(parameters: TidepoolDeleteParameters): Promise<void> {
    const { ids, filter } = readObject(parameters, "delete", "ids filter");
    if (ids === undefined && filter === undefined) throw invalidArgument("delete needs ids or a filter");
    if (ids?.length === 0) return;
    await (await this.ensureCollection()).delete({ ids, where: filter });
  }

  /**
   * The `k` documents nearest to a vector, the nearest first, with their scores: similarities, the higher the nearer, as the class says.
   *
   * @throws `DIMENSION_MISMATCH`; `INVALID_ARGUMENT`, also for a filter that is none of Chroma's.
   */
  override async similaritySearchVectorWithScore(query: number[], k: number, filter?: Where): Promise<[Document, number][]> {
    const collection = await this.ensureCollection();
    const { space } = collection.configuration.hnsw;
    const found = await collection.query({
      queryEmbeddings: [query],
      nResults: k,
      where: filter,
      include: ["documents", "metadatas", "distances"],
    });
    return found.rows()[0]!.map((row) => [toDocument(row), similarity(row.distance!, space)]);
  }

  /**
   * `k` documents (default 4) that are near to the query and unlike each other: of the `fetchK` nearest (default 20, at least `k`) those
   * with the greatest `lambda` × likeness to the query − (1 − `lambda`) × likeness to one chosen before. Likeness is the cosine, in any
   * space; `lambda` goes from 0, most diverse, to 1, nearest (default 0.5).
   */
  override async maxMarginalRelevanceSearch(query: string, options: MaxMarginalRelevanceSearchOptions<Where>): Promise<Document[]> {
    const { k = 4, fetchK = FETCH_K, lambda = 0.5, filter } = readObject(options, "maxMarginalRelevanceSearch", "k fetchK lambda filter");
    const vector = await this.embeddings.embedQuery(query);
    const found = await (await this.ensureCollection()).query({
      queryEmbeddings: [vector],
      nResults: Math.max(fetchK, k),
      where: filter,
      include: ["documents", "metadatas", "embeddings"],
    });
    const rows = found.rows()[0]!;
    const likeness = rows.map(({ embedding }) => embedding!);
    return maximalMarginalRelevance(vector, likeness, lambda, k).map((index) => toDocument(rows[index]!));
  }

  /** Closes the client that the store has made for its `path`; one that it was given stays open. */
  async close(): Promise<void> {
    if (this.#config.client === undefined) await this.#client.close();
  }

  /**
   * A store with these texts in it. `metadatas` is one object for each text, or one for all.
   *
   * @throws As the constructor and `addDocuments`.
   */
  static override async fromTexts(
    texts: string[],
    metadatas: object[] | object,
    embeddings: EmbeddingsInterface,
    config: TidepoolVectorStoreConfig,
  ): Promise<TidepoolVectorStore> {
    validateArray(texts, "texts");
    if (Array.isArray(metadatas) && metadatas.length !== texts.length) {
      throw invalidArgument(`${texts.length} texts need as many metadatas, or one object for all, got ${metadatas.length}`);
    }
    const documents = texts.map((pageContent, i) => {
      const metadata = (Array.isArray(metadatas) ? metadatas[i] : metadatas) as Record<string, unknown>;
      return new Document({ pageContent, metadata });
    });
    return TidepoolVectorStore.fromDocuments(documents, embeddings, config);
  }

  /**
   * A store with these documents in it.
   *
   * @throws As the constructor and `addDocuments`.
   */
  static override async fromDocuments(
    documents: DocumentInterface[],
    embeddings: EmbeddingsInterface,
    config: TidepoolVectorStoreConfig,
  ): Promise<TidepoolVectorStore> {
    const store = new TidepoolVectorStore(embeddings, config);
    await store.addDocuments(documents);
    return store;
  }

  /**
   * A store of a collection that is there already, whoever made it.
   *
   * @throws `NOT_FOUND`.
   */
  static async fromExistingCollection(embeddings: EmbeddingsInterface, config: TidepoolVectorStoreConfig): Promise<TidepoolVectorStore> {
    const store = new TidepoolVectorStore(embeddings, config);
    await store.#open(() => store.#client.getCollection({ name: store.#config.collectionName }));
    return store;
  }
}

function readConfig(config: TidepoolVectorStoreConfig): TidepoolVectorStoreConfig {
  const given = readObject(config, "TidepoolVectorStore", CONFIG);
  validateText(given.collectionName, "collectionName");
  if ((given.client === undefined) === (given.path === undefined)) {
    throw invalidArgument("TidepoolVectorStore needs a client or the path of a database, and not both");
  }
  if (given.metadata !== undefined && given.metadata !== "flatten") {
    throw invalidArgument(`metadata must be "flatten", got ${show(given.metadata)}`);
  }
  return given;
}

function idsOf(documents: DocumentInterface[], ids: string[] | undefined): string[] {
  if (ids === undefined) return documents.map(({ id }) => id ?? crypto.randomUUID());
  validateArray(ids, "ids");
  if (ids.length === documents.length) return ids.slice() as string[];
  throw invalidArgument(`${documents.length} documents need as many ids, got ${ids.length}`);
}

/** The metadata of those documents that are there. */
async function storedMetadata(collection: Collection, ids: string[]): Promise<Map<string, Metadata>> {
  const stored = new Map<string, Metadata>();
  for (let start = 0; start < ids.length; start += IDS_AT_ONCE) {
    const found = await collection.get({ ids: ids.slice(start, start + IDS_AT_ONCE), include: ["metadatas"] });
    found.ids.forEach((id, i) => stored.set(id, found.metadatas[i] ?? {}));
  }
  return stored;
}

function similarity(distance: number, space: Space): number {
  return space === "l2" ? 1 / (1 + distance) : 1 - distance;
}

function toDocument({ id, document, metadata }: { id: string; document?: string | null; metadata?: Metadata | null }): Document {
  return new Document({ id, pageContent: document ?? "", metadata: metadata ?? {} });
}
