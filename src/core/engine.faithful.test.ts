/**
 * What was written reads equal in the memtable, after a reopening that replays the log, after compaction, and after another
 * reopening, whatever values a caller thinks of; what cannot is refused before anything is written. Seeded:
 * `SEED=<n> npx vitest run src/core/engine.faithful.test.ts` repeats a case.
 */
import { expect, test } from "vitest";
import { openMemoryStorage } from "../storage/memory/memory-storage.js";
import { Random, TestEnvironment } from "../testing/environment.js";
import { Engine } from "./engine.js";
import { TidepoolError } from "./errors.js";
import { referenceKernel } from "./index/vector/reference-kernel.js";
import type { Metadata, RecordBatch } from "./types.js";

const scope = { tenant: "default_tenant", database: "default_database" };
const seeds = process.env["SEED"] === undefined ? [1, 2, 3, 4] : [Number(process.env["SEED"])];
const NUMBERS = [-0, 0, 1, -1.5, 5e-324, 1.7976931348623157e308, 2 ** 53, NaN, Infinity, -Infinity, 0.1];
const TEXTS = ["", "a", "\u0000", "\ufffd", "\ufeffb", "\ud800", "\udfff", "\u{1f4a7}", "\udca7\ud83d", "__proto__", "é", "e\u0301"];
const STRANGE = [new Date(0), null, {}, [], 7n, [1, "a"], [[1]], new Map(), [-0, 0], [NaN], ["\ud800", "\udfff"]];
const KEYS = [...TEXTS, "constructor", "s:a", "rest", "#a", "$a", "a".repeat(300)];

let environment: TestEnvironment;

async function open(path: string): Promise<Engine> {
  const options = { path, storage: "memory", durability: "strict", allowReset: false } as const;
  return Engine.open({ storage: await openMemoryStorage(path), kernel: referenceKernel, environment, options });
}

/** One database opened again and again: with a log to replay, compacted, and read from its segments. */
async function* lives(path: string, collectionId: string): AsyncGenerator<Engine> {
  for (const compacts of [false, true, false]) {
    const engine = await open(path);
    if (compacts) await engine.compact(collectionId);
    yield engine;
    await engine.close();
  }
}

class Values {
  readonly random: Random;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  of<T>(list: readonly T[]): T {
    return list[this.random.below(list.length)]!;
  }

  value(): unknown {
    const kinds = [
      () => this.of(NUMBERS),
      () => this.of(TEXTS),
      () => this.random.next() < 0.5,
      () => Array.from({ length: 1 + this.random.below(3) }, () => this.of(NUMBERS)),
      () => Array.from({ length: 1 + this.random.below(3) }, () => this.of(TEXTS)),
      () => ({ indices: [0, 7], values: [this.of(NUMBERS), -0] }),
      () => this.of(STRANGE),
    ];
    return this.of(kinds)();
  }

  metadata(): Metadata {
    return Object.fromEntries(Array.from({ length: 1 + this.random.below(4) }, () => [this.of(KEYS), this.value()])) as Metadata;
  }

  record(id: string): RecordBatch {
    return {
      ids: [id],
      documents: [this.of([...TEXTS, null])],
      uris: [this.of([...TEXTS, null])],
      metadatas: [this.random.next() < 0.1 ? null : this.metadata()],
      embeddings: { dimension: 2, values: Float32Array.of(this.of([-0, 1, 1e-45]), this.of([2, 0])), present: null },
    };
  }
}

/** Whether it was taken; a refusal must be the caller's fault, told as such. */
async function taken(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    (error: unknown) => {
      if (!(error instanceof TidepoolError) || error.code !== "INVALID_ARGUMENT") throw error;
      return false;
    },
  );
}

async function read(engine: Engine, collectionId: string): Promise<unknown> {
  const columns = await engine.service.get({ collectionId, include: ["documents", "metadatas", "uris", "embeddings"] });
  const infos = await engine.service.listCollections(scope);
  return { ...columns, embeddings: [...columns.embeddings!.values], infos: infos.map((info) => ({ ...info, dimension: null })) };
}

test.each(seeds)("what is written reads equal before and after everything, with seed %i", async (seed) => {
  environment = new TestEnvironment();
  const values = new Values(seed);
  const path = `faithful-${seed}`;
  const engine = await open(path);
  const base = { ...scope, configuration: {}, getOrCreate: false };
  const { id: collectionId } = await engine.service.createCollection({ ...base, name: "things", metadata: null });
  let [written, refused] = [0, 0];
  const count = (isTaken: boolean) => (isTaken ? written++ : refused++);
  for (let i = 0; i < 200; i++) {
    const id = `${i}${values.of(TEXTS)}`;
    count(await taken(engine.service.write({ collectionId, operation: "upsert", records: values.record(id) })));
  }
  for (let i = 0; i < 40; i++) {
    const embedding_function = { type: "known", name: "f", config: { at: values.value(), and: values.value() } } as const;
    const configuration = { embedding_function };
    count(await taken(engine.service.createCollection({ ...base, name: `set-${i}`, metadata: values.metadata(), configuration })));
  }
  expect([written, refused].every((number) => number > 40)).toBe(true);
  const before = await read(engine, collectionId);
  await engine.close();
  for await (const life of lives(path, collectionId)) expect(await read(life, collectionId)).toEqual(before);
});

test("every tenant that can be created is there after reopening, and what no key can name is refused", async () => {
  environment = new TestEnvironment();
  const engine = await open("tenants");
  const created: string[] = [];
  for (const name of TEXTS) if (await taken(engine.service.createTenant({ name }))) created.push(name);
  expect(created).toEqual(TEXTS.filter((name) => name !== "" && !/\p{Surrogate}/u.test(name)));
  await engine.close();
  const again = await open("tenants");
  for (const name of created) expect(await again.service.getTenant({ name })).toMatchObject({ name });
  await again.close();
});

test("two keys that storage could not tell apart are refused by name, in records, collections, filters and searches", async () => {
  environment = new TestEnvironment();
  const engine = await open("keys");
  const create = { ...scope, name: "things", configuration: {}, getOrCreate: false };
  const { id: collectionId } = await engine.service.createCollection({ ...create, metadata: null });
  const embeddings = { dimension: 1, values: Float32Array.of(1), present: null };
  const metadatas = [{ "\ud800": 1, "\udfff": 2 }];
  const records = { ids: ["a"], documents: null, uris: null, metadatas, embeddings };
  const named = expect.stringContaining("\\ud800");
  const refusal = { code: "INVALID_ARGUMENT", message: named };
  await expect(engine.service.write({ collectionId, operation: "add", records })).rejects.toMatchObject(refusal);
  await expect(engine.service.createCollection({ ...create, name: "more", metadata: metadatas[0]! })).rejects.toMatchObject(refusal);
  await expect(engine.service.get({ collectionId, where: { "\ud800": 1 }, include: [] })).rejects.toMatchObject(refusal);
  expect(await engine.service.count({ collectionId })).toBe(0);
  await engine.close();
});
