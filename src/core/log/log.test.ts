import { expect, test } from "vitest";
import type { LogEntry, LogStore } from "../storage.js";
import { Log } from "./log.js";
import { encodeLogRecord } from "./log-record.js";

/** A store whose appends end when the test says so. */
class ManualLogStore implements LogStore {
  readonly appends: { entries: readonly LogEntry[]; succeed: () => void; fail: (error: Error) => void }[] = [];

  append(entries: readonly LogEntry[]): Promise<void> {
    return new Promise((succeed, fail) => this.appends.push({ entries, succeed, fail }));
  }

  async read(): Promise<LogEntry[]> {
    return [];
  }

  async nextAppend(): Promise<(typeof this.appends)[number]> {
    while (this.appends.length === 0) await Promise.resolve();
    return this.appends.shift()!;
  }
}

function target(collectionId = "c"): {
  collectionId: string;
  offset: number;
  appliedOffset: () => number;
  apply: (offset: number) => Promise<number>;
} {
  const self = {
    collectionId,
    offset: 0,
    appliedOffset: () => self.offset,
    apply: async (offset: number) => (self.offset = offset),
  };
  return self;
}

const bytes = new Uint8Array(4);

test("nothing is applied or acknowledged before its transaction is durable", async () => {
  const store = new ManualLogStore();
  const log = new Log(store);
  const c = target();
  let acknowledged = false;
  const call = log.append(c, bytes, c.apply).then(() => (acknowledged = true));
  const append = await store.nextAppend();
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  expect([c.offset, acknowledged]).toEqual([0, false]);
  append.succeed();
  await call;
  expect(c.offset).toBe(1);
});

test("calls that arrive during a transaction share the next one, in order, with offsets per collection", async () => {
  const store = new ManualLogStore();
  const log = new Log(store);
  const [c, d] = [target("c"), target("d")];
  const calls = [log.append(c, bytes, c.apply)];
  const first = await store.nextAppend();
  calls.push(log.append(c, bytes, c.apply), log.append(d, bytes, d.apply), log.append(c, bytes, c.apply));
  first.succeed();
  const second = await store.nextAppend();
  expect(second.entries.map(({ collectionId, offset }) => `${collectionId}${offset}`)).toEqual(["c2", "d1", "c3"]);
  second.succeed();
  expect(await Promise.all(calls)).toEqual([1, 2, 1, 3]);
});

test("a failed transaction rejects its calls only, and its offsets are used again", async () => {
  const store = new ManualLogStore();
  const log = new Log(store);
  const c = target();
  const failing = log.append(c, bytes, c.apply);
  (await store.nextAppend()).fail(new Error("quota"));
  await expect(failing).rejects.toThrow("quota");
  const next = log.append(c, bytes, c.apply);
  const append = await store.nextAppend();
  expect(append.entries[0]!.offset).toBe(1);
  append.succeed();
  expect(await next).toBe(1);
});

test("drain resolves after everything queued has ended", async () => {
  const store = new ManualLogStore();
  const log = new Log(store);
  const c = target();
  const call = log.append(c, bytes, c.apply);
  let drained = false;
  const drain = log.drain().then(() => (drained = true));
  const append = await store.nextAppend();
  expect(drained).toBe(false);
  append.succeed();
  await Promise.all([call, drain]);
  expect(c.offset).toBe(1);
});

test("a call is taken however few turns after an acknowledgement it comes", async () => {
  for (let turns = 0; turns < 12; turns++) {
    const store = new ManualLogStore();
    const log = new Log(store);
    const c = target();
    const first = log.append(c, bytes, c.apply);
    const late = new Promise<number>((resolve, reject) => {
      const apply = async (offset: number): Promise<number> => {
        void (async () => {
          for (let turn = 0; turn < turns; turn++) await Promise.resolve();
          log.append(c, bytes, c.apply).then(resolve, reject);
        })();
        return c.apply(offset);
      };
      log.append(c, bytes, apply).catch(reject);
    });
    for (let transaction = 0; transaction < 2; transaction++) {
      for (let turn = 0; turn < 50 && store.appends.length === 0; turn++) await Promise.resolve();
      store.appends.shift()?.succeed();
    }
    await first;
    const outcome = await Promise.race([late, new Promise((resolve) => setTimeout(resolve, 0, "never taken"))]);
    expect(outcome, `${turns} turns`).toBe(3);
  }
});

test("replay tells the records after an offset in order, and refuses a gap", async () => {
  const record = (offset: number): LogEntry => ({
    collectionId: "c",
    offset,
    bytes: encodeLogRecord({ kind: "delete", ids: [`r${offset}`], requestId: undefined }),
  });
  const entries = [1, 2, 3, 5].map(record);
  // Two at a time, as a store does that has more than was asked for.
  const log = new Log({
    append: async () => undefined,
    read: async (_, after) => entries.filter(({ offset }) => offset > after).slice(0, 2),
  });
  const replayed: [number, unknown][] = [];
  const all = (async () => {
    for await (const { offset, record, byteLength } of log.replay({ id: "c", name: "things" }, 1)) {
      expect(byteLength).toBe(entries[offset - 1]!.bytes.length);
      replayed.push([offset, record.kind === "delete" && record.ids]);
    }
  })();
  await expect(all).rejects.toMatchObject({
    code: "CORRUPTION",
    message: expect.stringContaining('record 4 of collection "things" is missing'),
  });
  expect(replayed).toEqual([
    [2, ["r2"]],
    [3, ["r3"]],
  ]);
});
