/**
 * What is left in the profile's files once records were deleted and erased, looked for byte by byte while no browser runs: nothing
 * in the origin private file system. In IndexedDB's own files the browser may keep what the log once held, which no page can
 * change; the README says so, and that there is no third place.
 */
import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TidepoolClient } from "tidepool-db";
import { expect, test } from "vitest";
import { createProfile, removeProfile, spawnBrowser } from "../tools/browser/browser.js";
import { openTab, serveApp } from "./support/app.js";
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

test("erased records stand nowhere in the profile but in IndexedDB's own files, which the browser clears when it likes", async () => {
  const profile = await createProfile();
  try {
    let browser = await spawnBrowser(profile);
    let page = await openTab(browser.context, suite.app);
    const count = await page.evaluate(
      async ({ needles, vector }) => {
        const { id, document, key, value, uri } = needles;
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
      },
      { needles, vector },
    );
    expect(count).toBe(601);
    await browser.close();
    const before = await filesWith(profile);
    expect(before.some((path) => !INDEXED_DB.test(path))).toBe(true);
    browser = await spawnBrowser(profile);
    page = await openTab(browser.context, suite.app);
    const left = await page.evaluate(async () => {
      const client: TidepoolClient = new tidepool.TidepoolClient({ path: "erasure" });
      const collection = await client.getCollection({ name: "notes", embeddingFunction: null });
      await collection.delete({ where: { n: { $gte: 0 } } });
      const progress: number[] = [];
      const { versionsKept } = await client.vacuum({ erase: true, onProgress: ({ done, total }) => void progress.push(done / total) });
      const { ids } = await collection.get();
      await client.close();
      return { ids, versionsKept, progress };
    });
    expect(left).toEqual({ ids: ["stays"], versionsKept: 0, progress: [0.5, 1] });
    await browser.close();
    expect((await filesWith(profile)).filter((path) => !INDEXED_DB.test(path))).toEqual([]);
  } finally {
    await removeProfile(profile);
  }
});
