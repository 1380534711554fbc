/**
 * The blockfile over a format richer than any that ships: ordinals with float32 weights, the greatest weight of each key, and
 * that of each block. An index that ranks needs all of these; that they fit shows that the blockfile knows nothing of a value.
 */
import { describe, expect, test } from "vitest";
import { testBlockStore } from "../../testing/block-store.js";
import { Random } from "../../testing/environment.js";
import { encodeBlock } from "./block.js";
import type { BlockBatch, BlockStore } from "./blockstore.js";
import { PostingBlockfile, type PostingSection, postingRefs, type ValueFormat } from "./posting-blockfile.js";

/** Parallel; ordinals ascend. No weight is above `max`. */
interface Postings {
  ordinals: Uint32Array;
  weights: Float32Array;
  max: number;
}

/** Weights to put in place, or `null` where the posting goes. */
type PostingsDelta = ReadonlyMap<number, number | null>;

const EMPTY: Postings = { ordinals: new Uint32Array(0), weights: new Float32Array(0), max: 0 };

function postingsOf(entries: Iterable<readonly [ordinal: number, weight: number]>): Postings {
  const sorted = [...entries].sort(([a], [b]) => a - b);
  const weights = Float32Array.from(sorted, ([, weight]) => weight);
  return { ordinals: Uint32Array.from(sorted, ([ordinal]) => ordinal), weights, max: Math.max(0, ...weights) };
}

function entriesOf({ ordinals, weights }: Postings): [number, number][] {
  return Array.from(ordinals, (ordinal, i) => [ordinal, weights[i]!]);
}

function mergePostings(postings: Postings, delta: PostingsDelta): Postings {
  const merged = new Map(entriesOf(postings));
  let changed = false;
  for (const [ordinal, weight] of delta) {
    changed ||= merged.get(ordinal) !== (weight === null ? undefined : Math.fround(weight));
    if (weight === null) merged.delete(ordinal);
    else merged.set(ordinal, weight);
  }
  if (!changed) return postings;
  return merged.size === 0 ? EMPTY : postingsOf(merged);
}

/** Weights stand in a list of u32, bit by bit, so that a run of them is one view. */
const weightedFormat: ValueFormat<Postings, PostingsDelta> = {
  empty: EMPTY,
  sizeOf: ({ ordinals }) => ordinals.length * 8 + 12,
  encode: (keys, values) =>
    encodeBlock(
      [
        { type: "utf8", name: "key", values: keys },
        { type: "u32-list", name: "ordinals", values: values.map(({ ordinals }) => ordinals) },
        { type: "u32-list", name: "weights", values: values.map(({ weights }) => new Uint32Array(weights.slice().buffer)) },
        { type: "f32", name: "max", values: Float32Array.from(values, ({ max }) => max) },
      ],
      keys.length,
      { max: String(Math.max(...values.map(({ max }) => max))) },
    ),
  decode: (block) => {
    const [ordinals, bits, maxima] = [block.u32List("ordinals"), block.u32List("weights"), block.f32("max")];
    const max = Number(block.metadata.get("max"));
    return (row, end) => {
      const { buffer, byteOffset, length } = bits(row, end);
      return {
        ordinals: ordinals(row, end),
        weights: new Float32Array(buffer, byteOffset, length),
        max: end === undefined ? maxima[row]! : max,
      };
    };
  },
  merge: mergePostings,
  join: (first, second) => new Map([...first, ...second]),
  renumber: (postings, ordinalOf) => ({ ...postings, ordinals: postings.ordinals.map(ordinalOf) }),
};

const BLOCK_BYTES_MAX = 4096;
const NOTHING: PostingSection = { blocks: [] };
type Weights = Map<string, Map<number, number>>;

function open(): { store: BlockStore; blocks: BlockBatch; file: PostingBlockfile<Postings, PostingsDelta> } {
  const store = testBlockStore();
  return { store, blocks: store.begin(), file: new PostingBlockfile(store, "segment weights", weightedFormat, BLOCK_BYTES_MAX) };
}

/** Ordinal to weight under each of many keys. */
function terms(count: number): Map<string, PostingsDelta> {
  return new Map(Array.from({ length: count }, (_, i) => [`term${String(i).padStart(4, "0")}`, new Map([[i, i + 0.5]])]));
}

function randomDeltas(random: Random, sweep: boolean): Map<string, PostingsDelta> {
  const deltas = new Map<string, PostingsDelta>();
  for (let n = sweep ? 150 : 1 + random.below(40); n > 0; n--) {
    const delta = new Map<number, number | null>();
    for (let i = random.below(sweep ? 200 : 20); i > 0; i--) {
      delta.set(random.below(200), sweep || random.chance(0.2) ? null : random.below(1000) / 7);
    }
    deltas.set(`term${random.below(120)}`, delta);
  }
  return deltas;
}

function applyToModel(model: Weights, deltas: ReadonlyMap<string, PostingsDelta>): void {
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

async function expectModel(file: PostingBlockfile<Postings, PostingsDelta>, section: PostingSection, model: Weights): Promise<void> {
  const found: [string, Postings][] = [];
  for await (const run of file.range(section, "", "~")) {
    const rows = [...run];
    const { ordinals, weights, max } = run.values;
    expect([...ordinals]).toEqual(rows.flatMap(([, value]) => [...value.ordinals]));
    expect([...weights]).toEqual(rows.flatMap(([, value]) => [...value.weights]));
    expect(max).toBe(Math.max(...rows.map(([, value]) => value.max)));
    found.push(...rows);
  }
  const keys = [...model.keys()].sort();
  expect(found).toEqual(keys.map((key) => [key, postingsOf(model.get(key)!)]));
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
      section = await file.apply(section, deltas, blocks);
      await expectModel(file, section, model);
      for (const ref of postingRefs(section)) {
        if ((await store.read(ref, "test")).rows > 1) expect(ref.length).toBeLessThanOrEqual(BLOCK_BYTES_MAX);
      }
      const key = `term${random.below(120)}`;
      expect(await file.lookup(section, key)).toEqual(postingsOf(model.get(key) ?? []));
    }
    section = await file.renumber(section, (ordinal) => ordinal * 3 + 1, blocks);
    for (const [key, weights] of model) model.set(key, new Map([...weights].map(([ordinal, weight]) => [ordinal * 3 + 1, weight])));
    await expectModel(file, section, model);
  });

  test("replaces a weight in the one block that holds it, and writes nothing where the weight is the same", async () => {
    const { blocks, file } = open();
    const section = await file.apply(NOTHING, terms(600), blocks);
    expect(section.blocks.length).toBeGreaterThan(3);
    const changed = await file.apply(section, new Map([["term0300", new Map([[300, 7]])]]), blocks);
    expect(changed.blocks.filter((block) => section.blocks.includes(block)).length).toBe(section.blocks.length - 1);
    expect(await file.lookup(changed, "term0300")).toEqual(postingsOf([[300, 7]]));
    expect(await file.apply(section, terms(600), blocks)).toEqual(section);
    expect(await file.lookup(section, "term0300x")).toBe(EMPTY);
  });

  test("takes the deltas of two keys that storage cannot tell apart one after the other", async () => {
    const { blocks, file } = open();
    const [first, second] = [new Map([[1, 1]]), new Map([[1, 2]])];
    const section = await file.apply(
      NOTHING,
      new Map([
        ["\ud800", first],
        ["\udc00", second],
      ]),
      blocks,
    );
    expect(await file.lookup(section, "\ufffd")).toEqual(postingsOf([[1, 2]]));
  });

  test("tells a run's greatest weight, by which a search passes over it", async () => {
    const { blocks, file } = open();
    const section = await file.apply(NOTHING, terms(600), blocks);
    const read: number[] = [];
    let passed = 0;
    for await (const { values } of file.range(section, "", "~")) {
      if (values.max < 500) passed++;
      else read.push(...values.ordinals);
    }
    expect(passed).toBeGreaterThan(2);
    expect(read).toEqual(Array.from({ length: read.length }, (_, i) => 600 - read.length + i));
    expect(read.length).toBeGreaterThanOrEqual(100);
    expect(read.length).toBeLessThan(300);
  });
});
