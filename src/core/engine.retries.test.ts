/**
 * Calls whose answers are lost are tried again with the same request id: at once, after calls of others, after compactions and
 * reopenings, and after a loss of power in the middle of the call. Whatever happened, each has its effect once, and all tries have the
 * same answer. `SEED=<n> npx vitest run src/core/engine.retries.test.ts` repeats one.
 */
import { describe, expect, test } from "vitest";
import { Random, TestEnvironment } from "../testing/environment.js";
import { type CrashVariant, FaultInjectingStorage } from "../testing/fault-injecting-storage.js";
import { Engine } from "./engine.js";
import type { Caller } from "./gateway/caller.js";
import { referenceKernel } from "./index/vector/reference-kernel.js";
import { limits } from "./limits.js";
import type { RecordBatch } from "./types.js";

const SCOPE = { tenant: "default_tenant", database: "default_database" };
const STEPS = 150;
const seeds = process.env["SEED"] === undefined ? [1, 2, 3, 4, 5, 6, 7, 8] : [Number(process.env["SEED"])];

/** Collections by name: what `modify` put there, and the documents of the records by their ids. */
type World = Map<string, { mark: string; records: Map<string, string> }>;

/** One call: what it asks, and what it does to the world. Answers that are not given are not compared. */
interface Call {
  requestId: string;
  /** Collections that it needs or makes. */
  names: string[];
  run(engine: Engine, caller: Caller): Promise<unknown>;
  apply(world: World): unknown;
}

interface Lost {
  call: Call;
  /** `undefined` while it has had no effect. */
  answer: unknown;
  done: boolean;
}

describe.each(seeds)("seed %i", (seed) => {
  test("every call that is tried again happens once", async () => {
    const run = new Run(seed);
    await run.open();
    for (let step = 0; step < STEPS; step++) await run.step();
    await run.settle();
    await run.check();
    expect(run.retried).toBeGreaterThan(20);
    expect(run.crashed).toBeGreaterThan(0);
  });
});

class Run {
  world: World = new Map();
  readonly #random: Random;
  #storage = new FaultInjectingStorage();
  #engine!: Engine;
  /** Calls whose answer nobody has heard. */
  #lost: Lost[] = [];
  #stamp = 0;
  retried = 0;
  crashed = 0;

  constructor(readonly seed: number) {
    this.#random = new Random(seed);
  }

  async open(): Promise<void> {
    this.#engine = await openOn(this.#storage);
  }

  async step(): Promise<void> {
    const dice = this.#random.next();
    if (dice < 0.08) return this.#reopen();
    if (dice < 0.2) return this.#compact();
    if (dice < 0.45 && this.#lost.length > 0) return this.#retry(this.#random.below(this.#lost.length));
    await this.#first(this.#newCall());
    if (this.#random.chance(0.1)) await this.check();
  }

  /** Tries what is lost until it is answered. */
  async settle(): Promise<void> {
    while (this.#lost.length > 0) await this.#retry(0);
  }

  /** The first try of a call; half of the answers are lost, and some tries meet a loss of power. */
  async #first(call: Call): Promise<void> {
    const lost: Lost = { call, answer: undefined, done: false };
    if (this.#random.chance(0.2)) return this.#crashing(lost);
    const answer = await this.#try(call);
    expect(answer, this.#where(call)).toEqual(call.apply(this.world));
    if (this.#random.chance(0.5)) this.#lost.push({ call, answer, done: true });
  }

  async #retry(i: number): Promise<void> {
    const [lost] = this.#lost.splice(i, 1) as [Lost];
    this.retried++;
    // Two tries at once join.
    const tries = await Promise.all([this.#try(lost.call), this.#try(lost.call)]);
    const expected = lost.done ? lost.answer : lost.call.apply(this.world);
    for (const answer of tries) expect(answer, this.#where(lost.call)).toEqual(expected);
  }

  async #crashing(lost: Lost): Promise<void> {
    await this.#engine.close();
    const variant = this.#random.pick<CrashVariant>(["before", "after", "torn"]);
    const at = 1 + this.#random.below(2);
    this.#storage = this.#storage.reopen({ crash: { at, variant }, seed: this.seed });
    await this.open();
    const before = structuredClone(this.world);
    const answer = await this.#try(lost.call);
    const heard = !(answer instanceof Error);
    if (!this.#storage.ended) await this.#engine.close();
    await this.#reopen();
    if (heard) return void expect(answer, this.#where(lost.call)).toEqual(lost.call.apply(this.world));
    this.crashed++;
    lost.answer = lost.call.apply(this.world);
    lost.done = await this.#holds(this.world);
    if (!lost.done) this.world = before;
    expect(await this.#holds(this.world), this.#where(lost.call)).toBe(true);
    this.#lost.push(lost);
  }

  async #try(call: Call): Promise<unknown> {
    const caller = { token: null, clientId: "c", requestId: call.requestId };
    try {
      return await call.run(this.#engine, caller);
    } catch (error) {
      if (!this.#storage.ended) throw error;
      return error;
    }
  }

  async #reopen(): Promise<void> {
    if (!this.#storage.ended) await this.#engine.close();
    this.#storage = this.#storage.reopen();
    await this.open();
  }

  async #compact(): Promise<void> {
    for (const { id } of await this.#engine.service.listCollections(SCOPE)) await this.#engine.compact(id);
  }

  // ---- looking

  async check(): Promise<void> {
    expect(await this.#found(), `seed ${this.seed}`).toEqual(this.world);
  }

  async #holds(world: World): Promise<boolean> {
    const sorted = (of: World) => JSON.stringify([...of].map(([name, { mark, records }]) => [name, mark, [...records].sort()]).sort());
    return sorted(await this.#found()) === sorted(world);
  }

  async #found(): Promise<World> {
    const world: World = new Map();
    for (const { id, name, metadata } of await this.#engine.service.listCollections(SCOPE)) {
      const { ids, documents } = await this.#engine.service.get({ collectionId: id, include: ["documents"] });
      world.set(name, { mark: String(metadata?.["mark"] ?? ""), records: new Map(ids.map((one, i) => [one, documents![i]!])) });
    }
    return world;
  }

  #where(call: Call): string {
    return `seed ${this.seed}, ${call.requestId}`;
  }

  // ---- calls, each with an effect that shows when it is had twice

  #newCall(): Call {
    const names = [...this.world.keys()].filter((name) => !this.#lost.some(({ call }) => call.requestId === `drop-${name}`));
    const name = names[this.#random.below(Math.max(1, names.length))];
    const stamp = `${++this.#stamp}`;
    if (name === undefined || (this.world.size < 4 && this.#random.chance(0.1))) return creation(stamp);
    const ids = [...this.world.get(name)!.records.keys()];
    const dice = this.#random.next();
    if (dice < 0.3 && ids.length > 0) return deletion(name, [ids[0]!, ...ids.slice(1).filter(() => this.#random.chance(0.3))], stamp);
    if (dice < 0.4) return modification(name, stamp);
    if (dice < 0.45 && this.world.size < 4) return fork(name, stamp);
    if (dice < 0.55 && this.world.size > 1 && !this.#isNeeded(name)) return drop(name);
    if (dice < 0.7) return transaction(name, `t${this.#random.below(10)}`, ids.slice(0, 1), stamp);
    return write(name, [`r${this.#random.below(10)}`, `s${this.#random.below(10)}`], stamp);
  }

  #isNeeded(name: string): boolean {
    return this.#lost.some(({ call }) => call.names.includes(name));
  }
}

async function idOf({ service }: Engine, name: string): Promise<string> {
  return (await service.getCollection({ ...SCOPE, name })).id;
}

function creation(stamp: string): Call {
  const name = `made-${stamp}`;
  const request = { ...SCOPE, name, metadata: { mark: stamp }, configuration: {}, getOrCreate: false };
  return {
    requestId: `create-${stamp}`,
    names: [name],
    run: async ({ service }, caller) => (await service.createCollection(request, caller)).name,
    apply: (world) => {
      world.set(name, { mark: stamp, records: new Map() });
      return name;
    },
  };
}

function fork(source: string, stamp: string): Call {
  const name = `fork-${stamp}`;
  return {
    requestId: name,
    names: [source, name],
    run: async (engine, caller) => (await engine.service.forkCollection({ collectionId: await idOf(engine, source), name }, caller)).name,
    apply: (world) => {
      world.set(name, structuredClone(world.get(source)!));
      return name;
    },
  };
}

function modification(name: string, stamp: string): Call {
  const metadata = { mark: stamp };
  return {
    requestId: `modify-${stamp}`,
    names: [name],
    run: async (engine, caller) =>
      (await engine.service.modifyCollection({ collectionId: await idOf(engine, name), metadata }, caller)).name,
    apply: (world) => {
      world.get(name)!.mark = stamp;
      return name;
    },
  };
}

function drop(name: string): Call {
  return {
    requestId: `drop-${name}`,
    names: [name],
    run: ({ service }, caller) => service.deleteCollection({ ...SCOPE, name }, caller),
    apply: (world) => void world.delete(name),
  };
}

function deletion(name: string, ids: string[], stamp: string): Call {
  return {
    requestId: `delete-${stamp}`,
    names: [name],
    run: async (engine, caller) => engine.service.delete({ collectionId: await idOf(engine, name), ids }, caller),
    apply: (world) => ({ deleted: ids.filter((id) => world.get(name)!.records.delete(id)).length }),
  };
}

function write(name: string, ids: string[], stamp: string): Call {
  const records: RecordBatch = {
    ids,
    embeddings: { dimension: 1, values: new Float32Array(ids.length), present: null },
    documents: ids.map(() => stamp),
    metadatas: null,
    uris: null,
  };
  return {
    requestId: `write-${stamp}`,
    names: [name],
    run: async (engine, caller) =>
      engine.service.write({ collectionId: await idOf(engine, name), operation: "upsert", records: structuredClone(records) }, caller),
    apply: (world) => {
      for (const id of ids) world.get(name)!.records.set(id, stamp);
    },
  };
}

/** Writes one record and deletes others, depending on nothing. */
function transaction(name: string, id: string, deleted: string[], stamp: string): Call {
  const embeddings = { dimension: 1, values: new Float32Array(1), present: null };
  const records: RecordBatch = { ids: [id], embeddings, documents: [stamp], metadatas: null, uris: null };
  const operations = [
    { operation: "upsert" as const, records },
    ...(deleted.length > 0 ? [{ operation: "delete" as const, ids: deleted }] : []),
  ];
  return {
    requestId: `commit-${stamp}`,
    names: [name],
    run: async (engine, caller) => {
      const request = { collectionId: await idOf(engine, name), readIds: [], operations: structuredClone(operations) };
      return { recordCount: (await engine.service.conditionalCommit(request, caller)).recordCount };
    },
    apply: (world) => {
      world.get(name)!.records.set(id, stamp);
      for (const gone of deleted) world.get(name)!.records.delete(gone);
      return { recordCount: 1 + deleted.length };
    },
  };
}

// ---- what the random calls leave out

async function openOn(storage: FaultInjectingStorage): Promise<Engine> {
  const options = { path: "retries", storage: "memory", durability: "strict", allowReset: true } as const;
  return Engine.open({ storage, kernel: referenceKernel, environment, options });
}

/** Ids go on where a database is opened again. */
const environment = new TestEnvironment();

const caller = (requestId: string): Caller => ({ token: null, clientId: "c", requestId });

test("tenants, databases and resets are changed once, before and after reopening", async () => {
  const storage = new FaultInjectingStorage();
  const engine = await openOn(storage);
  const calls: [id: string, undo: (engine: Engine) => Promise<unknown>, run: (engine: Engine, caller: Caller) => Promise<void>][] = [
    ["tenant", async () => undefined, ({ service }, by) => service.createTenant({ name: "t" }, by)],
    [
      "name",
      async ({ service }) => service.updateTenant({ name: "t", resourceName: "later" }),
      ({ service }, by) => service.updateTenant({ name: "t", resourceName: "first" }, by),
    ],
    ["database", async () => undefined, ({ service }, by) => service.createDatabase({ tenant: "t", name: "db1" }, by)],
    [
      "gone",
      async ({ service }) => service.createDatabase({ tenant: "t", name: "db1" }),
      ({ service }, by) => service.deleteDatabase({ tenant: "t", name: "db1" }, by),
    ],
    ["reset", async ({ service }) => service.createTenant({ name: "t" }), ({ service }, by) => service.reset(undefined, by)],
  ];
  for (const [id, undo, run] of calls) {
    await run(engine, caller(id));
    await undo(engine);
    await run(engine, caller(id));
  }
  const reopened = await openOn(storage.reopen());
  for (const [id, , run] of calls) await run(reopened, caller(id));
  // Had the reset or a creation happened again, the tenant that came after it would be gone, or the call refused.
  expect(await reopened.service.getTenant({ name: "t" })).toEqual({ name: "t", resourceName: null });
  await expect(reopened.service.createTenant({ name: "t" }, caller("other"))).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
});

test("what failed is tried again in earnest", async () => {
  const engine = await openOn(new FaultInjectingStorage());
  const request = { ...SCOPE, name: "things", metadata: null, configuration: {}, getOrCreate: false };
  const { id } = await engine.service.createCollection(request, caller("first"));
  await expect(engine.service.createCollection(request, caller("second"))).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
  await engine.service.deleteCollection({ ...SCOPE, name: "things" });
  expect((await engine.service.createCollection(request, caller("second"))).id).not.toBe(id);
});

test("the catalog remembers as many requests as the limit says", async () => {
  const engine = await openOn(new FaultInjectingStorage());
  const rename = (i: number) => engine.service.updateTenant({ name: "default_tenant", resourceName: `n${i}` }, caller(`${i}`));
  for (let i = 0; i <= limits.requestsRememberedMax; i++) await rename(i);
  await rename(1);
  expect((await engine.service.getTenant({ name: "default_tenant" })).resourceName).toBe(`n${limits.requestsRememberedMax}`);
  await rename(0);
  expect((await engine.service.getTenant({ name: "default_tenant" })).resourceName).toBe("n0");
});
