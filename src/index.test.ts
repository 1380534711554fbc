/**
 * The package entry: what it exports, that importing it is safe where there is no browser, and, checked by the compiler
 * alone, that the public types take what they should, refuse what they should, and match Chroma's shapes.
 */
import { expect, test } from "vitest";
import * as entry from "./index.js";
import {
  type Collection,
  type EmbeddingFunction,
  type Facet,
  type GetResult,
  HashingEmbeddingFunction,
  type HybridResult,
  type Metadata,
  registerEmbeddingFunction,
  type SparseVector,
  TidepoolClient,
  type Where,
} from "./index.js";

test("the entry exports these names and no others", () => {
  expect(Object.keys(entry).sort()).toEqual([
    ...[
      "Abs",
      "AdminClient",
      "Aggregate",
      "Bm25EmbeddingFunction",
      "BoolInvertedIndexConfig",
      ...[
        "Backoff",
        "Client",
        "ConditionalWriteConflict",
        "Connection",
        "",
        "Forbidden",
        "NotFound",
        "QuotaExceeded",
        "RateLimit",
        "Server",
        "StaleRead",
        "Unauthorized",
        "Unique",
        "Value",
      ].map((kind) => `Chroma${kind}Error`),
      "Cmek",
      "CmekProvider",
      "Collection",
      "DOCUMENT_KEY",
      "Div",
      "EMBEDDING_KEY",
    ],
    ...[
      "Exp",
      "FloatInvertedIndexConfig",
      "FtsIndexConfig",
      "GetResult",
      "GroupBy",
      "HashingEmbeddingFunction",
      "IncludeEnum",
      "IntInvertedIndexConfig",
      "InvalidArgumentError",
      "InvalidCollectionError",
      "K",
    ],
    ...["Key", "Knn", "Limit", "Log", "Max", "MaxK", "Min", "MinK", "Mul", "QueryResult", "RankExpression", "ReadLevel", "Rrf"],
    ...[
      "Schema",
      "Search",
      "SearchResult",
      "SearchTextResult",
      "Select",
      "SparseVectorIndexConfig",
      "StringInvertedIndexConfig",
      "Sub",
      "Sum",
      "Text",
      "TidepoolClient",
      "TidepoolError",
      "Val",
    ],
    ...[
      "VectorIndexConfig",
      "WhereExpression",
      "chunk",
      "destroyPath",
      "flattenMetadata",
      "getEmbeddingFunction",
      "getSparseEmbeddingFunction",
      "knownEmbeddingFunctions",
    ],
    ...["knownSparseEmbeddingFunctions", "liveStore", "passphraseKey"],
    ...["registerEmbeddingFunction", "registerSparseEmbeddingFunction", "toSearch"],
  ]);
});

test("where there is no browser the package can be imported and a client made, and a call says what is missing", async () => {
  expect(typeof Worker).toBe("undefined");
  const client = new TidepoolClient();
  await expect(client.heartbeat()).rejects.toMatchObject({ code: "NOT_SUPPORTED", message: expect.stringContaining("needs a browser") });
  await client.close();
});

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_equal: Equal<A, B>): void => {};

type Book = { title: string; year: number; tags?: string[] };

export async function client(client: TidepoolClient): Promise<void> {
  new TidepoolClient();
  new TidepoolClient({
    path: "p",
    tenant: "t",
    database: "d",
    storage: "opfs",
    durability: "relaxed",
    allowReset: true,
    worker: () => new Worker(""),
  });
  const { records } = await client.restore(client.backup({ versions: true }), { mode: "new", onProgress: ({ bytes }) => bytes });
  same<typeof records, number>(true);
  // @ts-expect-error: no such mode
  await client.restore(new Blob(), { mode: "over" });
  // @ts-expect-error: no such storage
  new TidepoolClient({ storage: "disk" });
  // @ts-expect-error: a name is needed
  await client.createCollection({});
  await client.createCollection({ name: "abc", embeddingFunction: null, metadata: { a: 1, tags: ["x"] } });
  await client.createCollection({ name: "abc", configuration: { hnsw: { space: "cosine", ef_search: 10 } } });
  // @ts-expect-error: no such space
  await client.createCollection({ name: "abc", configuration: { hnsw: { space: "euclid" } } });
  const books = await client.getCollection<Book>({ name: "abc", embeddingFunction: new HashingEmbeddingFunction() });
  same<typeof books, Collection<Book>>(true);
  const any = await client.getOrCreateCollection({ name: "abc" });
  same<typeof any, Collection<Metadata>>(true);
}

export async function writes(books: Collection<Book>, plain: Collection): Promise<void> {
  await books.add({ ids: ["a"], embeddings: [[1, 2]], metadatas: [{ title: "t", year: 1 }, null], documents: ["d", null] });
  await books.add({
    ids: ["a"],
    embeddings: [new Float32Array(2)],
    signal: new AbortController().signal,
    onProgress: ({ done, total }) => done / total,
  });
  await books.add({ ids: ["a"], embeddings: new Float32Array(2) });
  // @ts-expect-error: year is missing
  await books.add({ ids: ["a"], metadatas: [{ title: "t" }] });
  await plain.add({ ids: ["a"], metadatas: [{ year: null }] });
  await books.add({ ids: ["a"], metadatas: [{ title: "t", year: 1, tags: null }] });
  // @ts-expect-error: a key that must be there is not left out
  await books.add({ ids: ["a"], metadatas: [{ title: "t", year: null }] });
  await books.update({ ids: ["a"], metadatas: [{ year: null }], embeddings: [null, [1]] });
  await books.upsert({ ids: ["a"], metadatas: [{ tags: ["x"] }] });
  // @ts-expect-error: no such key
  await books.upsert({ ids: ["a"], metadatas: [{ colour: "red" }] });
  await plain.add({ ids: ["a"], metadatas: [{ sv: { indices: [1], values: [0.5] } }] });
  const weights = (await plain.get<{ weights: SparseVector }>()).metadatas[0]?.weights;
  same<typeof weights, SparseVector | undefined>(true);
  // @ts-expect-error: a sparse vector has values
  await plain.add({ ids: ["a"], metadatas: [{ sv: { indices: [1] } }] });
  // @ts-expect-error: objects are no metadata
  await plain.add({ ids: ["a"], metadatas: [{ o: { a: 1 } }] });
  // @ts-expect-error: ids are needed
  await plain.add({ documents: ["d"] });
  // @ts-expect-error: no such key
  await books.delete({ where: { yaer: 1 } });
  const { deleted } = await plain.delete({ where: { year: { $gt: 1 } }, limit: 1 });
  same<typeof deleted, number>(true);
}

export async function reads(books: Collection<Book>, plain: Collection): Promise<void> {
  const where: Where = { $and: [{ year: 1 }, { tags: { $contains: "x" } }] };
  const got = await books.get({ where, include: ["metadatas"] });
  same<typeof got, GetResult<Book>>(true);
  same<typeof got.embeddings, number[][]>(true);
  got.metadatas[0]?.title.toUpperCase();
  const hits = await plain.query<Book>({ queryEmbeddings: [[1, 2]], nResults: 3, whereDocument: { $contains: "x" } });
  same<typeof hits.metadatas, (Book | null)[][]>(true);
  same<typeof hits.distances, (number | null)[][]>(true);
  same<typeof hits.embeddings, (number[] | null)[][]>(true);
  hits.rows()[0]?.[0]?.metadata?.year.toFixed();
  const found = await books.searchText({ query: "x", prefix: true, fuzzy: 0.3 });
  same<typeof found.scores, number[]>(true);
  found.rows()[0]?.terms.join();
  found.rows()[0]?.highlight?.ranges[0]?.start.toFixed();
  const both = await books.hybrid({ queryText: "x", weights: { dense: 0.5 } });
  same<typeof both, HybridResult<Book>>(true);
  both.rows()[0]?.dense?.distance.toFixed();
  (await books.hybrid({ queryText: "x", sparseKey: "words", weights: { sparse: 2 } })).sparse[0]?.score.toFixed();
  const stream = books.export({ format: "arrow", where: { year: 1 }, onProgress: ({ done, total }) => done / total });
  same<typeof stream, ReadableStream<Uint8Array<ArrayBuffer>>>(true);
  // @ts-expect-error: no such format
  books.export({ format: "csv" });
  // @ts-expect-error: no such key
  books.export({ format: "jsonl", where: { yaer: 1 } });
  // @ts-expect-error: no such branch
  await books.hybrid({ queryText: "x", weights: { vector: 1 } });
  const facets = await books.facets({ keys: ["title", "tags"], where, limit: 5 });
  same<typeof facets.title, Facet<string>>(true);
  same<typeof facets.tags, Facet<string>>(true);
  const years = await books.distinct({ key: "year" });
  same<typeof years, number[]>(true);
  const anything = await plain.facets({ keys: ["whatever"] });
  same<typeof anything.whatever.values, { value: string | number | boolean; count: number }[]>(true);
  // @ts-expect-error: no such key
  await books.facets({ keys: ["titel"] });
  // @ts-expect-error: no such key
  await books.distinct({ key: "titel" });
  // @ts-expect-error: no such field
  await plain.get({ include: ["vectors"] });
  await plain.get({ where: { $or: [{ day: { $gt: "2024-01" } }, { day: { $startsWith: "2023-" } }] } });
  // @ts-expect-error: booleans have no order
  await plain.get({ where: { year: { $gt: true } } });
}

interface Page {
  title: string;
  year?: number;
}

export async function interfaces(client: TidepoolClient): Promise<void> {
  const pages = await client.createCollection<Page>({ name: "abc" });
  await pages.add({ ids: ["a"], metadatas: [{ title: "t" }, { title: "t", year: null }] });
  await pages.update({ ids: ["a"], metadatas: [{ year: null }] });
  const found = await pages.get({ where: { $and: [{ title: { $startsWith: "t" } }, { $or: [{ year: 1 }, { year: { $gt: 2 } }] }] } });
  same<typeof found, GetResult<Page>>(true);
  found.metadatas[0]?.year?.toFixed();
  // @ts-expect-error: no such key
  await pages.query({ queryTexts: ["x"], where: { $and: [{ titel: "t" }, { year: 1 }] } });
  // @ts-expect-error: a date is no metadata
  await client.createCollection<{ at: Date }>({ name: "abc" });
}

/** An embedding function as the packages of Chroma's client declare theirs. */
interface StoredConfig {
  model: string;
}
class ChromaStyle implements EmbeddingFunction {
  readonly name = "style";
  constructor(readonly options: { model: string; apiKey?: string }) {}
  static buildFromConfig(config: StoredConfig, _client?: { tenant: string }): ChromaStyle {
    return new ChromaStyle({ model: config.model });
  }
  async generate(texts: string[]): Promise<number[][]> {
    return texts.map(() => [1]);
  }
  getConfig(): StoredConfig {
    return { model: this.options.model };
  }
  validateConfigUpdate(_newConfig: Record<string, string>): void {}
  defaultSpace() {
    return "cosine" as const;
  }
}
export const register = (): void => registerEmbeddingFunction("style", ChromaStyle);
