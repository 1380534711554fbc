/**
 * The names of young arenas are lost with the power, at every durability point in turn: all of them, or some. Each time the
 * database is opened again twice, with more writes, erasures and another loss of power in between, and must hold every acknowledged
 * operation. And what is staged is really gone on from, so that a page that is closed in its first minute has little to replay.
 */
import { describe, expect, test } from "vitest";
import { Random, TestEnvironment } from "../testing/environment.js";
import { type CrashVariant, FaultInjectingStorage } from "../testing/fault-injecting-storage.js";
import { turns } from "../testing/gate.js";
import { Engine } from "./engine.js";
import { referenceKernel } from "./index/vector/reference-kernel.js";
import { limits } from "./limits.js";
import type { Storage } from "./storage.js";

const variants: CrashVariant[] = ["before", "after", "torn"];
const create = { tenant: "default_tenant", database: "default_database", name: "young", metadata: null, configuration: {} };
const SETTLE_MS = 60_000;
const STEPS = 16;

/** What every acknowledged operation left, and what the one under way may leave besides. */
interface Expected {
  sure: Map<string, string>;
  perhaps: Map<string, string>;
}

async function eraseAll(engine: Engine): Promise<void> {
  let after: number | null = 0;
  while (after !== null) ({ after } = await engine.service.vacuum({ erase: true, after }));
}

class Life {
  readonly environment: TestEnvironment;
  readonly expected: Expected;

  constructor(environment = new TestEnvironment(), expected: Expected = { sure: new Map(), perhaps: new Map() }) {
    this.environment = environment;
    this.expected = expected;
  }

  open(storage: Storage): Promise<Engine> {
    const options = { path: "young", storage: "memory", durability: "strict", allowReset: false } as const;
    return Engine.open({ storage, kernel: referenceKernel, environment: this.environment, options, deadOrdinalsMax: () => 4 });
  }

  /** Compares what is there, then does random operations, until the end or the crash. */
  async live(storage: FaultInjectingStorage, random: Random, steps: number, where: string): Promise<void> {
    try {
      const engine = await this.open(storage);
      await this.check(engine, where);
      const { id } = await engine.service.createCollection({ ...create, getOrCreate: true });
      for (let i = 0; i < steps; i++) await this.#step(engine, id, random);
    } catch (error) {
      if (!storage.ended) throw error;
    }
  }

  /** Overwrites all free space, once the clock has brought the arenas to their age. */
  async #erase(engine: Engine): Promise<void> {
    let isDone = false;
    const erased = eraseAll(engine).finally(() => (isDone = true));
    erased.catch(() => undefined); // Looked at below.
    while (!isDone) {
      this.environment.advance(SETTLE_MS);
      await turns();
    }
    return erased;
  }

  async #step(engine: Engine, collectionId: string, random: Random): Promise<void> {
    const dice = random.next();
    const ids = [...new Set(Array.from({ length: 8 }, () => `r${random.below(40)}`))];
    if (dice < 0.06) return this.#erase(engine);
    if (dice < 0.35) return engine.compact(collectionId);
    if (dice < 0.5) {
      this.environment.advance(SETTLE_MS / 3);
      return turns();
    }
    const document = `${random.next()}`;
    const change = (records: Map<string, string>) => ids.forEach((id) => (dice < 0.65 ? records.delete(id) : records.set(id, document)));
    change(this.expected.perhaps);
    if (dice < 0.65) await engine.service.delete({ collectionId, ids });
    else {
      const embeddings = { dimension: 2, values: new Float32Array(ids.length * 2), present: null };
      const records = { ids, embeddings, documents: ids.map(() => document.padEnd(400)), metadatas: null, uris: null };
      await engine.service.write({ collectionId, operation: "upsert", records });
    }
    change(this.expected.sure);
  }

  /** Compares, and goes on with what is there. */
  async check(engine: Engine, where: string): Promise<void> {
    const { id: collectionId } = await engine.service.createCollection({ ...create, getOrCreate: true });
    const { ids, documents } = await engine.service.get({ collectionId, include: ["documents"] });
    const found = new Map(ids.map((id, i) => [id, documents![i]!.trim()]));
    const sorted = (records: Map<string, string>) => [...records].sort();
    expect([this.expected.sure, this.expected.perhaps].map(sorted), where).toContainEqual(sorted(found));
    this.expected.sure = found;
    this.expected.perhaps = new Map(found);
  }
}

describe.each([21, 22, 23])("lives of seed %i", (seed) => {
  test.each(variants)("dying %s each durability point, with young arenas lost, lose no acknowledged write", async (variant) => {
    const options = (life: Life) => ({ now: () => life.environment.now(), arenaSettleMs: SETTLE_MS, arenaBytes: 32 * 1024 });
    const rehearsal = new Life();
    const storage = new FaultInjectingStorage(options(rehearsal));
    await rehearsal.live(storage, new Random(seed), STEPS, "rehearsal");
    expect(storage.syncs).toBeGreaterThan(STEPS / 2);
    for (let at = 1; at <= storage.syncs; at++) {
      const where = `seed ${seed}, crash ${variant} sync ${at}`;
      const life = new Life();
      const first = new FaultInjectingStorage({ ...options(life), crash: { at, variant }, seed: seed * 1000 + at });
      await life.live(first, new Random(seed), STEPS, where);
      const second = first.reopen({ crash: { at: 1 + (at % 30), variant }, seed: at });
      await life.live(second, new Random(seed * 1000 + at), STEPS / 2, `${where}, second life`);
      const third = second.reopen();
      const engine = await life.open(third);
      await life.check(engine, `${where}, third life`);
      await engine.compact((await engine.service.createCollection({ ...create, getOrCreate: true })).id);
      await engine.close();
      await life.check(await life.open(third.reopen()), `${where}, last life`);
    }
  });
});

/** A database whose page was closed in its first minute, everything compacted. */
async function closedYoung(life: Life) {
  const storage = new FaultInjectingStorage({ now: () => life.environment.now(), arenaSettleMs: SETTLE_MS });
  const engine = await life.open(storage);
  const { id: collectionId } = await engine.service.createCollection({ ...create, getOrCreate: true });
  const ids = Array.from({ length: 300 }, (_, i) => `r${i}`);
  const embeddings = { dimension: 2, values: new Float32Array(600), present: null };
  const records = { ids, embeddings, documents: ids.map((id) => `document ${id}`), metadatas: null, uris: null };
  await engine.service.write({ collectionId, operation: "add", records });
  await engine.compact(collectionId);
  life.environment.advance(limits.textIdleMs);
  while ((await engine.service.info()).compacting) await turns();
  await engine.close();
  return { storage, collectionId };
}

test("a page closed in its first minute leaves nothing to replay to the next opening, and its log to the loss of power", async () => {
  const life = new Life();
  const { storage, collectionId } = await closedYoung(life);
  // The process has ended and the machine goes on: the names of all files are still there.
  const next = storage.reopen();
  const engine = await life.open(next);
  expect(await engine.service.count({ collectionId })).toBe(300);
  expect(await engine.service.info()).toMatchObject({ records: 300, logRecords: 0, unpublished: 1 });
  expect(await next.log.read(collectionId, 0, 1)).toHaveLength(1);
  // It comes of age in the hands of the next page.
  life.environment.advance(SETTLE_MS);
  while ((await engine.service.info()).unpublished > 0) await turns();
  expect(await next.log.read(collectionId, 0, 1)).toEqual([]);
  expect(await next.catalog.list("staged/")).toEqual([]);
  await engine.close();
  const last = await life.open(next.reopen());
  expect(await last.service.count({ collectionId })).toBe(300);
  await last.close();
});

test("when the names are lost, what is staged is dropped before a new arena can take a lost one's number", async () => {
  const life = new Life();
  const { storage, collectionId } = await closedYoung(life);
  expect(await storage.reopen().catalog.list("staged/")).toHaveLength(1);
  storage.cutPower();
  const lost = storage.reopen();
  const engine = await life.open(lost);
  expect(await lost.catalog.list("staged/")).toEqual([]);
  expect(await engine.service.count({ collectionId })).toBe(300);
  expect((await engine.service.info()).logRecords).toBe(1);
  await engine.close();
});

test("a staged manifest that cannot be read is no loss: the published one and the log give everything", async () => {
  const life = new Life();
  const { storage, collectionId } = await closedYoung(life);
  const next = storage.reopen();
  const [[key, bytes]] = (await next.catalog.list("staged/")) as [[string, Uint8Array]];
  const damaged = bytes.slice();
  damaged[20]! ^= 1;
  await next.catalog.commit({ put: new Map([[key, damaged]]) });
  const engine = await life.open(next);
  expect(await engine.service.count({ collectionId })).toBe(300);
  expect(await next.catalog.list("staged/")).toEqual([]);
  await engine.close();
});
