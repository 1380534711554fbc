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
  return openedEngine(await openMemoryStorage(`conditional-${databases}`));
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
