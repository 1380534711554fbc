/**
 * A collection as a page sees it: Chroma's methods, arguments and results. Arguments are checked here, texts are embedded
 * here, everything else happens in the engine.
 */
import { invalidArgument } from "../core/errors.js";
import { validateCount, validateName } from "../core/gateway/validate/values.js";
import type { FacetColumns, IndexingStatus, RecallReport, RequestOf, ResponseOf, VersionInfo } from "../core/service.js";
import type {
  CollectionConfiguration,
  CollectionInfo,
  CollectionSchema,
  Metadata,
  MetadataOf,
  MetadataValue,
  RecordBatch,
  SpannParameters,
  TextSuggestion,
} from "../core/types.js";
import { CALL_LIMITS, type CallLimits, limited, orAborted, readCallLimits, readLimits } from "./call-limits.js";
import { ConditionalTransaction } from "./conditional-transaction.js";
import { modifyConfiguration, type UpdateCollectionConfiguration } from "./configuration.js";
import type { Connection } from "./connection.js";
import { type EmbeddingFunction, embeddingError } from "./embedding-function.js";
import type { Restored } from "./embedding-registry.js";
import type { HybridArguments, HybridResult } from "./hybrid.js";
import type { ImportOptions, ImportReport, ImportSource } from "./import/import-arguments.js";
import { lazyStream } from "./lazy-stream.js";
import type { LiveOptions, Subscription } from "./live/live-query.js";
import type { LiveListener, LiveRead, LiveResults } from "./live/subscribe.js";
import { part } from "./part.js";
import type { AddDocumentArguments, AddDocumentResult, DeleteDocumentArguments, DocumentHome } from "./passages/documents.js";
import { copyOf, readArguments, readObject } from "./read-arguments.js";
import {
  type AutoSuggestArguments,
  type CountArguments,
  type DeleteArguments,
  type DistinctArguments,
  type FacetsArguments,
  type GetArguments,
  type Queries,
  type QueryArguments,
  type QueryRows,
  readAutoSuggest,
  readCount,
  readDelete,
  readDistinct,
  readFacets,
  readGet,
  readQuery,
  readSearchText,
  type SearchTextArguments,
} from "./read-requests.js";
import type { ReembedArguments, ReembedReport } from "./reembed.js";
import {
  type Facets,
  type FacetValue,
  type GetResult,
  getResult,
  type QueryResult,
  queryResult,
  type SearchTextResult,
  searchTextResult,
} from "./results.js";
import type { SparseSource } from "./schema/embed-sparse.js";
import type { EmbedQueries } from "./search/run-search.js";
import type { ReadLevel, SearchLike } from "./search/search.js";
import type { SearchResult } from "./search/search-result.js";
import { Slice } from "./slice.js";
import { throughProxies } from "./through-proxies.js";
import type { TransactionHome } from "./transaction-rules.js";
import type { ExportArguments } from "./transfer/export-arguments.js";
import {
  embedRows,
  type Place,
  prepareWrite,
  readCollectionMetadata,
  type WriteArguments,
  type WriteSource,
  type WriteTarget,
  write,
} from "./write.js";
import type { AddArguments, Flattening, UpdateArguments, UpsertArguments } from "./write-arguments.js";

type Documents = typeof import("./passages/documents.js");

/** A collection's schema, to be read and to be handed on. */
export interface StoredSchema extends CollectionSchema {
  /** The schema as JSON, as Chroma's clients send it. */
  serializeToJSON(): CollectionSchema;
}

/** Arguments of `collection.modify`. */
export interface ModifyArguments {
  /** The new name. */
  name?: string;
  /** Replaces the metadata; keys whose value is `null` are left out. */
  metadata?: { [key: string]: MetadataValue | null };
  /** Changes the parameters that are given; the others stay. */
  configuration?: UpdateCollectionConfiguration;
}

/** What a `delete` did. */
export interface DeleteResult {
  /** Records really deleted. */
  deleted: number;
}

/**
 * Records with embeddings, documents, metadata and uris. Made by the client, never by `new`.
 *
 * @typeParam TMeta - Shape of the records' metadata.
 *
 * @example
 * const notes = await client.getOrCreateCollection<{ year: number }>({ name: "notes" });
 * await notes.add({ ids: ["a", "b"], documents: ["ebb tide", "spring tide"], metadatas: [{ year: 1 }, { year: 2 }] });
 * const hits = await notes.query({ queryTexts: ["tides of spring"], nResults: 1, where: { year: { $gt: 1 } } });
 * console.log(hits.ids); // [["b"]]
 */
export class Collection<TMeta extends MetadataOf<TMeta> = Metadata> {
  /** Handed on to `buildFromConfig` of embedding functions. */
  readonly #client: unknown;
  readonly #connection: Connection;
  #info: CollectionInfo;
  #embedding: Restored;
  /** The retained version that reads are about; `undefined` for the present, the only one that can be written. */
  readonly #version: number | undefined;
  /** Resolves when all calls that write have sent what they have. */
  #allSent: Promise<void> = Promise.resolve();

  /** @internal */
  constructor(client: unknown, connection: Connection, info: CollectionInfo, embedding: Restored, version?: number) {
    throughProxies(this, Collection, "", "conditional");
    this.#client = client;
    this.#connection = connection;
    this.#info = info;
    this.#embedding = embedding;
    this.#version = version;
  }

  /** A UUID; it outlives renaming. */
  get id(): string {
    return this.#info.id;
  }

  /** As of this object's own calls: a renaming through another object is not seen. */
  get name(): string {
    return this.#info.name;
  }

  /** The tenant of its database. */
  get tenant(): string {
    return this.#info.tenant;
  }

  /** The database that it belongs to. */
  get database(): string {
    return this.#info.database;
  }

  /** The collection's own metadata, `undefined` when it has none. */
  get metadata(): Metadata | undefined {
    return this.#info.metadata ?? undefined;
  }

  /**
   * The configuration as this object has last seen it; `modify` of another one does not reach it. `hnsw` has the space and the
   * parameters of the graph: `ef_search` counts from the next search on, a changed `max_neighbors` from the next opening on,
   * `ef_construction` and `engine` are fixed, and `resize_factor` and `sync_threshold` are kept without effect. `spann` has what was
   * given for inverted lists, `null` where the collection has none. `embedding_function` is the function as it is stored, `null` for
   * none. `text` is there where full-text search is not as by default.
   *
   * @example
   * console.log(collection.configuration.hnsw.space, collection.configuration.spann); // l2 null
   */
  get configuration(): Omit<CollectionConfiguration, "spann"> & {
    /** Parameters of the inverted lists, where vectors lie in such. */
    spann: SpannParameters | null;
  } {
    const { hnsw, spann = null, embedding_function, ...others } = this.#info.configuration;
    return { hnsw, spann, embedding_function, ...others };
  }

  /**
   * Every index, those of the configuration included, with the names of the JSON that Chroma stores. `createCollection` takes
   * it for another collection, and `Schema.deserializeFromJSON` makes a {@link Schema} of what `serializeToJSON` gives.
   *
   * @example
   * console.log(collection.schema.defaults.string?.string_inverted_index?.enabled); // true
   */
  get schema(): StoredSchema {
    const copy = (): CollectionSchema => structuredClone(this.#info.schema);
    return { ...copy(), serializeToJSON: copy };
  }

  /** Length of the embeddings; `undefined` until this object has seen the first record. */
  get dimension(): number | undefined {
    return this.#info.dimension ?? undefined;
  }

  /** What embeds texts; `undefined` when the collection has none or its class is not registered. */
  get embeddingFunction(): EmbeddingFunction | undefined {
    return this.#embedding.fn;
  }

  /**
   * Stores new records. An id that exists already is left as it is. Any number of records: the call is validated as a
   * whole, then sent in batches of at most 1,000 records, each atomic. When it resolves, all records are durable and visible
   * to every read. Calls that change records take effect in the order in which they were made through this object.
   *
   * @throws `INVALID_ARGUMENT`, `DIMENSION_MISMATCH`, `LIMIT_EXCEEDED` before anything is written; `EMBEDDING_FUNCTION`,
   *   `ABORTED`, `QUOTA_EXCEEDED`, `CONNECTION_LOST` with `details.acknowledged`, the number of records that stay.
   *
   * @example
   * const points = await client.createCollection({ name: "points", embeddingFunction: null });
   * await points.add({
   *   ids: ["a", "b"],
   *   embeddings: [[0.1, 0.2], [0.3, 0.4]],
   *   metadatas: [{ year: 1 }, { year: 2 }],
   *   onProgress: ({ done, total }) => console.log(`${done} of ${total}`),
   * });
   */
  async add(args: Flattening<AddArguments<TMeta>>): Promise<void> {
    await write(args, "add", this.#target("add"));
  }

  /**
   * Stores new records and updates those whose id exists: metadata is merged, what is left out stays.
   * Batches, errors and options as in {@link Collection.add}.
   *
   * @example
   * await collection.upsert({ ids: ["a", "d"], documents: ["Ebb tide.", "Flood."], metadatas: [{ year: null }, { year: 4 }] });
   * console.log((await collection.get({ ids: ["a", "d"] })).metadatas); // [{}, {"year":4}]
   */
  async upsert(args: Flattening<UpsertArguments<TMeta>>): Promise<void> {
    await write(args as WriteArguments, "upsert", this.#target("upsert"));
  }

  /**
   * Changes records. Ids that do not exist are ignored; what is left out stays; metadata is merged, `null` deletes a key.
   * New documents without embeddings are embedded again. Batches, errors and options as in {@link Collection.add}.
   *
   * @example
   * await collection.update({ ids: ["a", "nobody"], metadatas: [{ tag: "low" }, { tag: "none" }] });
   * console.log((await collection.get({ ids: ["a", "nobody"] })).metadatas); // [{"year":1,"tag":"low"}]
   */
  async update(args: Flattening<UpdateArguments<TMeta>>): Promise<void> {
    await write(args as WriteArguments, "update", this.#target("update"));
  }

  /**
   * Deletes records: those that all given parts select, with `limit` the first of them in insertion order. One atomic
   * operation. Without any selection nothing is deleted.
   *
   * @throws `INVALID_ARGUMENT`, also for a `limit` without `where` or `whereDocument`; `LIMIT_EXCEEDED`.
   *
   * @returns The number of records really deleted.
   *
   * @example
   * const { deleted } = await collection.delete({ where: { year: { $lt: 2 } } });
   * console.log(deleted); // 1
   */
  async delete(args: DeleteArguments<TMeta>): Promise<DeleteResult> {
    this.#requirePresent("delete");
    const read = readArguments("delete", () => readDelete(args as DeleteArguments));
    if (read === null) return { deleted: 0 };
    const { before, sent } = this.#takePlace();
    return limited(read.within, async (signal) => {
      await orAborted(before, signal).finally(sent);
      return this.#connection.call("delete", { collectionId: this.id, ...read.request }, { signal });
    });
  }

  /**
   * Reads records in insertion order, also when `ids` are given, or ordered by a metadata key with `orderBy`; ids that do not exist
   * are left out.
   *
   * @throws `INVALID_ARGUMENT`; `LIMIT_EXCEEDED` for an oversized filter.
   *
   * @example
   * const { ids, documents } = await collection.get({ where: { year: 2 }, limit: 20 });
   * console.log(ids, documents); // ["b"] ["Spring tides follow the new moon."]
   */
  async get<T extends MetadataOf<T> = TMeta>(args: GetArguments<TMeta> = {}): Promise<GetResult<T>> {
    const { request, within } = readArguments("get", () => readGet(args as GetArguments));
    return getResult<T>(await this.#limited("get", request, within), request.include);
  }

  /**
   * The selected records as a stream of bytes, in insertion order: JSON lines, an Arrow stream or a Parquet file. They are those of the
   * moment of this call, whatever is written while the stream is read. Nothing is read ahead of it, so the memory that it takes does
   * not grow with the collection; cancelling it lets go of what it holds, and so do ten minutes without a read. `docs/backup.md` tells
   * what the formats look like.
   *
   * Reading rejects with `INVALID_ARGUMENT` for arguments that cannot be used; `LIMIT_EXCEEDED` for an oversized filter, and for more
   * than 16 exports and backups at once; `STALE_READ` where the moment is lost, since nobody read for ten minutes, or the tab that kept
   * it has gone; `ABORTED`.
   *
   * @example
   * const text = await new Response(collection.export({ format: "jsonl", include: ["documents"] })).text();
   * console.log(text.split("\n")[0]); // {"id":"a","text_chunk":"The ebb uncovers the pools."}
   */
  export(args: ExportArguments<TMeta>): ReadableStream<Uint8Array<ArrayBuffer>> {
    const given = readArguments("export", () => copyOf(args as ExportArguments));
    // Loaded when it is first needed, like the Search API.
    return lazyStream(async () => (await part(import("./transfer/export.js"))).exportRecords(this.#connection, this.#source, given));
  }

  /**
   * Records from a file, a URL, a stream or bytes, whose format is told by them: `docs/import.md` has those that are known. They are read
   * and written batch by batch, as by `upsert`, so the memory that it takes does not grow with the source, but for its ids. Rows that
   * cannot go in are in the report, each with its reason; all others are in.
   *
   * @throws `INVALID_ARGUMENT` for arguments that cannot be used, and a source that cannot be read or is of no known format;
   *   `LIMIT_EXCEEDED` for a row or columns beyond all measure; what `upsert` rejects with, such as `EMBEDDING_FUNCTION`, `QUOTA_EXCEEDED`
   *   and `ABORTED`. What is in stays; `details.nextRow` is the `startAt` that goes on, `details.report` the report so far.
   *
   * @example
   * const lines = new Blob(['{"id":"p","document":"A pool."}\n', '{"id":"q"}\n']);
   * const { imported, rejected } = await collection.import(lines);
   * console.log(imported, rejected[0]?.line, rejected[0]?.reason); // 1 2 the row has neither an embedding nor a document to embed
   */
  async import(source: ImportSource, options: ImportOptions = {}): Promise<ImportReport> {
    this.#requirePresent("import");
    const given = readArguments("import", () => copyOf(options));
    // Loaded when it is first needed, like the Search API.
    return (await part(import("./import/import.js"))).importRecords(source, given, this as unknown as Collection);
  }

  /**
   * A new transaction: reads and writes that take effect together with its `commit`, unless a record that they depend on was written
   * since. Nothing is sent by this call, which takes no arguments.
   *
   * @throws `INVALID_ARGUMENT` for an argument, and on a collection `at` an earlier version.
   *
   * @example
   * const renewed = await collection.conditional().run(async (txn) => {
   *   const { ids } = await txn.get({ where: { year: { $lt: 3 } }, limit: 10 });
   *   if (ids.length > 0) await txn.update({ ids, metadatas: ids.map(() => ({ year: 3 })) });
   *   return ids.length;
   * });
   * console.log(renewed);
   */
  conditional(): ConditionalTransaction<TMeta> {
    this.#requirePresent("conditional");
    return new ConditionalTransaction<TMeta>(this.#transactionHome);
  }

  /**
   * Divides a long text into passages and stores them as records, in place of the document that had the id before, if any, in one
   * moment: reads see all of either. The passages are embedded before. A passage has the id `<id>#<index>`, the document
   * `text.slice(passage_start, passage_end)`, the metadata given and `document_id`, `passage_index`, `passage_start`, `passage_end`
   * (UTF-16 code units), and `passage_headings` where it stands below headings. What others write of the document meanwhile is replaced.
   *
   * @throws `INVALID_ARGUMENT`, also for metadata with one of these keys; `ALREADY_EXISTS` where another record has the id of a passage;
   *   `LIMIT_EXCEEDED` for more than 16,384 passages or 32 MiB; `DIMENSION_MISMATCH`, `EMBEDDING_FUNCTION`, `QUOTA_EXCEEDED`, `ABORTED`;
   *   `CONFLICT` where others have written the document 64 times meanwhile. Nothing is written then.
   *
   * @example
   * const text = "# Tides\n\nThe moon pulls at the sea.\n\n# Pools\n\nCrabs live here.";
   * console.log(await collection.addDocument({ id: "shore", text, metadata: { year: 4 } })); // {"added":2,"deleted":0}
   */
  async addDocument(args: AddDocumentArguments<TMeta>): Promise<AddDocumentResult> {
    return this.#onDocuments("addDocument", args as AddDocumentArguments, ({ addDocument }) => addDocument);
  }

  /**
   * Deletes all passages of a document that `addDocument` has stored, in one moment. An id that no document has deletes nothing.
   *
   * @throws `INVALID_ARGUMENT`, `ABORTED`, `CONFLICT` as {@link Collection.addDocument}.
   *
   * @returns The number of passages deleted.
   *
   * @example
   * await collection.addDocument({ id: "shore", text: "Crabs live in the pools.", metadata: { year: 4 } });
   * console.log(await collection.deleteDocument({ id: "shore" })); // {"deleted":1}
   */
  async deleteDocument(args: DeleteDocumentArguments): Promise<DeleteResult> {
    return this.#onDocuments("deleteDocument", args, ({ deleteDocument }) => deleteDocument);
  }

  /** Later writes wait until it is done: it may have to be tried again. */
  async #onDocuments<A, R>(method: string, args: A, which: (calls: Documents) => (args: A, home: DocumentHome) => Promise<R>): Promise<R> {
    this.#requirePresent(method);
    const given = readArguments(method, () => copyOf(args));
    const { before, sent } = this.#takePlace();
    try {
      // Loaded when it is first needed, like the Search API.
      const call = which(await part(import("./passages/documents.js")));
      const commit: DocumentHome["commit"] = (request) => this.#commitNow(request);
      return await call(given, { ...this.#transactionHome, schema: this.#info.schema, before, commit });
    } finally {
      sent();
    }
  }

  get #transactionHome(): TransactionHome {
    const info = this.#info;
    return {
      get: (request, within) => this.#limited("conditionalGet", request, within),
      toResult: getResult,
      prepare: (operation, args) => prepareWrite(args, operation, this.#writeSource),
      commit: async (request) => {
        const { before, sent } = this.#takePlace();
        await before.finally(sent);
        return this.#commitNow(request, info);
      },
    };
  }

  async #commitNow(
    request: Omit<RequestOf<"conditionalCommit">, "collectionId">,
    { id: collectionId, model } = this.#info,
  ): Promise<ResponseOf<"conditionalCommit">> {
    const written = await this.#connection.call("conditionalCommit", { collectionId, model, ...request });
    for (const one of request.operations) if (one.operation !== "delete") this.#noteDimension(one.operation, one.records);
    return written;
  }

  /**
   * The first records in insertion order, `limit` of them (default 10).
   *
   * @example
   * console.log((await collection.peek({ limit: 2 })).ids); // ["a", "b"]
   */
  async peek(args: { limit?: number } & CallLimits = {}): Promise<GetResult<TMeta>> {
    const { limit = 10, signal, timeoutMs } = readArguments("peek", () => readObject(args, "peek", `limit ${CALL_LIMITS}`));
    return this.get({ limit, signal, timeoutMs });
  }

  /**
   * The nearest records of each query, nearest first, equal distances in insertion order. Filters come first: a query with
   * k matching records returns k. Exact up to 16 MiB of codes (37,449 vectors of 384 dimensions); in larger collections a
   * graph may answer, which can miss a near record, unless the call is `exact`. Distances are always exact.
   *
   * @throws `INVALID_ARGUMENT`, `DIMENSION_MISMATCH`, `LIMIT_EXCEEDED`, `EMBEDDING_FUNCTION`.
   *
   * @example
   * const hits = await collection.query({ queryTexts: ["moon", "pools"], nResults: 1 });
   * console.log(hits.ids); // [["b"], ["a"]]
   */
  async query<T extends MetadataOf<T> = TMeta>(args: QueryArguments<TMeta>): Promise<QueryResult<T>> {
    const { queries, request, within } = readArguments("query", () => readQuery(args as QueryArguments));
    const response = await limited(within, async (signal) => {
      const asked = { ...this.#source, ...request, queryEmbeddings: await this.#embedQueries(queries, signal) };
      return this.#connection.call("query", asked, { signal });
    });
    return queryResult<T>(response, request.include);
  }

  /**
   * Full-text search over the documents: records that hold at least one of the query's words, best BM25 score first,
   * equal scores in insertion order.
   *
   * @throws `INVALID_ARGUMENT`; `LIMIT_EXCEEDED` for a query of more than 1,024 distinct words.
   *
   * @example
   * const hits = await collection.searchText({ query: "sping tid", prefix: true, fuzzy: true });
   * console.log(hits.ids, hits.terms); // ["b"] [["spring", "tides"]]
   */
  async searchText<T extends MetadataOf<T> = TMeta>(args: SearchTextArguments<TMeta>): Promise<SearchTextResult<T>> {
    const { request, within } = readArguments("searchText", () => readSearchText(args as SearchTextArguments));
    const response = await this.#limited("searchText", request, within);
    return searchTextResult<T>(response, request.include);
  }

  /**
   * Words and meaning together: records that hold words of the query, those whose vectors are near, and, where an index of sparse
   * vectors embeds texts, what that finds, in one order. Each hit says where each branch has it and why. All see the same moment.
   *
   * @throws `INVALID_ARGUMENT`, `DIMENSION_MISMATCH`, `LIMIT_EXCEEDED`, `EMBEDDING_FUNCTION`.
   *
   * @example
   * const hits = await collection.hybrid({ queryText: "tides of spring", nResults: 1 });
   * const [best] = hits.rows();
   * console.log(best?.id, best?.text?.terms, best?.dense?.rank); // b ["spring", "tides"] 1
   */
  async hybrid<T extends MetadataOf<T> = TMeta>(args: HybridArguments<TMeta>): Promise<HybridResult<T>> {
    const given = readArguments("hybrid", () => copyOf(args as HybridArguments));
    // Loaded when it is first needed, like the Search API.
    const { embedHybrid, hybridResult, readHybrid } = await part(import("./hybrid.js"));
    const read = readArguments("hybrid", () => readHybrid(given, this.#sparseSource));
    const response = await limited(read.within, async (signal) => {
      const embed = (queries: Queries) => this.#embedQueries(queries, signal);
      const asked = { ...this.#source, ...read.request, ...(await embedHybrid(read, embed, this.#sparseSource)) };
      return this.#connection.call("hybrid", asked, { signal });
    });
    return hybridResult<T>(response, read.request.include);
  }

  /**
   * Suggestions while somebody types: what was typed with its last word completed, best first, by words that stand together with all
   * the others in documents. What fits as it was typed stays so. The best 256 documents are looked at.
   *
   * @throws `INVALID_ARGUMENT`; `LIMIT_EXCEEDED` as {@link Collection.searchText}.
   *
   * @example
   * const suggestions = await collection.autoSuggest({ queryText: "spring ti" });
   * console.log(suggestions.map(({ suggestion }) => suggestion)); // ["spring tides"]
   */
  async autoSuggest(args: AutoSuggestArguments<TMeta>): Promise<TextSuggestion[]> {
    const { request, within } = readArguments("autoSuggest", () => readAutoSuggest(args as AutoSuggestArguments));
    return this.#limited("autoSuggest", request, within);
  }

  /**
   * Chroma's Search API: filter, rank by expressions over vector and text search, group, select. Several searches in one
   * call see the same moment; texts in their ranks are embedded together.
   *
   * @throws `INVALID_ARGUMENT`, `DIMENSION_MISMATCH`, `LIMIT_EXCEEDED`, `EMBEDDING_FUNCTION`.
   *
   * @example
   * import { K, Knn, Rrf, Search, Text } from "tidepool-db";
   * const query = "crabs in the pools";
   * const ranks = [Knn({ query, returnRank: true }), Text({ query, returnRank: true, default: 100 })];
   * const result = await collection.search(new Search().where(K("year").ne(2)).rank(Rrf({ ranks })).limit(5).select(K.SCORE));
   * console.log(result.ids[0]?.length); // 2
   */
  async search<T extends MetadataOf<T> = TMeta>(
    searches: SearchLike | SearchLike[],
    options: { readLevel?: ReadLevel } & CallLimits = {},
  ): Promise<SearchResult<T>> {
    const { readLevel, within, given } = readArguments("search", () => ({
      ...readObject(options, "search", `readLevel ${CALL_LIMITS}`),
      within: readCallLimits(options),
      given: copyOf(searches),
    }));
    // Loaded when it is first needed: a page that never calls this does without it.
    const { searchPayloads, searchResult } = await part(import("./search/run-search.js"));
    const found = await limited(within, async (signal) => {
      const asked = { ...this.#source, searches: await searchPayloads(given, this.#searchSources(signal)), readLevel };
      return this.#connection.call("search", asked, { signal });
    });
    return searchResult<T>(found);
  }

  /**
   * The number of records, or of those that all given parts select. Reads see every acknowledged write, so Chroma's `readLevel`
   * has no effect.
   *
   * @throws `INVALID_ARGUMENT`; `LIMIT_EXCEEDED` for an oversized filter.
   *
   * @example
   * console.log(await collection.count(), await collection.count({ where: { year: { $gt: 1 } } })); // 3 2
   */
  async count(args: CountArguments<TMeta> = {}): Promise<number> {
    const { request, within } = readArguments("count", () => readCount(args as CountArguments));
    return this.#limited("count", request, within);
  }

  /**
   * For each key its values in the records that all given parts select, with the number of these records that have each: the most
   * frequent first, equal ones ascending. An element of a list counts as a value. Answered by the index of the metadata; where the
   * collection's schema leaves a type of the key's values out of it, the records are read instead, which takes longer.
   *
   * @throws `INVALID_ARGUMENT`; `LIMIT_EXCEEDED` for an oversized filter, more than 256 keys, and values of about 128 MiB.
   *
   * @example
   * const { year } = await collection.facets({ keys: ["year"], whereDocument: { $contains: "moon" }, limit: 10 });
   * console.log(year.values, year.distinct, year.missing); // [{"value":2,"count":1}] 1 0
   */
  async facets<const K extends keyof TMeta & string>(args: FacetsArguments<TMeta, K>): Promise<Facets<TMeta, K>> {
    const { request, within } = readArguments("facets", () => readFacets(args as unknown as FacetsArguments));
    return facetsOf<TMeta, K>(await this.#limited("facets", request, within));
  }

  /**
   * The different values that the records which all given parts select have under a key: booleans, then numbers, then strings by
   * UTF-16 units, each ascending. Elements of lists are among them. Costs and errors as in {@link Collection.facets}.
   *
   * @example
   * console.log(await collection.distinct({ key: "year" })); // [1, 2, 3]
   */
  async distinct<K extends keyof TMeta & string>(args: DistinctArguments<TMeta, K>): Promise<FacetValue<TMeta[K]>[]> {
    const { request, within } = readArguments("distinct", () => readDistinct(args as unknown as DistinctArguments));
    return (await this.#limited("distinct", request, within)) as FacetValue<TMeta[K]>[];
  }

  /**
   * How much of what was written has reached the indexes on disk. Reads see all of it at any time. Whether the log still keeps it
   * too, because the indexes are not published yet, is told by `unpublished` of `client.info()`.
   *
   * @example
   * console.log((await collection.getIndexingStatus()).total_ops); // 1
   */
  getIndexingStatus(options: CallLimits = {}): Promise<IndexingStatus> {
    return this.#about("indexingStatus", options);
  }

  /**
   * Measures how many of the exact `k` nearest a query finds, on this collection's own vectors: `sample` of them (1–1000),
   * always the same, serve as queries, each left out of its own answers. Also says which `ef_search` reaches a recall of
   * 0.95 and 0.99. `recall` is `null` where there are fewer than two records, and 1 while the exact scan answers.
   *
   * @throws `INVALID_ARGUMENT`.
   *
   * @example
   * const { recall, efSearchFor } = await collection.checkRecall({ sample: 50, k: 5 });
   * if (recall !== null && recall < 0.95) await collection.modify({ configuration: { hnsw: { ef_search: efSearchFor["0.95"] ?? 1024 } } });
   */
  async checkRecall(args: { sample?: number; k?: number } & CallLimits = {}): Promise<RecallReport> {
    this.#requirePresent("checkRecall");
    const {
      sample = 100,
      k = 10,
      ...rest
    } = readArguments("checkRecall", () => readObject(args, "checkRecall", `sample k ${CALL_LIMITS}`));
    const within = readArguments("checkRecall", () => readCallLimits(rest));
    return this.#limited("checkRecall", { sample, k }, within);
  }

  /**
   * Renames the collection, replaces its metadata, or changes its configuration. The space stays.
   *
   * @throws `INVALID_ARGUMENT`, `ALREADY_EXISTS` when the name is taken, `EMBEDDING_FUNCTION` when a new embedding
   *   function does not fit the vectors that are there.
   *
   * @example
   * await collection.modify({ name: "sea", metadata: { language: "en" } });
   * console.log(collection.name); // sea
   */
  async modify(args: ModifyArguments): Promise<void> {
    this.#requirePresent("modify");
    const { fn, ...request } = readArguments("modify", () => this.#readModify(args));
    this.#info = await this.#connection.call("modifyCollection", { collectionId: this.id, ...request });
    if (fn) this.#embedding = { ...this.#embedding, fn, failure: null };
  }

  #readModify(args: ModifyArguments) {
    const { name, metadata, configuration } = readObject(args, "modify", "name metadata configuration");
    if (name != null) validateName(name);
    const update =
      configuration == null
        ? undefined
        : modifyConfiguration(configuration, this.#info.configuration, this.embeddingFunction, this.#client);
    return {
      name: name ?? undefined,
      metadata: readCollectionMetadata(metadata) ?? undefined,
      configuration: update,
      fn: configuration?.embeddingFunction,
    };
  }

  /**
   * Embeds all documents by another function, and then puts its vectors in place of those that there are, in one moment: until then the
   * old ones answer, from whatever tab, and writes go on. The dimension may change. What is embedded is kept, so a call that was
   * interrupted, by a signal, an error or a closed tab, is made again to go on. `docs/embeddings.md` tells more: "Changing the model".
   *
   * @throws `INVALID_ARGUMENT`, also where records have no document: `details.count` of them, some in `details.ids`; `ALREADY_EXISTS`
   *   where another function is at it; `CONFLICT` where another call has taken over, or given it up; `EMBEDDING_FUNCTION`,
   *   `DIMENSION_MISMATCH`, `QUOTA_EXCEEDED`, `ABORTED`, `TIMEOUT`.
   *
   * @example
   * const embeddingFunction = new HashingEmbeddingFunction({ dimension: 512 });
   * const reembedding = collection.reembed({ embeddingFunction, onProgress: ({ done, total }) => console.log(`${done} of ${total}`) });
   * reembedding.then(({ records }) => console.log(records, collection.dimension)).catch(console.warn);
   * console.log(collection.dimension); // 384
   */
  async reembed(args: ReembedArguments): Promise<ReembedReport> {
    this.#requirePresent("reembed");
    const given = readArguments("reembed", () => ({ ...args }));
    // Loaded when it is first needed, like the Search API.
    const { reembed } = await part(import("./reembed.js"));
    const { info, embedding, report } = await reembed(given, this.#connection, this.#info, this.#embedding);
    this.#info = info;
    this.#embedding = embedding;
    return report;
  }

  /**
   * A new collection with everything that this one holds now. The two share what is stored until either is written to, so
   * it takes no longer and no more space for a large collection.
   *
   * @throws `INVALID_ARGUMENT`, `ALREADY_EXISTS`, `NOT_FOUND`.
   *
   * @example
   * const draft = await collection.fork({ name: "draft" });
   * await draft.delete({ ids: ["b"] });
   * console.log(await draft.count(), await collection.count()); // 2 3
   */
  async fork(args: { name: string }): Promise<Collection<TMeta>> {
    this.#requirePresent("fork");
    const { name } = readArguments("fork", () => readObject(args, "fork", "name"));
    validateName(name);
    const info = await this.#connection.call("forkCollection", { collectionId: this.id, name });
    return new Collection<TMeta>(this.#client, this.#connection, info, this.#embedding);
  }

  /**
   * Number of collections forked, directly or not, from the one that this one was forked from, or from this one.
   *
   * @example
   * await collection.fork({ name: "draft" });
   * console.log(await collection.forkCount()); // 1
   */
  forkCount(options: CallLimits = {}): Promise<number> {
    return this.#about("forkCount", options);
  }

  /**
   * The versions that {@link Collection.at} can read, oldest first; the last is the newest. A version is what one compaction
   * published, so the latest writes may be in none yet. The client's `retainVersions` says how many are kept.
   *
   * @example
   * for (const { version, count } of await collection.listVersions()) console.log(`version ${version} has ${count} records`);
   */
  listVersions(options: CallLimits = {}): Promise<VersionInfo[]> {
    return this.#about("listVersions", options);
  }

  /**
   * The collection as it was at a retained version, to read from. Reads reject with `NOT_FOUND` once it is not retained any
   * more.
   *
   * @throws `INVALID_ARGUMENT`.
   *
   * @example
   * const [oldest] = await collection.listVersions();
   * if (oldest) console.log((await collection.at({ version: oldest.version }).count()) === oldest.count); // true
   */
  at(args: { version: number }): CollectionVersion<TMeta> {
    const { version } = readArguments("at", () => readObject(args, "at", "version"));
    validateCount(version, "version");
    return new Collection<TMeta>(this.#client, this.#connection, this.#info, this.#embedding, version);
  }

  /**
   * The results of a read, now and from then on: after acknowledged writes, from whatever tab, the listener gets the new results and
   * the ids that were added, have changed and were removed. Writes that cannot touch the results ask nothing; what comes in quick
   * succession is told together. It goes on when another tab takes over and when the collection is renamed, and ends with
   * `unsubscribe`, its `signal`, the client, or the collection. Texts to query with are embedded once.
   *
   * @param what - `get`, `query`, `searchText`, `hybrid` or `count` with the arguments of that method, but for `signal` and
   *   `timeoutMs`; or `search` with what {@link Collection.search} takes. Beside it `onError` and `signal`.
   *
   * @throws What the read itself rejects with; `LIMIT_EXCEEDED` beyond 1,000 subscriptions of a client; `ABORTED`.
   *
   * @example
   * const notes = await collection.subscribe({ get: { where: { year: 2 } } }, ({ results, added, removed }) => {
   *   console.log(results.documents, added, removed);
   * });
   * console.log(notes.initial.ids); // ["b"]
   * notes.unsubscribe();
   */
  subscribe(
    what: LiveRead<"get", TMeta> & LiveOptions,
    listener: LiveListener<LiveResults<TMeta>["get"]>,
  ): Promise<Subscription<LiveResults<TMeta>["get"]>>;
  /** Live results of `query`, as those of `get` are told. */
  subscribe(
    what: LiveRead<"query", TMeta> & LiveOptions,
    listener: LiveListener<LiveResults<TMeta>["query"]>,
  ): Promise<Subscription<LiveResults<TMeta>["query"]>>;
  /** Live results of `searchText`, as those of `get` are told. */
  subscribe(
    what: LiveRead<"searchText", TMeta> & LiveOptions,
    listener: LiveListener<LiveResults<TMeta>["searchText"]>,
  ): Promise<Subscription<LiveResults<TMeta>["searchText"]>>;
  /** Live results of `hybrid`, as those of `get` are told. */
  subscribe(
    what: LiveRead<"hybrid", TMeta> & LiveOptions,
    listener: LiveListener<LiveResults<TMeta>["hybrid"]>,
  ): Promise<Subscription<LiveResults<TMeta>["hybrid"]>>;
  /** Live results of `search`, as those of `get` are told. */
  subscribe(
    what: LiveRead<"search", TMeta> & LiveOptions,
    listener: LiveListener<LiveResults<TMeta>["search"]>,
  ): Promise<Subscription<LiveResults<TMeta>["search"]>>;
  /** Live results of `count`, as those of `get` are told. */
  subscribe(
    what: LiveRead<"count", TMeta> & LiveOptions,
    listener: LiveListener<LiveResults<TMeta>["count"]>,
  ): Promise<Subscription<LiveResults<TMeta>["count"]>>;
  async subscribe(what: object, listener: LiveListener<never>): Promise<Subscription<never>> {
    this.#requirePresent("subscribe");
    const given = readArguments("subscribe", () => copyOf(what));
    // Loaded when it is first needed, like the Search API.
    const { subscribe } = await part(import("./live/subscribe.js"));
    return subscribe<never>(given, listener, {
      connection: this.#connection,
      collectionId: this.id,
      model: this.#info.model,
      name: () => this.name,
      embed: (queries, signal) => this.#embedQueries(queries, signal),
      sources: (signal) => this.#searchSources(signal),
    });
  }

  #searchSources(signal: AbortSignal | undefined): EmbedQueries {
    return {
      dense: (texts) => embedRows(this.#requireFunction(), texts, "queries", this.#info.dimension, undefined, signal),
      sparse: this.#sparseSource,
    };
  }

  #limited<M extends "get" | "conditionalGet" | "searchText" | "autoSuggest" | "count" | "facets" | "distinct" | "checkRecall">(
    method: M,
    request: Omit<RequestOf<M>, "collectionId">,
    within: CallLimits,
  ): Promise<ResponseOf<M>> {
    const whole = { ...this.#source, ...request } as unknown as RequestOf<M>;
    return limited(within, (signal) => this.#connection.call(method, whole, { signal }));
  }

  async #about<M extends "indexingStatus" | "forkCount" | "listVersions">(method: M, options: CallLimits): Promise<ResponseOf<M>> {
    const request = { collectionId: this.id } as RequestOf<M>;
    return limited(readLimits(options, method), (signal) => this.#connection.call(method, request, { signal }));
  }

  /** Taken before texts are embedded: vectors of another model than the collection's are refused. */
  get #source(): { collectionId: string; version: number | undefined; model: number } {
    return { collectionId: this.id, version: this.#version, model: this.#info.model };
  }

  #requirePresent(operation: string): void {
    if (this.#version === undefined) return;
    throw invalidArgument(`${operation} is not possible at version ${this.#version}: an earlier version can only be read`);
  }

  #target(operation: "add" | "update" | "upsert"): WriteTarget {
    this.#requirePresent(operation);
    const { id: collectionId, model } = this.#info;
    return { ...this.#writeSource, send: (records) => this.#send({ collectionId, operation, records, model }), place: this.#takePlace() };
  }

  get #writeSource(): WriteSource {
    return {
      dimension: this.#info.dimension,
      embeddingFunction: () => this.#requireFunction(),
      warn: (warning) => this.#connection.warn({ ...warning, collection: this.name }),
      embedSparse: this.#embedsSparse
        ? async (...batch) => (await part(import("./schema/embed-sparse.js"))).embedSparse(this.#sparseSource, ...batch)
        : null,
    };
  }

  #takePlace(): Place {
    const before = this.#allSent;
    let sent = (): void => {};
    this.#allSent = new Promise<void>((resolve) => (sent = resolve)).then(() => before);
    return { before, sent };
  }

  get #embedsSparse(): boolean {
    return Object.values(this.#info.schema.keys).some((types) => types.sparse_vector?.sparse_vector_index?.config.source_key);
  }

  get #sparseSource(): SparseSource {
    return { schema: this.#info.schema, given: this.#embedding.sparse, client: this.#client };
  }

  async #send(request: RequestOf<"write">): Promise<void> {
    await this.#connection.call("write", request);
    this.#noteDimension(request.operation, request.records);
  }

  #noteDimension(operation: "add" | "update" | "upsert", { embeddings }: RecordBatch): void {
    if (embeddings !== null && operation !== "update") this.#info.dimension ??= embeddings.dimension;
  }

  async #embedQueries(queries: Queries, signal: AbortSignal | undefined): Promise<QueryRows> {
    if (!Array.isArray(queries)) return queries;
    const { dimension, values } = await embedRows(this.#requireFunction(), queries, "queries", this.#info.dimension, undefined, signal);
    return { dimension, values };
  }

  #requireFunction(): EmbeddingFunction {
    const { fn, failure } = this.#embedding;
    if (fn) return fn;
    const why = failure === null ? "it was created without one that can be restored" : failure.message;
    throw embeddingError(
      `No embedding function found for collection '${this.name}': ${why}. You can also provide embeddings directly`,
      failure ?? undefined,
    );
  }
}

/** A collection at an earlier version: what reads, and nothing else. */
export type CollectionVersion<TMeta extends MetadataOf<TMeta> = Metadata> = Pick<
  Collection<TMeta>,
  | "id"
  | "name"
  | "metadata"
  | "get"
  | "query"
  | "peek"
  | "count"
  | "facets"
  | "distinct"
  | "search"
  | "searchText"
  | "autoSuggest"
  | "hybrid"
  | "export"
>;

async function facetsOf<TMeta, K extends keyof TMeta>(columns: FacetColumns[]): Promise<Facets<TMeta, K>> {
  const slice = new Slice();
  const facets: [string, unknown][] = [];
  for (const { key, values, counts, distinct, missing } of columns) {
    facets.push([key, { values: values.map((value, i) => ({ value, count: counts[i] })), distinct, missing }]);
    await slice.tick();
  }
  return Object.fromEntries(facets) as Facets<TMeta, K>;
}
