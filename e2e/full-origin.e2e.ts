/**
 * An origin in which nothing fits any more, whoever has filled it: room can be made in every way there is, and writes go on.
 */
import type { Page } from "playwright";
import type { TidepoolClientOptions } from "tidepool-db";
import { afterEach, describe, expect, test } from "vitest";
import { limitStorage, openBrowser } from "../tools/browser/browser.js";
import { openTab, serveApp } from "./support/app.js";
import { useSuite } from "./support/suite.js";

type Records = typeof import("./pages/records.js");
type Filler = "itself" | "another database";

const suite = useSuite(serveApp);
let page: Page;

afterEach(() => page.close());

/** For some seconds Chromium remembers how much room IndexedDB had; a browser that has just started does not. */
async function limitFromNowOn(more: number): Promise<() => Promise<void>> {
  await suite.context.close();
  suite.context = await openBrowser(suite.profile);
  page = await openTab(suite.context, suite.app);
  const usage = await page.evaluate(async () => (await navigator.storage.estimate()).usage!);
  return limitStorage(page, usage + more);
}

async function fill(filler: Filler): Promise<void> {
  if (filler === "itself") await page.evaluate(fillItself);
  else await page.evaluate(fillByDatabase);
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

describe.each(["opfs"] as const)("%s", (storage) => {
  test.each<Filler>(["itself", "another database"])("filled by %s: delete, reset and destroyPath work", async (filler) => {
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
    const refused = await page.evaluate(async () => {
      const { recordsOf, rejection } = await load<Records>("records");
      return (await rejection(collection.add(recordsOf(9_000_000, 1000))))?.code;
    });
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
      await (await navigator.storage.getDirectory()).removeEntry("filler").catch(() => undefined);
    });
  });
});
