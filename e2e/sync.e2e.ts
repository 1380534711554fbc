/** A sync in real tabs with a real server of another origin: one syncs what any of them writes, and another takes over. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright";
import { TidepoolClient } from "tidepool-db";
import { NodeClient } from "tidepool-db/node";
import type { Sync, SyncOptions } from "tidepool-db/sync";
import { afterAll, expect, test } from "vitest";
import { openTab, serveApp } from "./support/app.js";
import { type Serving, serving } from "./support/command.js";
import { useSuite } from "./support/suite.js";

type Told = { states: string[] };

declare global {
  /** In the page. */
  var sync: Sync;
}

let home: string;
let server: Serving;
const suite = useSuite(async () => {
  home = await mkdtemp(join(tmpdir(), "tidepool-sync-"));
  const directory = join(home, "server");
  const empty = new NodeClient({ directory });
  await empty.heartbeat();
  await empty.close();
  server = await serving([directory, "--write", "--cors"], home);
  return serveApp({ connect: server.url });
});
afterAll(async () => {
  await server.end();
  await rm(home, { recursive: true });
});

/** A tab that syncs, or stands by, and writes down what its sync is doing. */
async function openSynced(): Promise<Page> {
  const page = await openTab(suite.context, suite.app);
  await page.evaluate(async (url) => {
    globalThis.client = new tidepool.TidepoolClient({ path: "synced" });
    globalThis.collection = await client.getOrCreateCollection({ name: "notes", embeddingFunction: null });
    const options: SyncOptions = { remote: { url }, collections: ["notes"] };
    globalThis.sync = await client.sync(options);
    const told: Told = { states: [sync.status.state] };
    Object.assign(globalThis, { told });
    sync.on("status", ({ state }) => told.states.push(state));
  }, server.url);
  return page;
}

const write = (page: Page, id: string): Promise<void> =>
  page.evaluate((id) => collection.upsert({ ids: [id], embeddings: [[id.length, 1]], documents: [`note ${id}`] }), id);

/** A round; the code of the error when there is none. */
const round = (page: Page): Promise<string> =>
  page.evaluate(() =>
    sync.now().then(
      () => "made",
      ({ code }) => code,
    ),
  );

async function onServer(): Promise<string[]> {
  const client = new TidepoolClient({ remote: { url: server.url } });
  const { ids } = await (await client.getCollection({ name: "notes" })).get();
  return ids.sort();
}

test("of two tabs one syncs what both write, and the other goes on with it when that is closed", async () => {
  const first = await openSynced();
  expect(await round(first)).toBe("made");
  const second = await openSynced();
  expect(await round(second)).toBe("LOCKED");
  expect(await second.evaluate(() => sync.status.state)).toBe("standby");

  await write(first, "a");
  await write(second, "b");
  expect(await round(first)).toBe("made");
  expect(await onServer()).toEqual(["a", "b"]);

  const elsewhere = new TidepoolClient({ remote: { url: server.url } });
  const there = await elsewhere.getCollection({ name: "notes" });
  await there.upsert({ ids: ["c"], embeddings: [[3, 1]], documents: ["from elsewhere"] });
  await there.delete({ ids: ["a"] });
  expect(await round(first)).toBe("made");
  const { ids, documents } = await second.evaluate(() => collection.get());
  expect(ids.map((id, i) => [id, documents[i]]).sort()).toEqual([
    ["b", "note b"],
    ["c", "from elsewhere"],
  ]);

  await first.close();
  await second.waitForFunction(() => (globalThis as unknown as { told: Told }).told.states.includes("idle"));
  await write(second, "d");
  expect(await round(second)).toBe("made");
  expect(await onServer()).toEqual(["b", "c", "d"]);
  await second.close();
});
