/**
 * Programs as they are written against `chromadb`. They are never run: `npm run typecheck` compiles them with this package,
 * `e2e/types.e2e.ts` with Chroma's own client, and only `client.ts` differs.
 */
// biome-ignore lint/style/useImportType: what is a class there is imported as one
import {
  Abs,
  AdminClient,
  Aggregate,
  ChromaClient,
  type Collection,
  type CollectionMetadata,
  type CreateCollectionConfiguration,
  type DeleteResult,
  Div,
  type EmbeddingFunction,
  type EmbeddingFunctionSpace,
  Exp,
  GetResult,
  GroupBy,
  getEmbeddingFunction,
  IncludeEnum,
  type IndexingStatus,
  K,
  Key,
  Knn,
  type KnnOptions,
  Limit,
  Log,
  Max,
  MaxK,
  type Metadata,
  Min,
  MinK,
  Mul,
  QueryResult,
  type QueryRowResult,
  type RankExpression,
  ReadLevel,
  Rrf,
  registerEmbeddingFunction,
  Search,
  type SearchLike,
  SearchResult,
  type SearchResultRow,
  Select,
  Sub,
  Sum,
  type UpdateCollectionConfiguration,
  type UserIdentity,
  Val,
  type Where,
  type WhereDocument,
  type WhereExpression,
} from "./client.js";

/** Fails to compile unless the value has this type. */
function is<T>(_value: T): void {}

// ---- a client and its collections

export async function collections(): Promise<void> {
  const client = new ChromaClient();
  const named = new ChromaClient({ tenant: "team", database: "drafts" });
  is<string | undefined>(named.tenant);
  is<string | undefined>(named.database);
  is<number>(await client.heartbeat());
  is<string>(await client.version());
  const identity: UserIdentity = await client.getUserIdentity();
  is<string>(identity.tenant);
  is<string[]>(identity.databases);
  const configuration: CreateCollectionConfiguration = { hnsw: { space: "cosine", ef_construction: 200, max_neighbors: 32 } };
  const made: Collection = await client.createCollection({
    name: "tides",
    metadata: { sea: "north", year: 1999 },
    configuration,
    embeddingFunction: null,
  });
  const again = await client.getOrCreateCollection({ name: "tides" });
  const found = await client.getCollection({ name: "tides", embeddingFunction: new Lengths() });
  const byId = await client.getCollectionById(made.id);
  const byCrn = await client.getCollectionByCrn("default_tenant:default_database:tides");
  const several: Collection[] = await client.getCollections(["tides", "ebbs"]);
  await client.getCollections([{ name: "tides" }, { name: "ebbs", embeddingFunction: new Lengths() }]);
  const all: Collection[] = await client.listCollections({ limit: 10, offset: 0 });
  is<string[]>(
    [made, again, found, byId, byCrn, ...several, ...all].map(
      (collection) => `${collection.tenant}/${collection.database}/${collection.name}: ${collection.id}`,
    ),
  );
  const metadata: CollectionMetadata | undefined = made.metadata;
  is<unknown>(metadata?.["sea"]);
  is<unknown>(made.configuration);
  const count: number = await client.countCollections();
  if (count > 100) await client.reset();
  const update: UpdateCollectionConfiguration = { hnsw: { ef_search: 50 } };
  await made.modify({ name: "ebbs", metadata: { sea: "south" }, configuration: update });
  await client.deleteCollection({ name: "ebbs" });
}

export async function administration(): Promise<void> {
  const admin = new AdminClient();
  await admin.createTenant({ name: "team" });
  is<string>(await admin.getTenant({ name: "team" }));
  await admin.createDatabase({ name: "drafts", tenant: "team" });
  const database = await admin.getDatabase({ name: "drafts", tenant: "team" });
  is<{ id: string; name: string; tenant: string }>(database);
  is<string[]>((await admin.listDatabases({ tenant: "team", limit: 10, offset: 0 })).map(({ name }) => name));
  await admin.deleteDatabase({ name: "drafts", tenant: "team" });
}

// ---- embedding functions

class Lengths implements EmbeddingFunction {
  readonly name = "lengths";

  constructor(readonly factor = 1) {}

  async generate(texts: string[]): Promise<number[][]> {
    return texts.map((text) => [text.length * this.factor]);
  }

  async generateForQueries(texts: string[]): Promise<number[][]> {
    return this.generate(texts);
  }

  defaultSpace(): EmbeddingFunctionSpace {
    return "l2";
  }

  supportedSpaces(): EmbeddingFunctionSpace[] {
    return ["l2", "cosine", "ip"];
  }

  static buildFromConfig(config: Record<string, unknown>): Lengths {
    return new Lengths(Number(config["factor"]));
  }

  getConfig(): Record<string, unknown> {
    return { factor: this.factor };
  }
}

/** The least that an embedding function can be. */
const minimal: EmbeddingFunction = { generate: async (texts: string[]) => texts.map(() => [0, 1]) };

export async function embedding(client: ChromaClient): Promise<void> {
  registerEmbeddingFunction("lengths", Lengths);
  const collection = await client.createCollection({ name: "texts", embeddingFunction: minimal });
  await collection.add({ ids: ["a"], documents: ["ebb"] });
  await getEmbeddingFunction({ client, efConfig: { type: "known", name: "lengths", config: {} } });
}

// ---- records

interface Tide {
  [key: string]: string | number;
  year: number;
  sea: string;
}

const everything: IncludeEnum[] = [IncludeEnum.documents, IncludeEnum.embeddings, IncludeEnum.metadatas, IncludeEnum.uris];

export async function records(collection: Collection): Promise<void> {
  const metadatas: Metadata[] = [{ year: 1999, sea: "north", open: true, tags: ["a", "b"] }, { year: 2000 }];
  await collection.add({
    ids: ["a", "b"],
    embeddings: [
      [1, 2],
      [3, 4],
    ],
    documents: ["ebb", "flood"],
    metadatas,
    uris: ["u:a", "u:b"],
  });
  await collection.upsert({ ids: ["a"], embeddings: [[1, 2]], metadatas: [{ year: 2001 }] });
  await collection.update({ ids: ["a"], documents: ["ebb tide"] });
  is<number>(await collection.count());
  is<number>(await collection.count({ readLevel: ReadLevel.INDEX_ONLY }));
  const result: DeleteResult = await collection.delete({ ids: ["a"], where: { year: 1999 } });
  is<number | undefined>(result.deleted);
  await collection.delete({ where: { year: { $lt: 2000 } }, whereDocument: { $contains: "ebb" }, limit: 5 });
  const fork: Collection = await collection.fork({ name: "fork" });
  is<number>(await fork.forkCount());
  const { num_indexed_ops, total_ops }: IndexingStatus = await collection.getIndexingStatus();
  is<number>(num_indexed_ops / total_ops);
}

export async function reading(collection: Collection): Promise<string[]> {
  const got = await collection.get({ ids: ["a"], where: { year: { $gte: 1999 } }, limit: 10, offset: 2, include: everything });
  is<GetResult>(got);
  is<string[]>(got.ids);
  is<(string | null)[]>(got.documents);
  is<number[][]>(got.embeddings);
  is<(Metadata | null)[]>(got.metadatas);
  is<(string | null)[]>(got.uris);
  const typed = await collection.get<Tide>({ include: ["metadatas", "documents"] });
  is<(number | undefined)[]>(typed.metadatas.map((metadata) => metadata?.year));
  const peeked = await collection.peek({ limit: 3 });
  const rows = [...typed.rows(), ...peeked.rows()];
  return rows.map(({ id, document }) => `${id}: ${document ?? ""}`);
}

export async function querying(collection: Collection, where?: Where, whereDocument?: WhereDocument): Promise<void> {
  const found = await collection.query<Tide>({
    queryTexts: ["ebb"],
    nResults: 3,
    where,
    whereDocument,
    include: ["distances", "documents", "metadatas"],
  });
  is<QueryResult<Tide>>(found);
  is<string[][]>(found.ids);
  is<(number | null)[][]>(found.distances);
  is<(string | null)[][]>(found.documents);
  for (const rows of found.rows()) {
    for (const row of rows as QueryRowResult<Tide>[])
      is<[string, number | null | undefined, string | undefined]>([row.id, row.distance, row.metadata?.sea]);
  }
  await collection.query({
    queryEmbeddings: [
      [1, 2],
      [3, 4],
    ],
    ids: ["a", "b"],
  });
}

export const filters: Where[] = [
  { year: 1999 },
  { year: { $eq: 1999 } },
  { sea: { $ne: "north" } },
  { year: { $in: [1999, 2000] } },
  { sea: { $nin: ["north"] } },
  { open: true },
  { $and: [{ year: { $gte: 1 } }, { $or: [{ sea: "north" }, { year: { $lte: 5 } }] }] },
];

export const documentFilters: WhereDocument[] = [
  { $contains: "ebb" },
  { $not_contains: "flood" },
  { $regex: "^ebb" },
  { $not_regex: "x$" },
  { $and: [{ $contains: "a" }, { $or: [{ $regex: "b" }, { $not_contains: "c" }] }] },
];

// ---- search

export async function searching(collection: Collection): Promise<void> {
  const options: KnnOptions = { query: [1, 2], limit: 50, default: 10 };
  const where: WhereExpression = K("year")
    .gte(1999)
    .and(K("sea").isIn(["north", "south"]))
    .or(K.DOCUMENT.contains("ebb"));
  const rank: RankExpression = Knn(options).multiply(0.8).add(Val(0.2));
  const hybrid = Rrf({
    ranks: [Knn({ query: "ebb", returnRank: true }), Knn({ query: [1, 2], returnRank: true })],
    weights: [2, 1],
    k: 60,
  });
  const searches: SearchLike[] = [
    new Search().where(where).rank(rank).limit(10, 5).select(K.DOCUMENT, K.SCORE, "year"),
    new Search().where({ sea: "north" }).rank(hybrid).limit({ limit: 3 }).selectAll(),
    new Search({ rank: Sum(Knn({ query: [1, 2] }), Max(Val(1), Val(2)), Min(Val(1), Val(2))) }),
    { where: { year: 1 }, limit: new Limit({ limit: 5, offset: 1 }), select: Select.all() },
    new Search().groupBy(new GroupBy([K("sea")], new MinK([K.SCORE], 2))),
    new Search()
      .groupBy(new GroupBy([K("sea")], new MaxK([K("year")], 1)))
      .rank(Abs(Sub(Val(1), Div(Mul(Val(2), Val(3)), Exp(Log(Val(4))))))),
    new Search().groupBy({ keys: ["sea"], aggregate: { $min_k: { keys: ["#score"], k: 1 } } }),
    new Search().groupBy(new GroupBy([new Key("sea")], Aggregate.minK([K.SCORE], 1))),
  ];
  const found: SearchResult = await collection.search(searches, { readLevel: ReadLevel.INDEX_AND_WAL });
  const one = await collection.search(searches[0]!);
  is<string[][]>(found.ids);
  is<((number | null)[] | null)[]>(one.scores);
  const rows: SearchResultRow[][] = found.rows();
  is<(string | null | undefined)[]>(rows.flat().map(({ document }) => document));
}

// ---- what neither takes

export async function mistakes(client: ChromaClient, collection: Collection): Promise<void> {
  // @ts-expect-error A collection has a name.
  await client.createCollection({});
  // @ts-expect-error Records have ids.
  await collection.add({ embeddings: [[1]] });
  // @ts-expect-error Ids are strings.
  await collection.get({ ids: [1] });
  // @ts-expect-error There is no such field.
  await collection.get({ include: ["vectors"] });
  // @ts-expect-error A number of results is a number.
  await collection.query({ queryTexts: ["ebb"], nResults: "3" });
  // @ts-expect-error There is no such operator on documents.
  await collection.get({ whereDocument: { $like: "ebb" } });
  // @ts-expect-error There is no such space.
  await client.createCollection({ name: "tides", configuration: { hnsw: { space: "l1" } } });
}
