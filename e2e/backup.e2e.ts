/**
 * Exports, backups and restores in a real browser, asked for by a tab whose database another tab runs: what comes over the port is what
 * came from the worker's own page, and a tab that is closed in the middle of its restore leaves nothing behind.
 */
import type { TidepoolClient } from "tidepool-db";
import { expect, test } from "vitest";
import { createSettled, openTab, serveApp } from "./support/app.js";
import { useSuite } from "./support/suite.js";

const suite = useSuite(serveApp);

declare global {
  var client: TidepoolClient;
}

const RECORDS = 2000;

async function fill(records: number): Promise<string> {
  globalThis.client = new tidepool.TidepoolClient({ path: "source" });
  const collection = await client.createCollection({ name: "notes", embeddingFunction: null });
  const ids = Array.from({ length: records }, (_, i) => `r${i}`);
  await collection.add({
    ids,
    embeddings: ids.map((_, i) => Array.from({ length: 96 }, (_, d) => Math.sin(i * 96 + d))),
    documents: ids.map((id) => `${id} and the tide`),
    metadatas: ids.map((_, i) => ({ i })),
  });
  return (await client.info()).role;
}

/** Of each format the number of bytes and of records, as far as that can be told from the bytes, and a backup into a file. */
async function writeAll(): Promise<{ role: string; lines: number; sizes: number[]; backup: number }> {
  globalThis.client = new tidepool.TidepoolClient({ path: "source" });
  const collection = await client.getCollection({ name: "notes" });
  const lines = (await new Response(collection.export({ format: "jsonl" })).text()).split("\n").length - 1;
  const sizes: number[] = [];
  for (const format of ["arrow", "parquet"] as const)
    sizes.push((await new Response(collection.export({ format })).arrayBuffer()).byteLength);
  const file = await (await navigator.storage.getDirectory()).getFileHandle("backup", { create: true });
  await client.backup().pipeTo(await file.createWritable());
  return { role: (await client.info()).role, lines, sizes, backup: (await file.getFile()).size };
}

async function restoreFile(): Promise<{ records: number; found: string | undefined; isSound: boolean }> {
  const target = new tidepool.TidepoolClient({ path: "target" });
  const file = await (await (await navigator.storage.getDirectory()).getFileHandle("backup")).getFile();
  const { records } = await target.restore(file, { mode: "new" });
  const notes = await target.getCollection({ name: "notes" });
  const { ids } = await notes.query({ queryEmbeddings: [Array.from({ length: 96 }, (_, d) => Math.sin(1234 * 96 + d))], nResults: 1 });
  return { records, found: ids[0]![0], isSound: (await target.verify({ deep: true })).isSound };
}

/** Feeds all but the end, and waits for ever. */
async function restoreHalf(): Promise<void> {
  const target = new tidepool.TidepoolClient({ path: "target" });
  const file = await (await (await navigator.storage.getDirectory()).getFileHandle("backup")).getFile();
  const cut = file
    .slice(0, file.size - 100)
    .stream()
    .getReader();
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await cut.read();
      if (done) return new Promise<void>(() => document.dispatchEvent(new Event("fed")));
      controller.enqueue(value);
    },
  });
  const fed = new Promise((resolve) => document.addEventListener("fed", resolve, { once: true }));
  void target.restore(stream, { mode: "new" });
  await fed;
}

test("a follower exports, backs up and restores, and a restore whose tab is closed leaves nothing", async () => {
  const holder = await openTab(suite.context, suite.app);
  expect(await holder.evaluate(fill, RECORDS)).toBe("holder");
  const follower = await openTab(suite.context, suite.app);
  const { role, lines, sizes, backup } = await follower.evaluate(writeAll);
  expect([role, lines]).toEqual(["follower", RECORDS]);
  const vectorBytes = RECORDS * 96 * 4;
  for (const size of [...sizes, backup]) expect(size).toBeGreaterThan(vectorBytes);
  await createSettled(holder, { path: "target" });
  const dying = await openTab(suite.context, suite.app);
  await dying.evaluate(restoreHalf);
  await dying.close();
  const before = await follower.evaluate(async () => {
    const target = new tidepool.TidepoolClient({ path: "target" });
    const { collections, blockBytesUsed } = await target.info();
    await target.close();
    return { collections, blockBytesUsed };
  });
  expect(before).toEqual({ collections: 0, blockBytesUsed: 0 });
  expect(await follower.evaluate(restoreFile)).toEqual({ records: RECORDS, found: "r1234", isSound: true });
});
