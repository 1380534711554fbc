/** Which writes tell whoever watches a result, and that no other does: by the rule for each kind of read, and by random writes. */
import { beforeEach, describe, expect, test } from "vitest";
import { Random, TestEnvironment } from "../testing/environment.js";
import { FaultInjectingStorage } from "../testing/fault-injecting-storage.js";
import { openedEngine } from "../testing/opened-engines.js";
import type { Engine } from "./engine.js";
import type { Caller } from "./gateway/caller.js";
import { limits } from "./limits.js";
import type { GetRequest, WatchAnswer, WatchedRead } from "./service.js";
import type { IncludeField, MetadataPatch } from "./types.js";

interface Written {
  id: string;
  at?: number;
  document?: string;
  metadata?: MetadataPatch;
}

const me: Caller = { token: null, clientId: "me", requestId: "r" };

let engine: Engine;
let environment: TestEnvironment;
let collectionId: string;
let told: [clientId: string, watch: string][];

beforeEach(async () => {
  environment = new TestEnvironment();
  told = [];
  engine = await openedEngine(new FaultInjectingStorage({}), {
    environment,
    deadOrdinalsMax: () => 4,
    tell: (type, event) => {
      if (type === "live" && "watches" in event) for (const watch of event.watches) told.push([event.clientId, watch]);
    },
  });
  collectionId = await create("sea");
  await write("add", [
    { id: "a", at: 1, document: "ebb tide", metadata: { year: 1 } },
    { id: "b", at: 2, document: "spring tide", metadata: { year: 2 } },
    { id: "c", at: 3, document: "moon", metadata: { year: 3 } },
    { id: "bare", at: 9 },
  ]);
});

async function create(name: string): Promise<string> {
  const scope = { tenant: "default_tenant", database: "default_database" };
  return (await engine.service.createCollection({ ...scope, name, metadata: null, configuration: {}, getOrCreate: false })).id;
}

function write(operation: "add" | "update" | "upsert", records: Written[], into = collectionId): Promise<void> {
  const given = records.filter(({ at }) => at !== undefined);
  const present = given.length === records.length ? null : Uint8Array.from(records, ({ at }) => (at === undefined ? 0 : 1));
  return engine.service.write({
    collectionId: into,
    operation,
    records: {
      ids: records.map(({ id }) => id),
      embeddings: given.length === 0 ? null : { dimension: 1, values: Float32Array.from(given, ({ at }) => at!), present },
      documents: records.map(({ document }) => document ?? null),
      metadatas: records.map(({ metadata }) => metadata ?? null),
      uris: null,
    },
  });
}

const remove = (...ids: string[]): Promise<{ deleted: number }> => engine.service.delete({ collectionId, ids });

function watch(read: WatchedRead, name = "w", caller = me): Promise<WatchAnswer> {
  return engine.service.watch({ collectionId, watch: name, read }, caller);
}

/** Who is told, once what was written has been looked at. */
async function heard(): Promise<string[]> {
  for (let round = 0; round < 3; round++) {
    environment.advance(limits.livePauseMsMax);
    for (let turn = 0; turn < 40; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  return told.splice(0).map(([, name]) => name);
}

const get = (request: Partial<GetRequest> = {}): WatchedRead => ({ method: "get", request: { include: ["metadatas"], ...request } });
const query = (request: object = {}, include: IncludeField[] = ["metadatas", "distances"]): WatchedRead => ({
  method: "query",
  request: { queryEmbeddings: { dimension: 1, values: Float32Array.of(0) }, nResults: 2, include, ...request },
});
const words = (request: object = {}): WatchedRead => ({
  method: "searchText",
  request: { query: "tide", nResults: 10, include: ["metadatas"], prefix: false, fuzzy: 0, ...request },
});
const hybrid: WatchedRead = {
  method: "hybrid",
  request: { queryText: "tide", queryEmbedding: Float32Array.of(0), nResults: 2, include: [], prefix: false, fuzzy: 0 },
};
const count = (request: object = {}): WatchedRead => ({ method: "count", request });
const search = (payload: object): WatchedRead => ({ method: "search", request: { searches: [payload] } });
const early = { where: { year: { $lt: 3 } } };

type Case = [what: string, read: WatchedRead, change: () => Promise<unknown>, isTold: boolean];

const cases: Case[] = [
  ["get all: a new record", get(), () => write("add", [{ id: "d", at: 4 }]), true],
  ["get all: an id that is there already", get(), () => write("add", [{ id: "a", at: 4 }]), false],
  ["get all: an update of nobody", get(), () => write("update", [{ id: "z", at: 4 }]), false],
  ["get all: a deletion of nobody", get(), () => remove("z"), false],
  ["get all: a deletion", get(), () => remove("a"), true],
  ["get all: metadata", get(), () => write("update", [{ id: "a", metadata: { tag: "x" } }]), true],
  ["get all: a vector, which is not shown", get(), () => write("update", [{ id: "a", at: 5 }]), false],
  ["get all: a vector, which is shown", get({ include: ["embeddings"] }), () => write("update", [{ id: "a", at: 5 }]), true],
  ["get all: a document, which is not shown", get(), () => write("update", [{ id: "a", document: "x" }]), false],
  ["get by ids: another record", get({ ids: ["a", "z"] }), () => write("update", [{ id: "b", metadata: { tag: "x" } }]), false],
  ["get by ids: a named one", get({ ids: ["a", "z"] }), () => write("update", [{ id: "a", metadata: { tag: "x" } }]), true],
  ["get by ids: a named one comes", get({ ids: ["a", "z"] }), () => write("add", [{ id: "z", at: 1 }]), true],
  ["get by ids: a named one goes", get({ ids: ["a", "z"] }), () => remove("a"), true],
  ["get where: a record outside", get(early), () => write("update", [{ id: "c", metadata: { tag: "x" } }]), false],
  ["get where: one that moves outside", get(early), () => write("update", [{ id: "c", metadata: { year: 4 } }]), false],
  ["get where: one that comes in", get(early), () => write("update", [{ id: "c", metadata: { year: 0 } }]), true],
  ["get where: one that goes out", get(early), () => write("update", [{ id: "a", metadata: { year: 9 } }]), true],
  ["get where: one inside", get(early), () => write("update", [{ id: "a", metadata: { tag: "x" } }]), true],
  ["get where: new inside", get(early), () => write("add", [{ id: "d", at: 4, metadata: { year: 0 } }]), true],
  ["get where: new outside", get(early), () => write("add", [{ id: "d", at: 4, metadata: { year: 8 } }]), false],
  ["get where: a deletion outside", get(early), () => remove("c"), false],
  [
    "get by document: one that comes in",
    get({ whereDocument: { $contains: "tide" } }),
    () => write("update", [{ id: "c", document: "tide" }]),
    true,
  ],
  [
    "get by document: one outside",
    get({ whereDocument: { $contains: "tide" } }),
    () => write("update", [{ id: "c", document: "x" }]),
    false,
  ],
  ["a full page: what comes behind it", get({ limit: 2 }), () => write("add", [{ id: "d", at: 4 }]), false],
  ["a full page: a change behind it", get({ limit: 2 }), () => write("update", [{ id: "c", metadata: { year: 5 } }]), false],
  ["a full page: a deletion within it", get({ limit: 2 }), () => remove("a"), true],
  ["a second page: a deletion before it", get({ limit: 2, offset: 1 }), () => remove("a"), true],
  ["a page that is not full: what comes", get({ limit: 9 }), () => write("add", [{ id: "d", at: 4 }]), true],
  [
    "an ordered page: the key of another",
    get({ limit: 1, orderBy: { key: "year" } }),
    () => write("update", [{ id: "c", metadata: { year: 0 } }]),
    true,
  ],
  ["count: a new record", count(), () => write("add", [{ id: "d", at: 4 }]), true],
  ["count: a change", count(), () => write("update", [{ id: "a", metadata: { year: 8 } }]), false],
  ["count where: one that goes out", count(early), () => write("update", [{ id: "a", metadata: { year: 8 } }]), true],
  ["count where: one that stays", count(early), () => write("update", [{ id: "a", metadata: { year: 2 } }]), false],
  ["count where: one outside", count(early), () => write("upsert", [{ id: "c", at: 1, metadata: { year: 7 } }]), false],
  ["query: a new vector, however far", query(), () => write("add", [{ id: "d", at: 99 }]), true],
  ["query: a new vector outside its filter", query(early), () => write("add", [{ id: "d", at: 0, metadata: { year: 7 } }]), false],
  ["query: metadata of a hit", query(), () => write("update", [{ id: "a", metadata: { tag: "x" } }]), true],
  ["query: metadata of another", query(), () => write("update", [{ id: "c", metadata: { tag: "x" } }]), false],
  ["query: the document of a hit, which is not shown", query(), () => write("update", [{ id: "a", document: "x" }]), false],
  ["query: a deletion of a hit", query(), () => remove("b"), true],
  ["query: a deletion of another", query(), () => remove("c"), false],
  ["query: one that comes into its filter", query(early), () => write("update", [{ id: "c", metadata: { year: 0 } }]), true],
  ["text: a document without the word, which counts in scores", words(), () => write("update", [{ id: "c", document: "x" }]), true],
  ["text: a deletion, which counts in scores", words(), () => remove("c"), true],
  ["text: metadata of a hit", words(), () => write("update", [{ id: "a", metadata: { tag: "x" } }]), true],
  ["text: metadata of another", words(), () => write("update", [{ id: "c", metadata: { tag: "x" } }]), false],
  ["text: a vector", words(), () => write("update", [{ id: "a", at: 7 }]), false],
  ["hybrid: a vector", hybrid, () => write("update", [{ id: "c", at: 7 }]), true],
  ["hybrid: a document", hybrid, () => write("update", [{ id: "c", document: "x" }]), true],
  ["hybrid: metadata, which is not shown", hybrid, () => write("update", [{ id: "a", metadata: { tag: "x" } }]), false],
  ["search: outside its filter", search({ filter: { year: 1 } }), () => write("update", [{ id: "c", metadata: { tag: "x" } }]), false],
  ["search: into its filter", search({ filter: { year: 1 } }), () => write("update", [{ id: "c", metadata: { year: 1 } }]), true],
  ["a transaction", get(early), () => commit([{ id: "c", metadata: { year: 0 } }]), true],
  ["a transaction elsewhere", get(early), () => commit([{ id: "c", metadata: { year: 6 } }]), false],
];

async function commit(records: Written[]): Promise<void> {
  const batch = { ids: records.map(({ id }) => id), embeddings: null, documents: null, uris: null };
  const metadatas = records.map(({ metadata }) => metadata ?? null);
  const operations = [{ operation: "update" as const, records: { ...batch, metadatas } }];
  await engine.service.conditionalCommit({ collectionId, readIds: [], operations });
}

describe.each(["in the memtable", "compacted"])("records %s", (where) => {
  test.each(cases)("%s", async (_what, read, change, isTold) => {
    if (where === "compacted") await engine.compact(collectionId);
    await watch(read);
    await change();
    expect(await heard()).toEqual(isTold ? ["w"] : []);
  });
});

test("a watch is told once, until it is read again", async () => {
  await watch(count());
  await write("add", [{ id: "d", at: 4 }]);
  expect(await heard()).toEqual(["w"]);
  await write("add", [{ id: "e", at: 4 }]);
  expect(await heard()).toEqual([]);
  expect(await watch(count())).toBe(6);
  await remove("e");
  expect(await heard()).toEqual(["w"]);
});

test("each client hears of its own, and of none that it has ended or whose session has", async () => {
  const leaving = new Set<() => void>();
  const other = { ...me, clientId: "other", leaving };
  await watch(count(), "mine");
  await watch(count(), "ended");
  await watch(count(), "theirs", other);
  await engine.service.unwatch({ watches: ["ended", "theirs", "unknown"] }, me);
  await remove("a");
  await heard();
  await watch(count(), "mine");
  await watch(count(), "theirs", other);
  await remove("b");
  for (let turn = 0; turn < 3; turn++) await heard();
  await watch(count(), "theirs", other);
  for (const leave of leaving) leave();
  expect(leaving.size).toBe(0);
  await remove("c");
  expect(await heard()).toEqual([]);
});

test("who comes back over another session keeps what it has, when the first one ends", async () => {
  const [first, second] = [new Set<() => void>(), new Set<() => void>()];
  await watch(count(), "w", { ...me, leaving: first });
  await watch(count(), "w", { ...me, leaving: second });
  for (const leave of first) leave();
  await remove("a");
  expect(await heard()).toEqual(["w"]);
});

test("a deleted collection is told, one that is renamed is not", async () => {
  await watch(count());
  await engine.service.modifyCollection({ collectionId, name: "ocean" });
  expect(await heard()).toEqual([]);
  await engine.service.deleteCollection({ tenant: "default_tenant", database: "default_database", name: "ocean" });
  expect(await heard()).toEqual(["w"]);
  await expect(watch(count())).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("another configuration is told, and other words once they are the index's", async () => {
  await watch(words());
  await engine.compact(collectionId);
  await engine.service.modifyCollection({ collectionId, configuration: { text: { stop_words: ["ebb"] } } });
  expect(told.splice(0)).toEqual([["me", "w"]]);
  await watch(words());
  // The index is built anew meanwhile.
  expect(await heard()).toEqual(["w"]);
});

test("more watches than the limit are refused, and what is no read", async () => {
  for (let i = 0; i < limits.subscriptionsMax; i++) await watch(count(), `w${i}`);
  await expect(watch(count(), "one more")).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
  await watch(count(), "w0");
  await expect(watch({ method: "write", request: {} } as never)).rejects.toThrow(/read.method must be get, query/);
  await expect(watch(undefined as never)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});

const reads: Record<string, WatchedRead> = {
  all: get({ include: ["metadatas", "documents", "embeddings"] }),
  ids: get({ ids: ["r1", "r2", "r3"], include: ["documents"] }),
  where: get(early),
  page: get({ ...early, limit: 3, offset: 1 }),
  ordered: get({ limit: 3, orderBy: { key: "year", descending: true } }),
  documents: get({ whereDocument: { $contains: "tide" }, include: ["documents"] }),
  count: count(),
  counted: count({ where: { $or: [{ year: 1 }, { tag: "x" }] } }),
  query: query({ nResults: 3 }),
  filtered: query({ ...early, nResults: 3 }),
  words: words({ nResults: 3 }),
  "words where": words(early),
  hybrid,
  search: search({
    filter: { year: { $gt: 1 } },
    rank: { $knn: { query: [2], limit: 4 } },
    limit: { limit: 3 },
    select: { keys: ["#score", "year"] },
  }),
};

function randomWrite(random: Random): Promise<unknown> {
  const id = (): string => `r${random.below(12)}`;
  if (random.chance(0.25)) return remove(id());
  const operation = random.pick(["add", "update", "upsert"] as const);
  const record: Written = { id: id() };
  if (operation !== "update" || random.chance(0.3)) record.at = random.below(6);
  if (random.chance(0.4)) record.document = random.pick(["ebb tide", "tide", "moon", "far"]);
  if (random.chance(0.6)) record.metadata = { year: random.below(5), ...(random.chance(0.3) && { tag: random.pick(["x", "y"]) }) };
  return write(operation, [record]);
}

test.each([1, 2, 3])("what is not told of is as it was, whatever is written (seed %i)", async (seed) => {
  const random = new Random(seed);
  const known = new Map<string, unknown>();
  for (const [name, read] of Object.entries(reads)) known.set(name, await watch(read, name));
  let spared = 0;
  for (let step = 0; step < 120; step++) {
    for (let writes = random.below(3); writes >= 0; writes--) await randomWrite(random);
    if (random.chance(0.15)) await engine.compact(collectionId);
    const names = await heard();
    for (const [name, read] of Object.entries(reads)) {
      const now = await watch(read, names.includes(name) ? name : `check ${name}`);
      if (names.includes(name)) known.set(name, now);
      else {
        expect(now, `${name} at step ${step}`).toEqual(known.get(name));
        spared++;
      }
    }
    await engine.service.unwatch({ watches: Object.keys(reads).map((name) => `check ${name}`) }, me);
  }
  expect(spared).toBeGreaterThan(100);
});
