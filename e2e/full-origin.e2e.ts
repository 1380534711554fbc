/**
 * An origin in which nothing fits any more, whoever has filled it: room can be made in every way there is, and writes go on.
 */
import type { Page } from "playwright";
import type { TidepoolClientOptions } from "tidepool-db";
import { afterEach, describe, expect, test } from "vitest";
import { limitStorage, openBrowser } from "../tools/browser/browser.js";
import { can } from "../tools/browser/target.js";
import { openTab, serveApp } from "./support/app.js";
import { useSuite } from "./support/suite.js";

type Records = typeof import("./pages/records.js");
type Filler = "itself" | "another database" | "files";

const suite = useSuite(serveApp);
let page: Page;

afterEach(() => page.close());

/** For some seconds Chromium remembers how much room IndexedDB had; a browser that has just started does not. */
async function limitFromNowOn(more: number): Promise<() => Promise<void>> {
  await suite.context.close();
  suite.context = await openBrowser(suite.profile);
  page = await openTab(suite.context, suite.app);
  const usage = await page.evaluate(async () => (await navigator.storage.estimate()).usage!);
  return limitStorage(page, Math.max(1, usage + more));
}

async function fill(filler: Filler): Promise<void> {
  await page.evaluate({ itself: fillItself, "another database": fillByDatabase, files: fillByFile }[filler]);
}

async function fillItself(): Promise<void> {
  const { recordsOf, rejection } = await load<Records>("records");
  for (const count of [1000, 100, 10, 1]) {
    let first = 10_000 * count;
    while ((await rejection(collection.add(recordsOf(first, count)))) === null) first += count;
  }
}

async function fillByDatabase(): Promise<void> {
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open("filler", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("rows", { autoIncrement: true });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error!);
  });
  const put = (bytes: number) =>
    new Promise<boolean>((resolve) => {
      const transaction = database.transaction(["rows"], "readwrite");
      try {
        transaction.objectStore("rows").put(new Uint8Array(bytes));
      } catch (error) {
        // Firefox lets nothing be added right after a transaction that found no room.
        if ((error as DOMException).name !== "InvalidStateError") throw error;
      }
      transaction.oncomplete = () => resolve(true);
      transaction.onabort = () => resolve(false);
    });
  for (const bytes of [1_000_000, 100_000, 10_000]) while (await put(bytes));
  database.close();
}

/** Of several files, since one that is made longer needs room for all of it once more. */
async function fillByFile(): Promise<void> {
  const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("filler", { create: true });
  let files = 0;
  const write = async (bytes: number): Promise<boolean> => {
    let stream: FileSystemWritableFileStream | undefined;
    try {
      stream = await (await folder.getFileHandle(`${files++}`, { create: true })).createWritable();
      await stream.write(new Uint8Array(bytes));
      await stream.close();
      return true;
    } catch {
      await stream?.abort().catch(() => undefined);
      return false;
    }
  };
  for (const bytes of [1_000_000, 100_000, 10_000]) while (await write(bytes));
}

/** Whether one origin can be limited, by the debugger; in Firefox the limit is one for all. */
const isDriven = can("devtools");

describe.each(["opfs", "indexeddb"] as const)("%s", (storage) => {
  test.runIf(isDriven).each([
    ["a little", -500_000],
    ["nearly all", -Infinity],
  ])("granted less than is stored, by %s: all is read, and destroyPath works", async (_, more) => {
    const options: TidepoolClientOptions = { path: `less-${storage}`, storage };
    page = await openTab(suite.context, suite.app);
    await page.evaluate(async (options) => {
      const { recordsOf, visit } = await load<Records>("records");
      await visit(options, (collection) => collection.add(recordsOf(0, 2000)));
    }, options);
    const lift = await limitFromNowOn(more);
    const seen = await page.evaluate(async (options) => {
      const { open, recordsOf, rejection } = await load<Records>("records");
      const client = new tidepool.TidepoolClient(options);
      const collection = await open(client);
      const refused = (await rejection(collection.add(recordsOf(2000, 1000))))?.code;
      const count = await collection.count();
      await client.close();
      await tidepool.destroyPath({ path: options.path! });
      return { refused, count, left: (await indexedDB.databases()).map(({ name }) => name) };
    }, options);
    expect(seen).toEqual({ refused: "QUOTA_EXCEEDED", count: 2000, left: expect.not.arrayContaining([`tidepool:${options.path}`]) });
    await lift();
  });

  test.runIf(isDriven).each<Filler>(["files"])("filled by %s: delete, reset and destroyPath work", (filler) => makeRoom(storage, filler));
  test.runIf(isDriven || storage === "opfs").each<Filler>(["itself", "another database"])(
    "filled by %s: delete, reset and destroyPath work",
    (filler) => makeRoom(storage, filler),
  );
});

async function makeRoom(storage: "opfs" | "indexeddb", filler: Filler): Promise<void> {
  const options: TidepoolClientOptions = { path: `full-${storage}-${filler.replaceAll(" ", "-")}`, storage, allowReset: true };
  page = await openTab(suite.context, suite.app);
  await page.evaluate(async (options) => {
    const { recordsOf, visit } = await load<Records>("records");
    await visit(options, (collection) => collection.add(recordsOf(0, 2000)));
  }, options);
  const lift = await limitFromNowOn(6_000_000);
  await page.evaluate(async (options) => {
    globalThis.client = new tidepool.TidepoolClient(options);
    globalThis.collection = await (await load<Records>("records")).open(client);
  }, options);
  await fill(filler);
  // For up to half a minute Chromium goes by the room that IndexedDB had before others took it, and lets it write beyond.
  const refused = await page.evaluate(
    async (count) => {
      const { recordsOf, rejection } = await load<Records>("records");
      for (let first = 9_000_000; ; first += count) {
        const error = await rejection(collection.add(recordsOf(first, count)));
        if (error !== null) return error.code;
        await new Promise((resolve) => setTimeout(resolve, 1000));
      }
    },
    isDriven ? 1 : 1000,
  );
  expect(refused).toBe("QUOTA_EXCEEDED");
  const left = await page.evaluate(async () => {
    const before = await collection.count();
    await collection.delete({ ids: Array.from({ length: 500 }, (_, i) => `r${i}`) });
    return before - (await collection.count());
  });
  expect(left).toBe(500);
  const collections = await page.evaluate(async () => {
    await client.reset();
    const left = await client.countCollections();
    await client.close();
    return left;
  });
  expect(collections).toBe(0);
  await page.evaluate((path) => tidepool.destroyPath({ path }), options.path!);
  const kept = await page.evaluate(
    async (path) => (await indexedDB.databases()).map(({ name }) => name).includes(`tidepool:${path}`),
    options.path!,
  );
  expect(kept).toBe(false);
  await lift();
  await page.evaluate(async () => {
    indexedDB.deleteDatabase("filler");
    await (await navigator.storage.getDirectory()).removeEntry("filler", { recursive: true }).catch(() => undefined);
  });
}
