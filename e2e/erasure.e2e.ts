/**
 * What is left in the profile's files once records were deleted and erased, looked for byte by byte while no browser runs: nothing
 * in the origin private file system. In IndexedDB's own files the browser may keep what the log once held, which no page can
 * change; docs/upkeep.md says so, and that there is no third place.
 */
import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TidepoolClient } from "tidepool-db";
import { expect, test } from "vitest";
import { createProfile, removeProfile, spawnBrowser } from "../tools/browser/browser.js";
import { createSettled, openTab, serveApp } from "./support/app.js";
import { useSuite } from "./support/suite.js";

const suite = useSuite(serveApp);
/** Where Chromium and Firefox keep IndexedDB. */
const INDEXED_DB = /[/\\](IndexedDB|idb)[/\\]/;

/** Texts that stand nowhere else, and the bytes of a vector. */
const needles = { id: hex(), document: hex(), key: hex(), value: hex(), uri: hex() };
const vector = Array.from({ length: 32 }, () => Math.fround(Math.random()));
const vectorBytes = Buffer.from(Float32Array.from(vector).buffer);

function hex(): string {
  return randomBytes(20).toString("hex");
}

/** Files of the profile in which one of the needles stands. */
async function filesWith(profile: string): Promise<string[]> {
  const found: string[] = [];
  const wanted = [...Object.values(needles).map((text) => Buffer.from(text)), vectorBytes];
  for (const { parentPath, name } of (await readdir(profile, { recursive: true, withFileTypes: true })).filter((file) => file.isFile())) {
    const path = join(parentPath, name);
    const bytes = await readFile(path);
    if (wanted.some((needle) => bytes.includes(needle))) found.push(path);
  }
  return found;
}

/** Records with the needles in them, in blocks, and one of another collection that stays. */
async function fill({ needles, vector }: { needles: Record<string, string>; vector: number[] }): Promise<number> {
  const { id, document, key, value, uri } = needles as Record<"id" | "document" | "key" | "value" | "uri", string>;
  const client: TidepoolClient = new tidepool.TidepoolClient({ path: "erasure" });
  const collection = await client.createCollection({ name: "notes", embeddingFunction: null });
  const numbers = Array.from({ length: 600 }, (_, i) => i);
  await collection.add({
    ids: numbers.map((i) => `${id}-${i}`),
    documents: numbers.map(() => `${document} ${"x".repeat(500)}`),
    uris: numbers.map(() => uri),
    metadatas: numbers.map((i) => ({ [key]: value, n: i })),
    embeddings: numbers.map(() => vector),
  });
  await collection.add({ ids: ["stays"], embeddings: [vector.map(() => 1)] });
  for (let info = await client.info(); info.compacting || info.logRecords > 0; info = await client.info()) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return collection.count();
}

/** Fills a database, ends the browser, does in a new one what is to erase, ends that, and looks for what is left. */
async function leftAfter<Told>(erase: (vector: number[]) => Promise<Told>): Promise<{ told: Told; files: string[] }> {
  const profile = await createProfile();
  try {
    let browser = await spawnBrowser(profile);
    let page = await openTab(browser.context, suite.app);
    // Erasing waits until arenas have come of age, which `core/engine.young-arenas.test.ts` looks at.
    await createSettled(page, { path: "erasure" });
    expect(await page.evaluate(fill, { needles, vector })).toBe(601);
    await browser.close();
    expect((await filesWith(profile)).some((path) => !INDEXED_DB.test(path))).toBe(true);
    browser = await spawnBrowser(profile);
    page = await openTab(browser.context, suite.app);
    const told = await page.evaluate(erase, vector);
    await browser.close();
    return { told, files: (await filesWith(profile)).filter((path) => !INDEXED_DB.test(path)) };
  } finally {
    await removeProfile(profile);
  }
}

const clause = "in the profile but in IndexedDB's own files, which the browser clears when it likes";

test(`erased records stand nowhere ${clause}`, async () => {
  const { told, files } = await leftAfter(async () => {
    const client: TidepoolClient = new tidepool.TidepoolClient({ path: "erasure" });
    const collection = await client.getCollection({ name: "notes", embeddingFunction: null });
    await collection.delete({ where: { n: { $gte: 0 } } });
    const progress: number[] = [];
    const { versionsKept } = await client.vacuum({ erase: true, onProgress: ({ done, total }) => void progress.push(done / total) });
    const { ids } = await collection.get();
    await client.close();
    return { ids, versionsKept, progress };
  });
  expect(told).toEqual({ ids: ["stays"], versionsKept: 0, progress: [0.5, 1] });
  expect(files).toEqual([]);
});

test(`a deleted collection stands nowhere ${clause}, once its database was vacuumed with \`erase\``, async () => {
  const { told, files } = await leftAfter(async (vector) => {
    const client: TidepoolClient = new tidepool.TidepoolClient({ path: "erasure" });
    const other = await client.createCollection({ name: "other", embeddingFunction: null });
    await other.add({ ids: ["stays"], embeddings: [vector.map(() => 1)] });
    await client.deleteCollection({ name: "notes" });
    await client.vacuum({ erase: true });
    const { ids } = await other.get();
    await client.close();
    return ids;
  });
  expect(told).toEqual(["stays"]);
  expect(files).toEqual([]);
});

test(`a destroyed database stands nowhere ${clause}`, async () => {
  const { told, files } = await leftAfter(async () => {
    await tidepool.destroyPath({ path: "erasure" });
    return (await indexedDB.databases()).map(({ name }) => name);
  });
  expect(told).toEqual([]);
  expect(files).toEqual([]);
});
