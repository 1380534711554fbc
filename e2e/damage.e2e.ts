/**
 * What a database does when it is full, too new or damaged: a clear error, nothing deleted, and everything back once
 * the cause is gone. The damage is done to what Chromium really stored, with the database closed.
 */
import type { Page } from "playwright";
import type { TidepoolClientOptions, TidepoolWarning } from "tidepool-db";
import { beforeEach, describe, expect, test } from "vitest";
import { limitStorage, openBrowser, remembersRoom } from "../tools/browser/browser.js";
import { isTriedIn } from "../tools/browser/left-out.mjs";
import { target } from "../tools/browser/target.js";
import { createSettled, openTab, serveApp, untilReady } from "./support/app.js";
import { type BlockRef, decodeRow, encodeRow, type Format, type Manifest } from "./support/stored.js";
import { useSuite } from "./support/suite.js";

type Records = typeof import("./pages/records.js");
type Graph = typeof import("./pages/graph.js");
type Surgery = typeof import("./pages/surgery.js");
type Storage = "opfs" | "indexeddb";
type Rejection = Awaited<ReturnType<Records["rejection"]>>;

const RECORDS = 600;
const patience = { timeout: 60_000, interval: 100 };

const suite = useSuite(serveApp);
let page: Page;

// One tab for all, loaded anew for each, which ends what was there as a new one does, and costs half as much.
beforeEach(async () => {
  if (page === undefined || page.isClosed()) page = await openTab(suite.context, suite.app);
  else await page.reload().then(() => untilReady(page));
});

/** Calls one function of `pages/surgery.ts` in the page. */
async function operate<Name extends keyof Surgery>(
  name: Name,
  ...args: Parameters<Surgery[Name]>
): Promise<Awaited<ReturnType<Surgery[Name]>>> {
  const call: { name: string; args: unknown[] } = { name, args };
  const result: unknown = await page.evaluate(async ({ name, args }) => {
    const surgery = await load<Record<string, (...args: unknown[]) => unknown>>("surgery");
    return surgery[name]!(...args);
  }, call);
  return result as Awaited<ReturnType<Surgery[Name]>>;
}

/** Opens the database, says what is wrong with the collection if it should hold so many records, and closes it. */
function faults(options: TidepoolClientOptions, count: number): Promise<string[]> {
  return page.evaluate(
    async ({ options, count }) => {
      const { faultsOf, visit } = await load<Records>("records");
      return visit(options, (collection) => faultsOf(collection, count));
    },
    { options, count },
  );
}

/** Adds records to a database of its own and closes it. */
function add(options: TidepoolClientOptions, first: number, count: number): Promise<void> {
  return page.evaluate(
    async ({ options, first, count }) => {
      const { recordsOf, visit } = await load<Records>("records");
      await visit(options, (collection) => collection.add(recordsOf(first, count)));
    },
    { options, first, count },
  );
}

async function catalogRow<T>(path: string, prefix: string): Promise<{ key: string; row: T }> {
  const keys = (await operate("keysOf", path, "catalog")) as string[];
  const key = keys.find((candidate) => candidate.startsWith(prefix))!;
  return { key, row: decodeRow<T>(key, (await operate("readRow", path, "catalog", key))!) };
}

/** A database whose records are all in published blocks, with a text index; closed. Resolves with its manifest. */
async function createCompacted(options: { path: string; storage: Storage }): Promise<Manifest> {
  await createSettled(page, options);
  await page.evaluate(
    async ({ options, count }) => {
      const { open, recordsOf } = await load<Records>("records");
      globalThis.client = new tidepool.TidepoolClient(options);
      globalThis.collection = await open(client);
      await collection.add(recordsOf(0, count));
    },
    { options, count: RECORDS },
  );
  const published = async (): Promise<Manifest> => (await catalogRow<Manifest>(options.path, "manifest/")).row;
  await expect.poll(async () => (await published()).count, patience).toBe(RECORDS);
  await page.evaluate(() => client.close());
  const manifest = await published();
  expect(manifest.sections.text.segments).not.toEqual([]);
  return manifest;
}

/** Flips one byte in the middle of a block. Doing it again undoes it. */
async function flip({ path, storage }: { path: string; storage: Storage }, ref: BlockRef): Promise<void> {
  const middle = Math.floor(ref.length / 2);
  if (storage === "opfs") await operate("flipInArena", path, ref.arena, ref.offset + middle);
  else await operate("flipInRow", path, "blobs", [ref.arena, Math.floor(middle / 16_384)], middle % 16_384);
}

/** Reads of all kinds, until one is refused. */
function readEverything(options: TidepoolClientOptions): Promise<Rejection> {
  return page.evaluate(
    async ({ options, count }) => {
      const { faultsOf, rejection, visit } = await load<Records>("records");
      return rejection(visit(options, (collection) => faultsOf(collection, count)));
    },
    { options, count: RECORDS },
  );
}

// What finds the damage is the same in every browser; the files that Chromium keeps are all looked through, those of others in one storage.
const damaged: Storage[] = isTriedIn(target) ? ["opfs", "indexeddb"] : ["opfs"];

describe.each(damaged)("a damaged database in %s", (storage) => {
  const options = { path: `damaged-${storage}`, storage };
  let manifest: Manifest;

  test("is made", async () => {
    manifest = await createCompacted(options);
    expect(await faults(options, RECORDS)).toEqual([]);
  });

  test.each<[string, (sections: Manifest["sections"]) => BlockRef]>([
    ["ids", ({ records }) => records.ids[0]!.refs[0]!],
    ["records", ({ records }) => records.payload[0]!.refs[0]!],
    ["codes", ({ vectors }) => vectors.rows[0]!.refs[0]!],
    ["embeddings", ({ vectors }) => vectors.rows[0]!.refs[1]!],
    ["metadata", ({ metadata }) => metadata.postings.blocks[0]!.ref],
    ["text", ({ text }) => text.segments![0]!.leaves[0]!.postings],
  ])("a changed byte in its %s is CORRUPTION that names collection and block, and nothing is changed", async (_, refOf) => {
    const ref = refOf(manifest.sections);
    await flip(options, ref);
    const before = await operate("inventory", options.path);
    const refusal = await readEverything(options);
    expect(refusal).toMatchObject({ code: "CORRUPTION" });
    expect(refusal!.message).toContain('collection "notes"');
    expect(refusal!.message).toContain(`${ref.arena}:${ref.offset}+${ref.length}`);
    expect(await operate("inventory", options.path)).toEqual(before);
    await flip(options, ref);
  });

  test("all is back once every change was undone", async () => {
    expect(await faults(options, RECORDS)).toEqual([]);
  });

  test("a changed byte in its catalog row format is CORRUPTION", async () => {
    await operate("flipInRow", options.path, "catalog", "format", 20);
    const before = await operate("inventory", options.path);
    const refusal = await readEverything(options);
    expect(refusal).toMatchObject({ code: "CORRUPTION" });
    expect(refusal!.message).toContain('"format"');
    expect(await operate("inventory", options.path)).toEqual(before);
    await operate("flipInRow", options.path, "catalog", "format", 20);
    expect(await faults(options, RECORDS)).toEqual([]);
  });

  test.each<[string, number[] | null]>([
    ["collection/", null],
    ["manifest/", [1, 2, 3, 4, 5]],
  ])(
    "a catalog row %s that is gone or overwritten is read from its spare, with a warning, and nothing is changed",
    async (prefix, bytes) => {
      const { key } = await catalogRow(options.path, prefix);
      const row = await operate("readRow", options.path, "catalog", key);
      await operate("writeRow", options.path, "catalog", key, bytes);
      const before = await operate("inventory", options.path);
      expect(await faults(options, RECORDS)).toEqual([]);
      const warnings = await page.evaluate(async (options) => {
        const client = new tidepool.TidepoolClient({ ...options, onWarning: () => undefined });
        const { warnings } = await client.info();
        await client.close();
        return warnings;
      }, options);
      expect(warnings).toEqual([expect.stringContaining(`"${key}"`)]);
      expect(await operate("inventory", options.path)).toEqual(before);
      await operate("writeRow", options.path, "catalog", key, row);
    },
  );

  test("a changed byte in its log is CORRUPTION that names collection and log record", async () => {
    await add(options, RECORDS, 1);
    const keys = (await operate("keysOf", options.path, "log")) as [collection: string, offset: number][];
    const key = keys.find(([, offset]) => offset > 0)!;
    await operate("flipInRow", options.path, "log", key, 100);
    const before = await operate("inventory", options.path);
    const refusal = await readEverything(options);
    expect(refusal).toMatchObject({ code: "CORRUPTION" });
    expect(refusal!.message).toContain(`Log record ${key[1]} of collection "notes"`);
    expect(await operate("inventory", options.path)).toEqual(before);
    await operate("flipInRow", options.path, "log", key, 100);
    expect(await faults(options, RECORDS + 1)).toEqual([]);
  });
});

test("an arena that has gone is DATA_EVICTED, no new one takes its place, and it is welcome back", async () => {
  const options = { path: "arena", storage: "opfs" } as const;
  const { sections } = await createCompacted(options);
  const { arena } = sections.records.ids[0]!.refs[0]!;
  const name = await operate("hideArena", options.path, arena);
  const before = await operate("inventory", options.path);
  expect(await readEverything(options)).toMatchObject({ code: "DATA_EVICTED" });
  expect(await operate("inventory", options.path)).toEqual(before);
  await operate("showArena", options.path, arena, name);
  expect(await faults(options, RECORDS)).toEqual([]);
});

test("a damaged graph is told of, built anew and saved, and the answers are right all the while", async () => {
  const options = { path: "damaged-graph", storage: "opfs" } as const;
  const graphOf = async () => (await catalogRow<Manifest>(options.path, "manifest/")).row.sections.vectors.graph;
  const errors: Error[] = [];
  page.on("pageerror", (error) => errors.push(error));
  await createSettled(page, options);
  await page.evaluate(async (options) => {
    const { fill, open } = await load<Graph>("graph");
    globalThis.client = new tidepool.TidepoolClient(options);
    await fill(await open(client));
  }, options);
  await expect.poll(graphOf, patience).not.toBeNull();
  await page.evaluate(() => client.close());
  const saved = (await graphOf())!;
  await flip(options, saved.pieces[0]!);

  const { found, truth, told, warnings } = await page.evaluate(async (options) => {
    const { embeddingOf, nearestTo, open } = await load<Graph>("graph");
    const told: TidepoolWarning[] = [];
    const onWarning = (warning: TidepoolWarning): never => {
      told.push(warning);
      throw new Error("the handler's own fault");
    };
    globalThis.client = new tidepool.TidepoolClient({ ...options, onWarning });
    const found = (await (await open(client)).query({ queryEmbeddings: [embeddingOf(7), embeddingOf(4000)], nResults: 5 })).ids;
    return { found, truth: [nearestTo(7, 5), nearestTo(4000, 5)], told, warnings: (await client.info()).warnings };
  }, options);
  expect(found).toEqual(truth);
  const message = expect.stringMatching(/graph of collection "large" could not be used and is built anew: .*checksum/) as string;
  expect(told).toEqual([{ code: "GRAPH_DAMAGED", message, collection: "large" }]);
  expect(warnings).toEqual([message]);
  expect(errors.map((error) => error.message)).toEqual(["the handler's own fault"]);

  await expect.poll(graphOf, patience).not.toEqual(saved);
  await page.evaluate(() => client.close());
  // Nobody listens any more, and there is nothing to hear.
  const complaints: string[] = [];
  page.on("console", (entry) => complaints.push(entry.text()));
  await page.evaluate(async (options) => {
    const { open } = await load<Graph>("graph");
    const again = new tidepool.TidepoolClient(options);
    await (await open(again)).count();
    await again.close();
  }, options);
  expect(complaints).toEqual([]);
});

test.each(["indexeddb", "opfs"] as const)(
  "a database whose %s the browser has dropped alone is DATA_EVICTED, and what the message advises helps",
  async (dropped) => {
    const options = { path: `dropped-${dropped}`, storage: "auto" } as const;
    await createCompacted({ ...options, storage: "opfs" });
    await operate("dropStore", options.path, dropped);
    const sizes = dropped === "indexeddb" ? await operate("arenaSizes", options.path) : [];
    for (let attempt = 0; attempt < 2; attempt++) {
      const refusal = await readEverything(options);
      expect(refusal).toMatchObject({ code: "DATA_EVICTED", details: { lost: dropped } });
      expect(refusal!.message).toMatch(/the browser has dropped .* Nothing was changed\. destroyPath/);
    }
    expect(await operate("arenaSizes", options.path)).toEqual(sizes);
    await page.evaluate((path) => tidepool.destroyPath({ path }), options.path);
    await add(options, 0, 20);
    expect(await faults(options, 20)).toEqual([]);
  },
);

test("a small database in OPFS, all of it in the log, is DATA_EVICTED when the browser has dropped IndexedDB alone", async () => {
  const options = { path: "small", storage: "opfs" } as const;
  await add(options, 0, 100);
  await operate("dropStore", options.path, "indexeddb");
  const count = () =>
    page.evaluate(async (path) => {
      const { rejection } = await load<Records>("records");
      const client = new tidepool.TidepoolClient({ path });
      return rejection(client.countCollections().finally(() => client.close()));
    }, options.path);
  expect(await count()).toMatchObject({ code: "DATA_EVICTED" });
  await page.evaluate((path) => tidepool.destroyPath({ path }), options.path);
  await add(options, 0, 20);
  expect(await faults(options, 20)).toEqual([]);
});

test("a path that a client holds is not destroyed, and nothing is left of one that is", async () => {
  const options = { path: "to-be-destroyed" };
  await add(options, 0, 50);
  const left = await page.evaluate(async (options) => {
    const { open, rejection } = await load<Records>("records");
    const client = new tidepool.TidepoolClient(options);
    const collection = await open(client);
    const refusal = await rejection(tidepool.destroyPath(options));
    const count = await collection.count();
    await client.close();
    await tidepool.destroyPath(options);
    const databases = (await indexedDB.databases()).map(({ name }) => name);
    const root = await (await navigator.storage.getDirectory()).getDirectoryHandle("tidepool");
    const folder = await root.getDirectoryHandle(options.path).catch((error: DOMException) => error.name);
    return { code: refusal?.code, count, database: databases.includes(`tidepool:${options.path}`), folder };
  }, options);
  expect(left).toEqual({ code: "LOCKED", count: 50, database: false, folder: "NotFoundError" });
  const count = await page.evaluate(
    async (options) => (await load<Records>("records")).visit(options, (collection) => collection.count()),
    options,
  );
  expect(count).toBe(0);
});

test("a database of a newer format is refused by name and left alone", async () => {
  const options = { path: "newer" };
  await add(options, 0, 100);
  const { key, row } = await catalogRow<Format>(options.path, "format");
  const bytes = (await operate("readRow", options.path, "catalog", key))!;
  await operate("writeRow", options.path, "catalog", key, encodeRow(key, { ...row, formatVersion: row.formatVersion + 1 }));
  const before = await operate("inventory", options.path);
  const refusal = await readEverything(options);
  expect(refusal).toMatchObject({ code: "FORMAT_TOO_NEW" });
  expect(refusal!.message).toContain(String(row.formatVersion + 1));
  expect(await operate("inventory", options.path)).toEqual(before);
  await operate("writeRow", options.path, "catalog", key, bytes);
  expect(await faults(options, 100)).toEqual([]);
});

describe.each<Storage>(["opfs", "indexeddb"])("a full origin, %s", (storage) => {
  async function limitFromNowOn(bytes: (usage: number) => number): Promise<() => Promise<void>> {
    if (remembersRoom) {
      await suite.context.close();
      suite.context = await openBrowser(suite.profile);
      page = await openTab(suite.context, suite.app);
    }
    const usage = await page.evaluate(async () => (await navigator.storage.estimate()).usage!);
    return limitStorage(page, bytes(usage));
  }

  async function open(options: TidepoolClientOptions): Promise<void> {
    await page.evaluate(async (options) => {
      globalThis.client = new tidepool.TidepoolClient(options);
      globalThis.collection = await (await load<Records>("records")).open(client);
    }, options);
  }

  test("refuses a write by name, keeps whole batches only, and takes the rest when there is room again", async () => {
    const options = { path: `full-${storage}`, storage };
    await add(options, 0, 1000);
    const lift = await limitFromNowOn((usage) => usage + 12_000_000);
    await open(options);
    const { refusal, ids, batch } = await page.evaluate(async () => {
      const { recordsOf, rejection } = await load<Records>("records");
      let batch = 0;
      const onProgress = ({ done }: { done: number }): void => void (batch ||= done);
      const refusal = await rejection(collection.add({ ...recordsOf(1000, 15_000), onProgress }));
      return { refusal, ids: (await collection.get({ include: [] })).ids, batch };
    });
    expect(refusal).toMatchObject({ code: "QUOTA_EXCEEDED" });
    const acknowledged = refusal!.details.acknowledged as number;
    const numbers = (from: number, count: number): string[] => Array.from({ length: count }, (_, i) => `r${from + i}`);
    expect(ids.slice(0, 1000 + acknowledged)).toEqual(numbers(0, 1000 + acknowledged));
    // The batch that was under way beside the one that failed may have found room: it is there as a whole or not at all.
    // Where the browser reckons with twice the bytes no batch may fit, and none has told the size of batches.
    expect(batch === 0 ? [0] : [0, batch]).toContain(ids.length - 1000 - acknowledged);

    await lift();
    await page.evaluate(async (from) => {
      await collection.upsert((await load<Records>("records")).recordsOf(from, 2000));
      await client.close();
    }, 1000 + acknowledged);
    const found = await page.evaluate(async (options) => {
      const { visit } = await load<Records>("records");
      return visit(options, async (collection) => (await collection.get({ include: [] })).ids);
    }, options);
    expect(new Set(found)).toEqual(new Set([...ids, ...numbers(1000 + acknowledged, 2000)]));
    expect(found.length).toBe(new Set(found).size);
  });

  test("lets compaction wait: what was acknowledged is served from the log meanwhile", async () => {
    const options = { path: `full-compaction-${storage}`, storage };
    await createSettled(page, options);
    await add(options, 0, RECORDS);
    const lift = await limitFromNowOn(() => 1);
    await open(options);
    const served = () => page.evaluate(async (count) => (await load<Records>("records")).faultsOf(collection, count), RECORDS);
    expect(await served()).toEqual([]);
    await expect.poll(() => page.evaluate(async () => String((await client.info()).compactionError)), patience).toMatch(/more bytes/);
    expect(await served()).toEqual([]);

    await lift();
    const update = () => page.evaluate(() => collection.update({ ids: ["r0"], metadatas: [{ parity: "even" }] }));
    const compacted = () =>
      page.evaluate(async () => {
        const { compactionError, logRecords, blockBytesUsed } = await client.info();
        return { compactionError, logRecords, hasBlocks: blockBytesUsed > 0 };
      });
    await update();
    await expect.poll(compacted, patience).toEqual({ compactionError: null, logRecords: 0, hasBlocks: true });
    expect(await served()).toEqual([]);
    await page.evaluate(() => client.close());
    expect(await faults(options, RECORDS)).toEqual([]);
  });
});
