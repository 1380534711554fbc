/** Chroma's conditional transactions as a page uses them: every rule of its client, and what comes of many at once. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ChromaBackoffError, ChromaConditionalWriteConflictError, ChromaStaleReadError, ChromaValueError } from "../index.js";
import { openTestClient } from "../testing/client.js";
import { TestEngine } from "../testing/engine.js";
import { rejectionOf } from "../testing/failure-of.js";
import { TestWorker } from "../testing/worker.js";
import { TidepoolClient } from "./client.js";
import type { Collection } from "./collection.js";
import type { ConditionalTransaction } from "./conditional-transaction.js";
import type { EmbeddingFunction } from "./embedding-function.js";

type Counter = { n: number };
type Transaction = ConditionalTransaction<Counter>;

/** Makes vectors of one number, and can be kept waiting. */
class Slow implements EmbeddingFunction {
  readonly name = "slow";
  readonly asked: string[][] = [];
  gate: Promise<void> = Promise.resolve();

  async generate(texts: string[]): Promise<number[][]> {
    this.asked.push(texts);
    await this.gate;
    return texts.map((text) => [text.length]);
  }
}

let client: TidepoolClient;
let slow: Slow;
let counters: Collection<Counter>;

beforeEach(async () => {
  client = openTestClient();
  slow = new Slow();
  counters = await client.createCollection<Counter>({ name: "counters", embeddingFunction: slow });
  await counters.add({ ids: ["a", "b"], embeddings: [[1], [2]], metadatas: [{ n: 0 }, { n: 0 }] });
});

afterEach(() => client.close());

const put = { embeddings: [[3]], metadatas: [{ n: 1 }] };

describe("a transaction", () => {
  test("reads, buffers writes of every kind, and commits them in one go", async () => {
    const txn = counters.conditional();
    expect(await txn.get({ ids: ["a", "b", "c"], include: ["metadatas"] })).toMatchObject({
      ids: ["a", "b"],
      metadatas: [{ n: 0 }, { n: 0 }],
      documents: [],
      include: ["metadatas"],
    });
    await txn.update({ ids: ["a"], metadatas: [{ n: 7 }] });
    await txn.delete({ ids: ["b"] });
    await txn.add({ ids: ["c"], documents: ["four"] });
    await txn.upsert({ ids: ["d"], ...put });
    expect(slow.asked).toEqual([["four"]]);
    expect((await counters.get()).ids).toEqual(["a", "b"]);
    expect(await txn.commit()).toEqual({ first_inserted_record_offset: 2, record_count: 4 });
    const { ids, documents, metadatas, embeddings } = await counters.get({ include: ["documents", "metadatas", "embeddings"] });
    expect({ ids, documents, metadatas, embeddings }).toEqual({
      ids: ["a", "c", "d"],
      documents: [null, "four", null],
      metadatas: [{ n: 7 }, null, { n: 1 }],
      embeddings: [[1], [4], [3]],
    });
  });

  test("sends nothing before its first read, and nothing at all to commit nothing", async () => {
    const engine = new TestEngine();
    const other = new TidepoolClient({ path: "nothing", storage: "memory", worker: TestWorker.factory(() => engine.host()) });
    const txn = (await other.createCollection({ name: "things", embeddingFunction: null })).conditional();
    await txn.upsert({ ids: ["a"], embeddings: [[1]] });
    const empty = (await other.getCollection({ name: "things" })).conditional();
    expect(await empty.commit()).toEqual({ first_inserted_record_offset: null, record_count: 0 });
    expect(engine.requests.map(([method]) => method).filter((method) => method.startsWith("conditional"))).toEqual([]);
    expect((await rejectionOf(empty.commit())).message).toContain("conditional transaction is closed");
    await other.close();
  });

  test("is of the present, and of one collection", async () => {
    const [version] = await counters.listVersions();
    const earlier = counters.at({ version: version!.version }) as typeof counters;
    expect(() => earlier.conditional()).toThrow(/conditional is not possible at version/);
    expect(Object.keys(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(counters.conditional()))).sort()).toEqual(
      ["add", "commit", "constructor", "delete", "get", "run", "update", "upsert"].sort(),
    );
  });

  test("keeps what was given when the call was made", async () => {
    const txn = counters.conditional();
    const vector = Float32Array.of(5);
    const ids = ["e"];
    const writing = txn.upsert({ ids, embeddings: vector });
    vector[0] = 6;
    ids[0] = "f";
    await writing;
    await txn.commit();
    expect((await counters.get({ ids: ["e"], include: ["embeddings"] })).embeddings).toEqual([[5]]);
  });

  test("a commit waits for the writes that were called before it through the same object", async () => {
    const txn = counters.conditional();
    await txn.upsert({ ids: ["a"], metadatas: [{ n: 2 }], embeddings: [[1]] });
    const before = counters.update({ ids: ["a"], metadatas: [{ n: 1 }] });
    await txn.commit();
    await before;
    expect((await counters.get({ ids: ["a"] })).metadatas).toEqual([{ n: 2 }]);
  });

  test("a write can be ended before it is buffered", async () => {
    let open = (): void => {};
    slow.gate = new Promise((resolve) => (open = resolve));
    const txn = counters.conditional();
    const controller = new AbortController();
    const writing = txn.upsert({ ids: ["a"], documents: ["text"], signal: controller.signal });
    controller.abort();
    expect((await rejectionOf(writing)).code).toBe("ABORTED");
    open();
    expect(await txn.commit()).toEqual({ first_inserted_record_offset: null, record_count: 0 });
  });
});

describe("is refused as Chroma's client refuses it", () => {
  const cases: [string, (txn: Transaction) => Promise<unknown>, string][] = [
    ["a filter without a limit", (txn) => txn.get({ where: { n: 0 } }), "transactional filter reads require a positive limit"],
    ["everything", (txn) => txn.get(), "transactional filter reads require a positive limit"],
    ["a limit of 0", (txn) => txn.get({ limit: 0 }), "transactional filter reads require a positive limit"],
    [
      "a read after a write, requested",
      async (txn) => {
        await txn.upsert({ ids: ["a"], ...put });
        await txn.get({ ids: ["b", "a"] });
      },
      'cannot transactionally read id "a" after buffering a write for it',
    ],
    [
      "a read after a write, returned",
      async (txn) => {
        await txn.upsert({ ids: ["a"], ...put });
        await txn.get({ limit: 10 });
      },
      'cannot transactionally read id "a" after buffering a write for it',
    ],
    [
      "an add without a read",
      (txn) => txn.add({ ids: ["c"], ...put }),
      'transactional add for id "c" requires a prior read proving the id is absent',
    ],
    [
      "an add of what is there",
      async (txn) => {
        await txn.get({ ids: ["a"] });
        await txn.add({ ids: ["a"], ...put });
      },
      'transactional add for id "a" requires a prior read proving the id is absent',
    ],
    [
      "an add of what a filter left out",
      async (txn) => {
        await txn.get({ ids: ["c"], where: { n: 5 } });
        await txn.add({ ids: ["c"], ...put });
      },
      "proving the id is absent",
    ],
    [
      "an add of what a limit left out",
      async (txn) => {
        await txn.get({ ids: ["a", "c"], limit: 1 });
        await txn.add({ ids: ["c"], ...put });
      },
      "proving the id is absent",
    ],
    [
      "an update without a read",
      (txn) => txn.update({ ids: ["a"], ...put }),
      'transactional update for id "a" requires a prior read proving the id is present',
    ],
    [
      "a deletion of what is not there",
      async (txn) => {
        await txn.get({ ids: ["c"] });
        await txn.delete({ ids: ["c"] });
      },
      'transactional delete for id "c" requires a prior read proving the id is present',
    ],
    ["a deletion by filter", (txn) => txn.delete({ where: { n: 0 } } as never), "where"],
    ["a deletion of nothing", (txn) => txn.delete({} as never), "ids"],
    ["an id twice in a call", (txn) => txn.upsert({ ids: ["x", "x"], embeddings: [[1], [2]] }), "x (ids[1])"],
    [
      "an id in two writes",
      async (txn) => {
        await txn.upsert({ ids: ["x"], ...put });
        await txn.upsert({ ids: ["y", "x"], embeddings: [[1], [2]] });
      },
      'transaction already has a buffered write for id "x"',
    ],
    ["unknown arguments", (txn) => txn.get({ ids: ["a"], order: 1 } as never), "order"],
    ["arguments of commit", (txn) => (txn.commit as (options: unknown) => Promise<unknown>).call(txn, {}), "commit takes no arguments"],
    ["negative retries", (txn) => txn.run(() => 1, -1), "maxRetries must be a non-negative integer"],
    ["half a retry", (txn) => txn.run(() => 1, { maxRetries: 0.5 }), "maxRetries must be a non-negative integer"],
    ["misspelt options", (txn) => txn.run(() => 1, { retries: 1 } as never), "retries"],
    ["no callback", (txn) => txn.run(1 as never), "run needs a function"],
    ["a commit inside run", (txn) => txn.run((inner) => inner.commit()), "txn.commit() cannot be called inside run()"],
    ["a run inside run", (txn) => txn.run((inner) => inner.run(() => 1)), "txn.run() cannot be called inside run()"],
    [
      "a write that is too large",
      (txn) => txn.upsert({ ids: Array.from({ length: 5462 }, (_, i) => `${i}`), embeddings: new Float32Array(5462) as never }),
      "batchRecordsMax",
    ],
  ];

  test.each(cases)("%s", async (_, act, message) => {
    const error = await rejectionOf(act(counters.conditional()));
    expect(error).toBeInstanceOf(ChromaValueError);
    expect(error.message).toContain(message);
    expect((await counters.get()).ids).toEqual(["a", "b"]);
  });

  test("a refused call buffers nothing, not even the half that would do", async () => {
    const txn = counters.conditional();
    await txn.get({ ids: ["a", "c"] });
    await rejectionOf(txn.update({ ids: ["a", "c"], metadatas: [{ n: 1 }, { n: 1 }] }));
    await txn.update({ ids: ["a"], metadatas: [{ n: 1 }] });
    expect((await txn.commit()).record_count).toBe(1);
  });

  test("whatever is called after the commit; writes embed first", async () => {
    const txn = counters.conditional();
    await txn.get({ ids: ["a"] });
    const late = txn.get({ ids: ["b"] });
    await txn.upsert({ ids: ["a"], documents: ["one"] });
    const messageOf = async (call: Promise<unknown>): Promise<string> => (await rejectionOf(call)).message;
    const first = txn.commit();
    const meanwhile = [messageOf(txn.commit()), messageOf(late)];
    await first;
    slow.asked.length = 0;
    const later = [
      txn.get({ ids: ["a"] }),
      txn.upsert({ ids: ["z"], documents: ["two"] }),
      txn.delete({ ids: ["a"] }),
      txn.commit(),
      txn.run(() => 1),
    ].map(messageOf);
    for (const message of await Promise.all([...meanwhile, ...later])) expect(message).toContain("conditional transaction is closed");
    expect(slow.asked).toEqual([["two"]]);
  });

  test.each([
    [[undefined], "transactional get response did not include an OCC read token"],
    [[1.5], "transactional read token offset 1.5 is not a safe integer"],
    [[-1], "transactional read token offset -1 is not a safe integer"],
    [[4, 5], "transactional read token changed from log upper bound offset 4 to 5"],
  ])("tokens %j", async (tokens, message) => {
    const engine = new TestEngine();
    engine.overrides.set("conditionalGet", () => ({ ...engine.get(), readToken: tokens.shift() }));
    const other = new TidepoolClient({ path: "tokens", storage: "memory", worker: TestWorker.factory(() => engine.host()) });
    const txn = (await other.createCollection({ name: "things", embeddingFunction: null })).conditional();
    const reads = tokens.map(() => txn.get({ ids: ["a"] }));
    for (const read of reads.slice(0, -1)) await read;
    expect((await rejectionOf(reads.at(-1)!)).message).toContain(message);
    await other.close();
  });
});

describe("conflicts", () => {
  test("a commit is refused where others were faster, may be repeated, and has written nothing", async () => {
    const txn = counters.conditional();
    await txn.get({ ids: ["a", "c"] });
    await txn.add({ ids: ["c"], ...put });
    await counters.update({ ids: ["a"], metadatas: [{ n: 5 }] });
    for (let i = 0; i < 2; i++) {
      const error = await rejectionOf(txn.commit());
      expect(error).toMatchObject({ code: "CONFLICT", details: { id: "a" } });
      expect(error).toBeInstanceOf(ChromaConditionalWriteConflictError);
      expect(error.message).toContain("conditional write conflict");
    }
    expect((await counters.get()).ids).toEqual(["a", "b"]);
  });

  test("later reads are of the first one's moment, or stale", async () => {
    const txn = counters.conditional();
    await txn.get({ ids: ["a"] });
    await counters.update({ ids: ["b"], metadatas: [{ n: 5 }] });
    expect((await txn.get({ ids: ["a"] })).ids).toEqual(["a"]);
    const error = await rejectionOf(txn.get({ ids: ["b"] }));
    expect(error).toBeInstanceOf(ChromaStaleReadError);
    expect(error instanceof ChromaBackoffError).toBe(false);
    // What was not read is no concern of it.
    await txn.update({ ids: ["a"], metadatas: [{ n: 1 }] });
    expect((await txn.commit()).record_count).toBe(1);
  });

  test("the classes have Chroma's names", () => {
    const names = [ChromaConditionalWriteConflictError, ChromaStaleReadError, ChromaBackoffError].map((each) => new each("why").name);
    expect(names).toEqual(["ConditionalWriteConflictError", "StaleReadError", "Backoff"]);
  });
});

describe("run", () => {
  const increment = async (txn: Transaction, id: string, seen: Transaction[] = []): Promise<number> => {
    seen.push(txn);
    const { metadatas } = await txn.get({ ids: [id] });
    const n = (metadatas[0]?.n ?? 0) + 1;
    await txn.update({ ids: [id], metadatas: [{ n }] });
    return n;
  };

  test("calls back with the transaction, commits, and gives back what the callback gave", async () => {
    const txn = counters.conditional();
    await txn.upsert({ ids: ["before"], ...put });
    const seen: Transaction[] = [];
    expect(await txn.run((inner) => increment(inner, "a", seen))).toBe(1);
    expect(seen[0]).toBe(txn);
    expect((await counters.get()).ids).toEqual(["a", "b", "before"]);
    expect((await rejectionOf(txn.commit())).message).toContain("closed");
  });

  test.each<[string, number | { maxRetries?: number } | undefined, number]>([
    ["three times by default", undefined, 4],
    ["as often as it is told", 1, 2],
    ["never", { maxRetries: 0 }, 1],
  ])("tries again with a new transaction after a conflict: %s", async (_, options, tries) => {
    const seen = new Set<Transaction>();
    const call = counters.conditional().run(async (txn) => {
      seen.add(txn);
      await increment(txn, "a");
      await counters.update({ ids: ["a"], metadatas: [{ n: 100 }] });
    }, options);
    expect((await rejectionOf(call)).code).toBe("CONFLICT");
    expect(seen.size).toBe(tries);
  });

  test("tries again after a stale read that the callback lets out, and after nothing else", async () => {
    const stale = async (txn: Transaction): Promise<void> => {
      await txn.get({ ids: ["a"] });
      await counters.update({ ids: ["b"], metadatas: [{ n: 1 }] });
      await txn.get({ ids: ["b"] });
    };
    let tries = 0;
    const wrapped = new Error("mine");
    const throwing: [(txn: Transaction) => Promise<void>, number][] = [
      [stale, 4],
      [(txn) => stale(txn).catch(() => Promise.reject(wrapped)), 1],
      [() => Promise.reject(new ChromaStaleReadError("mine")), 1],
      [() => Promise.reject(new ChromaBackoffError("mine")), 1],
    ];
    for (const [act, expected] of throwing) {
      tries = 0;
      const call = counters.conditional().run((txn) => {
        tries++;
        return act(txn);
      });
      await expect(call).rejects.toBeInstanceOf(Error);
      expect(tries).toBe(expected);
    }
    expect((await counters.get()).ids).toEqual(["a", "b"]);
  });

  test("no increment of a shared counter is lost, however many transactions run at once", async () => {
    const others = await client.getCollection<Counter>({ name: "counters", embeddingFunction: slow });
    const done = await Promise.all(
      Array.from({ length: 24 }, (_, i) => (i % 2 === 0 ? counters : others).conditional().run((txn) => increment(txn, "a"), 100)),
    );
    expect(done.sort((a, b) => a - b)).toEqual(Array.from({ length: 24 }, (_, i) => i + 1));
    expect((await counters.get({ ids: ["a"] })).metadatas).toEqual([{ n: 24 }]);
  });

  test("an id that all would add is added by one", async () => {
    const added = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        counters.conditional().run(async (txn) => {
          const { ids } = await txn.get({ ids: ["only"] });
          if (ids.length === 0) await txn.add({ ids: ["only"], embeddings: [[i]] });
          return ids.length === 0;
        }, 100),
      ),
    );
    expect(added.filter(Boolean)).toHaveLength(1);
  });
});
