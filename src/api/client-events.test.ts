import { afterEach, describe, expect, test } from "vitest";
import { limits } from "../core/limits.js";
import { memoryHost, openTestClient } from "../testing/client.js";
import { TestEnvironment } from "../testing/environment.js";
import { TestWorker } from "../testing/worker.js";
import { TidepoolClient } from "./client.js";
import type { ChangeEvent } from "./client-events.js";

const clients: TidepoolClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

function listen(client: TidepoolClient): Partial<ChangeEvent>[] {
  const heard: Partial<ChangeEvent>[] = [];
  client.on("change", ({ collectionId: _id, tenant: _tenant, ...event }) => heard.push(event));
  return heard;
}

describe("changes", () => {
  test("are told once they are visible, by kind, collection and ids", async () => {
    const client = openTestClient({ allowReset: true });
    clients.push(client);
    const heard = listen(client);
    const tides = await client.createCollection({ name: "tides", embeddingFunction: null });
    await tides.add({ ids: ["ebb", "flood"], embeddings: [[1], [2]] });
    await tides.update({ ids: ["ebb"], metadatas: [{ low: true }] });
    await tides.upsert({ ids: ["ebb"], embeddings: [[3]] });
    await tides.delete({ where: { low: true } });
    await tides.modify({ name: "currents" });
    const fork = await tides.fork({ name: "copy" });
    await client.deleteCollection({ name: fork.name });
    await client.reset();
    const common = { database: "default_database", own: true };
    expect(heard).toEqual([
      { ...common, kind: "create", collection: "tides", count: 0, ids: [] },
      { ...common, kind: "add", collection: "tides", count: 2, ids: ["ebb", "flood"] },
      { ...common, kind: "update", collection: "tides", count: 1, ids: ["ebb"] },
      { ...common, kind: "upsert", collection: "tides", count: 1, ids: ["ebb"] },
      { ...common, kind: "delete", collection: "tides", count: 1, ids: ["ebb"] },
      { ...common, kind: "modify", collection: "currents", count: 0, ids: [] },
      { ...common, kind: "create", collection: "copy", count: 0, ids: [] },
      { ...common, kind: "drop", collection: "copy", count: 0, ids: [] },
      { ...common, kind: "drop", collection: "currents", count: 0, ids: [] },
    ]);
  });

  test("of many records are told by their number, and others' databases not at all", async () => {
    const client = openTestClient();
    clients.push(client);
    const heard = listen(client);
    const tides = await client.createCollection({ name: "tides", embeddingFunction: null });
    const ids = Array.from({ length: 101 }, (_, i) => `r${i}`);
    await tides.add({ ids, embeddings: ids.map(() => [1]) });
    expect(heard.at(-1)).toMatchObject({ kind: "add", count: 101, ids: null });
    const elsewhere = new TidepoolClient({ client, tenant: "other" });
    const others = listen(elsewhere);
    await tides.delete({ ids: ["r0"] });
    expect([heard.length, others]).toEqual([3, []]);
  });
});

test("space that runs out is told, as an event and when it is asked for", async () => {
  let usageBytes = 100;
  const space = async () => ({ usageBytes, quotaBytes: 1000, persisted: false });
  const environment = new TestEnvironment();
  const client = openTestClient({ worker: TestWorker.factory(() => memoryHost(environment, undefined, { quota: space })) });
  clients.push(client);
  const heard: object[] = [];
  client.on("quota", (event) => heard.push(event));
  const tides = await client.createCollection({ name: "tides", embeddingFunction: null });
  const write = async (id: string): Promise<void> => {
    environment.advance(limits.quotaCheckMs);
    await tides.add({ ids: [id], embeddings: [[1]] });
    expect((await client.info()).quota).toMatchObject({ usageBytes });
  };
  await write("ebb");
  usageBytes = 960;
  await write("flood");
  usageBytes = 970;
  await write("slack");
  expect(heard).toEqual([{ usageBytes: 960, quotaBytes: 1000 }]);
});

test("what is no event, or no listener, is refused", () => {
  const client = openTestClient();
  expect(() => client.on("click" as never, () => {})).toThrow(/type must be one of "change", "lease", "warning", "quota"/);
  expect(() => client.on("change", {} as never)).toThrow(/listener must be a function/);
});
