/** The client in a real browser, with its real worker, kernel and storage. */
import { afterEach, expect, inject, test } from "vitest";
import { TidepoolClient, type TidepoolClientOptions } from "./client.js";
import { createWorker } from "./create-worker.js";

const clients: TidepoolClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

function open(options: TidepoolClientOptions): TidepoolClient {
  const client = new TidepoolClient(options);
  clients.push(client);
  return client;
}

function freshPath(): string {
  return `browser-test-${crypto.randomUUID()}`;
}

const { accessHandles, relaxedSimd } = inject("capabilities");

test.runIf(accessHandles !== true)("opfs is refused by name where there are no access handles, and auto takes indexeddb", async () => {
  const refusal = { code: "NOT_SUPPORTED", message: expect.stringContaining('storage "opfs"') };
  await expect(open({ path: freshPath(), storage: "opfs" }).heartbeat()).rejects.toMatchObject(refusal);
  expect(await open({ path: freshPath() }).info()).toMatchObject({ storage: "indexeddb" });
});

test.each([...(accessHandles === true ? (["opfs"] as const) : []), "indexeddb", "memory"] as const)(
  "records are added, found by vector, text and words, and told of in %s",
  async (storage) => {
    const client = open({ path: freshPath(), storage, allowReset: true });
    const tides = await client.createCollection({ name: "tides" });
    const progress: number[] = [];
    const documents = Array.from({ length: 1500 }, (_, i) => `passage ${i} about the tide`);
    const metadatas = documents.map((text, i) => ({ text, even: i % 2 === 0 }));
    await tides.add({ ids: documents.map((_, i) => `r${i}`), documents, metadatas, onProgress: ({ done }) => progress.push(done) });
    // Told after each embedding, too; what is done counts what is acknowledged. A slow machine sends what is embedded in smaller batches.
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(progress).toContain(0);
    expect(progress.at(-1)).toBe(1500);
    expect((await tides.query({ queryTexts: ["passage 1234 about the tide"], nResults: 1 })).ids).toEqual([["r1234"]]);
    expect((await tides.searchText({ query: "1234" })).ids).toEqual(["r1234"]);
    const [both] = (await tides.hybrid({ queryText: "passage 1234 about the tide", nResults: 1 })).rows();
    const found = { id: "r1234", text: { rank: 1, terms: ["1234", "about", "passage", "the", "tide"] }, dense: { rank: 1 } };
    expect(both).toMatchObject(found);
    const lines = documents.map((text, i) => JSON.stringify({ id: `r${i}`, text, year: i }));
    const file = new File([lines.slice(0, 3).join("\n"), "\n{"], "tides.jsonl");
    expect(await tides.import(file)).toMatchObject({ imported: 3, rejected: [{ row: 4, line: 4 }] });
    expect((await tides.get({ ids: ["r2"] })).metadatas).toEqual([{ text: documents[2], even: true, year: 2 }]);
    const facets = await tides.facets({ keys: ["even", "text"], where: { even: true }, limit: 1 });
    expect(facets.even).toEqual({ values: [{ value: true, count: 750 }], distinct: 1, missing: 0 });
    expect(facets.text).toMatchObject({ values: [{ count: 1 }], distinct: 750 });
    // So many values come in more than one message.
    expect(await tides.distinct({ key: "text" })).toEqual([...documents].sort());
    expect(await client.info()).toMatchObject({
      storage,
      records: 1500,
      collections: 1,
      kernel: relaxedSimd === true ? "wasm-relaxed-simd" : "wasm-simd",
      durability: "strict",
    });
    await client.reset();
  },
);

test("what was acknowledged is there after the worker was killed, and calls under way go on in the next one", async () => {
  const workers: Worker[] = [];
  const worker = (): Worker => {
    workers.push(createWorker());
    return workers.at(-1)!;
  };
  const client = open({ path: freshPath(), worker });
  const tides = await client.createCollection({ name: "tides", embeddingFunction: null });
  await tides.add({ ids: ["a"], embeddings: [[1, 2]] });
  const ids = Array.from({ length: 200_000 }, (_, i) => `r${i}`);
  const call = tides.add({ ids, embeddings: new Float32Array(2 * ids.length).fill(1), onProgress: () => workers[0]!.terminate() });
  await call;
  expect((await tides.get({ ids: ["a"], include: ["embeddings"] })).embeddings).toEqual([[1, 2]]);
  expect(await tides.count()).toBe(200_001);
  expect(workers).toHaveLength(2);
});

test("two clients of a path share one worker, and the second goes on when the first has closed", async () => {
  const path = freshPath();
  const first = open({ path });
  const tides = await first.createCollection({ name: "tides", metadata: { kept: true } });
  await tides.add({ ids: ["a"], documents: ["ebb"] });
  const second = open({ path, worker: () => expect.unreachable() });
  const found = await second.getCollection({ name: "tides" });
  await first.close();
  await expect(tides.count()).rejects.toMatchObject({ code: "CLOSED" });
  expect(found.metadata).toEqual({ kept: true });
  expect((await found.query({ queryTexts: ["ebb"] })).ids).toEqual([["a"]]);
});

test("a page that is put aside lets go of the database, and takes it back when it returns", async () => {
  const path = freshPath();
  const first = open({ path });
  const tides = await first.createCollection({ name: "tides" });
  dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }));
  await navigator.locks.request(`tidepool:${path}`, () => undefined);
  const count = tides.count();
  dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
  expect(await count).toBe(0);
});

test("a worker script that cannot be loaded is told", async () => {
  const client = new TidepoolClient({ worker: () => new Worker("/there-is-no-such-script.js", { type: "module" }) });
  await expect(client.heartbeat()).rejects.toMatchObject({ code: "NOT_SUPPORTED", message: expect.stringContaining("`worker`") });
});

test("vectors in inverted lists are found after a compaction and after opening again, and exactly where that is asked for", async () => {
  const path = freshPath();
  const client = open({ path });
  const notes = await client.createCollection({ name: "notes", configuration: { spann: { space: "cosine" } }, embeddingFunction: null });
  const vectors = Array.from({ length: 6000 }, (_, i) => Float32Array.of(Math.cos(i), Math.sin(i), Math.cos(7 * i), Math.sin(3 * i)));
  await notes.add({ ids: vectors.map((_, i) => `r${i}`), embeddings: vectors });
  const asked = { queryEmbeddings: [vectors[77]!], nResults: 3 };
  const exact = (await notes.query({ ...asked, exact: true })).ids;
  expect(exact[0]![0]).toBe("r77");
  expect((await notes.query(asked)).ids).toEqual(exact);
  expect(notes.configuration.spann).toEqual({});
  await notes.modify({ configuration: { spann: { search_nprobe: 128 } } });
  await expect.poll(async () => (await client.info()).compacting, { timeout: 30_000 }).toBe(false);
  await client.close();
  const again = await open({ path }).getCollection({ name: "notes" });
  expect((await again.query(asked)).ids).toEqual(exact);
  expect(again.configuration.spann).toEqual({ search_nprobe: 128 });
});
