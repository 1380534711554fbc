import { describe, expect, test } from "vitest";
import { openTestClient } from "../../testing/client.js";
import { Random, TestEnvironment } from "../../testing/environment.js";
import { type ExportedRecord, randomRecords, readArrow, readJsonLines, readParquet } from "../../testing/transfer.js";
import { workerEnvironment } from "../../worker/environment.js";
import type { Collection } from "../collection.js";
import type { ExportFormat } from "./export-arguments.js";

const READERS: Record<ExportFormat, (bytes: Uint8Array) => ExportedRecord[] | Promise<ExportedRecord[]>> = {
  jsonl: readJsonLines,
  arrow: readArrow,
  parquet: readParquet,
};
const FORMATS = Object.keys(READERS) as ExportFormat[];

async function bytesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function exported(collection: Collection, format: ExportFormat): Promise<ExportedRecord[]> {
  return READERS[format](await bytesOf(collection.export({ format })));
}

async function open(): Promise<Collection> {
  return openTestClient().createCollection({ name: "notes", embeddingFunction: null });
}

async function add(collection: Collection, records: readonly ExportedRecord[]): Promise<void> {
  for (const { id, document, uri, metadata, embedding } of records) {
    await collection.add({
      ids: [id],
      embeddings: [embedding],
      ...(document !== null && { documents: [document] }),
      ...(uri !== null && { uris: [uri] }),
      ...(metadata !== null && { metadatas: [metadata] }),
    });
  }
}

/** With the sign of zeros, and with keys in an order of their own. */
function told(records: readonly ExportedRecord[]): string[] {
  return records.map((record) => JSON.stringify(record, (_, value: unknown) => (Object.is(value, -0) ? "-0" : sorted(value))));
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
}

describe.each(FORMATS)("an export as %s", (format) => {
  test.each([1, 2, 3, 4])("has every record exactly as it is (seed %i)", async (seed) => {
    const random = new Random(seed);
    const records = randomRecords(random, 40, 3);
    const collection = await open();
    await add(collection, records);
    const stored = await collection.get({ include: ["metadatas"] });
    // Chroma keeps a uri among the metadata, so a record with a uri and without metadata has empty metadata.
    const expected = records.map((record, i) => ({ ...record, metadata: stored.metadatas[i]! }));
    expect(told(await exported(collection, format))).toEqual(told(expected));
  });

  test("is empty where there are no records", async () => {
    expect(await exported(await open(), format)).toEqual([]);
  });

  test("takes what is selected, and the columns that are asked for", async () => {
    const collection = await open();
    const ids = Array.from({ length: 10 }, (_, i) => `r${i}`);
    await collection.add({
      ids,
      embeddings: ids.map((_, i) => [i, 0]),
      documents: ids.map((id) => `${id} of ten`),
      metadatas: ids.map((_, i) => ({ i })),
    });
    const stream = collection.export({ format, where: { i: { $gt: 5 } }, whereDocument: { $not_contains: "r8" }, include: ["documents"] });
    const found = await READERS[format](await bytesOf(stream));
    expect(found.map(({ id, document }) => [id, document])).toEqual([6, 7, 9].map((i) => [`r${i}`, `r${i} of ten`]));
    expect(found[0]!.embedding).toBeUndefined();
    expect(found[0]!.metadata ?? null).toBeNull();
  });

  test("goes over many pages", async () => {
    const collection = await open();
    const vector = (i: number): number[] => Array.from({ length: 256 }, (_, d) => Math.fround(Math.sin(i * 256 + d)));
    const ids = Array.from({ length: 3000 }, (_, i) => `r${i}`);
    await collection.add({ ids, embeddings: ids.map((_, i) => vector(i)), metadatas: ids.map((_, i) => ({ i })) });
    const steps: number[] = [];
    const stream = collection.export({ format, onProgress: ({ done, total }) => steps.push(done / total) });
    const found = await READERS[format](await bytesOf(stream));
    expect(found.map(({ id }) => id)).toEqual(ids);
    expect(found.at(-1)).toMatchObject({ embedding: vector(2999), metadata: { i: 2999 } });
    expect(steps.length).toBeGreaterThan(2);
    expect(steps.at(-1)).toBe(1);
  });
});

describe("an export", () => {
  const format = "jsonl";

  async function filled(count = 3000, client = openTestClient()): Promise<Collection> {
    const collection = await client.createCollection({ name: "notes", embeddingFunction: null });
    const ids = Array.from({ length: count }, (_, i) => `r${i}`);
    await collection.add({ ids, embeddings: ids.map((_, i) => new Array<number>(256).fill(i)), documents: ids });
    return collection;
  }

  test.each(["log", "segments"])("of what is in the %s is of the moment of the call, whatever happens while it is read", async (place) => {
    const client = openTestClient();
    const collection = await filled(3000, client);
    if (place === "segments") await client.vacuum();
    const reader = collection.export({ format }).getReader();
    const first = await reader.read();
    await collection.update({ ids: ["r2999"], documents: ["changed"], embeddings: [new Array<number>(256).fill(-1)] });
    await collection.delete({ ids: Array.from({ length: 1500 }, (_, i) => `r${i * 2}`) });
    await client.vacuum();
    await client.deleteCollection({ name: "notes" });
    const parts = [first.value!];
    for (let part = await reader.read(); !part.done; part = await reader.read()) parts.push(part.value);
    const found = readJsonLines(new Uint8Array(await new Blob(parts).arrayBuffer()));
    expect(found.map(({ document }) => document)).toEqual(Array.from({ length: 3000 }, (_, i) => `r${i}`));
    expect(found[1234]!.embedding).toEqual(new Array<number>(256).fill(1234));
  });

  test("reads no further than it is read, and lets go when it is cancelled", async () => {
    const client = openTestClient();
    const collection = await filled(3000, client);
    const steps: number[] = [];
    const reader = collection.export({ format, onProgress: ({ done }) => steps.push(done) }).getReader();
    await reader.read();
    await expect(client.vacuum({ erase: true })).rejects.toMatchObject({ code: "LOCKED" });
    await reader.cancel();
    expect(steps).toEqual([]);
    await client.vacuum({ erase: true });
  });

  test("that nobody reads ends after a while", async () => {
    const environment = new (class extends TestEnvironment {
      override yieldToEventLoop = (): Promise<void> => workerEnvironment.yieldToEventLoop();
    })();
    const collection = await filled(3000, openTestClient({}, environment));
    const reader = collection.export({ format, onProgress: () => environment.advance(599_000) }).getReader();
    while (!(await reader.read()).done);
    const other = collection.export({ format }).getReader();
    await other.read();
    environment.advance(600_000);
    const rest = async (): Promise<void> => {
      while (!(await other.read()).done);
    };
    await expect(rest()).rejects.toMatchObject({ code: "STALE_READ" });
  });

  test("ends by its signal", async () => {
    const collection = await filled();
    const aborting = new AbortController();
    const reader = collection.export({ format, signal: aborting.signal }).getReader();
    await reader.read();
    aborting.abort();
    const rest = async (): Promise<void> => {
      while (!(await reader.read()).done);
    };
    await expect(rest()).rejects.toMatchObject({ code: "ABORTED" });
  });

  test("of an earlier version has what was there then", async () => {
    const client = openTestClient({ retainVersions: 3 });
    const collection = await filled(10, client);
    await client.vacuum();
    await collection.add({ ids: ["later"], embeddings: [new Array<number>(256).fill(0)] });
    await client.vacuum();
    const versions = await collection.listVersions();
    const earlier = collection.at({ version: versions.find(({ count }) => count === 10)!.version });
    expect(readJsonLines(await bytesOf(earlier.export({ format })))).toHaveLength(10);
    expect(await exported(collection, format)).toHaveLength(11);
  });

  test("refuses what it cannot do, and one too many", async () => {
    const collection = await filled(1);
    const refused: [object, string][] = [
      [{ format: "csv" }, "format"],
      [{ format: "toString" }, "format"],
      [{ format, limit: 3 }, "limit"],
      [{ format, include: ["distances"] }, "include"],
      [{ format, where: {} }, "where"],
      [{ format, onProgress: 3 }, "onProgress"],
      [{ format, signal: {} }, "signal"],
    ];
    for (const [args, name] of refused) {
      const reading = bytesOf(collection.export(args as { format: "jsonl" }));
      await expect(reading, name).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining(name) });
    }
    const streams = Array.from({ length: 16 }, () => collection.export({ format }));
    const reader = collection.export({ format }).getReader();
    await expect(reader.read()).rejects.toMatchObject({ code: "LIMIT_EXCEEDED", details: { limit: "snapshotsMax" } });
    await Promise.all(streams.map((stream) => stream.cancel()));
    expect(await exported(collection, format)).toHaveLength(1);
  });
});
