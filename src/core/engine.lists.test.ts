/** Collections whose vectors lie in inverted lists: what is found, what is stored, and what becomes of damage. */
import { describe, expect, test } from "vitest";
import { TestEnvironment } from "../testing/environment.js";
import { FaultInjectingStorage } from "../testing/fault-injecting-storage.js";
import { gaussian, randomFrom } from "../testing/hnsw-vectors.js";
import { openedEngine } from "../testing/opened-engines.js";
import type { ListLimits } from "./collection/part.js";
import type { Engine } from "./engine.js";
import { TidepoolError } from "./errors.js";
import { distance } from "./index/vector/distance.js";
import { limits } from "./limits.js";
import type { ConfigurationInput } from "./service.js";
import type { RecordBatch, Space, Where } from "./types.js";

const DIMENSION = 24;
const SCOPE = { tenant: "default_tenant", database: "default_database" };
const LISTS = { tailRows: 100, judgedRowsMax: 30, splitRows: 32 };

/** Vectors of few latent dimensions, the same for the same number. */
const basis = Float32Array.from(
  { length: 6 * DIMENSION },
  (() => {
    const random = randomFrom(1);
    return () => gaussian(random);
  })(),
);

function vectorOf(n: number): Float32Array {
  const random = randomFrom(n + 10);
  const point = Array.from({ length: 6 }, () => gaussian(random));
  return Float32Array.from({ length: DIMENSION }, (_, i) => point.reduce((sum, x, j) => sum + x * basis[j * DIMENSION + i]!, 0));
}

/** Records with the vectors of numbers `seed + n`. */
function records(from: number, to: number, seed = 0): RecordBatch {
  const numbers = Array.from({ length: to - from }, (_, i) => from + i);
  return {
    ids: numbers.map((n) => `r${n}`),
    embeddings: { dimension: DIMENSION, values: Float32Array.from(numbers.flatMap((n) => [...vectorOf(seed + n)])), present: null },
    documents: null,
    metadatas: numbers.map((n) => ({ tenth: n % 10 })),
    uris: null,
  };
}

/** An engine with one collection, and what ought to be in it. */
class Shelf {
  readonly environment = new TestEnvironment();
  readonly live = new Map<string, Float32Array>();
  storage = new FaultInjectingStorage({ now: () => this.environment.now() });
  engine!: Engine;
  lists: ListLimits = LISTS;
  id = "";

  static async open(configuration: ConfigurationInput = { spann: {} }, lists: ListLimits = LISTS): Promise<Shelf> {
    const shelf = new Shelf();
    shelf.lists = lists;
    await shelf.#start();
    const request = { ...SCOPE, name: "things", metadata: null, configuration, getOrCreate: false };
    shelf.id = (await shelf.engine.service.createCollection(request)).id;
    return shelf;
  }

  async #start(): Promise<void> {
    const { environment } = this;
    this.engine = await openedEngine(this.storage, { environment, lists: this.lists, deadOrdinalsMax: () => 300 });
  }

  async reopen(): Promise<void> {
    this.storage = this.storage.reopen();
    await this.#start();
  }

  async put(from: number, to: number, seed = 0): Promise<void> {
    await this.engine.service.write({ collectionId: this.id, operation: "upsert", records: records(from, to, seed) });
    for (let n = from; n < to; n++) this.live.set(`r${n}`, vectorOf(seed + n));
  }

  async remove(from: number, to: number): Promise<void> {
    const ids = Array.from({ length: to - from }, (_, i) => `r${from + i}`);
    await this.engine.service.delete({ collectionId: this.id, ids });
    for (const id of ids) this.live.delete(id);
  }

  async idle(): Promise<void> {
    do {
      this.environment.advance(limits.graphIdleMs);
      await this.environment.yieldToEventLoop();
    } while ((await this.engine.service.info()).compacting);
  }

  query(vector: Float32Array, nResults: number, where?: Where) {
    const queryEmbeddings = { dimension: DIMENSION, values: vector };
    return this.engine.service.query({
      collectionId: this.id,
      queryEmbeddings,
      nResults,
      include: ["distances"],
      ...(where === undefined ? {} : { where }),
    });
  }

  /** Share of the ten nearest that queries find; all that is found is there, and ten are. */
  async recall(space: Space = "l2", tenth?: number): Promise<number> {
    const ids = [...this.live.keys()].filter((id) => tenth === undefined || Number(id.slice(1)) % 10 === tenth);
    let hits = 0;
    const queries = 12;
    for (let q = 0; q < queries; q++) {
      const vector = vectorOf(100_000 + q);
      const found = await this.query(vector, 10, tenth === undefined ? undefined : { tenth });
      const truth = ids.map((id) => distance(space, vector, this.live.get(id)!)).sort((a, b) => a - b);
      expect(found.ids).toHaveLength(Math.min(10, ids.length));
      found.ids.forEach((id, i) => expect(found.distances![i]).toBe(distance(space, vector, this.live.get(id)!)));
      hits += [...found.distances!].filter((d) => d <= truth[9]!).length;
    }
    return hits / (10 * queries);
  }

  async expectSound(): Promise<void> {
    expect((await this.engine.service.verifyCollection({ collectionId: this.id, deep: true })).findings).toEqual([]);
  }
}

describe.each<Space>(["l2", "cosine", "ip"])("%s", (space) => {
  test("finds what is written, compacted, changed, deleted, renumbered and opened again", async () => {
    const shelf = await Shelf.open({ spann: {}, hnsw: { space } });
    await shelf.put(0, 500);
    expect(await shelf.recall(space)).toBe(1);
    await shelf.engine.compact(shelf.id);
    expect(await shelf.recall(space)).toBeGreaterThanOrEqual(0.97);
    await shelf.expectSound();
    await shelf.put(500, 650);
    await shelf.put(100, 180, 5000);
    await shelf.remove(0, 60);
    expect(await shelf.recall(space)).toBeGreaterThanOrEqual(0.97);
    await shelf.reopen();
    expect(await shelf.recall(space)).toBeGreaterThanOrEqual(0.97);
    await shelf.engine.compact(shelf.id);
    expect(await shelf.recall(space, 3)).toBeGreaterThanOrEqual(0.97);
    await shelf.put(200, 230, 9000);
    await shelf.engine.compact(shelf.id);
    await shelf.expectSound();
    await shelf.reopen();
    expect(await shelf.recall(space)).toBeGreaterThanOrEqual(0.97);
    await shelf.remove(180, 500);
    await shelf.engine.compact(shelf.id);
    await shelf.expectSound();
    expect(await shelf.recall(space)).toBeGreaterThanOrEqual(0.97);
    await shelf.reopen();
    expect(await shelf.recall(space)).toBeGreaterThanOrEqual(0.97);
    expect((await shelf.engine.service.info()).warnings).toEqual([]);
  });
});

test("blocks of lists are shared by what does not change them, and freed by what does", async () => {
  const shelf = await Shelf.open();
  await shelf.put(0, 400);
  await shelf.engine.compact(shelf.id);
  const { blockBytesUsed } = await shelf.engine.service.info();
  // Fewer rows than make it worth taking them in.
  await shelf.put(400, 401);
  await shelf.engine.compact(shelf.id);
  await shelf.remove(400, 401);
  await shelf.engine.compact(shelf.id);
  expect((await shelf.engine.service.info()).blockBytesUsed).toBe(blockBytesUsed);
  for (let round = 1; round < 6; round++) {
    await shelf.put(0, 400, 1000 * round);
    await shelf.engine.compact(shelf.id);
  }
  expect((await shelf.engine.service.info()).blockBytesUsed).toBeLessThan(1.6 * blockBytesUsed);
  await shelf.expectSound();
  await shelf.engine.service.deleteCollection({ ...SCOPE, name: "things" });
  expect((await shelf.engine.service.info()).blockBytesUsed).toBe(0);
});

test("a fork and an earlier version find what they have", async () => {
  const shelf = await Shelf.open();
  await shelf.put(0, 400);
  await shelf.engine.compact(shelf.id);
  const before = await shelf.query(vectorOf(7), 5);
  const { id: fork } = await shelf.engine.service.forkCollection({ collectionId: shelf.id, name: "fork" });
  await shelf.remove(0, 100);
  await shelf.engine.compact(shelf.id);
  const original = shelf.id;
  shelf.id = fork;
  expect(await shelf.query(vectorOf(7), 5)).toEqual(before);
  shelf.id = original;
  expect((await shelf.query(vectorOf(7), 5)).ids).not.toContain("r7");
});

test("a backup has the lists, and a restore finds by them, also where they have taken a graph's place", async () => {
  for (const [configuration, lists] of [
    [{ spann: {} }, LISTS],
    [{}, { ...LISTS, graphBytesMax: 1 }],
  ] as const) {
    const shelf = await Shelf.open(configuration, lists);
    await shelf.put(0, 400);
    await shelf.engine.compact(shelf.id);
    await shelf.idle();
    await shelf.put(400, 430);
    await shelf.remove(0, 20);
    const { service } = shelf.engine;
    const { snapshot } = await service.beginBackup({ versions: false });
    const pieces: Uint8Array[] = [];
    for (let at = 0, isOver = false; !isOver; at++) {
      const { bytes } = await service.readBackup({ snapshot, at });
      isOver = bytes === null;
      if (bytes !== null) pieces.push(bytes);
    }
    const restored = new Shelf();
    for (const [id, vector] of shelf.live) restored.live.set(id, vector);
    restored.lists = lists;
    await restored.reopen();
    const { restore } = await restored.engine.service.beginRestore({ mode: "new" });
    let at = 0;
    for (const bytes of pieces) {
      await restored.engine.service.feedRestore({ restore, at, bytes });
      at += bytes.length;
    }
    await restored.engine.service.endRestore({ restore });
    restored.id = (await restored.engine.service.listCollections(SCOPE))[0]!.id;
    expect((await restored.engine.service.checkRecall({ collectionId: restored.id, sample: 1, k: 1 })).efSearch).toBe(0);
    expect(await restored.recall()).toBeGreaterThanOrEqual(0.97);
    await restored.expectSound();
    await restored.engine.compact(restored.id);
    expect(await restored.recall()).toBeGreaterThanOrEqual(0.97);
    expect((await restored.engine.service.info()).warnings).toEqual([]);
  }
});

test("lists that are damaged are put aside with a warning and made again, whether opening finds out or a query", async () => {
  for (const [column, wanted] of [
    ["slot", 2],
    ["lists", 1],
  ] as const) {
    const shelf = await Shelf.open();
    const damaged: { arena: number; offset: number }[] = [];
    const write = shelf.storage.blobs.write.bind(shelf.storage.blobs);
    shelf.storage.blobs.write = async (bytes, makesRoom) => {
      const extent = await write(bytes, makesRoom);
      if (Buffer.from(bytes.subarray(0, 600)).includes(column)) damaged.push(extent);
      return extent;
    };
    await shelf.put(0, 400);
    await shelf.engine.compact(shelf.id);
    expect(damaged.length).toBeGreaterThanOrEqual(wanted);
    shelf.storage = shelf.storage.reopen();
    const read = shelf.storage.blobs.read.bind(shelf.storage.blobs);
    let isDamaged = true;
    shelf.storage.blobs.read = async (ranges) => {
      const found = await read(ranges);
      return found.map((bytes, i) => {
        const { arena, offset } = ranges[i]!.extent;
        if (!isDamaged || !damaged.some((extent) => extent.arena === arena && extent.offset === offset)) return bytes;
        const copy = bytes.slice();
        copy[copy.length - 100]! ^= 1;
        return copy;
      });
    };
    shelf.engine = await openedEngine(shelf.storage, { environment: shelf.environment, lists: LISTS });
    expect(await shelf.recall()).toBe(1);
    const { warnings } = await shelf.engine.service.info();
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('The inverted lists of collection "things" could not be used and are made anew');
    isDamaged = false;
    await shelf.idle();
    expect(await shelf.recall()).toBeGreaterThanOrEqual(0.97);
    await shelf.expectSound();
    shelf.storage.blobs.read = read;
    await shelf.reopen();
    expect(await shelf.recall()).toBeGreaterThanOrEqual(0.97);
    expect((await shelf.engine.service.info()).warnings).toEqual([]);
  }
});

test("checksums of vectors are read when rows of their block are first asked for, at opening where it has gaps", async () => {
  const shelf = await Shelf.open();
  const opened = async (): Promise<number> => {
    await shelf.engine.compact(shelf.id);
    await shelf.reopen();
    await shelf.engine.service.count({ collectionId: shelf.id });
    return (await shelf.engine.service.info()).memory.rows;
  };
  await shelf.put(0, 300);
  expect(await opened()).toBe(0);
  const read = shelf.storage.blobs.read.bind(shelf.storage.blobs);
  shelf.storage.blobs.read = async (ranges) => {
    const found = await read(ranges);
    for (const bytes of found) if (Buffer.from(bytes.subarray(0, 600)).includes("valuesAt")) bytes[bytes.length - 100]! ^= 1;
    return found;
  };
  const unreadable = expect.objectContaining({ code: "CORRUPTION", message: expect.stringContaining('collection "things" (vectors)') });
  for (let again = 0; again < 2; again++) await expect(shelf.query(vectorOf(1), 10)).rejects.toThrow(unreadable);
  shelf.storage.blobs.read = read;
  expect(await shelf.recall()).toBeGreaterThanOrEqual(0.97);
  expect((await shelf.engine.service.info()).memory.rows).toBe(4 * 300);
  await shelf.remove(10, 20);
  expect(await opened()).toBe(8 * 290);
  expect(await shelf.recall()).toBeGreaterThanOrEqual(0.97);
  await shelf.expectSound();
});

describe("a graph that outgrows what it may take", () => {
  const GROWING = { ...LISTS, graphBytesMax: 1, buildRows: 150 };
  const isListed = async (shelf: Shelf): Promise<boolean> =>
    (await shelf.engine.service.checkRecall({ collectionId: shelf.id, sample: 1, k: 1 })).efSearch === 0;

  test("makes room for lists, a part after the other, while all is found", async () => {
    const shelf = await Shelf.open({}, GROWING);
    await shelf.put(0, 600);
    await shelf.engine.compact(shelf.id);
    await shelf.put(600, 640);
    await shelf.remove(10, 20);
    expect(await isListed(shelf)).toBe(false);
    await shelf.idle();
    expect(await isListed(shelf)).toBe(true);
    expect(await shelf.recall()).toBeGreaterThanOrEqual(0.97);
    await shelf.expectSound();
    await shelf.reopen();
    expect(await isListed(shelf)).toBe(true);
    expect(await shelf.recall()).toBeGreaterThanOrEqual(0.97);
    await shelf.put(300, 500, 7000);
    await shelf.put(700, 900);
    await shelf.engine.compact(shelf.id);
    await shelf.remove(0, 500);
    await shelf.engine.compact(shelf.id);
    await shelf.expectSound();
    await shelf.reopen();
    expect(await isListed(shelf)).toBe(true);
    expect(await shelf.recall()).toBeGreaterThanOrEqual(0.97);
    expect((await shelf.engine.service.info()).warnings).toEqual([]);
  });

  test("goes on where it was left, with what was written and deleted since", async () => {
    const shelf = await Shelf.open({}, { ...GROWING, buildRows: 2 });
    await shelf.put(0, 400);
    await shelf.engine.compact(shelf.id);
    // Each part takes two rows in, and before all have been the disk is full.
    let writes = 0;
    const write = shelf.storage.blobs.write.bind(shelf.storage.blobs);
    shelf.storage.blobs.write = async (...given) => {
      if (++writes > 100) throw new TidepoolError("QUOTA_EXCEEDED", "full");
      return write(...given);
    };
    await shelf.idle();
    expect(writes).toBeGreaterThan(100);
    shelf.storage.blobs.write = write;
    shelf.lists = GROWING;
    await shelf.reopen();
    expect(await isListed(shelf)).toBe(false);
    await shelf.put(100, 160, 5000);
    await shelf.remove(0, 50);
    await shelf.engine.compact(shelf.id);
    expect(await shelf.recall()).toBeGreaterThanOrEqual(0.97);
    await shelf.expectSound();
    await shelf.idle();
    expect(await isListed(shelf)).toBe(true);
    expect(await shelf.recall()).toBeGreaterThanOrEqual(0.97);
    await shelf.expectSound();
  });

  test("stays where it was asked for", async () => {
    const shelf = await Shelf.open({ hnsw: { ef_search: 64 } }, GROWING);
    await shelf.put(0, 200);
    await shelf.engine.compact(shelf.id);
    await shelf.idle();
    expect(await isListed(shelf)).toBe(false);
  });
});

test("search_nprobe bounds how many lists are looked into, and changes live", async () => {
  const shelf = await Shelf.open({ spann: { search_nprobe: 1 } });
  await shelf.put(0, 600);
  await shelf.engine.compact(shelf.id);
  const poor = await shelf.recall();
  expect(poor).toBeLessThan(0.95);
  const report = await shelf.engine.service.checkRecall({ collectionId: shelf.id, sample: 40, k: 10 });
  expect(report.efSearch).toBe(1);
  expect(report.recall).toBeLessThan(0.95);
  const enough = report.efSearchFor["0.99"]!;
  expect(enough).toBeGreaterThan(1);
  await shelf.engine.service.modifyCollection({ collectionId: shelf.id, configuration: { spann: { search_nprobe: enough } } });
  expect((await shelf.engine.service.checkRecall({ collectionId: shelf.id, sample: 40, k: 10 })).recall).toBeGreaterThanOrEqual(0.99);
  const refused = shelf.engine.service.modifyCollection({ collectionId: shelf.id, configuration: { spann: { split_threshold: 60 } } });
  await expect(refused).rejects.toThrow("split_threshold is fixed when a collection is created");
});

test("parameters outside of Chroma's ranges are refused before anything is written", async () => {
  const shelf = await Shelf.open();
  for (const spann of [{ split_threshold: 49 }, { merge_threshold: 101 }, { search_nprobe: 129 }, { colour: 1 }, { write_nprobe: 1.5 }]) {
    const request = { ...SCOPE, name: "other", metadata: null, configuration: { spann }, getOrCreate: false };
    await expect(shelf.engine.service.createCollection(request as never)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  }
  expect(await shelf.engine.service.countCollections(SCOPE)).toBe(1);
});

test("exact finds the nearest for certain, of vectors on disk and in memory, by query and by search", async () => {
  const shelf = await Shelf.open({ spann: { search_nprobe: 1 } });
  await shelf.put(0, 500);
  await shelf.engine.compact(shelf.id);
  await shelf.put(500, 540);
  await shelf.remove(20, 40);
  const vectors = Array.from({ length: 6 }, (_, i) => vectorOf(200_000 + i));
  const queryEmbeddings = { dimension: DIMENSION, values: Float32Array.from(vectors.flatMap((vector) => [...vector])) };
  const asked = { collectionId: shelf.id, queryEmbeddings, nResults: 7, include: ["distances"] as const };
  const truth = vectors.flatMap((vector) =>
    [...shelf.live]
      .map(([id, row]) => ({ id, distance: distance("l2", vector, row) }))
      .sort((a, b) => a.distance - b.distance)
      .slice(0, 7)
      .map(({ id }) => id),
  );
  expect((await shelf.engine.service.query({ ...asked, include: ["distances"], exact: true })).ids).toEqual(truth);
  expect((await shelf.engine.service.query({ ...asked, include: ["distances"] })).ids).not.toEqual(truth);
  const rank = { $knn: { query: [...vectors[0]!], limit: 7, exact: true } };
  const search = { rank, limit: { limit: 7 } };
  const [found] = await shelf.engine.service.search({ collectionId: shelf.id, searches: [search] });
  expect(found!.ids).toEqual(truth.slice(0, 7));
  const refused = shelf.engine.service.query({ ...asked, include: [], exact: 1 as never });
  await expect(refused).rejects.toThrow("exact must be true or false, got 1");
});
