/** Values and how many records have them: as a plain count says, wherever the records are, and read from no more than it takes. */
import { describe, expect, test } from "vitest";
import { openMemoryStorage } from "../storage/memory/memory-storage.js";
import { countBytesRead } from "../testing/bytes-read.js";
import { Random } from "../testing/environment.js";
import { compareScalars, type Matches, Model, type ModelWrite } from "../testing/model.js";
import { openedEngine } from "../testing/opened-engines.js";
import type { Engine } from "./engine.js";
import { limits } from "./limits.js";
import type { Metadata, MetadataPatch, MetadataValue, RecordBatch, Where } from "./types.js";

const scope = { tenant: "default_tenant", database: "default_database" };
const off = { enabled: false, config: {} };
/** Values of one key are posted in part, those of another not at all. */
const SCHEMA = {
  defaults: {},
  keys: {
    part: { int: { int_inverted_index: off } },
    none: { string: { string_inverted_index: off }, bool: { bool_inverted_index: off } },
  },
};
const LONG = "x".repeat(300);
const VALUES: readonly MetadataValue[] = [
  ...["", "a", "b", "é", "\u{1F30A}", "1", "true", LONG, `${LONG}a`, `${LONG}b`, LONG.slice(0, 256), `${LONG.slice(0, 255)}y`],
  ...[0, 1, -1, 1.5, -1.5, 2 ** 60, 1e300, -Number.MIN_VALUE],
  ...[true, false],
  ...[["a", "b"], ["a", "a", LONG], [`${LONG}a`], [1, 1.5, 1], [true]],
  { indices: [1], values: [0.5] },
];
const KEYS = ["all", "part", "none", "constructor", "absent"];

async function create(engine: Engine, name: string, schema?: object): Promise<string> {
  const { id } = await engine.service.createCollection({ ...scope, name, metadata: null, configuration: {}, schema, getOrCreate: false });
  return id;
}

function batch(ids: string[], metadatas: (MetadataPatch | null)[]): RecordBatch {
  return { ids, embeddings: { dimension: 1, values: new Float32Array(ids.length), present: null }, documents: null, metadatas, uris: null };
}

function write(engine: Engine, collectionId: string, metadatas: Metadata[]): Promise<void> {
  const ids = metadatas.map((_, i) => `r${i}`);
  return engine.service.write({ collectionId, operation: "add", records: batch(ids, metadatas) });
}

class Run {
  readonly random: Random;
  readonly model = new Model("l2");
  engine!: Engine;
  collectionId!: string;

  constructor(readonly seed: number) {
    this.random = new Random(seed);
  }

  async open(): Promise<void> {
    this.engine = await openedEngine(await openMemoryStorage(`facets-${this.seed}`), {
      options: { retainVersions: 3 },
      deadOrdinalsMax: () => 20,
    });
  }

  async step(): Promise<void> {
    const { random, collectionId } = this;
    const ids = [...new Set(Array.from({ length: 1 + random.below(30) }, () => `r${random.below(120)}`))];
    if (random.chance(0.2)) {
      await this.engine.service.delete({ collectionId, ids });
      this.model.delete(ids);
    } else if (random.chance(0.15)) await this.engine.compact(collectionId);
    else if (random.chance(0.1)) {
      await this.engine.close();
      await this.open();
    } else await this.upsert(ids);
    await this.check(this.model);
  }

  async upsert(ids: string[]): Promise<void> {
    const keys = KEYS.slice(0, 4);
    const given = () => Object.fromEntries(keys.filter(() => this.random.chance(0.6)).map((key) => [key, this.value()]));
    const metadatas = ids.map(() => ({ rest: 1, ...given() }));
    await this.engine.service.write({ collectionId: this.collectionId, operation: "upsert", records: batch(ids, metadatas) });
    this.model.write(
      "upsert",
      ids.map((id, i): ModelWrite => ({ id, embedding: new Float32Array(1), metadata: metadatas[i]! })),
    );
  }

  value(): MetadataValue | null {
    return this.random.chance(0.1) ? null : this.random.pick(VALUES);
  }

  async check(model: Model, version?: number): Promise<void> {
    const { random, collectionId } = this;
    const [where, matches] = random.pick<[Where | undefined, Matches]>([
      [undefined, () => true],
      [{ all: "a" }, ({ metadata }) => metadata?.["all"] === "a"],
      [{ all: { $ne: "a" } }, ({ metadata }) => metadata?.["all"] !== "a"],
    ]);
    const keys = KEYS.filter(() => random.chance(0.6)).concat("last");
    const selection = { collectionId, ...(where && { where }), ...(version !== undefined && { version }) };
    const found = await this.engine.service.facets({ ...selection, keys });
    const expected = keys.map((key) => ({ key, ...model.facet(key, matches) }));
    expect(found.map(({ values, counts, ...rest }) => ({ ...rest, values: values.map((value, i) => [value, counts[i]]) }))).toEqual(
      expected.map((facet) => ({ ...facet, distinct: facet.values.length })),
    );
    const { key, values } = expected[0]!;
    const ascending = values.map(([value]) => value).sort(compareScalars);
    expect(await this.engine.service.distinct({ ...selection, key })).toEqual(ascending);
    expect(await this.engine.service.distinct({ ...selection, key, offset: 2, limit: 3 })).toEqual(ascending.slice(2, 5));
  }
}

describe.each([1, 2, 3, 4])("seed %i", (seed) => {
  test("facets are what a plain count says after every operation, and at a version what it said then", async () => {
    const run = new Run(seed);
    await run.open();
    run.collectionId = await create(run.engine, "facets", SCHEMA);
    for (let step = 0; step < 40; step++) await run.step();
    await run.engine.compact(run.collectionId);
    const then = new Model("l2");
    for (const [id, record] of run.model.records) then.records.set(id, { ...record });
    const { version } = (await run.engine.service.listVersions({ collectionId: run.collectionId })).at(-1)!;
    for (let step = 0; step < 5; step++) await run.upsert(["r1", "r2", `new${step}`]);
    await run.check(run.model);
    for (let i = 0; i < 3; i++) await run.check(then, version);
  });
});

/** Bytes that a call reads of a database that was opened for it. */
async function bytesRead(path: string, call: (engine: Engine) => Promise<unknown>): Promise<number> {
  const storage = await openMemoryStorage(path);
  const engine = await openedEngine(storage);
  const collectionId = (await engine.service.listCollections(scope))[0]!.id;
  await engine.service.count({ collectionId });
  const bytes = countBytesRead(storage);
  await call(engine);
  await engine.close();
  return bytes();
}

describe("what is read", () => {
  const filler = "sand ".repeat(40);

  test("is the postings of many records, and the records where they are few", async () => {
    const engine = await openedEngine(await openMemoryStorage("facets-bytes"));
    const collectionId = await create(engine, "facets");
    // Postings of the ids take several blocks, and so do the records.
    for (let from = 0; from < 20_000; from += 5000) {
      const ids = Array.from({ length: 5000 }, (_, i) => `record-${from + i}-${"0".repeat(40)}`);
      const metadatas = ids.map((id, i) => ({ id, year: 2000 + (i % 7), filler, one: from + i === 17 }));
      await engine.service.write({ collectionId, operation: "add", records: batch(ids, metadatas) });
    }
    await engine.compact(collectionId);
    await engine.close();
    const all = await bytesRead("facets-bytes", ({ service }) => service.get({ collectionId, include: ["metadatas"] }));
    const years = await bytesRead("facets-bytes", ({ service }) => service.facets({ collectionId, keys: ["year"] }));
    const where = { one: true };
    const single = await bytesRead("facets-bytes", ({ service }) => service.facets({ collectionId, keys: ["id"], where }));
    const each = await bytesRead("facets-bytes", ({ service }) => service.facets({ collectionId, keys: ["id"] }));
    expect(years).toBeLessThan(all / 10);
    expect(each).toBeLessThan(all / 2);
    expect(single).toBeLessThan(each / 2);
  });

  test("is no more than the memory allowed holds, and each read ends when nobody waits for it", async () => {
    const engine = await openedEngine(await openMemoryStorage("facets-large"));
    const collectionId = await create(engine, "facets");
    const each = limits.metadataListMax;
    const texts = (n: number): string[] => Array.from({ length: each }, (_, i) => `${n}-${i}`.padEnd(200, "."));
    for (let n = 0; n < 6; n++) {
      const records = batch([`r${n}`], [{ texts: texts(n) }]);
      await engine.service.write({ collectionId, operation: "add", records });
    }
    const refused = { code: "LIMIT_EXCEEDED", details: { limit: "facetBytesMax", allowed: limits.facetBytesMax } };
    await expect(engine.service.facets({ collectionId, keys: ["texts"] })).rejects.toMatchObject(refused);
    const [facet] = await engine.service.facets({ collectionId, ids: ["r0"], keys: ["texts"], limit: 1 });
    expect(facet).toMatchObject({ distinct: each, missing: 0, values: [texts(0)[0]] });
    let looked = 0;
    const isCancelled = () => ++looked > 2;
    await expect(engine.service.distinct({ collectionId, ids: ["r0"], key: "texts" }, { isCancelled } as never)).rejects.toMatchObject({
      code: "ABORTED",
    });
  });
});

test("what cannot be asked for is refused", async () => {
  const engine = await openedEngine(await openMemoryStorage("facets-refused"));
  const collectionId = await create(engine, "facets");
  await write(engine, collectionId, [{ year: 1 }]);
  const facets = (request: object) => engine.service.facets({ collectionId, keys: ["year"], ...request });
  const invalid: [object, RegExp][] = [
    [{ keys: [] }, /keys must name at least one/],
    [{ keys: "year" }, /'keys' to be an array, but got "year"/],
    [{ keys: ["year", 7] }, /keys\[1\] must be a metadata key, got 7/],
    [{ keys: ["#document"] }, /keys\[0\] must be a metadata key, got "#document"/],
    [{ keys: ["a", "b", "a"] }, /keys\[2\] "a" is there twice/],
    [{ limit: 0 }, /limit must be a whole number from 1 to 10000, got 0/],
    [{ limit: limits.facetValuesMax + 1 }, /limit must be .* got 10001/],
    [{ where: { year: null } }, /year/],
  ];
  for (const [request, message] of invalid) {
    await expect(facets(request)).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) });
  }
  const keys = Array.from({ length: limits.facetKeysMax + 1 }, (_, i) => `k${i}`);
  await expect(facets({ keys })).rejects.toMatchObject({ code: "LIMIT_EXCEEDED", details: { limit: "facetKeysMax" } });
  expect(await facets({ keys: keys.slice(1) })).toHaveLength(limits.facetKeysMax);
  await expect(engine.service.distinct({ collectionId, key: "" })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  await expect(engine.service.distinct({ collectionId, key: "year", offset: -1 })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});
