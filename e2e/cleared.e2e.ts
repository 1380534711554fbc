/** Site data that is cleared while a database is open, and a browser that stores nothing: what a page sees of it, without a reload. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright";
import type { Collection, TidepoolClient } from "tidepool-db";
import { expect, test } from "vitest";
import { createProfile, openBrowser, removeProfile } from "../tools/browser/browser.js";
import { can } from "../tools/browser/target.js";
import { openTab, serveApp } from "./support/app.js";
import { useSuite } from "./support/suite.js";

type Records = typeof import("./pages/records.js");

declare global {
  var cleared: { client: TidepoolClient; collection: Collection; warnings: string[] };
}

const suite = useSuite(serveApp);

async function openCleared(page: Page, path: string): Promise<void> {
  await page.evaluate(async (path) => {
    const { open, recordsOf } = await load<Records>("records");
    const client = new tidepool.TidepoolClient({ path });
    const warnings: string[] = [];
    client.on("warning", ({ code }) => void warnings.push(code));
    const collection = await open(client);
    await collection.add(recordsOf(0, 50));
    globalThis.cleared = { client, collection, warnings };
  }, path);
}

async function clear(page: Page, storageTypes: string): Promise<void> {
  const session = await suite.context.newCDPSession(page);
  await session.send("Storage.clearDataForOrigin", { origin: new URL(suite.app.url).origin, storageTypes });
}

/** The code that one more write meets with; "" when it is acknowledged. */
function writeOnce(page: Page): Promise<string> {
  return page.evaluate(async () => {
    const { recordsOf } = await load<Records>("records");
    return cleared.collection.upsert(recordsOf(0, 10)).then(
      () => "",
      (error: { code: string }) => error.code,
    );
  });
}

test.runIf(can("devtools"))(
  "files that are cleared are noticed by a page that writes; what the log holds stays, and closing returns",
  async () => {
    const page = await openTab(suite.context, suite.app);
    await openCleared(page, "files");
    await clear(page, "file_systems");
    await expect
      .poll(async () => (await writeOnce(page)) || (await page.evaluate(() => cleared.warnings.at(-1))), { timeout: 20_000 })
      .toBe("DATA_EVICTED");
    await expect.poll(() => writeOnce(page), { timeout: 20_000 }).toBe("");
    expect(await page.evaluate(() => cleared.collection.count())).toBe(50);
    await page.evaluate(() => cleared.client.close());
    await page.close();
  },
);

test.runIf(can("devtools"))("closing returns when files are cleared that nobody has noticed", async () => {
  const page = await openTab(suite.context, suite.app);
  await openCleared(page, "unnoticed");
  await clear(page, "file_systems");
  await page.evaluate(() => cleared.client.close());
  await openCleared(page, "unnoticed");
  await page.evaluate(() => cleared.client.close());
  await page.close();
});

test.runIf(can("devtools"))("when everything is cleared a client is told, and goes on with an empty database", async () => {
  const page = await openTab(suite.context, suite.app);
  await openCleared(page, "all");
  await clear(page, "all");
  const collections = () => page.evaluate(() => cleared.client.countCollections().catch((error: { code: string }) => error.code));
  await expect.poll(collections, { timeout: 20_000 }).toBe(0);
  expect(await page.evaluate(() => cleared.warnings)).toContain("DATA_EVICTED");
  const count = await page.evaluate(async () => {
    const { open, recordsOf } = await load<Records>("records");
    const collection = await open(cleared.client);
    await collection.add(recordsOf(0, 20));
    const count = await collection.count();
    await cleared.client.close();
    return count;
  });
  expect(count).toBe(20);
  await page.close();
});

test.runIf(can("devtools"))("where site data is blocked only memory works, and the rest says why", async () => {
  const profile = await createProfile();
  await mkdir(join(profile, "Default"), { recursive: true });
  const settings = { profile: { default_content_setting_values: { cookies: 2 } } };
  await writeFile(join(profile, "Default", "Preferences"), JSON.stringify(settings));
  const context = await openBrowser(profile);
  try {
    const page = await openTab(context, suite.app);
    const outcome = await page.evaluate(async () => {
      const { open, recordsOf, rejection } = await load<Records>("records");
      const refusals = [await rejection(tidepool.destroyPath({ path: "blocked" }))];
      for (const storage of ["auto", "opfs", "indexeddb"] as const) {
        refusals.push(await rejection(new tidepool.TidepoolClient({ path: `blocked-${storage}`, storage }).countCollections()));
      }
      const collection = await open(new tidepool.TidepoolClient({ path: "blocked", storage: "memory" }));
      await collection.add(recordsOf(0, 20));
      return { refusals: refusals.map((refusal) => ({ ...(refusal as object) })), count: await collection.count() };
    });
    const refusal = { code: "NOT_SUPPORTED", message: expect.stringMatching(/site data may be blocked.*memory/) };
    expect(outcome).toMatchObject({ refusals: Array.from({ length: 4 }, () => refusal), count: 20 });
  } finally {
    await context.close();
    await removeProfile(profile);
  }
});
