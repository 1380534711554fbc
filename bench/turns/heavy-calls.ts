/**
 * Calls that give the engine much to do, in the order in which they are made: later ones are asked of what earlier ones have written.
 * Bench and test share them. What is written is made up from seeds.
 */
import type { Collection, RankExpression, SchemaLike, TidepoolClient } from "tidepool-db";
import { randomFrom } from "../../tools/random.js";
import { generatedTexts } from "../text/generated-texts.js";

/** Where the calls are made. */
export interface Place {
  /** Opens the database anew, with whatever was open of it closed before. */
  reopen(): Promise<TidepoolClient>;
  /** Resolves when nothing works in the background any more. */
  settle(client: TidepoolClient): Promise<void>;
  /** Those of the package's parts that are called without a client. */
  tools: { sparseSchema(key: string): SchemaLike; sparseRank(query: SparseVector, key: string, limit: number): RankExpression };
  /** Share of the sizes in the list, at most 1. */
  scale: number;
}

export interface SparseVector {
  indices: number[];
  values: number[];
}

/** Made one after the other on one database. */
export interface HeavyCall {
  name: string;
  /** Comes before, and is not measured. */
  prepare?(at: Site): Promise<unknown>;
  run(at: Site): Promise<unknown>;
}

const DIMENSION = 16;
const PER_CALL = 1000;
const DOCUMENT_UNITS = 20_000_000;

/** What the calls are made on. */
export class Site {
  readonly place: Place;
  client!: TidepoolClient;

  constructor(place: Place) {
    this.place = place;
  }

  /** A number of things, at the scale of this run. */
  of(count: number): number {
    return Math.max(1, Math.round(count * this.place.scale));
  }

  async reopen(): Promise<void> {
    this.client = await this.place.reopen();
  }

  settle(): Promise<void> {
    return this.place.settle(this.client);
  }

  collection(name: string, schema?: SchemaLike): Promise<Collection> {
    return this.client.getOrCreateCollection({ name, embeddingFunction: null, ...(schema && { schema }) });
  }
}

/** Records in batches. `of` makes the i-th. */
async function fill(collection: Collection, count: number, of: (i: number) => { document?: string; metadata?: Meta }): Promise<void> {
  const random = randomFrom(7);
  for (let from = 0; from < count; from += PER_CALL) {
    const at = Array.from({ length: Math.min(PER_CALL, count - from) }, (_, i) => from + i);
    const made = at.map(of);
    await collection.upsert({
      ids: at.map((i) => `r${i}`),
      embeddings: at.map(() => Float32Array.from({ length: DIMENSION }, random)),
      ...(made[0]?.document !== undefined && { documents: made.map(({ document }) => document!) }),
      ...(made[0]?.metadata !== undefined && { metadatas: made.map(({ metadata }) => metadata!) }),
    });
  }
}

type Meta = Record<string, string | number | boolean | string[] | SparseVector>;

function wide(record: number, keys: number): Meta {
  return Object.fromEntries(Array.from({ length: keys }, (_, k) => [`key${k}`, (record * 31 + k) % 97]));
}

function one(document: string, metadata: Meta = { a: 1 }): Parameters<Collection["add"]>[0] {
  return { ids: ["large"], embeddings: [new Float32Array(DIMENSION).fill(1)], documents: [document], metadatas: [metadata] };
}

const longTexts = new Map<number, string>();

/** Made once: making it takes the page longer than anything that is measured. */
function longText(units: number): string {
  const known = longTexts.get(units);
  if (known !== undefined) return known;
  const texts = generatedTexts(2000).join(" ");
  const long = texts.repeat(Math.ceil(units / texts.length)).slice(0, units);
  longTexts.set(units, long);
  return long;
}

function sparse(seed: number, entries: number): SparseVector {
  const random = randomFrom(seed);
  const indices = [...new Set(Array.from({ length: entries }, () => Math.floor(random() ** 2 * 200_000)))].sort((a, b) => a - b);
  return { indices, values: indices.map(() => random() + 0.1) };
}

const settle = (at: Site): Promise<void> => at.settle();
const wideRecords = (at: Site): number => at.of(200);
const texts = (at: Site): Promise<Collection> => at.collection("texts");

const writes: HeavyCall[] = [
  {
    name: "add of 200 records with 1,024 metadata keys",
    run: async (at) => fill(await at.collection("wide"), wideRecords(at), (i) => ({ metadata: wide(i, 1024) })),
  },
  { name: "compaction of these", run: settle },
  {
    name: "update of these",
    run: async (at) => {
      const ids = Array.from({ length: wideRecords(at) }, (_, i) => `r${i}`);
      return (await at.collection("wide")).update({ ids, metadatas: ids.map((_, i) => wide(i + 1, 1024)) });
    },
  },
  { name: "compaction of the update", run: settle },
  {
    name: "compaction of 20,000 records with 32 metadata keys",
    prepare: async (at) => fill(await at.collection("many"), at.of(20_000), (i) => ({ metadata: wide(i, 32) })),
    run: settle,
  },
  { name: "delete of 20,000 records", run: async (at) => (await at.collection("many")).delete({ where: { key0: { $gte: 0 } } }) },
  { name: "compaction of the delete", run: settle },
];

const largeDocument: HeavyCall[] = [
  {
    name: "add of a document of 20 MB",
    prepare: async (at) => longText(at.of(DOCUMENT_UNITS)),
    run: async (at) => (await at.collection("large")).add(one(longText(at.of(DOCUMENT_UNITS)))),
  },
  { name: "get of it, not compacted", run: async (at) => (await at.collection("large")).get() },
  { name: "$contains on it, not compacted", run: (at) => findInLarge(at, { $contains: "not to be found" }) },
  { name: "searchText over it, not indexed", run: async (at) => (await at.collection("large")).searchText({ query: "ba de" }) },
  { name: "compaction of it", run: settle },
  { name: "get of it", run: async (at) => (await at.collection("large")).get() },
  { name: "$contains on it", run: (at) => findInLarge(at, { $contains: "not to be found" }) },
  { name: "$regex on it", run: (at) => findInLarge(at, { $regex: "(ba|de)+ .z$" }) },
  {
    name: "searchText over it, highlighted",
    run: async (at) => (await at.collection("large")).searchText({ query: "ba de", highlight: true }),
  },
  { name: "opening with it in the log", prepare: upsertLarge, run: reopened("large") },
  { name: "compaction of that", run: settle },
  { name: "verify, deep, with it", run: (at) => at.client.verify({ deep: true }) },
  {
    name: "add of a metadata value of 20 MB",
    run: async (at) => (await at.collection("value")).add(one("short", { text: longText(at.of(DOCUMENT_UNITS)) })),
  },
  { name: "compaction of the value", run: settle },
  { name: "get of the value", run: async (at) => (await at.collection("value")).get() },
  { name: "where on the value", run: async (at) => (await at.collection("value")).get({ where: { text: { $gt: "a" } }, include: [] }) },
  { name: "facets of the value", run: async (at) => (await at.collection("value")).facets({ keys: ["text"] }) },
  { name: "delete of document and value", run: deleteLarge },
  { name: "compaction of that delete", run: settle },
];

async function findInLarge(at: Site, whereDocument: { $contains: string } | { $regex: string }): Promise<unknown> {
  return (await at.collection("large")).get({ whereDocument, include: [] });
}

async function upsertLarge(at: Site): Promise<void> {
  await (await at.collection("large")).upsert(one(longText(at.of(DOCUMENT_UNITS))));
}

async function deleteLarge(at: Site): Promise<void> {
  for (const name of ["large", "value"]) await (await at.collection(name)).delete({ ids: ["large"] });
}

function reopened(name: string): (at: Site) => Promise<unknown> {
  return async (at) => {
    await at.reopen();
    return (await at.collection(name)).count();
  };
}

const reads: HeavyCall[] = [
  { name: "add of 20,000 documents", run: fillTexts },
  { name: "compaction and text index of these", run: settle },
  {
    name: "searchText with 1,024 words, fuzzy",
    run: async (at) => (await texts(at)).searchText({ query: words(at.of(1024)), fuzzy: 1, nResults: 100 }),
  },
  {
    name: "$in of 65,536 values",
    run: async (at) => (await texts(at)).get({ where: { place: { $in: numbers(at.of(65_536)) } }, include: [] }),
  },
  {
    name: "get of 100,000 ids",
    run: async (at) => (await texts(at)).get({ ids: numbers(at.of(100_000)).map((i) => `r${i}`), include: [] }),
  },
  {
    name: "500 queries × 1,000 results × all columns",
    run: async (at) =>
      (await texts(at)).query({
        queryEmbeddings: Array.from({ length: at.of(500) }, (_, i) => new Float32Array(DIMENSION).fill(i / 500)),
        nResults: 1000,
        include: ["metadatas", "documents", "distances", "embeddings", "uris"],
      }),
  },
  {
    name: "get of 10,000 embeddings",
    run: async (at) => (await texts(at)).get({ limit: at.of(10_000), include: ["embeddings"] }),
  },
  { name: "get of all, ordered", run: async (at) => (await texts(at)).get({ orderBy: { key: "place", descending: true } }) },
  { name: "facets of 20,000 values", run: async (at) => (await texts(at)).facets({ keys: ["place", "shelf"], limit: 10_000 }) },
  { name: "distinct of 20,000 values", run: async (at) => (await texts(at)).distinct({ key: "place" }) },
  { name: "$regex without an index", run: async (at) => (await texts(at)).get({ whereDocument: { $regex: ".a.e.i" }, include: [] }) },
  { name: "filter on metadata by a scan", run: async (at) => (await texts(at)).count({ where: { place: { $ne: 5 } } }) },
  {
    name: "hybrid",
    run: async (at) =>
      (await texts(at)).hybrid({ queryText: words(at.of(64)), queryEmbedding: new Float32Array(DIMENSION), nResults: 1000 }),
  },
  { name: "checkRecall", run: async (at) => (await texts(at)).checkRecall({ sample: at.of(1000) }) },
  {
    name: "addDocument of 1 MB",
    run: async (at) => {
      const documents = await at.client.getOrCreateCollection({ name: "documents" });
      return documents.addDocument({ id: "book", text: longText(at.of(1_000_000)) });
    },
  },
];

async function fillTexts(at: Site): Promise<void> {
  const documents = generatedTexts(at.of(20_000));
  await fill(await texts(at), documents.length, (i) => ({ document: documents[i]!, metadata: { place: i, shelf: `shelf ${i % 100}` } }));
}

function words(count: number): string {
  return [...new Set(generatedTexts(count).join(" ").split(" "))].slice(0, count).join(" ");
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

const wholes: HeavyCall[] = [
  {
    name: "add of 2,000 sparse vectors of 500 entries",
    run: async (at) => {
      const vectors = await at.collection("sparse", at.place.tools.sparseSchema("sparse"));
      await fill(vectors, at.of(2000), (i) => ({ metadata: { sparse: sparse(i, 500) } }));
    },
  },
  { name: "search for a sparse vector, not compacted", run: searchSparse },
  { name: "compaction of these vectors", run: settle },
  { name: "search for a sparse vector of 10,000 entries", run: searchSparse },
  {
    name: "change of the text configuration",
    run: async (at) => {
      await (await texts(at)).modify({ configuration: { text: { stemming: "english" } } });
      await at.settle();
    },
  },
  { name: "fork, and a write to it", run: forkAndWrite },
  {
    name: "update of all documents",
    run: async (at) => {
      const documents = generatedTexts(at.of(20_000)).reverse();
      return fill(await texts(at), documents.length, (i) => ({ document: documents[i]! }));
    },
  },
  { name: "opening, with these in the log", run: reopened("texts") },
  { name: "compaction and merge of the text index", run: settle },
  { name: "opening", run: reopened("texts") },
  { name: "first searchText", run: async (at) => (await texts(at)).searchText({ query: words(5) }) },
  { name: "verify, deep", run: (at) => at.client.verify({ deep: true }) },
  { name: "repair", run: (at) => at.client.repair() },
  { name: "delete of half of the documents", run: async (at) => (await texts(at)).delete({ where: { place: { $lt: at.of(10_000) } } }) },
  { name: "compaction of that, and renumbering", run: settle },
  { name: "vacuum", run: (at) => at.client.vacuum() },
];

async function searchSparse(at: Site): Promise<unknown> {
  const vectors = await at.collection("sparse", at.place.tools.sparseSchema("sparse"));
  return vectors.search({ rank: at.place.tools.sparseRank(sparse(3, at.of(10_000)), "sparse", 100), limit: 100 });
}

async function forkAndWrite(at: Site): Promise<void> {
  const fork = await (await texts(at)).fork({ name: "fork" });
  await fork.delete({ where: { shelf: "shelf 3" } });
}

export const heavyCalls: readonly HeavyCall[] = [...writes, ...largeDocument, ...reads, ...wholes];
