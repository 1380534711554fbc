/**
 * Seeded work on a whole database, for runs that are crashed or failed at every step; for tests, never shipped. The storage
 * below the engine is the real one, over a simulated origin. A workload and a seed always make the same calls in the same order.
 */

import type { ListLimits } from "../core/collection/part.js";
import { Engine } from "../core/engine.js";
import { referenceKernel } from "../core/index/vector/reference-kernel.js";
import { limits } from "../core/limits.js";
import type { EngineService, OpenOptions } from "../core/service.js";
import type { Metadata, RecordBatch } from "../core/types.js";
import { openStorage } from "../storage/open-storage.js";
import type { ArenaLimits } from "../storage/opfs/opfs-blob-store.js";
import { soleTenure, type Tenure } from "../storage/tenure.js";
import type { Ledger } from "./crash-ledger.js";
import { loadEncryption, newKey } from "./encryption.js";
import { Random, type TestEnvironment } from "./environment.js";
import { Model, type ModelRecord, type ModelWrite } from "./model.js";
import { loadPatterns } from "./patterns.js";
import { modelVector, reembedWith, type TestModel } from "./reembedding.js";

export const WORDS = ["wave", "kelp", "crab", "tide", "salt", "reef"];
export const SCOPE = { tenant: "default_tenant", database: "default_database" };
const SCHEMA = { keys: { terms: { sparse_vector: { sparse_vector_index: { enabled: true, config: {} } } } } };

const KiB = 1024;
const smallArenas: ArenaLimits = {
  arenaBytesMin: 16 * KiB,
  arenaBytesMax: 64 * KiB,
  arenaReserveBytes: 0,
  arenaSettleMs: 60_000,
  arenaSpreadMax: 2,
};
/** Space is given back before much of it is free, so that blocks are moved again and again. */
const tightArenas: ArenaLimits = { ...smallArenas, arenaBytesMin: 4 * KiB, arenaSpreadMax: 1 };

type Action =
  | "write"
  | "burst"
  | "remove"
  | "transact"
  | "compact"
  | "race"
  | "idle"
  | "settle"
  | "read"
  | "reopen"
  | "fork"
  | "drop"
  | "reembed"
  | "vacuum"
  | "erase"
  | "rotate";

export interface Workload {
  readonly name: string;
  readonly options?: Partial<OpenOptions>;
  readonly arenaLimits?: ArenaLimits;
  readonly flatRowsMax?: number;
  /** Vectors of "left" lie in inverted lists that begin early, those of "right" come to lie there. */
  readonly lists?: ListLimits;
  /** How often each action is taken, in proportion. */
  readonly weights: Partial<Record<Action, number>>;
  readonly steps: number;
  /** Of its points, so many are examined unless all are: where others have the same below and above. */
  readonly pointsMax?: number;
  /** Of embeddings; 4 unless given. */
  readonly dimension?: number;
  /** What is there already: a database of an earlier format, by its number. */
  readonly format?: number;
  /** Whether every record has a document, without which it cannot be embedded anew. */
  readonly hasDocuments?: boolean;
}

const everything: Workload["weights"] = {
  write: 4,
  burst: 2,
  remove: 2,
  transact: 2,
  compact: 2,
  race: 1,
  idle: 2,
  settle: 2,
  read: 1,
  reopen: 1,
};

export const workloads: readonly Workload[] = [
  { name: "mixed", weights: { ...everything, fork: 1, drop: 1 }, steps: 26 },
  { name: "small arenas", arenaLimits: smallArenas, weights: { ...everything, compact: 5, settle: 3 }, steps: 26 },
  {
    name: "vacuum",
    arenaLimits: smallArenas,
    weights: { write: 4, remove: 3, compact: 1, settle: 2, vacuum: 2, erase: 2, fork: 1, drop: 1 },
    steps: 18,
  },
  {
    name: "encrypted",
    options: { encryption: { key: await newKey() } },
    arenaLimits: tightArenas,
    weights: { ...everything, fork: 1, drop: 1, compact: 3, settle: 3, rotate: 3 },
    steps: 18,
    pointsMax: 30,
  },
  {
    name: "packing",
    arenaLimits: tightArenas,
    weights: { burst: 3, remove: 3, compact: 3, settle: 4 },
    steps: 26,
  },
  { name: "graph", flatRowsMax: 16, weights: { write: 4, remove: 1, idle: 4, compact: 2, settle: 2, reopen: 1 }, steps: 22 },
  {
    name: "lists",
    lists: { graphBytesMax: 1, tailRows: 4, judgedRowsMax: 4, splitRows: 6, buildRows: 12 },
    arenaLimits: tightArenas,
    weights: { write: 4, remove: 2, compact: 3, idle: 2, settle: 2, fork: 1, race: 1, reopen: 1 },
    steps: 22,
  },
  { name: "text", weights: { write: 4, remove: 2, read: 3, idle: 4, settle: 2, compact: 1, reopen: 1 }, steps: 22 },
  { name: "renumbering", weights: { write: 3, remove: 5, compact: 3, settle: 1, race: 1 }, steps: 26 },
  {
    name: "versions and forks",
    options: { retainVersions: 3 },
    arenaLimits: smallArenas,
    weights: { write: 4, compact: 4, settle: 3, fork: 2, drop: 1, remove: 1, reopen: 1 },
    steps: 24,
  },
  {
    name: "reembedding",
    options: { retainVersions: 2 },
    arenaLimits: smallArenas,
    weights: { write: 4, remove: 1, compact: 2, settle: 1, reembed: 5, fork: 1, drop: 1, erase: 1, reopen: 1 },
    steps: 14,
    hasDocuments: true,
  },
  { name: "relaxed", options: { durability: "relaxed" }, weights: everything, steps: 24 },
  {
    name: "format 1",
    options: { storage: "indexeddb", retainVersions: 2 },
    flatRowsMax: 32,
    weights: { write: 3, remove: 2, compact: 2, idle: 1, fork: 1, read: 1, reopen: 1 },
    steps: 6,
    dimension: 8,
    format: 1,
  },
  { name: "IndexedDB alone", options: { storage: "indexeddb" }, weights: { ...everything, fork: 1, drop: 1 }, steps: 24 },
];

/** The database as one process has it open. */
export class Process {
  engine!: Engine;
  isOpen = false;

  constructor(
    readonly workload: Workload,
    readonly environment: TestEnvironment,
    readonly tenure: Tenure = soleTenure,
  ) {}

  get dimension(): number {
    return this.workload.dimension ?? 4;
  }

  async open(): Promise<this> {
    const { options, arenaLimits, flatRowsMax, lists } = this.workload;
    const all: OpenOptions = { path: "db", storage: "opfs", durability: "strict", allowReset: false, ...options };
    const storage = await openStorage(all, { now: () => this.environment.now(), loadEncryption }, this.tenure, arenaLimits);
    try {
      const { environment } = this;
      this.engine = await Engine.open({
        storage,
        kernel: referenceKernel,
        loadPatterns,
        environment,
        options: all,
        flatRowsMax,
        ...(lists === undefined ? {} : { lists }),
        deadOrdinalsMax: () => 8,
      });
      this.isOpen = true;
    } catch (error) {
      await storage.close();
      throw error;
    }
    return this;
  }

  async close(): Promise<void> {
    this.isOpen = false;
    await this.engine.close();
  }

  /** Ids of the collections by name. */
  async collections(): Promise<Map<string, string>> {
    const found = await this.engine.service.listCollections(SCOPE);
    return new Map(found.map(({ name, id }) => [name, id]));
  }

  /** For what waits until arenas are old enough. */
  async whileTimePasses<T>(work: Promise<T>): Promise<T> {
    let isOver = false;
    const over = (): void => {
      isOver = true;
    };
    work.then(over, over);
    while (!isOver) {
      this.environment.advance(1_000);
      await this.environment.yieldToEventLoop();
    }
    return work;
  }

  /** Moves the clock, and waits until nothing more happens by itself. */
  async idle(ms: number): Promise<void> {
    this.environment.advance(ms);
    await this.environment.yieldToEventLoop();
    for (let turns = 0; (await this.engine.service.info()).compacting; turns++) {
      if (turns > 5_000) throw new Error("Background work does not end");
      this.environment.advance(limits.graphIdleMs);
      await this.environment.yieldToEventLoop();
    }
  }
}

/** Work of one seed, on two collections and forks of them. */
export class Worker {
  readonly #process: Process;
  readonly #ledger: Ledger;
  readonly #random: Random;
  readonly #ids = new Map<string, string>();
  /** How many models each collection has gone over to. */
  readonly #models = new Map<string, number>();
  #requests = 0;
  #forks = 0;

  constructor(process: Process, ledger: Ledger, seed: number) {
    this.#process = process;
    this.#ledger = ledger;
    this.#random = new Random(seed);
  }

  /** `attempt` does a piece of the work, and deals with its failure. */
  async run(attempt: (piece: () => Promise<void>) => Promise<void> = (piece) => piece()): Promise<void> {
    const { weights, steps } = this.#process.workload;
    const actions = Object.entries(weights).flatMap(([action, weight]) => Array<Action>(weight).fill(action as Action));
    for (const [name, id] of await this.#process.collections()) this.#ids.set(name, id);
    if (this.#ids.size === 0) for (const name of ["left", "right"]) await attempt(() => this.#create(name));
    for (let step = 0; step < steps; step++) await attempt(() => this.step(this.#random.pick(actions)));
  }

  async step(action: Action): Promise<void> {
    const { engine } = this.#process;
    const name = this.#random.pick([...this.#ids.keys()]);
    if (action === "write") await this.#write(name);
    else if (action === "remove") await this.#remove(name);
    else if (action === "transact") await this.#transact(name);
    else if (action === "burst") await this.#burst();
    else if (action === "compact") await engine.compact(this.#ids.get(name)!);
    else if (action === "race") await Promise.all([engine.compact(this.#ids.get(name)!), this.#write(name), this.#remove(name)]);
    else if (action === "idle") await this.#process.idle(6_000);
    else if (action === "settle") await this.#process.idle(61_000);
    else if (action === "read") await this.#read(name);
    else if (action === "reopen") await this.#reopen();
    else if (action === "fork") await this.#fork(name);
    else if (action === "drop") await this.#drop();
    else if (action === "rotate") await this.#rotate();
    else if (action === "reembed") await this.#reembed(name);
    else await this.#vacuum(action === "erase");
  }

  async #vacuum(erase: boolean): Promise<void> {
    for (let after: number | null = 0; after !== null; ) {
      ({ after } = await this.#process.whileTimePasses(this.#process.engine.service.vacuum({ erase, after })));
    }
  }

  /** To the same key, with another secret: begun, and most often awaited. */
  async #rotate(): Promise<void> {
    const { service } = this.#process.engine;
    await service.rotateKey({ key: this.#process.workload.options!.encryption!.key, reencrypt: true });
    if (this.#random.chance(0.3)) return;
    while ((await service.info()).keyRotation !== null) await this.#process.whileTimePasses(service.keyRotation());
  }

  async #reopen(): Promise<void> {
    if (this.#process.isOpen) await this.#process.close();
    await this.#process.open();
  }

  /** Several calls at once: they share transactions of the log. */
  async #burst(): Promise<void> {
    const names = [...this.#ids.keys()];
    await Promise.all(Array.from({ length: 4 }, (_, i) => this.#write(names[i % names.length]!)));
  }

  /** The text index is made by the first search. */
  async #read(name: string): Promise<void> {
    const collectionId = this.#ids.get(name)!;
    await this.#process.engine.service.searchText({ collectionId, query: "wave", nResults: 3, include: [], prefix: false, fuzzy: 0 });
  }

  #schemaOf(name: string): object {
    if (this.#process.workload.lists === undefined || name !== "left") return SCHEMA;
    return { keys: { ...SCHEMA.keys, "#embedding": { float_list: { vector_index: { enabled: true, config: { spann: {} } } } } } };
  }

  async #create(name: string): Promise<void> {
    const request = { ...SCOPE, name, metadata: null, configuration: {}, schema: this.#schemaOf(name), getOrCreate: true };
    const caller = this.#caller();
    const { id } = await this.#ledger.call(
      name,
      "create",
      () => new Model("l2"),
      this.#service,
      (service) => service.createCollection(request, caller),
    );
    this.#ids.set(name, id);
  }

  async #fork(from: string): Promise<void> {
    if (this.#ids.size >= 4) return;
    const name = `fork-${++this.#forks}`;
    const [collectionId, source, caller] = [this.#ids.get(from)!, this.#ledger.latest(from)!, this.#caller()];
    this.#ledger.copy(from, name);
    const { id } = await this.#ledger.call(
      name,
      "fork",
      () => source,
      this.#service,
      (service) => service.forkCollection({ collectionId, name }, caller),
    );
    this.#ids.set(name, id);
  }

  async #drop(): Promise<void> {
    const name = [...this.#ids.keys()].find((each) => each.startsWith("fork-"));
    if (name === undefined) return;
    this.#ids.delete(name);
    const caller = this.#caller();
    await this.#ledger.call(
      name,
      "drop",
      () => null,
      this.#service,
      (service) => service.deleteCollection({ ...SCOPE, name }, caller),
    );
  }

  /** A part of it changes nothing that can be seen; who makes the whole call again goes on with it. */
  async #reembed(name: string): Promise<void> {
    const [collectionId, process] = [this.#ids.get(name)!, this.#process];
    const count = this.#models.get(name) ?? 0;
    const model: TestModel = { name: `model ${count}`, dimension: process.dimension, space: "l2" };
    if (this.#random.chance(0.5)) {
      let left = 1 + this.#random.below(3);
      await process.whileTimePasses(reembedWith(this.#service, collectionId, model, { onBatch: () => --left > 0, endsEarly: true }));
      return;
    }
    this.#models.set(name, count + 1);
    const { requestId } = this.#caller();
    const reembedded = (record: ModelRecord): ModelRecord => ({ ...record, embedding: modelVector(model, record.document!) });
    const made = this.#ledger.call(
      name,
      `reembed by ${model.name}`,
      (before) => changed(before, ({ records }) => records.forEach((record, id) => void records.set(id, reembedded(record)))),
      this.#service,
      (service) => reembedWith(service, collectionId, model, { requestId }),
    );
    await process.whileTimePasses(made);
  }

  async #write(name: string): Promise<void> {
    const random = this.#random;
    const operation = random.pick(["add", "upsert", "upsert", "update"] as const);
    const writes = this.#records();
    const ids = writes.map(({ id }) => id);
    const [collectionId, caller] = [this.#ids.get(name)!, this.#caller()];
    await this.#ledger.call(
      name,
      `${operation} ${ids.join(" ")}`,
      (before) => changed(before, (model) => model.write(operation, writes)),
      this.#service,
      (service) => service.write({ collectionId, operation, records: toBatch(writes) }, caller),
    );
  }

  #records(): ModelWrite[] {
    const ids = new Set(Array.from({ length: 1 + this.#random.below(12) }, () => `r${this.#random.below(60)}`));
    return [...ids].map((id) => this.#record(id));
  }

  /** One commit of several operations. It depends on no read, so that it can be tried again after whatever happens. */
  async #transact(name: string): Promise<void> {
    const parts = (["upsert", "add", "update"] as const).map((operation) => ({ operation, writes: this.#records() }));
    const deleted = [...new Set(Array.from({ length: 4 }, () => `r${this.#random.below(60)}`))];
    const [collectionId, caller] = [this.#ids.get(name)!, this.#caller()];
    const written = parts.map(({ operation, writes }) => ({ operation, records: toBatch(writes) }));
    const operations = [...written, { operation: "delete" as const, ids: deleted }];
    await this.#ledger.call(
      name,
      `commit of ${parts.map(({ operation, writes }) => `${operation} ${writes.map(({ id }) => id).join(" ")}`).join(", ")}`,
      (before) =>
        changed(before, (model) => {
          for (const { operation, writes } of parts) model.write(operation, writes);
          model.delete(deleted);
        }),
      this.#service,
      (service) => service.conditionalCommit({ collectionId, readIds: [], operations }, caller),
    );
  }

  /** What not every record has: a number with a fraction, and a sparse vector, which is indexed. */
  #sometimes(): Metadata {
    const random = this.#random;
    const half: Metadata = random.chance(0.3) ? { half: random.below(9) / 2 } : {};
    const indices = [1, 2, 5000, 70_000].filter(() => random.chance(0.5));
    return random.chance(0.5) ? { ...half, terms: { indices, values: indices.map(() => random.below(9) - 2) } } : half;
  }

  #record(id: string): ModelWrite {
    const random = this.#random;
    return {
      id,
      embedding: Float32Array.from({ length: this.#process.dimension }, () => (random.below(33) - 16) / 4),
      document:
        this.#process.workload.hasDocuments || random.chance(0.8)
          ? Array.from({ length: 1 + random.below(5) }, () => random.pick(WORDS)).join(" ")
          : null,
      uri: random.chance(0.2) ? `urn:${id}` : null,
      metadata: { stamp: this.#requests, kind: random.pick(["a", "b", "c"]), ...this.#sometimes() },
    };
  }

  async #remove(name: string): Promise<void> {
    const ids = [...new Set(Array.from({ length: 8 }, () => `r${this.#random.below(60)}`))];
    const [collectionId, caller] = [this.#ids.get(name)!, this.#caller()];
    await this.#ledger.call(
      name,
      `delete ${ids.join(" ")}`,
      (before) => changed(before, (model) => void model.delete(ids)),
      this.#service,
      (service) => service.delete({ collectionId, ids }, caller),
    );
  }

  get #service(): EngineService {
    return this.#process.engine.service;
  }

  #caller(): { token: null; clientId: string; requestId: string } {
    return { token: null, clientId: "worker", requestId: `request-${++this.#requests}` };
  }
}

export function changed(before: Model | null, change: (model: Model) => void): Model {
  const model = new Model(before!.space);
  for (const [id, record] of before!.records) model.records.set(id, record);
  change(model);
  return model;
}

export function toBatch(writes: readonly ModelWrite[]): RecordBatch {
  const values = Float32Array.from(writes.flatMap(({ embedding }) => [...embedding!]));
  return {
    ids: writes.map(({ id }) => id),
    embeddings: { dimension: writes[0]!.embedding!.length, values, present: null },
    documents: writes.map(({ document }) => document ?? null),
    metadatas: writes.map(({ metadata }) => metadata ?? null),
    uris: writes.map(({ uri }) => uri ?? null),
  };
}
