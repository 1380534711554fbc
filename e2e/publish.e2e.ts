/**
 * A database that a page publishes into a folder, and that pages of another origin read from a host: with the same answers, in few
 * requests, by all tabs together, again where the host is away, and never with bytes that were not published.
 */
import type { Page } from "playwright";
import type { TidepoolClient, TidepoolClientOptions } from "tidepool-db";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTab, serveApp } from "./support/app.js";
import { PublishedHost } from "./support/published-host.js";
import { useSuite } from "./support/suite.js";

const host = new PublishedHost();
const suite = useSuite(async () => {
  await host.listen();
  return serveApp({ connect: new URL(host.url).origin });
});
afterAll(() => host.close());

const RECORDS = 2000;

async function fill(records: number): Promise<void> {
  const client = new tidepool.TidepoolClient({ path: "notes" });
  const notes = await client.createCollection({ name: "notes", embeddingFunction: null });
  const ids = Array.from({ length: records }, (_, i) => `r${i}`);
  await notes.add({
    ids,
    embeddings: ids.map((_, i) => Array.from({ length: 96 }, (_, d) => Math.sin(i * 96 + d))),
    documents: ids.map((id, i) => `${id} and the ${["tide", "moon", "crab"][i % 3]}`),
    metadatas: ids.map((_, i) => ({ i })),
  });
  await client.close();
}

/** The files, as base64 by their names. */
async function publish(): Promise<[name: string, bytes: string][]> {
  const client = new tidepool.TidepoolClient({ path: "notes" });
  const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("site", { create: true });
  const { files } = await client.publish(folder);
  await client.close();
  return Promise.all(
    files.map(async (name): Promise<[string, string]> => {
      const file = await (await folder.getFileHandle(name)).getFile();
      const url = await new Promise<string>((resolve) => {
        const reader = Object.assign(new FileReader(), { onload: () => resolve(reader.result as string) });
        reader.readAsDataURL(file);
      });
      return [name, url.slice(url.indexOf(",") + 1)];
    }),
  );
}

/** What there is to find, or the code of the error. */
async function answers(options: TidepoolClientOptions): Promise<unknown> {
  const warnings: string[] = [];
  const client = new tidepool.TidepoolClient({ ...options, onWarning: ({ code }) => void warnings.push(code) });
  try {
    const notes = await client.getCollection({ name: "notes", embeddingFunction: null });
    const embedding = Array.from({ length: 96 }, (_, d) => Math.sin(1234 * 96 + d));
    return {
      near: await notes.query({ queryEmbeddings: [embedding], nResults: 5, include: ["documents", "distances"] }),
      text: (await notes.searchText({ query: "crab", nResults: 5 })).ids,
      where: (await notes.get({ where: { i: { $gte: 1995 } }, include: ["metadatas", "embeddings"] })).ids,
      count: await notes.count(),
      write: options.source ? await notes.delete({ ids: ["r1"] }).catch((error: { code: string }) => error.code) : "READ_ONLY",
      warnings,
    };
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    await client.close();
  }
}

let page: Page;
let whole: object;
beforeAll(async () => {
  page = await openTab(suite.context, suite.app);
  await page.evaluate(fill, RECORDS);
  whole = (await page.evaluate(answers, { path: "notes" })) as object;
  await take();
});

/** What is published becomes what the host has. */
async function take(): Promise<void> {
  host.files.clear();
  for (const [name, bytes] of await page.evaluate(publish)) host.files.set(name, Buffer.from(bytes, "base64"));
}

test("answers as it did where it was published, in few requests, and keeps what was read", async () => {
  const firstQuery = await page.evaluate(async (source) => {
    globalThis.reader = new tidepool.TidepoolClient({ source });
    const notes = await reader.getCollection({ name: "notes", embeddingFunction: null });
    const embedding = Array.from({ length: 96 }, (_, d) => Math.sin(1234 * 96 + d));
    return (await notes.query({ queryEmbeddings: [embedding], nResults: 5, include: ["documents", "distances"] })).ids;
  }, host.url);
  expect(firstQuery).toEqual((whole as { near: { ids: unknown } }).near.ids);
  expect(host.requests[0]).toBe("tidepool.json");
  expect(host.requests.length - 1).toBeLessThanOrEqual(5);
  // All tabs ask one engine.
  const other = await openTab(suite.context, suite.app);
  expect(await other.evaluate(answers, { source: host.url })).toEqual(whole);
  expect(host.requests.filter((name) => name === "tidepool.json").length).toBe(1);
  await page.evaluate(() => reader.close());
  const before = host.requests.length;
  expect(await other.evaluate(answers, { source: host.url })).toEqual(whole);
  expect(host.requests.slice(before)).toEqual(["tidepool.json"]);
  host.isAway = true;
  expect(await other.evaluate(answers, { source: host.url })).toEqual({ ...whole, warnings: ["SOURCE_UNREACHABLE"] });
  expect(await other.evaluate(answers, { source: { url: host.url, cacheBytes: 0 }, path: "apart" })).toBe("CONNECTION_LOST");
  host.isAway = false;
  await other.close();
});

test("bytes that were changed, a host without ranges, and one that gives no leave for several are told, or got over", async () => {
  const apart = { source: { url: host.url, cacheBytes: 0 } };
  const [name, bytes] = [...host.files].find(([name]) => name.startsWith("blocks-"))!;
  host.files.set(name, Buffer.from(bytes.map((byte) => byte ^ 4)));
  expect(await page.evaluate(answers, { ...apart, path: "damaged" })).toBe("CORRUPTION");
  host.files.set(name, bytes);
  expect(await page.evaluate(answers, { ...apart, path: "kept", storage: "indexeddb" as const })).toBe("INVALID_ARGUMENT");
  host.ranges = "none";
  expect(await page.evaluate(answers, { ...apart, path: "none" })).toBe("NOT_SUPPORTED");
  host.ranges = "single";
  expect(await page.evaluate(answers, { ...apart, path: "single" })).toEqual(whole);
  host.ranges = "several";
  expect(await page.evaluate(answers, { ...apart, path: "memory", storage: "memory" as const })).toEqual(whole);
});

test("a newer publication is opened by the call that finds the files of the one before gone", async () => {
  await page.evaluate(async (source) => {
    globalThis.reader = new tidepool.TidepoolClient({ source: { url: source, cacheBytes: 0 }, path: "open" });
    await reader.getCollection({ name: "notes", embeddingFunction: null });
    const client = new tidepool.TidepoolClient({ path: "notes" });
    const notes = await client.getCollection({ name: "notes", embeddingFunction: null });
    await notes.delete({ where: { i: { $gte: 10 } } });
    await (await navigator.storage.getDirectory()).removeEntry("site", { recursive: true });
    await client.close();
  }, host.url);
  await take();
  const ids = await page.evaluate(async () => {
    const notes = await reader.getCollection({ name: "notes", embeddingFunction: null });
    const { ids } = await notes.get({ whereDocument: { $contains: "moon" } });
    await reader.close();
    return ids;
  });
  expect(ids).toEqual(["r1", "r4", "r7"]);
});

declare global {
  var reader: TidepoolClient;
}
