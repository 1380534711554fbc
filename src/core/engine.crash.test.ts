/**
 * The power fails at every durability point in turn. A script of writes, deletes and compactions runs once to count the
 * points, then once per point and way of dying; each time the reopened database must hold every acknowledged operation,
 * and of the one that was under way all or nothing.
 */
import { describe, expect, test } from "vitest";
import { toBatch } from "../testing/crash-workload.js";
import { Random, TestEnvironment } from "../testing/environment.js";
import { type CrashVariant, FaultInjectingStorage } from "../testing/fault-injecting-storage.js";
import { Model, type ModelRecord, type ModelWrite } from "../testing/model.js";
import { Engine } from "./engine.js";
import { referenceKernel } from "./index/vector/reference-kernel.js";

const DIMENSION = 4;
const variants: CrashVariant[] = ["before", "after", "torn"];

interface Step {
  run(engine: Engine, collectionId: string): Promise<unknown>;
  apply(model: Model): void;
}

function script(seed: number): Step[] {
  const random = new Random(seed);
  const steps: Step[] = [];
  for (let i = 0; i < 24; i++) {
    const dice = random.next();
    if (dice < 0.3) steps.push({ run: (engine, id) => engine.compact(id), apply: () => undefined });
    else if (dice < 0.45) steps.push(deletion(random));
    else if (dice < 0.6) steps.push(transaction(random, i));
    else steps.push(write(random, i));
  }
  return steps;
}

function deletion(random: Random): Step {
  const ids = [...new Set(Array.from({ length: 6 }, () => `r${random.below(60)}`))];
  return {
    run: (engine, collectionId) => engine.service.delete({ collectionId, ids }),
    apply: (model) => void model.delete(ids),
  };
}

function writes(random: Random, stamp: number): ModelWrite[] {
  const ids = [...new Set(Array.from({ length: 12 }, () => `r${random.below(60)}`))];
  return ids.map((id) => ({
    id,
    embedding: random.vector(DIMENSION),
    document: `${id} at ${stamp}`,
    metadata: { stamp, lexical: { indices: [stamp, 1000], values: [stamp / 4, -1] } },
  }));
}

function write(random: Random, stamp: number): Step {
  const written = writes(random, stamp);
  return {
    run: (engine, collectionId) => engine.service.write({ collectionId, operation: "upsert", records: toBatch(written) }),
    apply: (model) => model.write("upsert", written),
  };
}

/** Reads, then writes and deletes in one go. */
function transaction(random: Random, stamp: number): Step {
  const written = writes(random, stamp);
  const ids = [...new Set(Array.from({ length: 4 }, () => `r${random.below(60)}`))];
  return {
    run: async (engine, collectionId) => {
      const { readToken } = await engine.service.conditionalGet({ collectionId, ids, include: [] });
      const operations = [{ operation: "upsert", records: toBatch(written) } as const, { operation: "delete", ids } as const];
      return engine.service.conditionalCommit({ collectionId, readToken, readIds: ids, operations });
    },
    apply: (model) => {
      model.write("upsert", written);
      model.delete(ids);
    },
  };
}

async function openEngine(storage: FaultInjectingStorage): Promise<Engine> {
  const options = { path: "crash", storage: "memory", durability: "strict", allowReset: true } as const;
  return Engine.open({ storage, kernel: referenceKernel, environment: new TestEnvironment(), options, deadOrdinalsMax: () => 4 });
}

/** Runs until the end or the crash. Returns the models of what must be there and of what may be there. */
async function runScript(storage: FaultInjectingStorage, steps: readonly Step[]): Promise<{ sure: Model; perhaps: Model }> {
  const sure = new Model("l2");
  const perhaps = new Model("l2");
  try {
    const engine = await openEngine(storage);
    const scope = { tenant: "default_tenant", database: "default_database" };
    const { id } = await engine.service.createCollection({
      ...scope,
      name: "crash",
      metadata: null,
      configuration: {},
      schema: { keys: { lexical: { sparse_vector: { sparse_vector_index: { enabled: true, config: {} } } } } },
      getOrCreate: false,
    });
    for (const step of steps) {
      step.apply(perhaps);
      await step.run(engine, id);
      step.apply(sure);
    }
  } catch (error) {
    if (!storage.ended) throw error;
  }
  return { sure, perhaps };
}

async function survivors(storage: FaultInjectingStorage): Promise<ModelRecord[]> {
  const engine = await openEngine(storage);
  const [info] = await engine.service.listCollections({ tenant: "default_tenant", database: "default_database" });
  if (info === undefined) return [];
  const found = await engine.service.get({ collectionId: info.id, include: ["documents", "embeddings", "metadatas"] });
  await engine.compact(info.id);
  expect(await engine.service.get({ collectionId: info.id, include: ["documents", "embeddings", "metadatas"] })).toEqual(found);
  expect((await engine.service.verifyCollection({ collectionId: info.id, deep: true })).findings).toEqual([]);
  return found.ids.map((id, i) => ({
    id,
    embedding: found.embeddings!.values.slice(i * DIMENSION, (i + 1) * DIMENSION),
    document: found.documents![i]!,
    uri: null,
    metadata: found.metadatas![i]!,
  }));
}

describe.each([11, 12])("script of seed %i", (seed) => {
  test.each(variants)("dying %s each durability point loses no acknowledged write", async (variant) => {
    const steps = script(seed);
    const rehearsal = new FaultInjectingStorage();
    await runScript(rehearsal, steps);
    expect(rehearsal.syncs).toBeGreaterThan(steps.length);
    for (let at = 1; at <= rehearsal.syncs; at++) {
      const storage = new FaultInjectingStorage({ crash: { at, variant }, seed: seed * 1000 + at });
      const { sure, perhaps } = await runScript(storage, steps);
      const found = await survivors(storage.reopen());
      const allowed = [sure, perhaps].map((model) => [...model.records.values()]);
      expect(allowed, `seed ${seed}, crash ${variant} sync ${at}`).toContainEqual(found);
    }
  });
});

const SHELF = { tenant: "default_tenant", database: "shelf" };

/** Two collections of a database, one of them compacted, and one in another. */
async function fillShelves(engine: Engine): Promise<void> {
  await engine.service.createDatabase({ tenant: SHELF.tenant, name: SHELF.database });
  for (const [database, name] of [
    ["shelf", "compacted"],
    ["shelf", "logged"],
    ["default_database", "other"],
  ] as const) {
    const request = { ...SHELF, database, name, metadata: null, configuration: {}, getOrCreate: false };
    const { id } = await engine.service.createCollection(request);
    const records = toBatch(writes(new Random(5), 1));
    await engine.service.write({ collectionId: id, operation: "add", records });
    if (name === "compacted") await engine.compact(id);
  }
}

/** Databases of the tenant, with each collection's ids. */
async function shelves(engine: Engine): Promise<Record<string, Record<string, string[]>>> {
  const found: Record<string, Record<string, string[]>> = {};
  for (const { name: database } of await engine.service.listDatabases({ tenant: SHELF.tenant })) {
    const collections: Record<string, string[]> = {};
    for (const { id, name } of await engine.service.listCollections({ tenant: SHELF.tenant, database })) {
      collections[name] = (await engine.service.get({ collectionId: id, include: [] })).ids;
    }
    found[database] = collections;
  }
  return found;
}

describe.each<[string, (engine: Engine) => Promise<void>]>([
  ["the deletion of a database", ({ service }) => service.deleteDatabase({ tenant: SHELF.tenant, name: SHELF.database })],
  ["a reset", ({ service }) => service.reset()],
])("%s", (_, remove) => {
  test.each(variants)("dying %s each durability point has happened in full or not at all", async (variant) => {
    const rehearsal = new FaultInjectingStorage();
    const engine = await openEngine(rehearsal);
    await fillShelves(engine);
    const [before, first] = [await shelves(engine), rehearsal.syncs + 1];
    await remove(engine);
    const after = await shelves(engine);
    expect(after).not.toEqual(before);
    for (let at = first; at <= rehearsal.syncs; at++) {
      const storage = new FaultInjectingStorage({ crash: { at, variant }, seed: at });
      const dying = await openEngine(storage);
      await fillShelves(dying);
      await remove(dying).catch(() => undefined);
      const reopened = await openEngine(storage.reopen());
      const found = await shelves(reopened);
      expect([before, after], `crash ${variant} sync ${at}`).toContainEqual(found);
      await remove(reopened).catch(() => undefined);
      expect(await shelves(reopened)).toEqual(after);
    }
  });
});
