/** Conditional transactions as the engine decides them: tokens, conflicts, staleness, and that all of a commit takes effect or nothing. */
import { beforeEach, describe, expect, test } from "vitest";
import { openMemoryStorage } from "../storage/memory/memory-storage.js";
import { Random } from "../testing/environment.js";
import { openedEngine } from "../testing/opened-engines.js";
import type { Engine } from "./engine.js";
import { TidepoolError } from "./errors.js";
import type { Change } from "./events.js";
import type { Caller } from "./gateway/caller.js";
import { limits } from "./limits.js";
import type { ConditionalCommitRequest, ConditionalOperation } from "./service.js";
import type { Storage } from "./storage.js";
import type { RecordBatch } from "./types.js";

const SCOPE = { tenant: "default_tenant", database: "default_database" };
let databases = 0;

async function createCollection(engine: Engine): Promise<string> {
  const request = { ...SCOPE, name: "things", metadata: null, configuration: {}, getOrCreate: false };
  return (await engine.service.createCollection(request)).id;
}

function records(ids: string[], document: string | null = null, dimension = 1): RecordBatch {
  const embeddings = { dimension, values: new Float32Array(ids.length * dimension).fill(1), present: null };
  return { ids, embeddings, documents: document === null ? null : ids.map(() => document), metadatas: null, uris: null };
}

function put(operation: "add" | "update" | "upsert", ids: string[], document: string | null = null): ConditionalOperation {
  return { operation, records: records(ids, document) };
}

function remove(...ids: string[]): ConditionalOperation {
  return { operation: "delete", ids };
}

function caller(requestId: string): Caller {
  return { token: null, clientId: "client", requestId };
}

/** One collection, and what transactions ask of it. */
class Desk {
  constructor(
    readonly engine: Engine,
    readonly id: string,
  ) {}

  write(operation: "add" | "update" | "upsert", ids: string[], document: string | null = null): Promise<void> {
    return this.engine.service.write({ collectionId: this.id, operation, records: records(ids, document) });
  }

  get(request: object = {}) {
    return this.engine.service.conditionalGet({ collectionId: this.id, include: ["documents"], ...request });
  }

  commit(request: Partial<ConditionalCommitRequest>, requestId?: string) {
    const whole = { collectionId: this.id, readIds: [], operations: [], ...request };
    return this.engine.service.conditionalCommit(whole, requestId === undefined ? undefined : caller(requestId));
  }

  async all(): Promise<Record<string, string | null>> {
    const { ids, documents } = await this.engine.service.get({ collectionId: this.id, include: ["documents"] });
    return Object.fromEntries(ids.map((id, i) => [id, documents![i]!]));
  }
}

let desk: Desk;

/** The database of the test, which outlives its engines. */
async function openDatabase(): Promise<Engine> {
  return openedEngine(await openMemoryStorage(`conditional-${databases}`), { options: { allowReset: true } });
}

beforeEach(async () => {
  databases++;
  const engine = await openDatabase();
  desk = new Desk(engine, await createCollection(engine));
});

async function codeOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => null,
    (error: unknown) => error,
  );
  return error instanceof TidepoolError ? error.code : String(error);
}

describe("tokens", () => {
  test("the token is the offset of the next log record, and a read at it is answered with it", async () => {
    expect(await desk.get()).toMatchObject({ ids: [], readToken: 1 });
    await desk.write("add", ["a"], "one");
    await desk.write("add", ["b"], "two");
    expect(await desk.get({ ids: ["a"] })).toMatchObject({ ids: ["a"], documents: ["one"], readToken: 3 });
    expect(await desk.get({ ids: ["b"], readToken: 3 })).toMatchObject({ ids: ["b"], readToken: 3 });
    expect(await desk.get({ ids: ["a"], readToken: 2 })).toMatchObject({ ids: ["a"], readToken: 2 });
  });

  test("a read at a token sees what was there, or is refused as stale", async () => {
    await desk.write("add", ["a", "b"], "one");
    const { readToken } = await desk.get({ ids: ["a"] });
    await desk.write("update", ["a"], "two");
    expect(await codeOf(desk.get({ ids: ["a", "b"], readToken }))).toBe("STALE_READ");
    expect(await desk.get({ ids: ["b"], readToken })).toMatchObject({ ids: ["b"], documents: ["one"], readToken });
    // What a filter finds may have been changed by anybody.
    expect(await codeOf(desk.get({ whereDocument: { $contains: "one" }, limit: 1, readToken }))).toBe("STALE_READ");
    expect(await desk.get({ whereDocument: { $contains: "one" }, readToken: readToken + 1 })).toMatchObject({ ids: ["b"] });
  });

  test.each([
    [-1, "INVALID_ARGUMENT"],
    [1.5, "INVALID_ARGUMENT"],
    ["1", "INVALID_ARGUMENT"],
    [0, "STALE_READ"],
    [3, "INVALID_ARGUMENT"],
  ])("token %j is refused with %s, by reads and by commits", async (readToken, code) => {
    await desk.write("add", ["a"]);
    expect(await codeOf(desk.get({ readToken }))).toBe(code);
    expect(await codeOf(desk.commit({ readToken: readToken as number, operations: [put("add", ["b"])] }))).toBe(code);
    expect(await desk.all()).toEqual({ a: null });
  });

  test("a conditional get takes no version", async () => {
    expect(await codeOf(desk.get({ version: 1 }))).toBe("INVALID_ARGUMENT");
  });
});

describe("a commit", () => {
  test("takes effect in the order of its operations, as one log record, and tells where and how much", async () => {
    await desk.write("add", ["a", "b"], "old");
    const operations = [put("upsert", ["a", "c"], "new"), remove("b", "nobody"), put("add", ["c"], "ignored"), put("update", ["x"])];
    expect(await desk.commit({ readToken: 2, readIds: ["a"], operations })).toEqual({ firstInsertedRecordOffset: 2, recordCount: 6 });
    expect(await desk.all()).toEqual({ a: "new", c: "new" });
    expect(await desk.engine.service.indexingStatus({ collectionId: desk.id })).toMatchObject({ total_ops: 2 });
  });

  test("of nothing is not looked at: reads are not validated", async () => {
    await desk.write("add", ["a"]);
    await desk.write("update", ["a"]);
    const nothing = { firstInsertedRecordOffset: null, recordCount: 0 };
    expect(await desk.commit({})).toEqual(nothing);
    expect(await desk.commit({ readToken: 2, readIds: ["a"] })).toEqual(nothing);
  });

  test("conflicts with whatever named a read or written id since the token, and with nothing else", async () => {
    await desk.write("add", ["a", "b", "c"], "old");
    const { readToken } = await desk.get({ ids: ["a"] });
    await desk.write("update", ["b"], "theirs");
    const mine = (readIds: string[], ...operations: ConditionalOperation[]) => desk.commit({ readToken, readIds, operations });
    expect(await codeOf(mine(["b"], put("update", ["a"])))).toBe("CONFLICT");
    expect(await codeOf(mine(["a"], put("update", ["b"])))).toBe("CONFLICT");
    expect(await codeOf(mine([], remove("b")))).toBe("CONFLICT");
    expect(await desk.all()).toEqual({ a: "old", b: "theirs", c: "old" });
    expect(await mine(["a"], put("update", ["a", "c"], "mine"))).toEqual({ firstInsertedRecordOffset: 3, recordCount: 2 });
  });

  test.each<[string, () => Promise<unknown>]>([
    ["an add of what is there", () => desk.write("add", ["a"], "ignored")],
    ["an update of nothing", () => desk.write("update", ["absent"])],
    ["a deletion", () => desk.engine.service.delete({ collectionId: desk.id, ids: ["a"] })],
    ["another transaction", () => desk.commit({ operations: [put("upsert", ["b", "a"])] })],
    ["a transaction's deletion of nothing", () => desk.commit({ operations: [remove("absent")] })],
  ])("conflicts with %s: only ids count", async (_, others) => {
    await desk.write("add", ["a"]);
    const { readToken } = await desk.get({ ids: ["a", "absent"] });
    await others();
    expect(await codeOf(desk.commit({ readToken, readIds: ["a", "absent"], operations: [put("upsert", ["mine"])] }))).toBe("CONFLICT");
  });

  test("conflicts with a write that was called before it and is still on its way", async () => {
    const { readToken } = await desk.get({ ids: ["a"] });
    const theirs = desk.write("add", ["a"], "theirs");
    const mine = codeOf(desk.commit({ readToken, readIds: ["a"], operations: [put("add", ["a"], "mine")] }));
    const later = desk.write("add", ["later"]);
    expect(await mine).toBe("CONFLICT");
    await Promise.all([theirs, later]);
    expect(await desk.all()).toEqual({ a: "theirs", later: null });
  });

  test("without a token depends on nothing, and cannot have read anything", async () => {
    await desk.write("add", ["a"], "old");
    expect(await codeOf(desk.commit({ readIds: ["a"], operations: [put("update", ["a"])] }))).toBe("INVALID_ARGUMENT");
    await desk.commit({ operations: [put("update", ["a"], "new")] });
    expect(await desk.all()).toEqual({ a: "new" });
  });

  test.each<[string, object, string]>([
    ["an empty id", { operations: [remove("")] }, "INVALID_ARGUMENT"],
    ["no ids", { operations: [remove()] }, "INVALID_ARGUMENT"],
    ["an unknown operation", { operations: [{ operation: "merge", records: records(["a"]) }] }, "INVALID_ARGUMENT"],
    ["no records", { operations: [{ operation: "add" }] }, "INVALID_ARGUMENT"],
    ["operations that are no list", { operations: "all" }, "INVALID_ARGUMENT"],
    ["reads that are no ids", { readToken: 1, readIds: [7], operations: [remove("a")] }, "INVALID_ARGUMENT"],
    ["columns of another length", { operations: [{ operation: "add", records: { ...records(["a"]), uris: [] } }] }, "INVALID_ARGUMENT"],
    [
      "embeddings of two dimensions",
      { operations: [put("add", ["a"]), { operation: "add", records: records(["b"], null, 2) }] },
      "DIMENSION_MISMATCH",
    ],
    [
      "too many records",
      { operations: [remove(...Array.from({ length: limits.transactionRecordsMax + 1 }, (_, i) => `${i}`))] },
      "LIMIT_EXCEEDED",
    ],
    ["too many bytes", { operations: [3, 4].map((i) => put("add", [`${i}`], "x".repeat(17 * 1024 * 1024))) }, "LIMIT_EXCEEDED"],
  ])("with %s is refused whole, before anything is written", async (_, request, code) => {
    expect(await codeOf(desk.commit(request))).toBe(code);
    expect(await desk.all()).toEqual({});
    // What was claimed is given back.
    await desk.engine.service.write({ collectionId: desk.id, operation: "add", records: records(["other"], null, 3) });
  });

  test("that is tried again takes effect once, with the same answer: at once, later, compacted and reopened", async () => {
    const first = { readToken: 1, readIds: ["a"], operations: [put("add", ["a"], "mine")] };
    const [one, two] = await Promise.all([desk.commit(first, "r"), desk.commit(first, "r")]);
    expect(two).toEqual(one);
    await desk.write("update", ["a"], "theirs");
    expect(await desk.commit(first, "r")).toEqual(one);
    await desk.engine.compact(desk.id);
    await desk.engine.close();
    const reopened = new Desk(await openDatabase(), desk.id);
    expect(await reopened.commit(first, "r")).toEqual({ firstInsertedRecordOffset: 1, recordCount: 1 });
    expect(await reopened.all()).toEqual({ a: "theirs" });
  });

  test("is told as one change for each operation", async () => {
    const told: Change[] = [];
    const engine = await openedEngine(await openMemoryStorage("told"), {
      tell: (type, event) => void (type === "change" && told.push(event as Change)),
    });
    const other = new Desk(engine, await createCollection(engine));
    await other.commit({ operations: [put("add", ["a", "b"]), remove("c")] }, "r");
    expect(told.slice(1)).toMatchObject([
      { kind: "add", ids: ["a", "b"], count: 2, requestId: "r" },
      { kind: "delete", ids: ["c"], count: 1, requestId: "r" },
    ]);
  });

  test("counts against quotas as its writes would", async () => {
    const options = { gateway: { quota: { records: 2 } } };
    const engine = await openedEngine(await openMemoryStorage("quota"), { options });
    const other = new Desk(engine, await createCollection(engine));
    await other.commit({ operations: [put("add", ["a", "b"]), put("update", ["c", "d"])] });
    expect(await codeOf(other.commit({ operations: [put("upsert", ["a"]), put("upsert", ["c"])] }))).toBe("QUOTA_EXCEEDED");
    expect(await codeOf(other.commit({ operations: 7 } as never))).toBe("INVALID_ARGUMENT");
    expect(Object.keys(await other.all())).toEqual(["a", "b"]);
  });
});

describe("tokens given out before a repair", () => {
  /** Opens the database anew once its storage was damaged, repairs, and tells what becomes of a token. */
  async function afterRepair(readToken: number, damage: (storage: Storage) => Promise<void>): Promise<string[]> {
    await desk.engine.close();
    const storage = await openMemoryStorage(`conditional-${databases}`);
    await damage(storage);
    desk = new Desk(await openedEngine(storage), desk.id);
    await desk.engine.service.repairCollection({ collectionId: desk.id });
    const reads = (ids: string[]) => codeOf(desk.get({ ids, readToken }));
    const commits = () => codeOf(desk.commit({ readToken, readIds: ["a"], operations: [put("upsert", ["mine"])] }));
    return [await reads(["a"]), await reads(["untouched"]), await commits()];
  }
  const stale = ["STALE_READ", "STALE_READ", "STALE_READ"];
  test.each<[string, (storage: Storage) => Promise<void>]>([
    ["loses log records", (storage) => storage.catalog.commit({ truncateLog: [{ collectionId: desk.id, upTo: 2 }] })],
    ["loses blocks", (storage) => storage.blobs.retain([])],
    ["loses nothing", async () => undefined],
  ])("are stale where it %s, and new ones are good", async (_, damage) => {
    await desk.write("add", ["a"], "one");
    await desk.engine.compact(desk.id);
    await desk.write("add", ["b"], "two");
    await desk.write("update", ["a"], "three");
    const { readToken } = await desk.get({ ids: ["a"] });
    expect(await afterRepair(readToken, damage)).toEqual(stale);
    const next = await desk.get({ ids: ["a"] });
    expect(next.readToken).toBeGreaterThan(readToken);
    expect(await codeOf(desk.commit({ readToken: next.readToken, readIds: ["a"], operations: [put("upsert", ["mine"])] }))).toBe("null");
    expect(await afterRepair(readToken, async () => undefined)).toEqual(stale);
  });

  test("are stale where the log is gone with the end that it had, and stay so", async () => {
    for (let i = 0; i < 5; i++) await desk.write("upsert", ["a"], `${i}`);
    const { readToken } = await desk.get({ ids: ["a"] });
    const lose = (storage: Storage) => storage.catalog.commit({ truncateLog: [{ collectionId: desk.id, upTo: Infinity }] });
    expect(await afterRepair(readToken, lose)).toEqual(stale);
    await desk.write("add", ["a"], "new");
    expect((await desk.get()).readToken).toBeGreaterThan(readToken + 1);
    expect(await codeOf(desk.get({ ids: ["a"], readToken }))).toBe("STALE_READ");
    await desk.engine.close();
    desk = new Desk(await openDatabase(), desk.id);
    expect(await desk.all()).toEqual({ a: "new" });
  });
});

describe("a token is of one collection", () => {
  test.each<[string, () => Promise<void>]>([
    ["deleted, and another made with its name", () => desk.engine.service.deleteCollection({ ...SCOPE, name: "things" })],
    ["gone with a reset, and another made with its name", () => desk.engine.service.reset()],
  ])("that is %s: nothing is read or committed", async (_, lose) => {
    await desk.write("add", ["a"]);
    const { readToken } = await desk.get({ ids: ["a"] });
    await lose();
    const other = new Desk(desk.engine, await createCollection(desk.engine));
    await other.write("add", ["a"], "another");
    expect(await codeOf(desk.get({ ids: ["a"], readToken }))).toBe("NOT_FOUND");
    expect(await codeOf(desk.commit({ readToken, readIds: ["a"], operations: [put("update", ["a"], "mine")] }))).toBe("NOT_FOUND");
    expect(await other.all()).toEqual({ a: "another" });
  });

  test("and a fork goes its own way from there", async () => {
    await desk.write("add", ["a", "b"], "old");
    const { id } = await desk.engine.service.forkCollection({ collectionId: desk.id, name: "fork" });
    const fork = new Desk(desk.engine, id);
    const [here, there] = [await desk.get({ ids: ["a"] }), await fork.get({ ids: ["a"] })];
    expect(there.readToken).toBe(here.readToken);
    await desk.write("update", ["a"], "here");
    const operations = [put("update", ["b"], "mine")];
    expect(await codeOf(desk.commit({ readToken: here.readToken, readIds: ["a"], operations }))).toBe("CONFLICT");
    expect(await codeOf(fork.commit({ readToken: there.readToken, readIds: ["a"], operations }))).toBe("null");
    expect([await desk.all(), await fork.all()]).toEqual([
      { a: "here", b: "old" },
      { a: "old", b: "mine" },
    ]);
  });
});

describe("what is known of the latest writes", () => {
  const depends = (readToken: number, readIds: string[]) =>
    codeOf(desk.commit({ readToken, readIds, operations: [put("upsert", ["mine"])] }));

  test("outlives a compaction, and a reopening as far as the log was not compacted", async () => {
    expect(await desk.get()).toMatchObject({ readToken: 1 });
    await desk.write("add", ["a"]);
    await desk.engine.compact(desk.id);
    await desk.write("add", ["b"]);
    expect(await desk.get({ ids: ["b"], readToken: 3 })).toMatchObject({ ids: ["b"] });
    expect(await depends(1, ["a"])).toBe("CONFLICT");
    await desk.engine.close();
    desk = new Desk(await openDatabase(), desk.id);
    expect(await depends(1, ["x"])).toBe("STALE_READ");
    expect(await codeOf(desk.get({ readToken: 1 }))).toBe("STALE_READ");
    expect(await depends(2, ["b"])).toBe("CONFLICT");
    expect(await depends(2, ["a"])).toBe("null");
  });

  test("is forgotten by a compaction before anybody has read, and is bounded when somebody has, however long the ids are", async () => {
    const bytes = async (): Promise<number> => (await desk.engine.service.info()).memoryBytes;
    const round = async (i: number): Promise<number> => {
      const ids = Array.from({ length: 100 }, (_, j) => `${i}-${j}-${"x".repeat(5000)}`);
      await desk.write("add", ids);
      await desk.engine.service.delete({ collectionId: desk.id, ids });
      await desk.engine.compact(desk.id);
      return bytes();
    };
    const first = await round(0);
    expect(await round(1)).toBeLessThan(first + 100_000);
    expect(await codeOf(desk.get({ readToken: 1 }))).toBe("STALE_READ");
    const { readToken } = await desk.get({ ids: ["a"] });
    expect(await round(2)).toBeGreaterThan(first + 2_000_000);
    expect(await codeOf(desk.get({ ids: ["a"], readToken }))).toBe("null");
    for (let i = 3; i < 6; i++) expect(await round(i)).toBeLessThan(first + limits.recentIdBytesMax + 100_000);
    expect(await codeOf(desk.get({ ids: ["a"], readToken }))).toBe("STALE_READ");
  });

  test("is forgotten when too much was written", async () => {
    const { readToken } = await desk.get({ ids: ["a"] });
    const half = limits.recentIdsMax / 8;
    for (let i = 0; i < 8; i++)
      await desk.write(
        "add",
        Array.from({ length: half }, (_, j) => `${i}-${j}`),
      );
    expect(await codeOf(desk.get({ ids: ["a"], readToken }))).toBe("null");
    await desk.write("add", ["one more"]);
    expect(await codeOf(desk.get({ ids: ["a"], readToken }))).toBe("STALE_READ");
    expect(await depends(readToken, ["a"])).toBe("STALE_READ");
    expect(await codeOf(desk.get({ ids: ["a"], readToken: readToken + 1 }))).toBe("null");
  });
});

test.each([1, 2, 3])("seed %i: concurrent transactions are serializable, beside writes, deletions and compactions", async (seed) => {
  const random = new Random(seed);
  await desk.write("add", ["x", "y"], "0");
  let done = 0;
  const increment = async (id: string): Promise<void> => {
    for (;;) {
      const read = await desk.get({ ids: [id] });
      const value = Number(read.documents![0]);
      if (random.chance(0.5)) await Promise.resolve();
      const code = await codeOf(
        desk.commit({
          readToken: read.readToken,
          readIds: [id],
          operations: [put("update", [id], `${value + 1}`), put("add", [`${id}-${value + 1}`])],
        }),
      );
      if (code === "null") break;
      expect(code).toBe("CONFLICT");
    }
    done++;
  };
  const noise = async (i: number): Promise<void> => {
    await desk.write("upsert", [`noise-${i % 3}`]);
    if (random.chance(0.5)) await desk.engine.service.delete({ collectionId: desk.id, ids: [`noise-${i % 2}`] });
    if (random.chance(0.2)) await desk.engine.compact(desk.id);
  };
  await Promise.all(Array.from({ length: 60 }, (_, i) => (i % 3 === 0 ? noise(i) : increment(i % 2 === 0 ? "x" : "y"))));
  expect(done).toBe(40);
  const all = await desk.all();
  expect(Number(all["x"]) + Number(all["y"])).toBe(40);
  expect(Object.keys(all).filter((id) => /^[xy]-/.test(id)).length).toBe(40);
});
