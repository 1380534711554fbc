/**
 * Encryption in real browsers and in Node: no byte of what was written can be read in the profile's files, tabs with the key take over
 * from each other, and whoever has another key, or none, is told so and gets nothing.
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright";
import { passphraseKey, type TidepoolClient } from "tidepool-db";
import { NodeClient } from "tidepool-db/node";
import { expect, test } from "vitest";
import { createProfile, removeProfile, spawnBrowser } from "../tools/browser/browser.js";
import { createSettled, openTab, serveApp } from "./support/app.js";
import { useSuite } from "./support/suite.js";

const suite = useSuite(serveApp);

const hex = (): string => randomBytes(20).toString("hex");
/** Texts that stand nowhere else, and the bytes of a vector. */
const needles = { name: hex(), id: hex(), document: hex(), key: hex(), value: hex(), uri: hex(), database: hex() };
const vector = Array.from({ length: 32 }, () => Math.fround(Math.random()));

/** Files in which one of the needles stands. */
async function filesWith(folder: string): Promise<string[]> {
  const wanted = [...Object.values(needles).map((text) => Buffer.from(text)), Buffer.from(Float32Array.from(vector).buffer)];
  const found: string[] = [];
  for (const { parentPath, name } of (await readdir(folder, { recursive: true, withFileTypes: true })).filter((file) => file.isFile())) {
    const bytes = await readFile(join(parentPath, name));
    // Browsers keep names in UTF-16 in places.
    const wide = Buffer.from(bytes.toString("latin1").replaceAll("\0", ""), "latin1");
    if (wanted.some((needle) => bytes.includes(needle) || wide.includes(needle))) found.push(join(parentPath, name));
  }
  return found;
}

/** In the page: the client, with a key of these bytes; or with none. */
async function open(page: Page, path: string, bytes: number[] | null, storage: "auto" | "indexeddb" = "auto"): Promise<void> {
  await page.evaluate(
    async ({ path, bytes, storage }) => {
      const importKey = () => crypto.subtle.importKey("raw", Uint8Array.from(bytes!), "AES-GCM", false, ["encrypt", "decrypt"]);
      const encryption = bytes === null ? undefined : { key: importKey };
      Object.assign(globalThis, { client: new tidepool.TidepoolClient({ path, storage, encryption }) });
    },
    { path, bytes, storage },
  );
}

/** In the page: some in blocks, some in the log. */
async function fill({ needles, vector }: { needles: Record<string, string>; vector: number[] }): Promise<void> {
  const { name, id, document, key, value, uri, database } = needles as Record<string, string>;
  const { client } = globalThis as unknown as { client: TidepoolClient };
  await new tidepool.AdminClient({ client }).createDatabase({ name: database!, tenant: "default_tenant" });
  const collection = await client.createCollection({ name: name!, metadata: { [key!]: value! }, embeddingFunction: null });
  const records = (from: number, to: number) => {
    const numbers = Array.from({ length: to - from }, (_, i) => from + i);
    return {
      ids: numbers.map((i) => `${id}-${i}`),
      documents: numbers.map(() => `${document} ${"x".repeat(500)}`),
      uris: numbers.map(() => uri!),
      metadatas: numbers.map((i) => ({ [key!]: value!, n: i })),
      embeddings: numbers.map(() => vector),
    };
  };
  await collection.add(records(0, 600));
  for (let info = await client.info(); info.compacting || info.blockBytesUsed === 0; info = await client.info()) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await collection.add(records(600, 610));
  await client.close();
}

async function outcome(page: Page): Promise<unknown> {
  return page.evaluate(async () => {
    const { client } = globalThis as unknown as { client: TidepoolClient };
    try {
      const [{ name }] = (await client.listCollections()) as unknown as [{ name: string }];
      const collection = await client.getCollection({ name, embeddingFunction: null });
      const { ids, documents } = await collection.get({ where: { n: { $gte: 599 } }, limit: 2 });
      return [name, await collection.count(), ids, documents[0]!.slice(0, 40)];
    } catch (error) {
      const { code, details } = error as { code: string; details: object };
      return { code, details };
    }
  });
}

const [key, otherKey] = [[...randomBytes(32)], [...randomBytes(32)]];
const whole = [needles.name, 610, [`${needles.id}-599`, `${needles.id}-600`], needles.document];
const wrong = (path: string, reason: string) => ({ code: "WRONG_KEY", details: { path, reason } });

test.each(["auto", "indexeddb"] as const)("nothing that was written stands in the profile: storage %s", async (storage) => {
  const profile = await createProfile();
  try {
    const browser = await spawnBrowser(profile);
    const tab = async (context: BrowserContext, bytes: number[] | null) => {
      const page = await openTab(context, suite.app);
      await open(page, "sealed", bytes, storage);
      return page;
    };
    const page = await openTab(browser.context, suite.app);
    await open(page, "sealed", key, storage);
    await page.evaluate(fill, { needles, vector });
    expect(await outcome(await tab(browser.context, otherKey))).toEqual(wrong("sealed", "wrong"));
    expect(await outcome(await tab(browser.context, null))).toEqual(wrong("sealed", "missing"));
    expect(await outcome(await tab(browser.context, key))).toEqual(whole);
    await browser.close();
    expect(await filesWith(profile)).toEqual([]);
  } finally {
    await removeProfile(profile);
  }
});

test("a tab with the key takes over, with all there is; one with another key, or none, gets nothing meanwhile", async () => {
  const pages = await Promise.all([0, 1, 2, 3].map(() => openTab(suite.context, suite.app)));
  const [holder, follower, stranger, keyless] = pages as [Page, Page, Page, Page];
  await open(holder, "taken", key);
  await holder.evaluate(fill, { needles, vector });
  await open(holder, "taken", key);
  expect(await outcome(holder)).toEqual(whole);
  await open(follower, "taken", key);
  await open(stranger, "taken", otherKey);
  await open(keyless, "taken", null);
  expect(await outcome(follower)).toEqual(whole);
  expect(await outcome(stranger)).toEqual(wrong("taken", "wrong"));
  expect(await outcome(keyless)).toEqual(wrong("taken", "missing"));
  await holder.close();
  expect(await outcome(follower)).toEqual(whole);
  const role = await follower.evaluate(async () => (globalThis as unknown as { client: TidepoolClient }).client.info());
  expect(role.role).toBe("holder");
  expect(await outcome(stranger)).toEqual(wrong("taken", "wrong"));
  for (const page of [follower, stranger, keyless]) await page.close();
});

test("a key is rotated from a follower: tabs that are in stay in, and what comes after needs the new one", async () => {
  const pages = await Promise.all([0, 1, 2].map(() => openTab(suite.context, suite.app)));
  const [holder, follower, stranger] = pages as [Page, Page, Page];
  await open(holder, "rotated", key, "indexeddb");
  await holder.evaluate(fill, { needles, vector });
  await open(holder, "rotated", key, "indexeddb");
  await open(follower, "rotated", key, "indexeddb");
  await open(stranger, "rotated", key, "indexeddb");
  expect([await outcome(holder), await outcome(follower)]).toEqual([whole, whole]);
  const told = await follower.evaluate(async (bytes) => {
    const { client } = globalThis as unknown as { client: TidepoolClient };
    const key = await crypto.subtle.importKey("raw", Uint8Array.from(bytes), "AES-GCM", false, ["encrypt", "decrypt"]);
    const seen: { done: number; total: number }[] = [];
    await client.rotateKey({ key, onProgress: (progress) => seen.push(progress) });
    return { seen, left: (await client.info()).keyRotation, role: (await client.info()).role };
  }, otherKey);
  expect(told).toMatchObject({ left: null, role: "follower" });
  // How much of it was in blocks by then is a matter of time.
  expect([told.seen.length > 1, told.seen.at(-1)!.done]).toEqual([true, told.seen.at(-1)!.total]);
  expect([await outcome(holder), await outcome(follower), await outcome(stranger)]).toEqual([whole, whole, wrong("rotated", "wrong")]);
  await holder.close();
  expect(await outcome(follower)).toEqual(whole);
  await open(stranger, "rotated", otherKey, "indexeddb");
  expect(await outcome(stranger)).toEqual(whole);
  for (const page of [follower, stranger]) await page.close();
});

test("a passphrase opens a database, and a key is refused by one that has none", async () => {
  const page = await openTab(suite.context, suite.app);
  await createSettled(page, { path: "plain" });
  const told = await page.evaluate(async () => {
    const codes: unknown[] = [];
    const attempt = async (path: string, passphrase: string) => {
      const client = new tidepool.TidepoolClient({ path, encryption: { key: () => tidepool.passphraseKey(passphrase) } });
      await client.heartbeat().then(
        () => codes.push("open"),
        ({ code, details }) => codes.push([code, details.reason]),
      );
      await client.close();
    };
    await attempt("said", "mellon");
    await attempt("said", "melon");
    await attempt("said", "mellon");
    await attempt("plain", "mellon");
    return codes;
  });
  expect(told).toEqual(["open", ["WRONG_KEY", "wrong"], "open", ["WRONG_KEY", "unencrypted"]]);
  await page.close();
});

test("in Node nothing that was written stands in the directory", async () => {
  const directory = await mkdtemp(join(tmpdir(), "tidepool-encrypted-"));
  try {
    const encryption = { key: () => passphraseKey("mellon") };
    const client = new NodeClient({ directory, encryption });
    const collection = await client.createCollection({ name: needles.name, embeddingFunction: null });
    await collection.add({ ids: [needles.id], documents: [needles.document], embeddings: [vector] });
    await client.close();
    const refused = new NodeClient({ directory });
    await expect(refused.countCollections()).rejects.toMatchObject({ code: "WRONG_KEY", details: { reason: "missing" } });
    await refused.close();
    const again = new NodeClient({ directory, encryption });
    const found = await again.getCollection({ name: needles.name, embeddingFunction: null });
    expect((await found.get()).documents).toEqual([needles.document]);
    await again.rotateKey({ key: () => passphraseKey("friend") });
    expect((await again.info()).keyRotation).toBeNull();
    await again.close();
    const former = new NodeClient({ directory, encryption });
    await expect(former.countCollections()).rejects.toMatchObject({ code: "WRONG_KEY", details: { reason: "wrong" } });
    await former.close();
    const rotated = new NodeClient({ directory, encryption: { key: () => passphraseKey("friend") } });
    expect(await rotated.countCollections()).toBe(1);
    await rotated.close();
    expect(await filesWith(directory)).toEqual([]);
    const memory = new NodeClient({ storage: "memory", encryption });
    await expect(memory.heartbeat()).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await memory.close();
  } finally {
    await rm(directory, { recursive: true });
  }
});
