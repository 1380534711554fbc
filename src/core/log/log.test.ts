import { describe, expect, test } from "vitest";
import { MemoryRows } from "../../storage/memory/memory-rows.js";
import { firstLink, type LogPlace, placeAfter } from "../base/log-chain.js";
import { atOnce } from "../base/steps.js";
import type { LogEntry, LogStore } from "../storage.js";
import { Log } from "./log.js";
import { checksumIn, encodeLogRecord } from "./log-record.js";

/** A store whose appends end when the test says so. */
class ManualLogStore implements LogStore {
  readonly appends: { entries: readonly LogEntry[]; succeed: () => void; fail: (error: Error) => void }[] = [];

  append(entries: readonly LogEntry[]): Promise<void> {
    return new Promise((succeed, fail) => this.appends.push({ entries, succeed, fail }));
  }

  async read(): Promise<LogEntry[]> {
    return [];
  }

  async tail(): Promise<null> {
    return null;
  }

  async nextAppend(): Promise<(typeof this.appends)[number]> {
    while (this.appends.length === 0) await Promise.resolve();
    return this.appends.shift()!;
  }
}

function target(collectionId = "c"): {
  collectionId: string;
  offset: number;
  applied: () => LogPlace;
  apply: (place: LogPlace) => Promise<number>;
} {
  const self = {
    collectionId,
    offset: 0,
    applied: () => ({ offset: self.offset, link: 0 }),
    apply: async ({ offset }: LogPlace) => (self.offset = offset),
  };
  return self;
}

const bytes = atOnce(encodeLogRecord({ kind: "delete", ids: [], requestId: undefined }));

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
      const apply = async (place: LogPlace): Promise<number> => {
        void (async () => {
          for (let turn = 0; turn < turns; turn++) await Promise.resolve();
          log.append(c, bytes, c.apply).then(resolve, reject);
        })();
        return c.apply(place);
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

describe("replay", () => {
  const collection = { id: "c", name: "things" };

  /** A log of the collection with as many records, and another collection's. */
  async function filled(count: number): Promise<MemoryRows> {
    const rows = new MemoryRows();
    const log = new Log(storeOf(rows));
    for (const id of ["c", "d"]) {
      let place = { offset: 0, link: firstLink(id) };
      for (let i = 1; i <= count; i++) {
        const record = atOnce(encodeLogRecord({ kind: "delete", ids: [`r${i}`], requestId: undefined }));
        await log.append({ collectionId: id, applied: () => place }, record, async (next) => void (place = next));
      }
    }
    return rows;
  }

  const storeOf = (rows: MemoryRows): LogStore => ({
    append: async (entries, tails) => rows.append(entries, tails),
    // Two at a time, as a store does that has more than was asked for.
    read: async (id, after) => rows.read(id, after, Infinity).slice(0, 2),
    tail: async (id) => rows.tail(id),
  });

  async function replayed(rows: MemoryRows, after: LogPlace = { offset: 0, link: firstLink("c") }): Promise<unknown[]> {
    const all: unknown[] = [];
    for await (const { place, record } of new Log(storeOf(rows)).replay(collection, after)) {
      all.push([place.offset, record.kind === "delete" && record.ids[0]]);
    }
    return all;
  }

  /** The rows with some of one collection's records put in the place of others, or, for `null`, left out. */
  function exchanged(rows: MemoryRows, places: Record<number, [id: string, offset: number] | null>): MemoryRows {
    const next = new MemoryRows();
    const all = rows.read("c", 0, Infinity);
    const changed = all.flatMap((entry) => {
      const from = places[entry.offset];
      if (from === undefined) return [entry];
      return from === null ? [] : [{ ...entry, bytes: rows.read(from[0], from[1] - 1, 1)[0]!.bytes }];
    });
    next.append(changed, new Map([["c", rows.tail("c")!]]));
    return next;
  }

  test("tells the records after a place in order", async () => {
    const rows = await filled(3);
    expect(await replayed(rows)).toEqual([
      [1, "r1"],
      [2, "r2"],
      [3, "r3"],
    ]);
    const after = placeAfter({ offset: 0, link: firstLink("c") }, checksumIn(rows.read("c", 0, 1)[0]!.bytes));
    expect(await replayed(rows, after)).toEqual([
      [2, "r2"],
      [3, "r3"],
    ]);
  });

  test.each<[string, Parameters<typeof exchanged>[1], string]>([
    ["a gap", { 2: null }, 'record 2 of collection "things" is missing'],
    ["a last record that is gone", { 3: null }, 'record 3 of collection "things" is missing'],
    ["a log that is gone", { 1: null, 2: null, 3: null }, 'record 1 of collection "things" is missing'],
    ["two records exchanged", { 1: ["c", 2], 2: ["c", 1] }, 'record 1 of collection "things" does not follow'],
    ["another collection's record", { 1: ["d", 1] }, 'record 1 of collection "things" does not follow'],
    ["another collection's last record", { 3: ["d", 3] }, 'record 3 of collection "things" does not follow'],
    ["an earlier record once more", { 3: ["c", 2] }, 'record 3 of collection "things" does not follow'],
  ])("refuses %s", async (_, places, message) => {
    const rows = exchanged(await filled(3), places);
    await expect(replayed(rows)).rejects.toMatchObject({ code: "CORRUPTION", message: expect.stringContaining(message) });
  });

  test("refuses a tail that is missing, damaged, or of another collection", async () => {
    const rows = await filled(2);
    for (const tail of [null, rows.tail("c")!.with(5, 77), rows.tail("d")!, new Uint8Array(0)]) {
      const next = new MemoryRows();
      next.append(rows.read("c", 0, Infinity), new Map(tail === null ? [] : [["c", tail]]));
      await expect(replayed(next)).rejects.toMatchObject({ code: "CORRUPTION", message: expect.stringContaining("tail") });
    }
  });

  test("refuses a log that belongs to another manifest", async () => {
    await expect(replayed(await filled(2), { offset: 0, link: 7 })).rejects.toMatchObject({ code: "CORRUPTION" });
    await expect(replayed(await filled(2), { offset: 2, link: 7 })).rejects.toMatchObject({ code: "CORRUPTION" });
  });
});
