/** Everything that can be got wrong through the public API, in a real browser with the real engine underneath. */
import type { BrowserContext, Page } from "playwright";
import type { Collection, EngineInfo, TidepoolClient } from "tidepool-db";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createProfile, openBrowser, removeProfile } from "../tools/browser/browser.js";
import type { StaticServer } from "../tools/browser/static-server.js";
import { badInputs, type Outcome, type Setting } from "./pages/bad-inputs.js";
import { openTab, serveApp } from "./support/app.js";

declare global {
  /** In the page: what the calls work on. */
  var setting: Setting;
}

let app: StaticServer;
let profile: string;
let context: BrowserContext;
let page: Page;
let before: { collections: string[]; records: unknown; info: EngineInfo };

beforeAll(async () => {
  app = await serveApp();
  profile = await createProfile();
  context = await openBrowser(profile);
  page = await openTab(context, app);
  await page.evaluate(async () => {
    const client = new tidepool.TidepoolClient({ path: "bad-inputs", storage: "opfs" });
    const embeddingFunction = { generate: async (texts: string[]) => texts.map(() => [1, 2, 3]) };
    const collection = await client.createCollection({ name: "guarded", metadata: { kept: true }, embeddingFunction });
    const silent = await client.createCollection({ name: "silent", embeddingFunction: null });
    await collection.add({
      ids: ["a", "b", "c"],
      embeddings: [
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
      ],
      documents: ["ebb", null, "flow"],
      metadatas: [{ n: 1, tags: ["x", "y"] }, null, { n: 2.5, ok: true }],
      uris: [null, "urn:b", null],
    });
    globalThis.setting = { tidepool, client, collection, silent };
  });
  before = await state();
});

afterAll(async () => {
  await context?.close();
  await app?.close();
  await removeProfile(profile);
});

/** Everything that a refused call could have changed. */
function state(): Promise<typeof before> {
  return page.evaluate(async () => {
    const { client } = setting;
    const describe = (collection: Collection): string =>
      JSON.stringify([collection.name, collection.metadata, collection.configuration, collection.dimension]);
    const read = async (one: TidepoolClient) => {
      const collections = await one.listCollections();
      const include = ["documents", "metadatas", "embeddings", "uris"] as const;
      const records = await Promise.all(collections.map(async (collection) => ({ ...(await collection.get({ include: [...include] })) })));
      return { collections: collections.map(describe), records };
    };
    return { ...(await read(client)), info: await client.info() };
  });
}

test("there are more than a hundred, told apart by name", () => {
  expect(badInputs.length).toBeGreaterThan(100);
  expect(new Set(badInputs.map(({ name }) => name)).size).toBe(badInputs.length);
});

describe("refused", () => {
  test.each(badInputs.map((input, index) => ({ ...input, index })))("$code: $name", async ({ index, code, names }) => {
    const outcome: Outcome | null = await page.evaluate(async (index) => {
      const { attempt, badInputs } = await load<typeof import("./pages/bad-inputs.js")>("bad-inputs");
      return attempt(badInputs[index]!, setting);
    }, index);
    expect(outcome).toMatchObject({ isTidepoolError: true, code });
    for (const name of names) expect(outcome!.message).toContain(name);
  });
});

test("after all of them nothing has changed: no collection, no record, no byte of the log", async () => {
  const after = await state();
  expect(after.collections).toEqual(before.collections);
  expect(after.records).toEqual(before.records);
  // What is in memory, and what the browser counts, has a life of its own.
  const { memoryBytes: _bytes, memory: _memory, quota: _quota, ...info } = after.info;
  expect(before.info).toMatchObject(info);
});

test("and good input is still taken, now and after opening the database again", async () => {
  const found = await page.evaluate(async () => {
    await setting.collection.add({ ids: ["d"], documents: ["neap"], metadatas: [{ n: 3 }] });
    await setting.client.close();
    const client = new tidepool.TidepoolClient({ path: "bad-inputs" });
    const collection = await client.getCollection({ name: "guarded" });
    const { ids, documents } = await collection.get();
    await client.close();
    return { ids, documents };
  });
  expect(found).toEqual({ ids: ["a", "b", "c", "d"], documents: ["ebb", null, "flow", "neap"] });
});
