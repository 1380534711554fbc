/**
 * The one suite that every storage runs: each case is a clause of the contract in `core/storage.ts`. The cases know no
 * test runner, because the storage over OPFS works only inside a dedicated worker, where none runs; a failed case throws.
 */

import type { ErrorCode } from "../core/errors.js";
import { TidepoolError } from "../core/errors.js";
import type { BlobStore, Extent, LogEntry, Storage } from "../core/storage.js";
import { equalBytes } from "../storage/bytes.js";

/** What a suite is run against. */
export interface ConformanceTarget {
  /** Opens the database of this name, empty at first; opening again after `close` finds what was stored. */
  open(name: string): Promise<Storage>;
  capabilities: {
    /** Extents are places in arenas, so that space given back is used again and reads past an arena's end can happen. */
    arenas: boolean;
  };
}

export interface ConformanceCase {
  name: string;
  needs?: keyof ConformanceTarget["capabilities"];
  run(target: ConformanceTarget): Promise<void>;
}

/** The cases that apply to a target with these capabilities. */
export function conformanceCases(capabilities: ConformanceTarget["capabilities"]): ConformanceCase[] {
  return cases.filter(({ needs }) => !needs || capabilities[needs]);
}

/** Runs one case; every run uses a database of its own. */
export async function runConformanceCase(name: string, target: ConformanceTarget): Promise<void> {
  const found = cases.find((one) => one.name === name);
  if (!found) throw new Error(`There is no case "${name}"`);
  await found.run(target);
}

let databases = 0;

class Bench {
  readonly #target: ConformanceTarget;
  readonly #name = `conformance/${++databases}.α b`;

  constructor(target: ConformanceTarget) {
    this.#target = target;
  }

  open(): Promise<Storage> {
    return this.#target.open(this.#name);
  }

  /** Opens a storage ready for blobs. */
  async ready(...extents: Extent[]): Promise<Storage> {
    const storage = await this.open();
    await storage.blobs.retain(extents);
    return storage;
  }
}

const cases: ConformanceCase[] = [];

function clause(name: string, run: (bench: Bench) => Promise<Storage> | Promise<void>, needs?: ConformanceCase["needs"]): void {
  const runAndClose = async (target: ConformanceTarget) => {
    const storage = await run(new Bench(target));
    await storage?.destroy();
  };
  cases.push({ name, needs, run: runAndClose });
}

// Log

clause("log: entries come back in order of offset, whatever the order and number of appends", async (bench) => {
  const storage = await bench.open();
  await storage.log.append([entry("a", 1), entry("b", 1), entry("a", 2)]);
  await storage.log.append([entry("a", 4), entry("a", 3)]);
  await storage.log.append([]);
  equal(
    await storage.log.read("a", 0, Infinity),
    [1, 2, 3, 4].map((offset) => entry("a", offset)),
  );
  equal(await storage.log.read("b", 0, Infinity), [entry("b", 1)]);
  equal(await storage.log.read("c", 0, Infinity), []);
  return storage;
});

clause("log: offsets sort as numbers, and collections whose ids begin alike stay apart", async (bench) => {
  const storage = await bench.open();
  await storage.log.append([entry("a", 10), entry("a", 9), entry("aa", 1), entry("a\u0000", 2), entry("", 3)]);
  equal(offsets(await storage.log.read("a", 0, Infinity)), [9, 10]);
  equal(offsets(await storage.log.read("aa", 0, Infinity)), [1]);
  equal(offsets(await storage.log.read("", 0, Infinity)), [3]);
  return storage;
});

clause("log: reading starts after an offset and ends at about the bytes asked for, with at least one entry", async (bench) => {
  const storage = await bench.open();
  await storage.log.append(Array.from({ length: 200 }, (_, i) => entry("a", i + 1, 1000)));
  equal(offsets(await storage.log.read("a", 0, 2500)), [1, 2]);
  equal(offsets(await storage.log.read("a", 5, 0)), [6]);
  equal(offsets(await storage.log.read("a", 198, 10_000)), [199, 200]);
  equal(await storage.log.read("a", 200, 10_000), []);
  const seen: number[] = [];
  for (let page: LogEntry[]; (page = await storage.log.read("a", seen.at(-1) ?? 0, 30_000)).length > 0; ) {
    equal(page.length <= 30, true);
    seen.push(...offsets(page));
  }
  equal(
    seen,
    Array.from({ length: 200 }, (_, i) => i + 1),
  );
  equal(offsets(await storage.log.read("a", 0, Infinity)), seen);
  return storage;
});

clause("log: a large entry after many small ones keeps a page near its limit", async (bench) => {
  const storage = await bench.open();
  await storage.log.append([
    ...Array.from({ length: 100 }, (_, i) => entry("a", i + 1, 10)),
    entry("a", 101, 500_000),
    entry("a", 102, 10),
  ]);
  equal(offsets(await storage.log.read("a", 0, 10_000)).at(-1), 100);
  equal(offsets(await storage.log.read("a", 100, 10_000)), [101]);
  return storage;
});

clause("log: entries take the places of others where that is asked for", async (bench) => {
  const storage = await bench.open();
  const { log } = storage;
  await log.append([entry("a", 1), entry("a", 2), entry("a", 3)], new Map([["a", pattern(5)]]));
  await log.append([entry("a", 2, 77), entry("a", 1, 9)], undefined, false, true);
  await log.append([], new Map([["a", pattern(6)]]), false, true);
  const expected = [entry("a", 1, 9), entry("a", 2, 77), entry("a", 3)];
  equal(await log.read("a", 0, Infinity), expected);
  await storage.catalog.rewrite?.();
  equal(await log.read("a", 0, Infinity), expected);
  await storage.close();
  const again = await bench.open();
  equal(await again.log.read("a", 0, Infinity), expected);
  equal(await again.log.tail("a"), pattern(6));
  return again;
});

clause("log: an append with an offset that is taken has no effect at all", async (bench) => {
  const storage = await bench.open();
  await storage.log.append([entry("a", 1)]);
  await rejects("INTERNAL", storage.log.append([entry("a", 2), entry("a", 1, 99), entry("a", 3)]));
  await rejects("INTERNAL", storage.log.append([entry("b", 1), entry("b", 1)]));
  equal(await storage.log.read("a", 0, Infinity), [entry("a", 1)]);
  equal(await storage.log.read("b", 0, Infinity), []);
  await storage.log.append([entry("a", 2)]);
  return storage;
});

clause(
  "log: tails are replaced with an append or not at all, kept by truncating to an offset, copied, and dropped with the log",
  async (bench) => {
    const storage = await bench.open();
    const { log, catalog } = storage;
    equal(await log.tail("a"), null);
    await log.append(
      [entry("a", 1), entry("b", 1)],
      new Map([
        ["a", pattern(1)],
        ["b", pattern(2)],
      ]),
    );
    await log.append([entry("a", 2)], new Map([["a", pattern(3)]]));
    await rejects("INTERNAL", log.append([entry("a", 1)], new Map([["a", pattern(4)]])));
    equal(await log.tail("a"), pattern(3));
    equal(
      (await log.read("a", 0, Infinity)).map(({ offset }) => offset),
      [1, 2],
    );
    await catalog.commit({ truncateLog: [{ collectionId: "a", upTo: 2 }], copyLog: { from: "b", to: "c", after: 0 } });
    equal([await log.tail("a"), await log.tail("c")], [pattern(3), pattern(2)]);
    await catalog.commit({ truncateLog: [{ collectionId: "a", upTo: Infinity }] });
    equal([await log.tail("a"), await log.tail("b")], [null, pattern(2)]);
    return storage;
  },
);

clause("log: concurrent appends are all kept", async (bench) => {
  const storage = await bench.open();
  await Promise.all(Array.from({ length: 20 }, (_, i) => storage.log.append([entry("a", i + 1), entry("b", i + 1)])));
  equal(offsets(await storage.log.read("a", 0, Infinity)).length, 20);
  equal(offsets(await storage.log.read("b", 0, Infinity)).length, 20);
  return storage;
});

clause("log: bytes are copied in and out, and only those of the view", async (bench) => {
  const storage = await bench.open();
  const bytes = pattern(1000).subarray(10, 20);
  const expected = bytes.slice();
  await storage.log.append([{ collectionId: "a", offset: 1, bytes }]);
  bytes.fill(0);
  const [first] = await storage.log.read("a", 0, Infinity);
  equal(first!.bytes, expected);
  equal(first!.bytes.buffer.byteLength, 10);
  first!.bytes.fill(0);
  equal((await storage.log.read("a", 0, Infinity))[0]!.bytes, expected);
  return storage;
});

// Catalog

clause("catalog: get answers what was put, and null for what was not", async (bench) => {
  const storage = await bench.open();
  await storage.catalog.commit({
    put: new Map([
      ["a", pattern(5)],
      ["", pattern(0)],
    ]),
  });
  equal(await storage.catalog.get("a"), pattern(5));
  equal(await storage.catalog.get(""), pattern(0));
  equal(await storage.catalog.get("b"), null);
  await storage.catalog.commit({ put: new Map([["a", pattern(6)]]), delete: ["", "never there"] });
  equal(await storage.catalog.get("a"), pattern(6));
  equal(await storage.catalog.get(""), null);
  await storage.catalog.commit({});
  return storage;
});

clause("catalog: list answers exactly the rows with the prefix, in order of UTF-16 code units", async (bench) => {
  const storage = await bench.open();
  const keys = [
    "a",
    "a/",
    "a/1",
    "a/10",
    "a/2",
    "a/\uffff",
    "a/\uffff\uffff",
    "a/😀",
    "a0",
    "b",
    "\uffff",
    "\uffff\uffff",
    "\uffffa",
    "é",
    "😀",
  ];
  await storage.catalog.commit({ put: new Map(keys.map((key) => [key, new TextEncoder().encode(key)])) });
  for (const prefix of ["", "a", "a/", "a/1", "a/\uffff", "\uffff", "\ud83d", "z", "b"]) {
    const expected = keys.filter((key) => key.startsWith(prefix)).sort();
    const rows = await storage.catalog.list(prefix);
    equal(
      rows,
      expected.map((key) => [key, new TextEncoder().encode(key)]),
    );
  }
  return storage;
});

clause("catalog: a precondition that does not hold rejects and nothing is written or truncated", async (bench) => {
  const storage = await bench.open();
  await storage.log.append([entry("c", 1)]);
  await storage.catalog.commit({
    put: new Map([
      ["a", pattern(5)],
      ["d", pattern(1)],
    ]),
  });
  const change = { put: new Map([["b", pattern(1)]]), delete: ["d"], truncateLog: [{ collectionId: "c", upTo: 1 }] };
  const wrong: [string, Uint8Array | null][] = [
    ["a", null],
    ["a", pattern(4)],
    ["a", pattern(6)],
    ["a", pattern(5).fill(9)],
    ["x", pattern(0)],
  ];
  for (const precondition of wrong) {
    await rejects(
      "INTERNAL",
      storage.catalog.commit({ ...change, expect: new Map([["d", pattern(1)], precondition]) }),
      /catalog conflict/,
    );
  }
  equal([await storage.catalog.get("b"), await storage.catalog.get("d")], [null, pattern(1)]);
  equal(offsets(await storage.log.read("c", 0, Infinity)), [1]);
  await storage.catalog.commit({
    ...change,
    expect: new Map<string, Uint8Array | null>([
      ["a", pattern(5)],
      ["x", null],
    ]),
  });
  equal([await storage.catalog.get("b"), await storage.catalog.get("d")], [pattern(1), null]);
  equal(await storage.log.read("c", 0, Infinity), []);
  return storage;
});

clause("catalog: of concurrent commits built on the same row exactly one succeeds", async (bench) => {
  const storage = await bench.open();
  const attempts = [1, 2, 3, 4].map((n) => storage.catalog.commit({ expect: new Map([["a", null]]), put: new Map([["a", pattern(n)]]) }));
  const outcomes = await Promise.allSettled(attempts);
  const winner = outcomes.findIndex(({ status }) => status === "fulfilled");
  equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
  equal(await storage.catalog.get("a"), pattern(winner + 1));
  return storage;
});

clause("catalog: copying a log gives another collection the entries after an offset, in the same transaction", async (bench) => {
  const storage = await bench.open();
  await storage.log.append([1, 2, 3].flatMap((offset) => [entry("a", offset), entry("aa", offset)]));
  const copyLog = { from: "a", to: "c", after: 1 };
  await rejects("INTERNAL", storage.catalog.commit({ expect: new Map([["k", pattern(1)]]), copyLog }), /catalog conflict/);
  equal(await storage.log.read("c", 0, Infinity), []);
  await storage.catalog.commit({ put: new Map([["k", pattern(1)]]), copyLog });
  equal(offsets(await storage.log.read("c", 0, Infinity)), [2, 3]);
  equal((await storage.log.read("c", 0, Infinity))[0]!.bytes, (await storage.log.read("a", 1, 1))[0]!.bytes);
  equal(offsets(await storage.log.read("a", 0, Infinity)), [1, 2, 3]);
  return storage;
});

clause("catalog: truncating drops a collection's entries up to and including an offset, and no others", async (bench) => {
  const storage = await bench.open();
  await storage.log.append([1, 2, 3].flatMap((offset) => [entry("a", offset), entry("aa", offset), entry("b", offset)]));
  await storage.catalog.commit({
    truncateLog: [
      { collectionId: "a", upTo: 2 },
      { collectionId: "b", upTo: Infinity },
      { collectionId: "never", upTo: 9 },
    ],
  });
  equal(offsets(await storage.log.read("a", 0, Infinity)), [3]);
  equal(offsets(await storage.log.read("aa", 0, Infinity)), [1, 2, 3]);
  equal(offsets(await storage.log.read("b", 0, Infinity)), []);
  await storage.log.append([entry("a", 4)]);
  await storage.catalog.commit({ truncateLog: [{ collectionId: "a", upTo: 0 }] });
  equal(offsets(await storage.log.read("a", 0, Infinity)), [3, 4]);
  return storage;
});

clause("catalog: bytes are copied in and out", async (bench) => {
  const storage = await bench.open();
  const bytes = pattern(10);
  await storage.catalog.commit({ put: new Map([["a", bytes]]) });
  bytes.fill(0);
  (await storage.catalog.get("a"))!.fill(0);
  (await storage.catalog.list("a"))[0]![1].fill(0);
  equal(await storage.catalog.get("a"), pattern(10));
  return storage;
});

// Blobs

clause("blobs: what was written can be read at once, whole and in ranges, in the order asked for", async (bench) => {
  const storage = await bench.ready();
  const a = await storage.blobs.write(pattern(300_000, 1));
  const b = await storage.blobs.write(pattern(10, 2));
  equal([a.length, b.length], [300_000, 10]);
  const ranges = [
    [b, 2, 3],
    [a, 0, 300_000],
    [a, 65_535, 2],
    [a, 65_536, 65_536],
    [a, 299_999, 1],
    [a, 300_000, 0],
    [a, 0, 0],
    [b, 0, 10],
  ] as const;
  const read = await storage.blobs.read(ranges.map(([extent, start, length]) => ({ extent, start, length })));
  const whole = new Map([
    [a, pattern(300_000, 1)],
    [b, pattern(10, 2)],
  ]);
  equal(
    read,
    ranges.map(([extent, start, length]) => whole.get(extent)!.slice(start, start + length)),
  );
  equal(await storage.blobs.read([]), []);
  return storage;
});

clause("blobs: given memory to read into, a read gives the same bytes, and touches no byte behind them", async (bench) => {
  const storage = await bench.ready();
  const extent = await storage.blobs.write(pattern(5000, 1));
  const into = new Uint8Array(6000).fill(7);
  equal(await storage.blobs.read([{ extent, start: 0, length: 5000, into }]), [pattern(5000, 1)]);
  equal(await storage.blobs.read([{ extent, start: 10, length: 20, into }]), [pattern(5000, 1).slice(10, 30)]);
  equal(into.slice(5000), new Uint8Array(1000).fill(7));
  return storage;
});

clause("blobs: any length survives, empty ones and those around 64 KiB included", async (bench) => {
  const storage = await bench.ready();
  const lengths = [0, 1, 4095, 4096, 4097, 65_535, 65_536, 65_537, 131_072];
  const extents: Extent[] = [];
  for (const length of lengths) extents.push(await storage.blobs.write(pattern(length, length)));
  equal(new Set(extents.map(place)).size, lengths.length);
  for (const [i, extent] of extents.entries()) {
    equal(await whole(storage.blobs, extent), pattern(lengths[i]!, lengths[i]));
    await storage.blobs.read([{ extent, start: lengths[i]!, length: 0 }]);
  }
  return storage;
});

clause("blobs: a blob larger than the target size of a block is one blob", async (bench) => {
  const storage = await bench.ready();
  const big = pattern(9 * 1024 * 1024 + 3, 7);
  const extent = await storage.blobs.write(big);
  await storage.blobs.flush();
  equal(await whole(storage.blobs, extent), big);
  return storage;
});

clause("blobs: many written at once keep apart", async (bench) => {
  const storage = await bench.ready();
  const extents = await Promise.all(Array.from({ length: 200 }, (_, i) => storage.blobs.write(pattern(i * 37, i))));
  await storage.blobs.flush();
  equal(new Set(extents.map(place)).size, 200);
  const read = await storage.blobs.read(extents.map((extent) => ({ extent, start: 0, length: extent.length })));
  equal(
    read,
    extents.map((extent, i) => pattern(extent.length, i)),
  );
  return storage;
});

clause("blobs: bytes are copied in and out", async (bench) => {
  const storage = await bench.ready();
  const bytes = pattern(100);
  const extent = await storage.blobs.write(bytes);
  bytes.fill(0);
  const read = await whole(storage.blobs, extent);
  equal(read, pattern(100));
  equal(read.buffer.byteLength, 100);
  read.fill(0);
  equal(await whole(storage.blobs, extent), pattern(100));
  return storage;
});

clause("blobs: a range outside its extent, and an extent that was never written, are corruption", async (bench) => {
  const storage = await bench.ready();
  const extent = await storage.blobs.write(pattern(100));
  for (const [start, length] of [
    [0, 101],
    [100, 1],
    [-1, 2],
    [50, -1],
  ] as const) {
    await rejects(
      "CORRUPTION",
      storage.blobs.read([
        { extent, start: 0, length: 1 },
        { extent, start, length },
      ]),
    );
  }
  await rejects("CORRUPTION", whole(storage.blobs, { arena: 77, offset: 0, length: 10 }), /77/);
  return storage;
});

clause(
  "blobs: an extent past the end of its arena is corruption that names arena and offset",
  async (bench) => {
    const storage = await bench.ready();
    const extent = await storage.blobs.write(pattern(100));
    const far = { ...extent, offset: 2 ** 40 };
    await rejects("CORRUPTION", whole(storage.blobs, far), new RegExp(`${extent.arena}\\D+${2 ** 40}`));
    return storage;
  },
  "arenas",
);

clause("blobs: nothing is written or released before the extents in use are declared", async (bench) => {
  const storage = await bench.open();
  await rejects("INTERNAL", storage.blobs.write(pattern(1)));
  await rejects("INTERNAL", storage.blobs.release([]));
  await storage.blobs.retain([]);
  await storage.blobs.write(pattern(1));
  return storage;
});

clause("blobs: flushed extents that are retained survive reopening and are not written over", async (bench) => {
  let storage = await bench.ready();
  const extents: Extent[] = [];
  for (let i = 0; i < 8; i++) extents.push(await storage.blobs.write(pattern(50_000 + i, i)));
  await storage.blobs.flush();
  await storage.close();
  const kept = extents.filter((_, i) => i % 2 === 0);
  storage = await bench.ready(...kept);
  for (let i = 0; i < 8; i++) {
    const extent = await storage.blobs.write(pattern(30_000, 100 + i));
    equal(
      kept.some((other) => overlaps(extent, other)),
      false,
    );
  }
  for (const [i, extent] of kept.entries()) equal(await whole(storage.blobs, extent), pattern(50_000 + 2 * i, 2 * i));
  return storage;
});

clause("blobs: retaining extents that are not there, or that overlap, is corruption and deletes nothing", async (bench) => {
  let storage = await bench.ready();
  const extent = await storage.blobs.write(pattern(5000));
  await storage.blobs.flush();
  await storage.close();
  const wrong: Extent[][] = [[extent, extent], [{ ...extent, length: 2 ** 40 }], [{ ...extent, offset: 12 }]];
  for (const extents of wrong) {
    storage = await bench.open();
    await rejects("CORRUPTION", storage.blobs.retain(extents));
    await storage.close();
  }
  storage = await bench.open();
  await rejects(LOST, storage.blobs.retain([{ arena: 77, offset: 0, length: 1 }]));
  await storage.close();
  storage = await bench.ready(extent);
  equal(await whole(storage.blobs, extent), pattern(5000));
  return storage;
});

clause("blobs: released space no longer counts as used, and releasing twice is refused", async (bench) => {
  const storage = await bench.ready();
  equal(storage.blobs.usage().bytesUsed, 0);
  const a = await storage.blobs.write(pattern(100_000));
  const before = storage.blobs.usage();
  const b = await storage.blobs.write(pattern(200_000));
  equal(storage.blobs.usage().bytesUsed >= 300_000, true);
  equal(storage.blobs.usage().bytesReserved >= storage.blobs.usage().bytesUsed, true);
  await storage.blobs.release([b]);
  equal(storage.blobs.usage().bytesUsed, before.bytesUsed);
  for (const extents of [[b], [a, a], [a, b], [{ ...a, length: 5 }]]) await rejects("INTERNAL", storage.blobs.release(extents));
  equal(await whole(storage.blobs, a), pattern(100_000));
  await storage.blobs.release([]);
  await storage.blobs.release([a]);
  equal(storage.blobs.usage().bytesUsed, 0);
  return storage;
});

clause("blobs: replacing blobs over and over takes no more space", async (bench) => {
  const storage = await bench.ready();
  const live: Extent[] = [];
  const reserved = [0, 0];
  for (let i = 0; i < 120; i++) {
    live.push(await storage.blobs.write(pattern(100_000 + (i % 7) * 1000, i)));
    if (live.length > 4) await storage.blobs.release([live.shift()!]);
    const half = i < 60 ? 0 : 1;
    reserved[half] = Math.max(reserved[half]!, storage.blobs.usage().bytesReserved);
  }
  if (reserved[1]! > reserved[0]! * 1.5) throw new Error(`reserved ${reserved.join(", then ")} bytes`);
  for (const [i, extent] of live.entries()) equal(await whole(storage.blobs, extent), pattern(extent.length, 116 + i));
  return storage;
});

clause(
  "blobs: released space is written again",
  async (bench) => {
    const storage = await bench.ready();
    const extents = [];
    for (let i = 0; i < 3; i++) extents.push(await storage.blobs.write(pattern(10_000, i)));
    await storage.blobs.release([extents[1]!]);
    equal(await storage.blobs.write(pattern(10_000, 9)), extents[1]);
    return storage;
  },
  "arenas",
);

clause("blobs: what was flushed is held, before and after opening anew", async (bench) => {
  const storage = await bench.ready();
  const extent = await storage.blobs.write(pattern(10_000));
  await storage.blobs.flush();
  equal(storage.blobs.holds([extent]), true);
  await storage.close();
  const reopened = await bench.open();
  equal(reopened.blobs.holds([extent]), true);
  return reopened;
});

clause("blobs: settledAt is a finite moment", async (bench) => {
  const storage = await bench.ready();
  equal(Number.isFinite(storage.blobs.settledAt()), true);
  await storage.blobs.write(pattern(1));
  equal(Number.isFinite(storage.blobs.settledAt()), true);
  return storage;
});

// All stores together

clause("storage: log and catalog survive reopening", async (bench) => {
  let storage = await bench.open();
  await storage.log.append([entry("a", 1), entry("a", 2)]);
  await storage.catalog.commit({ put: new Map([["k", pattern(9)]]), truncateLog: [{ collectionId: "a", upTo: 1 }] });
  await storage.close();
  storage = await bench.open();
  equal(await storage.log.read("a", 0, Infinity), [entry("a", 2)]);
  equal(await storage.catalog.get("k"), pattern(9));
  return storage;
});

clause("storage: every call after close rejects with CLOSED, and closing twice does no harm", async (bench) => {
  const storage = await bench.ready();
  const extent = await storage.blobs.write(pattern(3));
  await storage.close();
  await storage.close();
  await everyCallIsClosed(storage, extent);
  return bench.open();
});

clause("storage: what was under way when it was closed either took effect or was refused", async (bench) => {
  let storage = await bench.ready();
  const append = storage.log.append([entry("a", 1)]).then(
    () => true,
    () => false,
  );
  const write = storage.blobs.write(pattern(10)).then(
    () => true,
    () => false,
  );
  await storage.close();
  const appended = await append;
  await write;
  storage = await bench.ready();
  equal((await storage.log.read("a", 0, Infinity)).length, appended ? 1 : 0);
  return storage;
});

clause("storage: destroy leaves nothing behind and closes", async (bench) => {
  let storage = await bench.ready();
  await storage.log.append([entry("a", 1)]);
  await storage.catalog.commit({ put: new Map([["k", pattern(9)]]) });
  const extent = await storage.blobs.write(pattern(100));
  await storage.blobs.flush();
  await storage.destroy();
  await everyCallIsClosed(storage, extent);
  await rejects("CLOSED", storage.destroy());
  storage = await bench.open();
  equal(await storage.log.read("a", 0, Infinity), []);
  equal(await storage.catalog.list(""), []);
  await rejects(LOST, storage.blobs.retain([extent]));
  return storage;
});

async function everyCallIsClosed({ log, catalog, blobs }: Storage, extent: Extent): Promise<void> {
  const calls = [
    log.append([entry("a", 9)]),
    log.append([]),
    log.read("a", 0, 1),
    log.tail("a"),
    catalog.get("a"),
    catalog.list(""),
    catalog.commit({}),
    blobs.retain([]),
    blobs.write(pattern(1)),
    blobs.flush(),
    whole(blobs, extent),
    blobs.release([extent]),
  ];
  for (const outcome of await Promise.allSettled(calls)) {
    const code = outcome.status === "rejected" && outcome.reason instanceof TidepoolError ? outcome.reason.code : outcome.status;
    equal(code, "CLOSED");
  }
}

// Helpers

/** Bytes that differ with position and seed. */
export function pattern(length: number, seed = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  let x = Math.imul(seed, 2654435761) | 0;
  for (let i = 0; i < length; i++) {
    x = (Math.imul(x, 1103515245) + 12345) | 0;
    bytes[i] = x >>> 16;
  }
  return bytes;
}

function entry(collectionId: string, offset: number, length = 20): LogEntry {
  return { collectionId, offset, bytes: pattern(length, offset) };
}

function offsets(entries: readonly LogEntry[]): number[] {
  return entries.map(({ offset }) => offset);
}

async function whole(blobs: BlobStore, extent: Extent): Promise<Uint8Array> {
  const [bytes] = await blobs.read([{ extent, start: 0, length: extent.length }]);
  return bytes!;
}

function place({ arena, offset }: Extent): string {
  return `${arena}:${offset}`;
}

function overlaps(a: Extent, b: Extent): boolean {
  return a.arena === b.arena && a.offset < b.offset + b.length && b.offset < a.offset + a.length;
}

function equal(actual: unknown, expected: unknown): void {
  if (same(actual, expected)) return;
  throw new Error(`expected ${print(expected)}, got ${print(actual)}`);
}

function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || !a || !b) return false;
  if (a instanceof Uint8Array !== b instanceof Uint8Array || Array.isArray(a) !== Array.isArray(b)) return false;
  if (a instanceof Uint8Array && b instanceof Uint8Array) return equalBytes(a, b);
  const [left, right] = [Object.entries(a), Object.entries(b)];
  return left.length === right.length && left.every(([key, value]) => key in b && same(value, (b as Record<string, unknown>)[key]));
}

function print(value: unknown): string {
  const shorten = (_: string, part: unknown) => (part instanceof Uint8Array ? `bytes(${part.length}) ${part.slice(0, 8).join(" ")}` : part);
  return JSON.stringify(value, shorten)?.slice(0, 500) ?? String(value);
}

/** What becomes of extents whose whole arena is gone: only where arenas are files can it be told who took them. */
const LOST = /^(CORRUPTION|DATA_EVICTED)$/;

async function rejects(code: ErrorCode | RegExp, promise: Promise<unknown>, message = /./): Promise<void> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ("value" in outcome) throw new Error(`expected a rejection with ${code}, got ${print(outcome.value)}`);
  const { error } = outcome;
  if (!(error instanceof TidepoolError)) throw error;
  const expected = typeof code === "string" ? code === error.code : code.test(error.code);
  if (!expected || !message.test(error.message)) throw new Error(`expected ${code} ${message}, got ${error.code}: ${error.message}`);
}
