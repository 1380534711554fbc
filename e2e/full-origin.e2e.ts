/**
 * An origin in which nothing fits any more, whoever has filled it: room can be made in every way there is, and writes go on. Each
 * case has a profile of its own, so that none meets what another left there.
 */
import type { BrowserContext, Page } from "playwright";
import type { TidepoolClientOptions } from "tidepool-db";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createProfile, limitStorage, openBrowser, remembersRoom, removeProfile } from "../tools/browser/browser.js";
import type { StaticServer } from "../tools/browser/static-server.js";
import { can, target } from "../tools/browser/target.js";
import { openTab, serveApp } from "./support/app.js";
import { expectNoViolations } from "./support/strict-policy.js";

type Records = typeof import("./pages/records.js");
type Filler = "itself" | "another database" | "files";

let app: StaticServer;

beforeAll(async () => {
  app = await serveApp();
});

afterAll(async () => {
  await app.close();
  expectNoViolations(app);
});

/** A page in a browser of its own. */
interface Place {
  page: Page;
  /** From then on the origin takes so many bytes more and no others; the page may be a new one. */
  limit(more: number): Promise<void>;
}

async function alone(body: (place: Place) => Promise<void>): Promise<void> {
  const profile = await createProfile();
  let context: BrowserContext | undefined;
  const start = async (): Promise<Page> => {
    await context?.close();
    context = await openBrowser(profile);
    return openTab(context, app);
  };
  const place: Place = {
    page: await start(),
    limit: async (more) => {
      if (remembersRoom) place.page = await start();
      const usage = await place.page.evaluate(async () => (await navigator.storage.estimate()).usage!);
      await limitStorage(place.page, Math.max(1, usage + more));
    },
  };
  try {
    await body(place);
  } finally {
    await context?.close();
    await removeProfile(profile);
  }
}

function fill(page: Page, filler: Filler): Promise<void> {
  return page.evaluate({ itself: fillItself, "another database": fillByDatabase, files: fillByFile }[filler]);
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

/** Whether the limit is one of the origin's own, set by the debugger; in Firefox a file takes what is beyond it. */
const isSet = can("devtools");

const storages = ["opfs", "indexeddb"] as const;
type Storage = (typeof storages)[number];

/** Each case in one storage, by turns, and in the other one in the next browser; with `ALL=1` in both. */
function byStorage<Case>(cases: readonly Case[]): [Storage, Case][] {
  const offset = target === "chromium" ? 0 : 1;
  return cases.flatMap((one, i) =>
    storages.filter((_, s) => process.env["ALL"] === "1" || (s + i + offset) % 2 === 0).map((storage): [Storage, Case] => [storage, one]),
  );
}

// Two at a time, since some wait for half a minute.
test.concurrent.each(byStorage<Filler>(["files", "itself", "another database"]))(
  "%s, filled by %s: delete, reset and destroyPath work",
  (storage, filler) => alone((place) => makeRoom(place, storage, filler)),
);

test.concurrent.each(byStorage([500_000, Infinity]))(
  "%s, granted %d bytes less than is stored: all is read, and destroyPath works",
  (storage, less) => alone((place) => readAndDestroy(place, storage, -less)),
);

async function store(page: Page, options: TidepoolClientOptions): Promise<void> {
  await page.evaluate(async (options) => {
    const { recordsOf, visit } = await load<Records>("records");
    await visit(options, (collection) => collection.add(recordsOf(0, 2000)));
  }, options);
}

async function readAndDestroy(place: Place, storage: Storage, more: number): Promise<void> {
  const options: TidepoolClientOptions = { path: "less", storage };
  await store(place.page, options);
  await place.limit(more);
  const seen = await place.page.evaluate(async (options) => {
    const { open, recordsOf, rejection } = await load<Records>("records");
    const client = new tidepool.TidepoolClient(options);
    const collection = await open(client);
    const refused = (await rejection(collection.add(recordsOf(2000, 1000))))?.code;
    const count = await collection.count();
    await client.close();
    await tidepool.destroyPath({ path: options.path! });
    return { refused, count, left: (await indexedDB.databases()).map(({ name }) => name) };
  }, options);
  expect(seen).toEqual({ refused: "QUOTA_EXCEEDED", count: 2000, left: [] });
}

async function makeRoom(place: Place, storage: Storage, filler: Filler): Promise<void> {
  const options: TidepoolClientOptions = { path: "full", storage, allowReset: true };
  await store(place.page, options);
  await place.limit(6_000_000);
  const { page } = place;
  await page.evaluate(async (options) => {
    globalThis.client = new tidepool.TidepoolClient(options);
    globalThis.collection = await (await load<Records>("records")).open(client);
  }, options);
  await fill(page, filler);
  expect(await refusal(page)).toBe("QUOTA_EXCEEDED");
  const another = await page.evaluate(
    async (options) => {
      const { recordsOf, rejection, visit } = await load<Records>("records");
      return rejection(visit(options, (collection) => collection.add(recordsOf(0, 10_000))));
    },
    { ...options, path: "new" },
  );
  expect(another?.code).toBe("QUOTA_EXCEEDED");
  const deleted = await page.evaluate(async () => {
    const before = await collection.count();
    await collection.delete({ ids: Array.from({ length: 500 }, (_, i) => `r${i}`) });
    return before - (await collection.count());
  });
  expect(deleted).toBe(500);
  const collections = await page.evaluate(async () => {
    await client.reset();
    const left = await client.countCollections();
    await client.close();
    return left;
  });
  expect(collections).toBe(0);
  const kept = await page.evaluate(async (path) => {
    for (const each of [path, "new"]) await tidepool.destroyPath({ path: each });
    return (await indexedDB.databases()).map(({ name }) => name).filter((name) => name !== "filler");
  }, options.path!);
  expect(kept).toEqual([]);
}

/** For up to half a minute Chromium goes by the room that IndexedDB had before others took it, and lets it write beyond. */
function refusal(page: Page): Promise<string> {
  return page.evaluate(
    async (count) => {
      const { recordsOf, rejection } = await load<Records>("records");
      for (let first = 9_000_000; ; first += count) {
        const error = await rejection(collection.add(recordsOf(first, count)));
        if (error !== null) return error.code;
        await new Promise((resolve) => setTimeout(resolve, 1000));
      }
    },
    isSet ? 1 : 1000,
  );
}
