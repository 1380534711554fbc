/** Collections with an index engine that comes from outside of core: who is asked for it and when, and what if it fails. */
import { describe, expect, test } from "vitest";
import { TestEnvironment } from "../testing/environment.js";
import { FaultInjectingStorage } from "../testing/fault-injecting-storage.js";
import { openedEngine } from "../testing/opened-engines.js";
import { Bitmap } from "./base/bitmap.js";
import type { Engine, EngineParts } from "./engine.js";
import { TidepoolError } from "./errors.js";
import type { ApproximateIndex, ApproximateOptions, CreateApproximate } from "./index/vector/approximate-index.js";
import type { Candidates } from "./index/vector/candidates.js";
import type { EncodedQuery } from "./index/vector/quantize.js";
import { limits } from "./limits.js";
import type { TidepoolWarning } from "./service.js";
import type { IndexEngine, RecordBatch } from "./types.js";

const scope = { tenant: "default_tenant", database: "default_database" };
/** Enough for the planner to prefer a walk that costs nothing. */
const ROWS = 1000;
/** Covers every row once `build` is called, asks for its vector first, and looks at all of them. */
class Stub implements ApproximateIndex {
  readonly covered = new Bitmap();
  readonly byteLength = 1_000_000;
  /** Worth any walk. */
  readonly stepCost = 0;
  readonly vectors = new Map<number, number>();
  readonly #waiting = new Set<number>();
  readonly #options: ApproximateOptions;
  isFailing = false;
  isDisposed = false;

  constructor(options: ApproximateOptions) {
    this.#options = options;
  }

  get coveredCount(): number {
    return this.covered.count();
  }

  get statistics() {
    return { covered: this.coveredCount, ready: this.#waiting.size, waiting: 0, stale: 0, outcast: 0 };
  }

  set(first: number, { slopes }: { slopes: Float32Array }): void {
    slopes.forEach((_, i) => {
      this.delete(first + i);
      this.#waiting.add(first + i);
    });
  }

  delete(ordinal: number): void {
    this.covered.delete(ordinal);
    this.vectors.delete(ordinal);
    this.#waiting.delete(ordinal);
  }

  async prepare(vectors: (ordinals: Uint32Array) => Promise<Float32Array>): Promise<void> {
    const wanted = Uint32Array.from(this.#waiting);
    const rows = await vectors(wanted);
    wanted.forEach((ordinal, i) => this.vectors.set(ordinal, rows[i * this.#options.dimension]!));
  }

  build(): boolean {
    for (const ordinal of this.vectors.keys()) {
      this.covered.add(ordinal);
      this.#waiting.delete(ordinal);
    }
    return this.#waiting.size === 0;
  }

  candidates({ vector }: EncodedQuery, beam: number): Candidates | null {
    const to = vector[0]!;
    const near = [...this.vectors].map(([ordinal, value]) => ({ ordinal, distance: value * value - 2 * to * value }));
    near.sort((a, b) => a.distance - b.distance).splice(beam);
    if (!this.isFailing)
      return { ordinals: Uint32Array.from(near, (row) => row.ordinal), distances: Float32Array.from(near, (row) => row.distance) };
    for (const ordinal of this.covered.toArray()) {
      this.delete(ordinal);
      this.#waiting.add(ordinal);
    }
    this.#options.onFailure("It was told to.");
    return null;
  }

  dispose(): void {
    this.isDisposed = true;
  }
}

class Setting {
  readonly environment = new TestEnvironment();
  #storage = new FaultInjectingStorage({ now: () => this.environment.now() });
  readonly stubs: Stub[] = [];
  readonly told: TidepoolWarning[] = [];
  readonly hnswlib: () => Promise<CreateApproximate> = async () => (options) => {
    this.stubs.push(new Stub(options));
    return this.stubs.at(-1)!;
  };

  async open(engines: EngineParts["engines"] = { hnswlib: this.hnswlib }): Promise<Engine> {
    const { environment } = this;
    const storage = (this.#storage = this.#storage.reopen({ now: () => environment.now() }));
    return openedEngine(storage, {
      environment,
      engines,
      flatRowsMax: 5,
      tell: (type, event) => type === "warning" && this.told.push(event as TidepoolWarning),
    });
  }

  async built(engine: Engine): Promise<void> {
    do {
      this.environment.advance(limits.graphIdleMs);
      await this.environment.yieldToEventLoop();
    } while ((await engine.service.info()).compacting);
  }
}

function create(engine: Engine, name: string, hnswEngine?: IndexEngine) {
  return engine.service.createCollection({
    ...scope,
    name,
    metadata: null,
    configuration: { hnsw: { engine: hnswEngine, ef_search: 5 } },
    getOrCreate: false,
  });
}

function records(from: number, count: number): RecordBatch {
  const numbers = Array.from({ length: count }, (_, i) => from + i);
  const embeddings = { dimension: 1, values: Float32Array.from(numbers), present: null };
  return { ids: numbers.map((i) => `r${i}`), embeddings, documents: null, metadatas: null, uris: null };
}

async function nearest(engine: Engine, collectionId: string, to: number): Promise<string[]> {
  const queryEmbeddings = { dimension: 1, values: Float32Array.of(to) };
  return (await engine.service.query({ collectionId, queryEmbeddings, nResults: 3, include: [] })).ids;
}

describe("a collection's index engine", () => {
  test("is asked for the graph, gets the vectors it needs, and its candidates are judged", async () => {
    const setting = new Setting();
    const engine = await setting.open();
    const { id, configuration } = await create(engine, "things", "hnswlib");
    expect(configuration.hnsw.engine).toBe("hnswlib");
    await engine.service.write({ collectionId: id, operation: "add", records: records(0, ROWS) });
    const before = (await engine.service.info()).memoryBytes;
    await setting.built(engine);
    expect(before).toBeGreaterThan(1_000_000);
    expect([...setting.stubs[0]!.vectors]).toEqual(Array.from({ length: ROWS }, (_, i) => [i, i]));
    expect(await nearest(engine, id, 7)).toEqual(["r7", "r6", "r8"]);
    await engine.service.write({
      collectionId: id,
      operation: "update",
      records: { ...records(7, 1), embeddings: { dimension: 1, values: Float32Array.of(7000), present: null } },
    });
    expect(await nearest(engine, id, 7)).toEqual(["r6", "r8", "r5"]);
    expect(await nearest(engine, id, 7000)).toEqual(["r7", "r999", "r998"]);
    await setting.built(engine);
    expect(setting.stubs[0]!.vectors.get(7)).toBe(7000);
  });

  test("is fixed with the collection: reopening and forks keep it, modify refuses it", async () => {
    const setting = new Setting();
    const first = await setting.open();
    const { id } = await create(first, "things", "hnswlib");
    await first.service.write({ collectionId: id, operation: "add", records: records(0, ROWS) });
    await expect(
      first.service.modifyCollection({ collectionId: id, configuration: { hnsw: { engine: "tidepool" } } }),
    ).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("engine is fixed when a collection is created") as string,
    });
    await first.service.modifyCollection({ collectionId: id, configuration: { hnsw: { ef_search: 7 } } });
    await first.close();
    expect(setting.stubs[0]!.isDisposed).toBe(true);
    const second = await setting.open();
    const fork = await second.service.forkCollection({ collectionId: id, name: "copy" });
    expect(fork.configuration.hnsw).toMatchObject({ engine: "hnswlib", ef_search: 7 });
    expect(await nearest(second, fork.id, 7)).toEqual(["r7", "r6", "r8"]);
    await setting.built(second);
    expect(setting.stubs[1]!.coveredCount).toBe(ROWS);
    await second.service.deleteCollection({ ...scope, name: "copy" });
    expect(setting.stubs[1]!.isDisposed).toBe(true);
  });

  test.each([undefined, "tidepool"] as const)("%s is our own, and not shown", async (name) => {
    const setting = new Setting();
    const engine = await setting.open();
    expect(Object.keys((await create(engine, "things", name)).configuration.hnsw)).not.toContain("engine");
    expect(setting.stubs).toEqual([]);
  });

  test("of another name is refused", async () => {
    const engine = await new Setting().open();
    await expect(create(engine, "things", "faiss" as IndexEngine)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: 'configuration.hnsw.engine must be one of tidepool, hnswlib, got "faiss"',
    });
  });

  test.each<[string, EngineParts["engines"]]>([
    ["that the worker does not have", {}],
    ["that cannot be loaded", { hnswlib: () => Promise.reject(new TidepoolError("NOT_SUPPORTED", "no")) }],
  ])("%s is NOT_SUPPORTED, leaves nothing behind, and hides nothing that is there", async (_, engines) => {
    const setting = new Setting();
    const without = await setting.open(engines);
    await expect(create(without, "things", "hnswlib")).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
    expect(await without.service.listCollections(scope)).toEqual([]);
    await without.close();

    const having = await setting.open();
    const { id } = await create(having, "things", "hnswlib");
    await having.service.write({ collectionId: id, operation: "add", records: records(0, 3) });
    await having.close();
    const again = await setting.open(engines);
    expect((await again.service.listCollections(scope)).map(({ name }) => name)).toEqual(["things"]);
    await expect(nearest(again, id, 1)).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
    await expect(again.service.write({ collectionId: id, operation: "add", records: records(3, 1) })).rejects.toMatchObject({
      code: "NOT_SUPPORTED",
    });
    await again.close();
    expect(await nearest(await setting.open(), id, 1)).toEqual(["r1", "r0", "r2"]);
  });

  test("that fails is left out of the answer, warned of and built again", async () => {
    const setting = new Setting();
    const engine = await setting.open();
    const { id } = await create(engine, "things", "hnswlib");
    await engine.service.write({ collectionId: id, operation: "add", records: records(0, ROWS) });
    await setting.built(engine);
    const [stub] = setting.stubs as [Stub];
    stub.isFailing = true;
    expect(await nearest(engine, id, 7)).toEqual(["r7", "r6", "r8"]);
    expect((await engine.service.info()).warnings).toEqual([expect.stringMatching(/graph of collection "things" failed.*It was told to/)]);
    expect(setting.told).toMatchObject([{ code: "GRAPH_FAILED", collection: "things" }]);
    stub.isFailing = false;
    await setting.built(engine);
    expect(stub.coveredCount).toBe(ROWS);
  });
});
