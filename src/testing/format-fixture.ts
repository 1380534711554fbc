/**
 * A database as some release wrote it, kept as a file of the repository, so that every later release must still read it;
 * for tests only. It holds what lies on disk (rows of the catalog, log records, blocks) and, from the plain model, what is
 * to be read from it. `scripts/write-format-fixture.ts` writes one; a committed one is never written anew once its format
 * is released: a new format gets a file of its own.
 */
import { Engine } from "../core/engine.js";
import type { Caller } from "../core/gateway/caller.js";
import { referenceKernel } from "../core/index/vector/reference-kernel.js";
import { limits } from "../core/limits.js";
import type { CreateCollectionRequest } from "../core/service.js";
import type { LogEntry, Storage } from "../core/storage.js";
import { FORMAT_VERSION } from "../core/sysdb/sysdb.js";
import type { EmbeddingRows, Space } from "../core/types.js";
import { openMemoryStorage } from "../storage/memory/memory-storage.js";
import { Random, TestEnvironment } from "./environment.js";
import { Model, type ModelRecord, type ModelWrite } from "./model.js";
import { loadPatterns } from "./patterns.js";

/** Bytes are in base64. */
export interface FormatFixture {
  formatVersion: number;
  catalog: [key: string, bytes: string][];
  log: { collectionId: string; offset: number; bytes: string }[];
  /** By collection; those of format 1 have none. */
  tails?: [collectionId: string, bytes: string][];
  blobs: [number: number, bytes: string][];
  expected: ExpectedCollection[];
}

export interface ExpectedCollection {
  id: string;
  name: string;
  space: Space;
  records: (Omit<ModelRecord, "embedding"> & { embedding: number[] })[];
}

const DIMENSION = 8;
const WORDS = ["wave", "kelp", "crab", "潮", "salt", "reef"];
const SCOPE = { tenant: "default_tenant", database: "default_database" };
const NOT_FILTERED = { keys: { secret: { string: { string_inverted_index: { enabled: false, config: {} } } } } };

/** Opens a database so that what is rare is there already in a small one: a graph, renumbering, an earlier version. */
export function openFixtureEngine(storage: Storage, environment = new TestEnvironment()): Promise<Engine> {
  const options = { path: "fixture", storage: "memory", durability: "strict", allowReset: false, retainVersions: 2 } as const;
  return Engine.open({ storage, kernel: referenceKernel, loadPatterns, environment, options, flatRowsMax: 32, deadOrdinalsMax: () => 16 });
}

/** A storage that holds the fixture, or what a test has made of it, under a name of its own. */
export async function restoreFixture({ catalog, log, tails = [], blobs }: FormatFixture, name: string): Promise<Storage> {
  const storage = await openMemoryStorage(name);
  await storage.blobs.retain([]);
  const bytesOf = new Map(blobs);
  // The memory storage numbers its blobs as they come; those that are not there leave a gap.
  for (let number = 0; number <= Math.max(-1, ...bytesOf.keys()); number++)
    await storage.blobs.write(fromBase64(bytesOf.get(number) ?? ""));
  await storage.log.append(
    log.map((entry) => ({ ...entry, bytes: fromBase64(entry.bytes) })),
    new Map(tails.map(([id, bytes]) => [id, fromBase64(bytes)])),
  );
  await storage.catalog.commit({ put: new Map(catalog.map(([key, bytes]) => [key, fromBase64(bytes)])) });
  return storage;
}

/** A new fixture of the present format. */
export async function makeFixture(): Promise<FormatFixture> {
  const storage = await openMemoryStorage("format-fixture");
  const blobs = recordBlobs(storage);
  const environment = new TestEnvironment();
  const writer = new Writer(await openFixtureEngine(storage, environment), environment);
  const expected = await writer.fill();
  await writer.engine.close();
  const reopened = await openMemoryStorage("format-fixture");
  const catalog = await reopened.catalog.list("");
  const log: LogEntry[] = [];
  const tails: [collectionId: string, bytes: Uint8Array | null][] = [];
  for (const { id } of expected) {
    log.push(...(await reopened.log.read(id, 0, Infinity)));
    tails.push([id, await reopened.log.tail(id)]);
  }
  await reopened.destroy();
  return {
    formatVersion: FORMAT_VERSION,
    catalog: catalog.map(([key, bytes]) => [key, toBase64(bytes)]),
    log: log.map((entry) => ({ ...entry, bytes: toBase64(entry.bytes) })),
    tails: tails.flatMap(([id, bytes]) => (bytes === null ? [] : [[id, toBase64(bytes)] as [string, string]])),
    blobs: [...blobs].map(([number, bytes]) => [number, toBase64(bytes)]),
    expected,
  };
}

/** Keeps the bytes of the blobs that are in use. */
function recordBlobs({ blobs }: Storage): Map<number, Uint8Array> {
  const kept = new Map<number, Uint8Array>();
  const [write, release] = [blobs.write.bind(blobs), blobs.release.bind(blobs)];
  blobs.write = async (bytes) => {
    const extent = await write(bytes);
    kept.set(extent.arena, bytes.slice());
    return extent;
  };
  blobs.release = async (extents) => {
    const all = [...extents];
    await release(all);
    for (const { arena } of all) kept.delete(arena);
  };
  return kept;
}

/** Writes the same to the engine and to models. */
class Writer {
  readonly engine: Engine;
  readonly #environment: TestEnvironment;
  readonly #random = new Random(1);
  #requests = 0;

  constructor(engine: Engine, environment: TestEnvironment) {
    this.engine = engine;
    this.#environment = environment;
  }

  #caller(): Caller {
    return { token: null, clientId: "client", requestId: `request-${++this.#requests}` };
  }

  async fill(): Promise<ExpectedCollection[]> {
    await this.engine.service.updateTenant({ name: SCOPE.tenant, resourceName: "fixture" });
    await this.engine.service.createTenant({ name: "team" });
    await this.engine.service.createDatabase({ tenant: "team", name: "drafts" });
    const compacted = await this.#compacted();
    const logged = await this.#logged();
    const fork = await this.#forked(compacted);
    const { id } = await this.engine.service.createCollection({
      tenant: "team",
      database: "drafts",
      name: "empty",
      metadata: null,
      configuration: {},
      getOrCreate: false,
    });
    return [compacted, logged, fork, { id, name: "empty", model: new Model("l2") }].map(({ id, name, model }) => ({
      id,
      name,
      space: model.space,
      records: model.select(() => true).map((record) => ({ ...record, embedding: [...record.embedding] })),
    }));
  }

  /** In blocks, with a graph and a text index, an earlier version, ordinals given out anew, and some of the log after them. */
  async #compacted(): Promise<Written> {
    const written = await this.#create("compacted", "cosine", { configuration: { hnsw: { space: "cosine" } } });
    await this.#write(written, "add", 0, 70);
    await this.#delete(written, 5, 30);
    await this.engine.compact(written.id);
    await this.#write(written, "upsert", 60, 75);
    await this.engine.service.searchText({ collectionId: written.id, query: "wave", nResults: 1, include: [], prefix: false, fuzzy: 0 });
    await this.engine.compact(written.id);
    await this.#idle();
    await this.#write(written, "update", 40, 44);
    await this.#delete(written, 50, 52);
    return written;
  }

  /** Only in the log. */
  async #logged(): Promise<Written> {
    const written = await this.#create("logged", "l2", { configuration: {}, schema: NOT_FILTERED });
    await this.#write(written, "add", 0, 12);
    await this.#write(written, "update", 2, 5);
    await this.#delete(written, 6, 8);
    await this.#write(written, "upsert", 10, 14);
    return written;
  }

  /** Shares the blocks of another collection. */
  async #forked(source: Written): Promise<Written> {
    const { id } = await this.engine.service.forkCollection({ collectionId: source.id, name: "forked" });
    const model = new Model(source.model.space);
    for (const [key, record] of source.model.records) model.records.set(key, record);
    const fork = { id, name: "forked", model };
    await this.#write(fork, "upsert", 68, 72);
    await this.#delete(fork, 0, 2);
    return fork;
  }

  async #create(name: string, space: Space, settings: Pick<CreateCollectionRequest, "configuration" | "schema">): Promise<Written> {
    const request = { ...SCOPE, ...settings, name, metadata: { made: "for tests", list: [1, 2] }, getOrCreate: false };
    return { id: (await this.engine.service.createCollection(request)).id, name, model: new Model(space) };
  }

  async #write({ id, model }: Written, operation: "add" | "update" | "upsert", from: number, to: number): Promise<void> {
    const writes = Array.from({ length: to - from }, (_, i) => this.#record(from + i, operation === "update"));
    const values = Float32Array.from(writes.flatMap(({ embedding }) => [...embedding!]));
    const embeddings: EmbeddingRows = { dimension: DIMENSION, values, present: null };
    const column = <K extends "document" | "uri" | "metadata">(name: K) =>
      writes.map((write) => write[name] ?? null) as NonNullable<ModelWrite[K]>[];
    const records = {
      ids: writes.map((write) => write.id),
      embeddings,
      documents: column("document"),
      uris: column("uri"),
      metadatas: column("metadata"),
    };
    await this.engine.service.write({ collectionId: id, operation, records }, this.#caller());
    model.write(operation, writes);
  }

  #record(n: number, update: boolean): ModelWrite {
    const random = this.#random;
    return {
      id: n === 3 ? "ü 3" : `r${n}`,
      embedding: Float32Array.from({ length: DIMENSION }, () => (random.below(17) - 8) / 4),
      document: random.chance(0.8) ? Array.from({ length: 1 + random.below(5) }, () => random.pick(WORDS)).join(" ") : null,
      uri: random.chance(0.3) ? `urn:${n}` : null,
      metadata: {
        n: n / 2,
        kind: update ? null : random.pick(["a", "b", 1]),
        open: random.chance(0.5),
        tags: [random.pick(WORDS), random.pick(WORDS)],
        numbers: [random.below(4), 0.5],
        flags: [random.chance(0.5)],
        sparse: { indices: [n, n + 70_000], values: [0.5, -2] },
        secret: "s",
      },
    };
  }

  async #delete({ id, model }: Written, from: number, to: number): Promise<void> {
    const ids = Array.from({ length: to - from }, (_, i) => `r${from + i}`);
    await this.engine.service.delete({ collectionId: id, ids }, this.#caller());
    model.delete(ids);
  }

  /** Until nothing is left to be done in the background. */
  async #idle(): Promise<void> {
    do {
      this.#environment.advance(limits.textIdleMs);
      await this.#environment.yieldToEventLoop();
    } while ((await this.engine.service.info()).compacting);
  }
}

interface Written {
  id: string;
  name: string;
  model: Model;
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

export function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}
