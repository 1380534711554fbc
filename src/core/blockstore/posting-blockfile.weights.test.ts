/** The blockfile over lists of ordinals with weights: richer than bare ordinals, which shows that it knows nothing of a value. */
import { describe, expect, test } from "vitest";
import { testBlockStore } from "../../testing/block-store.js";
import { Random } from "../../testing/environment.js";
import { EMPTY_LIST, type WeightedList, type WeightedListDelta, weightedList, weightedListFormat } from "../segment/weighted-list.js";
import type { BlockBatch, BlockStore } from "./blockstore.js";
import { PostingBlockfile, type PostingSection, postingRefs } from "./posting-blockfile.js";

type WeightsDelta = ReadonlyMap<number, number | null>;

function listOf(entries: Iterable<readonly [ordinal: number, weight: number]>): WeightedList {
  const sorted = [...entries].sort(([a], [b]) => a - b);
  return weightedList(
    Uint32Array.from(sorted, ([ordinal]) => ordinal),
    Float32Array.from(sorted, ([, weight]) => weight),
  );
}

/** Weights to put in place, or `null` where the posting goes, as the format takes them. */
function deltasOf(weights: ReadonlyMap<string, WeightsDelta>): Map<string, WeightedListDelta> {
  return new Map(
    [...weights].map(([key, entries]) => {
      const sorted = [...entries].sort(([a], [b]) => a - b);
      return [key, { ordinals: sorted.map(([ordinal]) => ordinal), weights: sorted.map(([, weight]) => weight ?? NaN) }];
    }),
  );
}

const BLOCK_BYTES_MAX = 4096;
const NOTHING: PostingSection = { blocks: [] };
type Weights = Map<string, Map<number, number>>;

function open(): { store: BlockStore; blocks: BlockBatch; file: PostingBlockfile<WeightedList, WeightedListDelta> } {
  const store = testBlockStore();
  return { store, blocks: store.begin(), file: new PostingBlockfile(store, "segment weights", weightedListFormat, BLOCK_BYTES_MAX) };
}

/** Ordinal to weight under each of many keys. */
function terms(count: number): Map<string, WeightsDelta> {
  return new Map(Array.from({ length: count }, (_, i) => [`term${String(i).padStart(4, "0")}`, new Map([[i, i + 0.5]])]));
}

function randomDeltas(random: Random, sweep: boolean): Map<string, WeightsDelta> {
  const deltas = new Map<string, WeightsDelta>();
  for (let n = sweep ? 150 : 1 + random.below(40); n > 0; n--) {
    const delta = new Map<number, number | null>();
    for (let i = random.below(sweep ? 200 : 20); i > 0; i--) {
      delta.set(random.below(200), sweep || random.chance(0.2) ? null : random.below(1000) / 7);
    }
    deltas.set(`term${random.below(120)}`, delta);
  }
  return deltas;
}

function applyToModel(model: Weights, deltas: ReadonlyMap<string, WeightsDelta>): void {
  for (const [key, delta] of deltas) {
    const weights = model.get(key) ?? new Map<number, number>();
    for (const [ordinal, weight] of delta) {
      if (weight === null) weights.delete(ordinal);
      else weights.set(ordinal, weight);
    }
    if (weights.size > 0) model.set(key, weights);
    else model.delete(key);
  }
}

async function expectModel(
  file: PostingBlockfile<WeightedList, WeightedListDelta>,
  section: PostingSection,
  model: Weights,
): Promise<void> {
  const found: [string, WeightedList][] = [];
  for await (const run of file.range(section, "", "~")) {
    const rows = [...run];
    const { ordinals, weights, maxima } = run.values;
    expect([...ordinals]).toEqual(rows.flatMap(([, value]) => [...value.ordinals]));
    expect([...weights]).toEqual(rows.flatMap(([, value]) => [...value.weights]));
    expect(Math.max(...maxima)).toBe(Math.max(...rows.flatMap(([, value]) => [...value.maxima])));
    found.push(...rows);
  }
  const keys = [...model.keys()].sort();
  expect(found).toEqual(keys.map((key) => [key, listOf(model.get(key)!)]));
}

describe("a posting blockfile of ordinals with weights", () => {
  test.each([1, 2, 3])("agrees with a map of maps over many rounds, and after renumbering (seed %i)", async (seed) => {
    const random = new Random(seed);
    const { store, blocks, file } = open();
    const model: Weights = new Map();
    let section = NOTHING;
    for (let round = 0; round < 20; round++) {
      const deltas = randomDeltas(random, round % 7 === 6);
      applyToModel(model, deltas);
      section = await file.apply(section, deltasOf(deltas), blocks);
      await expectModel(file, section, model);
      for (const ref of postingRefs(section)) {
        if ((await store.read(ref, "test")).rows > 1) expect(ref.length).toBeLessThanOrEqual(BLOCK_BYTES_MAX);
      }
      const key = `term${random.below(120)}`;
      expect(await file.lookup(section, key)).toEqual(listOf(model.get(key) ?? []));
    }
    section = await file.renumber(section, (ordinal) => ordinal * 3 + 1, blocks);
    for (const [key, weights] of model) model.set(key, new Map([...weights].map(([ordinal, weight]) => [ordinal * 3 + 1, weight])));
    await expectModel(file, section, model);
  });

  test("replaces a weight in the one block that holds it, and writes nothing where the weight is the same", async () => {
    const { blocks, file } = open();
    const section = await file.apply(NOTHING, deltasOf(terms(600)), blocks);
    expect(section.blocks.length).toBeGreaterThan(3);
    const changed = await file.apply(section, deltasOf(new Map([["term0300", new Map([[300, 7]])]])), blocks);
    expect(changed.blocks.filter((block) => section.blocks.includes(block)).length).toBe(section.blocks.length - 1);
    expect(await file.lookup(changed, "term0300")).toEqual(listOf([[300, 7]]));
    expect(await file.apply(section, deltasOf(terms(600)), blocks)).toEqual(section);
    expect(await file.lookup(section, "term0300x")).toBe(EMPTY_LIST);
  });

  test("takes the deltas of two keys that storage cannot tell apart one after the other", async () => {
    const { blocks, file } = open();
    const [first, second] = [new Map([[1, 1]]), new Map([[1, 2]])];
    const section = await file.apply(
      NOTHING,
      deltasOf(
        new Map([
          ["\ud800", first],
          ["\udc00", second],
        ]),
      ),
      blocks,
    );
    expect(await file.lookup(section, "\ufffd")).toEqual(listOf([[1, 2]]));
  });

  test("tells a run's greatest weight, by which a search passes over it", async () => {
    const { blocks, file } = open();
    const section = await file.apply(NOTHING, deltasOf(terms(600)), blocks);
    const read: number[] = [];
    let passed = 0;
    for await (const { values } of file.range(section, "", "~")) {
      if (Math.max(...values.maxima) < 500) passed++;
      else read.push(...values.ordinals);
    }
    expect(passed).toBeGreaterThan(2);
    expect(read).toEqual(Array.from({ length: read.length }, (_, i) => 600 - read.length + i));
    expect(read.length).toBeGreaterThanOrEqual(100);
    expect(read.length).toBeLessThan(300);
  });
});
