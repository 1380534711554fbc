/** A database of any format so far is read in full and rightly, and with any part of it damaged it is never read wrongly. */
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import type { Engine } from "../core/engine.js";
import { TidepoolError } from "../core/errors.js";
import { FORMAT_VERSION } from "../core/sysdb/sysdb.js";
import type { IncludeField, Where } from "../core/types.js";
import {
  type ExpectedCollection,
  type FormatFixture,
  fromBase64,
  makeFixture,
  openFixtureEngine,
  restoreFixture,
  toBase64,
} from "../testing/format-fixture.js";
import { Model, modelWhere } from "../testing/model.js";

const ALL: IncludeField[] = ["documents", "embeddings", "metadatas", "uris"];
const FILTERS: Where[] = [
  { n: { $gte: 33 } },
  { kind: "a" },
  { kind: { $ne: 1 } },
  { open: true },
  { tags: { $contains: "潮" } },
  { numbers: { $contains: 2 } },
  { flags: { $contains: false } },
];

const texts = new Map<number, string>();
for (let format = 1; format <= FORMAT_VERSION; format++) {
  texts.set(format, await readFile(new URL(`../testing/fixtures/format-${format}.json`, import.meta.url), "utf8"));
}
const fixtureOf = (format: number): FormatFixture => JSON.parse(texts.get(format)!) as FormatFixture;
let names = 0;

/** Opens a fixture and hands its engine over. */
async function opened<T>(from: FormatFixture, use: (engine: Engine) => Promise<T>): Promise<T> {
  const storage = await restoreFixture(from, `format-${++names}`);
  try {
    const engine = await openFixtureEngine(storage);
    return await use(engine).finally(() => engine.close());
  } finally {
    await storage.destroy().catch(() => undefined);
  }
}

/** Reads everything in every way, and compares it with what was written. */
async function readAll(engine: Engine, expected: readonly ExpectedCollection[]): Promise<void> {
  for (const { id: collectionId, space, records } of expected) {
    const model = modelOf(space, records);
    const got = await engine.service.get({ collectionId, include: ALL });
    expect(got.ids).toEqual(records.map(({ id }) => id));
    expect(got.documents).toEqual(records.map(({ document }) => document));
    expect(got.uris).toEqual(records.map(({ uri }) => uri));
    expect(got.metadatas).toEqual(records.map(({ metadata }) => metadata));
    expect([...got.embeddings!.values]).toEqual(records.flatMap(({ embedding }) => embedding));
    await search(engine, collectionId, model);
    for (const { version, count } of await engine.service.listVersions({ collectionId })) {
      expect(await engine.service.count({ collectionId, version })).toBe(count);
      await engine.service.get({ collectionId, version, include: ALL });
      await engine.service.get({ collectionId, version, whereDocument: { $regex: "wave|kelp" }, include: [] });
      await engine.service.query({
        collectionId,
        version,
        queryEmbeddings: { dimension: 8, values: new Float32Array(8).fill(1) },
        nResults: 3,
        include: [],
      });
    }
  }
}

function modelOf(space: ExpectedCollection["space"], records: ExpectedCollection["records"]): Model {
  const model = new Model(space);
  for (const record of records) model.records.set(record.id, { ...record, embedding: Float32Array.from(record.embedding) });
  return model;
}

async function search(engine: Engine, collectionId: string, model: Model): Promise<void> {
  for (const where of FILTERS) {
    const { ids } = await engine.service.get({ collectionId, where, include: [] });
    expect([where, ids]).toEqual([where, model.select(modelWhere(where)!).map(({ id }) => id)]);
  }
  const queries = [new Float32Array(8).fill(0.25), Float32Array.of(1, -1, 2, 0, 0, -2, 0.5, 1)];
  for (const values of queries) {
    const found = await engine.service.query({
      collectionId,
      queryEmbeddings: { dimension: 8, values },
      nResults: 10,
      include: ["distances"],
    });
    expect(found.ids).toEqual(model.query(values, 10, () => true).map(({ id }) => id));
  }
  for (const query of ["wave", "kelp"]) {
    const found = await engine.service.searchText({ collectionId, query, nResults: 500, include: [], prefix: false, fuzzy: 0 });
    const having = model.select(({ document }) => document?.split(" ").includes(query) ?? false);
    expect([...found.ids].sort()).toEqual(having.map(({ id }) => id).sort());
    const { ids } = await engine.service.get({ collectionId, whereDocument: { $contains: query }, include: [] });
    expect(ids).toEqual(model.select(({ document }) => document?.includes(query) ?? false).map(({ id }) => id));
  }
}

describe.each([...texts.keys()])("format %i", (format) => {
  const fixture = () => fixtureOf(format);

  test("all that was written is read, found, and can be written on", () =>
    opened(fixture(), async (engine) => {
      const { expected } = fixture();
      await readAll(engine, expected);
      expect(await engine.service.info()).toMatchObject({ formatVersion: FORMAT_VERSION, warnings: [], collections: expected.length });
      expect(await engine.service.getTenant({ name: "default_tenant" })).toMatchObject({ resourceName: "fixture" });
      expect((await engine.service.listDatabases({ tenant: "team" })).map(({ name }) => name)).toEqual(["drafts"]);
      const info = await engine.service.getCollection({ tenant: "default_tenant", database: "default_database", name: "compacted" });
      expect(info).toMatchObject({
        metadata: { made: "for tests", list: [1, 2] },
        dimension: 8,
        configuration: { hnsw: { space: "cosine" } },
      });
      await expect(engine.service.get({ collectionId: expected[1]!.id, where: { secret: "s" }, include: [] })).rejects.toThrow(
        "indexing is disabled",
      );
      for (const { id } of expected) await engine.compact(id);
      await readAll(engine, expected);
    }));

  test("it holds each kind of what lies on disk", () => {
    const { catalog, log, blobs } = fixture();
    const manifest = JSON.parse(
      Buffer.from(catalog.find(([key]) => key.startsWith("manifest/"))![1], "base64")
        .subarray(4)
        .toString(),
    ) as { graph: unknown; text: unknown; sections: { vectors: { graph: unknown }; text: { snapshot: unknown } } };
    const snapshots = format === 1 ? [manifest.graph, manifest.text] : [manifest.sections.vectors.graph, manifest.sections.text.snapshot];
    expect(snapshots).not.toContain(null);
    expect(new Set(catalog.map(([key]) => key.split("/")[0]))).toEqual(
      new Set(["collection", "database", "format", "manifest", "tenant", "version", ...(format === 1 ? [] : ["digest", "spare"])]),
    );
    expect(log.length).toBeGreaterThan(5);
    expect(blobs.length).toBeGreaterThan(5);
  });
});

test("the present release writes the present format", async () => {
  const made = await makeFixture();
  expect(made.expected).toEqual(fixtureOf(FORMAT_VERSION).expected);
  expect(made.catalog.map(([key]) => key)).toEqual(fixtureOf(FORMAT_VERSION).catalog.map(([key]) => key));
  await opened(made, (engine) => readAll(engine, made.expected));
});

/** What reading a damaged fixture comes to: an error's code, or `mended` where it was read rightly, with a warning. */
async function outcome(damaged: FormatFixture): Promise<string> {
  try {
    return await opened(damaged, async (engine) => {
      await readAll(engine, damaged.expected);
      return (await engine.service.info()).warnings.length > 0 ? "mended" : "unnoticed";
    });
  } catch (error) {
    if (!(error instanceof TidepoolError)) throw error;
    return error.code;
  }
}

/** The bytes with one of them changed, somewhere from their beginning to their end. */
function flipped(base64: string, share: number): string {
  const bytes = fromBase64(base64);
  const at = Math.min(bytes.length - 1, Math.floor(bytes.length * share));
  bytes[at] = bytes[at]! ^ 0x10;
  return toBase64(bytes);
}

describe.each([...texts.keys()])("damaged format %i", (format) => {
  const fixture = () => fixtureOf(format);
  const places = [0, 0.5, 1];
  /** Pieces of a text index as it was then: segments are made of the records, and these are not read. */
  const piecesUnread = format === 1 ? 3 : 0;

  /** What stands in a row's key, or in another row as well, is not lost with it. */
  const without = (key: string): string => {
    const isLost = /^(format|version)/.test(key) || (format === 1 && /^(collection|manifest)/.test(key));
    return isLost ? "CORRUPTION" : "mended";
  };

  test.each(fixture().catalog.map(([key]) => key))("row %s", async (key) => {
    for (const share of places) {
      const damaged = fixture();
      damaged.catalog = damaged.catalog.map(([k, bytes]) => [k, k === key ? flipped(bytes, share) : bytes]);
      expect(await outcome(damaged)).toBe(without(key));
    }
  });

  test("tails of logs", async () => {
    for (const i of (fixture().tails ?? []).keys()) {
      const damaged = fixture();
      damaged.tails![i]![1] = flipped(damaged.tails![i]![1], 0.5);
      expect(await outcome(damaged)).toBe("CORRUPTION");
    }
  });

  test.each(fixture().log.map(({ collectionId, offset }, i) => [i, `${offset} of ${collectionId}`] as const))(
    "log record %i: %s",
    async (i) => {
      for (const share of places) {
        const damaged = fixture();
        damaged.log[i]!.bytes = flipped(damaged.log[i]!.bytes, share);
        expect(await outcome(damaged)).toBe("CORRUPTION");
      }
    },
  );

  test("a log record that is missing before others", async () => {
    const damaged = fixture();
    const first = damaged.log.findIndex(({ collectionId }, i) => damaged.log[i + 1]?.collectionId === collectionId);
    damaged.log.splice(first, 1);
    expect(await outcome(damaged)).toBe("CORRUPTION");
  });

  test("every block: an error, a graph that is built anew, or a byte of an embeddings block that is part of no row", async () => {
    const outcomes = new Map<number, string[]>();
    for (const [i, [number]] of fixture().blobs.entries()) {
      for (const share of places) {
        const damaged = fixture();
        damaged.blobs[i]![1] = flipped(damaged.blobs[i]![1], share);
        outcomes.set(number, [...(outcomes.get(number) ?? []), await outcome(damaged)]);
      }
    }
    const kinds = [...outcomes.values()].map(String);
    // Embeddings are read row by row, each with a checksum of its own; what is around them is never looked at.
    const [whole, graph, rows] = ["CORRUPTION,CORRUPTION,CORRUPTION", "mended,mended,mended", "unnoticed,CORRUPTION,unnoticed"];
    const unread = "unnoticed,unnoticed,unnoticed";
    expect(new Set(kinds)).toEqual(new Set([whole, graph, rows, ...(piecesUnread > 0 ? [unread] : [])]));
    expect(kinds.filter((kind) => kind === unread)).toHaveLength(piecesUnread);
    expect(kinds.filter((kind) => kind !== whole && kind !== unread)).toHaveLength(2);
  });

  test("a block that is missing, and one that was cut off: an error, or a graph that is built anew", async () => {
    const outcomes: string[] = [];
    for (const [i, [number, bytes]] of fixture().blobs.entries()) {
      const damaged = fixture();
      damaged.blobs[i] = [number, toBase64(fromBase64(bytes).subarray(1))];
      outcomes.push(await outcome(damaged));
      damaged.blobs.splice(i, 1);
      outcomes.push(await outcome(damaged));
    }
    expect(outcomes.filter((code) => code === "mended")).toHaveLength(2);
    expect(outcomes.filter((code) => code === "unnoticed")).toHaveLength(2 * piecesUnread);
    expect(new Set(outcomes).size).toBe(piecesUnread > 0 ? 3 : 2);
  });
});
