import { describe, expect, test } from "vitest";
import { openMemoryStorage } from "../../storage/memory/memory-storage.js";
import { crc32 } from "../base/checksum.js";
import { encodeJson } from "../base/json-bytes.js";
import { firstLink } from "../base/log-chain.js";
import type { BlockRef } from "../blockstore/blockstore.js";
import { sectionKinds } from "../collection/parts.js";
import type { TidepoolError } from "../errors.js";
import { LogRetention } from "../log/log-retention.js";
import type { CatalogStore } from "../storage.js";
import { DEFAULT_DATABASE, DEFAULT_TENANT } from "./directory.js";
import { emptyManifest, type Manifest } from "./manifest.js";
import type { ManifestsOptions } from "./manifests.js";
import { decodeRow, encodeRow } from "./row.js";
import { FORMAT_VERSION, SysDb } from "./sysdb.js";

let names = 0;

async function openCatalog(): Promise<CatalogStore> {
  return (await openMemoryStorage(`sysdb-${names++}`)).catalog;
}

function open(catalog: CatalogStore, options: Partial<ManifestsOptions> = {}): Promise<SysDb> {
  let id = 0;
  const environment = { now: () => 1, randomId: () => `id-${id++}` };
  return SysDb.open(catalog, environment, { sections: sectionKinds, retention: new LogRetention(), retainVersions: 1, ...options });
}

function manifestWith(fields: Partial<Manifest>, ...refs: BlockRef[]): Manifest {
  const sections = sectionKinds.empty();
  sections.records.ids = refs.map((ref) => ({ first: 0, last: 0, rows: 1, refs: [ref] }));
  return { ...emptyManifest(sections, "c"), ...fields };
}

function fields(name: string, id = name) {
  const hnsw = { space: "l2", ef_construction: 100, ef_search: 100, max_neighbors: 16, resize_factor: 1.2, sync_threshold: 1000 } as const;
  return {
    id,
    name,
    tenant: DEFAULT_TENANT,
    database: DEFAULT_DATABASE,
    metadata: { a: 1 },
    configuration: { hnsw, embedding_function: null },
  };
}

function ref(arena: number) {
  return { arena, offset: 0, length: 1, crc32: 0 };
}

describe("the system database", () => {
  test("lists databases by name, also after reopening", async () => {
    const catalog = await openCatalog();
    const sysdb = await open(catalog);
    for (const name of ["zulu", "alpha", "mike", "drafts"]) await sysdb.directory.createDatabase(DEFAULT_TENANT, name, name);
    const reopened = await open(catalog);
    for (const { directory } of [sysdb, reopened]) {
      const names = directory.listDatabases(DEFAULT_TENANT).map(({ name }) => name);
      expect(names).toEqual(["alpha", DEFAULT_DATABASE, "drafts", "mike", "zulu"]);
    }
  });

  test("lists collections in order of creation, also after reopening", async () => {
    const catalog = await openCatalog();
    const sysdb = await open(catalog);
    for (const name of ["zulu", "alpha", "mike"]) await sysdb.createCollection(fields(name));
    await sysdb.deleteCollections({ ids: ["alpha"] });
    await sysdb.createCollection(fields("beta"));
    const reopened = await open(catalog);
    expect(reopened.directory.listCollections().map((row) => row.name)).toEqual(["zulu", "mike", "beta"]);
    expect(reopened.directory.listCollections()).toEqual(sysdb.directory.listCollections());
  });

  test("refuses a name that is taken, on creating and on renaming, and changes nothing", async () => {
    const sysdb = await open(await openCatalog());
    await sysdb.createCollection(fields("one"));
    await sysdb.createCollection(fields("two"));
    await expect(sysdb.createCollection(fields("one", "other"))).rejects.toThrow(expect.objectContaining({ code: "ALREADY_EXISTS" }));
    await expect(sysdb.directory.modifyCollection("two", { name: "one" })).rejects.toThrow("Collection [one] already exists");
    expect(sysdb.directory.listCollections().map((row) => row.name)).toEqual(["one", "two"]);
  });

  test("shows a collection once it is committed, never without a manifest, and one that fails not at all", async () => {
    const catalog = await openCatalog();
    await open(catalog);
    let [started, end]: (() => void)[] = [];
    const committing = new Promise<void>((resolve) => (started = resolve));
    const ended = new Promise<void>((resolve) => (end = resolve));
    const failing = await open({
      get: (key) => catalog.get(key),
      list: (prefix) => catalog.list(prefix),
      commit: async () => {
        started!();
        await ended;
        throw new Error("no room");
      },
    });
    const creation = failing.createCollection(fields("one"));
    await committing;
    expect(failing.directory.listCollections()).toEqual([]);
    end!();
    await expect(creation).rejects.toThrow("no room");
    expect(failing.directory.listCollections()).toEqual([]);
    const sysdb = await open(catalog);
    await sysdb.createCollection(fields("one"));
    expect(sysdb.directory.listCollections().map((row) => sysdb.manifests.published(row.id).version)).toEqual([0]);
  });

  test("a name goes to the first of those who ask for it at once", async () => {
    const sysdb = await open(await openCatalog());
    await sysdb.createCollection(fields("source"));
    const results = await Promise.allSettled([
      sysdb.createCollection(fields("one", "a")),
      sysdb.directory.modifyCollection("source", { name: "one" }),
      sysdb.forkCollection("source", "b", "one"),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
    expect(sysdb.directory.listCollections().map((row) => row.name)).toEqual(["source", "one"]);
  });

  test("names what does not exist", async () => {
    const sysdb = await open(await openCatalog());
    expect(() => sysdb.directory.getCollection(DEFAULT_TENANT, DEFAULT_DATABASE, "nope")).toThrow("Collection [nope] does not exist");
    expect(() => sysdb.directory.getCollection(DEFAULT_TENANT, "nowhere", "nope")).toThrow("Database [nowhere] does not exist");
    expect(() => sysdb.directory.getCollection("nobody", DEFAULT_DATABASE, "nope")).toThrow("Tenant [nobody] does not exist");
  });

  test("publishes only over the manifest it knows", async () => {
    const catalog = await openCatalog();
    const [first, second] = [await open(catalog), await open(catalog)];
    await first.createCollection(fields("c"));
    const other = await open(catalog);
    await first.manifests.publish("c", manifestWith({ version: 1 }), []);
    await expect(other.manifests.publish("c", manifestWith({ version: 1, offset: 5 }), [])).rejects.toThrow(/conflict/);
    expect((await open(catalog)).manifests.published("c").offset).toBe(0);
    expect(second.directory.listCollections()).toEqual([]);
  });

  test("a fork shares blocks: they are handed back only when the last collection that names them goes", async () => {
    const catalog = await openCatalog();
    const sysdb = await open(catalog);
    await sysdb.createCollection(fields("source"));
    const [shared, own] = [ref(1), ref(2)];
    await sysdb.manifests.publish("source", manifestWith({ version: 1 }, shared), []);
    await sysdb.forkCollection("source", "fork", "fork");
    await sysdb.forkCollection("fork", "grandchild", "grandchild");
    expect([sysdb.directory.forkCount("source"), sysdb.directory.forkCount("fork")]).toEqual([2, 2]);
    expect((await open(catalog)).manifests.blockRefs()).toEqual([shared]);
    const next = manifestWith({ version: 2 }, own);
    expect(await sysdb.manifests.publish("source", next, [])).toEqual([]);
    expect(await sysdb.deleteCollections({ ids: ["source"] })).toEqual([own]);
    expect(await sysdb.deleteCollections({ ids: ["fork"] })).toEqual([]);
    expect(await sysdb.deleteCollections({ ids: ["grandchild"] })).toEqual([shared]);
  });

  test("retains as many published versions as asked for, and hands back the blocks of older ones", async () => {
    const catalog = await openCatalog();
    const sysdb = await open(catalog, { retainVersions: 3 });
    await sysdb.createCollection(fields("c"));
    const manifest = (version: number) => manifestWith({ version }, ref(version));
    const released = [];
    for (let version = 1; version <= 5; version++) released.push(await sysdb.manifests.publish("c", manifest(version), []));
    expect(released).toEqual([[], [], [], [ref(1)], [ref(2)]]);
    expect(sysdb.manifests.versions("c").map(({ version }) => version)).toEqual([3, 4]);
    const reopened = await open(catalog);
    expect(reopened.manifests.versions("c")).toEqual(sysdb.manifests.versions("c"));
    expect((await reopened.manifests.publish("c", manifest(6), [])).map(({ arena }) => arena).sort()).toEqual([3, 4, 5]);
    expect(await reopened.deleteCollections({ ids: ["c"] })).toEqual([ref(6)]);
    expect(await catalog.list("version/")).toEqual([]);
  });

  test("publishing drops the log records that the manifest contains, but for those that somebody still needs", async () => {
    const { catalog, log } = await openMemoryStorage(`sysdb-${names++}`);
    const retention = new LogRetention();
    const sysdb = await open(catalog, { retention });
    await sysdb.createCollection(fields("c"));
    await log.append([1, 2, 3].map((offset) => ({ collectionId: "c", offset, bytes: new Uint8Array(1) })));
    const offsets = async () => (await log.read("c", 0, Infinity)).map(({ offset }) => offset);
    const hold = retention.hold("c", 1);
    await sysdb.manifests.publish("c", manifestWith({ version: 1, offset: 2 }), []);
    expect(await offsets()).toEqual([2, 3]);
    hold.release();
    await sysdb.manifests.publish("c", manifestWith({ version: 2, offset: 2 }), []);
    expect(await offsets()).toEqual([3]);
  });

  test("a database of format 1 is read, and raised to the present format before anything of that is written", async () => {
    const catalog = await openCatalog();
    await (await open(catalog)).createCollection(fields("c"));
    const { version, offset, nextOrdinal, count, sections } = manifestWith({ version: 4, offset: 9, nextOrdinal: 3, count: 2 }, ref(1));
    const { ids, payload } = sections.records;
    const old = { version, offset, nextOrdinal, count, ids, payload, dimension: 2, hasDocuments: true };
    const rows = new Map<string, Uint8Array>([
      ["manifest/c", unbound({ ...old, vectors: [], metadata: sections.metadata, text: null, graph: null })],
      ["format", encodeRow("format", { formatVersion: 1, createdAt: 0 })],
    ]);
    const kept = (await catalog.list("")).filter(([key]) => /^(collection|tenant|database)/.test(key));
    for (const [key, bytes] of kept) rows.set(key, unbound(decodeRow(key, bytes)));
    await catalog.commit({ delete: (await catalog.list("")).map(([key]) => key) });
    await catalog.commit({ put: rows });
    const sysdb = await open(catalog);
    expect(sysdb.manifests.published("c")).toEqual({
      ...{ version, offset, link: firstLink("c"), nextOrdinal, count, requests: [] },
      sections: { ...sections, vectors: { dimension: 2, rows: [], graph: null }, text: { segments: null } },
    });
    expect(decodeRow("format", (await catalog.get("format"))!)).toEqual({ formatVersion: FORMAT_VERSION, createdAt: 0 });
    expect(sysdb.catalog.damage).toEqual([]);
    expect((await open(catalog)).manifests.published("c")).toEqual(sysdb.manifests.published("c"));
    expect(await sysdb.manifests.publish("c", manifestWith({ version: 5, offset: 9 }), [])).toEqual([ref(1)]);
  });

  test("a database of a newer format is refused and left alone", async () => {
    const catalog = await openCatalog();
    await catalog.commit({ put: new Map([["format", encodeRow("format", { formatVersion: FORMAT_VERSION + 1, createdAt: 0 })]]) });
    await expect(open(catalog)).rejects.toThrow(expect.objectContaining({ code: "FORMAT_TOO_NEW" }));
    expect(await catalog.list("")).toHaveLength(1);
  });

  test("a damaged or missing row format is corruption, never a first run", async () => {
    for (const bytes of [new Uint8Array(9), null]) {
      const catalog = await openCatalog();
      await (await open(catalog)).createCollection(fields("c"));
      await catalog.commit(bytes === null ? { delete: ["format"] } : { put: new Map([["format", bytes]]) });
      const before = await catalog.list("");
      await expect(open(catalog)).rejects.toMatchObject({ code: "CORRUPTION", message: expect.stringContaining('"format"') });
      expect(await catalog.list("")).toEqual(before);
    }
  });
});

describe("a row that is damaged, missing, exchanged or out of date", () => {
  /** Two collections, of which the first has an earlier version. */
  async function filled(): Promise<CatalogStore> {
    const catalog = await openCatalog();
    const sysdb = await open(catalog, { retainVersions: 2 });
    for (const name of ["a", "b"]) await sysdb.createCollection(fields(name));
    await sysdb.manifests.publish("a", manifestWith({ version: 1, count: 1 }, ref(1)), []);
    await sysdb.manifests.publish("a", manifestWith({ version: 2, count: 2 }, ref(2)), []);
    await sysdb.directory.createTenant("team");
    await sysdb.directory.createDatabase("team", "drafts", "id");
    return catalog;
  }

  /** Everything that the catalog tells, or the error that it tells instead. */
  function told({ directory, manifests }: SysDb): unknown[] {
    const attempt = (ask: () => unknown): unknown => {
      try {
        return ask();
      } catch (error) {
        return (error as TidepoolError).code;
      }
    };
    return [
      () => directory.listDatabases("team").map(({ name }) => name),
      () => directory.getTenant("team").name,
      () => directory.listCollections(DEFAULT_TENANT, DEFAULT_DATABASE).map(({ name }) => name),
      ...["a", "b"].flatMap((id) => [() => directory.collectionById(id), () => manifests.published(id)]),
      () => manifests.retained("a"),
    ].map(attempt);
  }

  type Damage = (rows: Map<string, Uint8Array>, key: string) => Uint8Array | null | undefined;
  const damages: [string, Damage][] = [
    ["missing", () => null],
    ["changed", (rows, key) => rows.get(key)!.with(6, 3)],
    ["of another type", () => new Uint8Array(0)],
    ["another row of its kind", (rows, key) => [...rows].find(([k]) => k !== key && k.split("/")[0] === key.split("/")[0])?.[1]],
  ];

  test.each(damages)(
    "%s: what it says is known from its spare, or whoever asks for it is told, and nothing else changes",
    async (_, damage) => {
      const truth = told(await open(await filled(), { retainVersions: 2 }));
      const keys = (await (await filled()).list("")).map(([key]) => key).filter((key) => key !== "format");
      for (const key of keys) {
        const catalog = await filled();
        const bytes = damage(new Map(await catalog.list("")), key);
        if (bytes === undefined) continue;
        await catalog.commit(bytes === null ? { delete: [key] } : { put: new Map([[key, bytes]]) });
        const before = await catalog.list("");
        const sysdb = await open(catalog, { retainVersions: 2 });
        expect(await catalog.list("")).toEqual(before);
        expect([key, sysdb.catalog.damage.map((row) => row.key)]).toEqual([key, [key]]);
        const version = key.startsWith("version/") ? [5 + 2] : [];
        expect([key, told(sysdb)]).toEqual([key, truth.map((answer, at) => (version.includes(at) ? "CORRUPTION" : answer))]);
        await sysdb.directory.modifyCollection("b", { metadata: { b: 2 } });
        await sysdb.manifests.publish("a", manifestWith({ version: 3, count: 2 }, ref(2)), []);
      }
    },
  );

  test("an earlier state of a row is replaced by the spare, and told when that is old too", async () => {
    const catalog = await filled();
    const old = (await catalog.get("manifest/a"))!;
    await (await open(catalog)).manifests.publish("a", manifestWith({ version: 3 }, ref(3)), []);
    await catalog.commit({ put: new Map([["manifest/a", old]]) });
    expect((await open(catalog)).manifests.published("a").version).toBe(3);
    await catalog.commit({ put: new Map([["spare/manifest/a", old]]) });
    const sysdb = await open(catalog);
    expect(() => sysdb.manifests.published("a")).toThrow('Catalog row "manifest/a" is not the latest that was written');
    expect(sysdb.manifests.firstLoss).toMatchObject({ code: "CORRUPTION" });
    expect(sysdb.manifests.published("b").version).toBe(0);
  });

  test("second copies of digests, which have none, are taken for nothing", async () => {
    const catalog = await filled();
    const stray = Array.from({ length: 16 }, (_, at): [string, Uint8Array] => [
      `spare/digest/${at}`,
      encodeRow(`digest/${at}`, { rows: {} }),
    ]);
    await catalog.commit({ put: new Map(stray) });
    const sysdb = await open(catalog);
    expect(sysdb.catalog.damage).toEqual([]);
    await sysdb.catalog.heal();
    for (let i = 0; i < 16; i++) await sysdb.createCollection(fields(`more-${i}`));
    expect((await open(catalog)).catalog.damage).toEqual([]);
  });

  test("a collection that is lost with its spare is told to whoever might mean it, and can be deleted by its id", async () => {
    const catalog = await filled();
    await catalog.commit({ delete: ["collection/a", "spare/collection/a"] });
    const sysdb = await open(catalog);
    expect(sysdb.directory.getCollection(DEFAULT_TENANT, DEFAULT_DATABASE, "b").id).toBe("b");
    for (const ask of [
      () => sysdb.directory.findCollection(DEFAULT_TENANT, DEFAULT_DATABASE, "a"),
      () => sysdb.directory.collectionById("a"),
    ])
      expect(ask).toThrow('Catalog row "collection/a" is missing');
    await expect(sysdb.createCollection(fields("a", "c"))).rejects.toMatchObject({ code: "CORRUPTION" });
    await sysdb.deleteCollections({ ids: ["a"] });
    await sysdb.createCollection(fields("a", "c"));
    expect((await open(catalog)).catalog.damage).toEqual([]);
  });

  test("a manifest that is lost with its spare leaves its collection to be deleted", async () => {
    const catalog = await filled();
    await catalog.commit({ put: new Map(["manifest/a", "spare/manifest/a"].map((key) => [key, new Uint8Array(9)])) });
    const sysdb = await open(catalog);
    expect(() => sysdb.manifests.published("a")).toThrow(
      'The manifest of collection "a" cannot be read. Catalog row "manifest/a" fails its checksum',
    );
    await sysdb.deleteCollections({ ids: ["a"] });
    expect(sysdb.manifests.firstLoss).toBeNull();
    expect((await open(catalog)).catalog.damage).toEqual([]);
  });
});

/** A row of format 1. */
function unbound(value: unknown): Uint8Array {
  const json = encodeJson(value);
  const bytes = new Uint8Array(4 + json.length);
  bytes.set(json, 4);
  new DataView(bytes.buffer).setUint32(0, crc32(json), true);
  return bytes;
}

test("a row comes back, and a changed one does not", () => {
  const bytes = encodeRow("k", { a: [1, "ü"] });
  expect(decodeRow("k", bytes)).toEqual({ a: [1, "ü"] });
  expect(() => decodeRow("k", bytes.slice(0, 3))).toThrow('Catalog row "k" has 3 bytes');
  expect(() => decodeRow("k", bytes.slice(0, -1))).toThrow('Catalog row "k" fails its checksum');
  expect(() => decodeRow("l", bytes)).toThrow('Catalog row "l" fails its checksum');
});

test("what is staged is not published over what takes its place while it waits for its turn", async () => {
  const sysdb = await open(await openCatalog());
  const row = await sysdb.createCollection(fields("a"));
  await sysdb.manifests.stage("a", manifestWith({ version: 1 }, ref(1)), []);
  const replaced = sysdb.replaceCollection(row, manifestWith({ version: 2 }, ref(2)), []);
  const late = sysdb.manifests.publishStaged("a");
  await Promise.all([replaced, late]);
  expect(sysdb.manifests.published("a").version).toBe(2);
});
