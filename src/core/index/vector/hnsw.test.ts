import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bruteForce,
  clusteredRows,
  expectSound,
  gaussian,
  listsOf,
  randomFrom,
  reachableIn,
  recallOf,
  rowOf,
  sourceOf,
  wholeOf,
} from "../../../testing/hnsw-vectors.js";
import { Bitmap } from "../../base/bitmap.js";
import { atOnce } from "../../base/steps.js";
import type { Space } from "../../types.js";
import { FlatIndex } from "./flat.js";
import type { GraphSnapshot } from "./graph-snapshot.js";
import { HnswIndex } from "./hnsw.js";
import { quantizeRows } from "./quantize.js";
import { referenceKernel } from "./reference-kernel.js";

const spaces: readonly Space[] = ["l2", "cosine", "ip"];
const never = (): boolean => false;

/** True after so many questions. */
function afterSteps(steps: number): () => boolean {
  let left = steps;
  return () => left-- <= 0;
}

/** A flat index and a graph index over it, told of the same rows. */
class Indexed {
  readonly flat: FlatIndex;
  readonly hnsw: HnswIndex;
  readonly values: Float32Array;
  readonly #space: Space;
  readonly #dimension: number;

  constructor(space: Space, dimension: number, capacity: number, options = { M: 6, efConstruction: 40, seed: 1 }) {
    this.#space = space;
    this.#dimension = dimension;
    this.flat = new FlatIndex(referenceKernel, space, dimension);
    this.hnsw = new HnswIndex(this.flat, options);
    this.values = new Float32Array(capacity * dimension);
  }

  set(first: number, values: Float32Array): void {
    this.values.set(values, first * this.#dimension);
    const rows = quantizeRows(this.#space, this.#dimension, values);
    this.flat.set(first, rows);
    this.hnsw.set(first, rows);
  }

  search(query: Float32Array, k: number, ef = 40, allowed: Bitmap | null = null) {
    return this.hnsw.search(query, k, { ef, allowed }, sourceOf(this.values, this.#dimension));
  }
}

function built(space: Space, dimension: number, values: Float32Array): Indexed {
  const index = new Indexed(space, dimension, values.length / dimension);
  index.set(0, values);
  index.hnsw.build(never);
  return index;
}

describe("HnswIndex", () => {
  it("keeps its promises through sets, replacements and deletes between slices of building", () => {
    const shape = fc.record({
      space: fc.constantFrom(...spaces),
      dimension: fc.constantFrom(1, 2, 5, 12),
      isCoarse: fc.boolean(),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(shape, ({ space, dimension, isCoarse, seed }) => {
        const random = randomFrom(seed);
        const index = new Indexed(space, dimension, 200);
        const set = new Set<number>();
        for (let step = 0; step < 12; step++) {
          const first = Math.floor(random() * 150);
          const count = Math.floor(random() * 50);
          if (random() < 0.6) {
            index.set(
              first,
              Float32Array.from({ length: count * dimension }, () => (isCoarse ? Math.round(gaussian(random)) : gaussian(random))),
            );
            for (let i = first; i < first + count; i++) set.add(i);
          } else {
            for (let i = first; i < first + count; i++) index.hnsw.delete(i);
            for (let i = first; i < first + count; i++) set.delete(i);
          }
          index.hnsw.build(afterSteps(Math.floor(random() * 60)), random() < 0.3);
          expectSound(wholeOf(index.hnsw.save()));
          expect([...index.hnsw.covered.values()].filter((ordinal) => !set.has(ordinal))).toEqual([]);
        }
        expect(index.hnsw.build(never, true)).toBe(true);
        const snapshot = wholeOf(index.hnsw.save());
        expectSound(snapshot);
        expect(index.hnsw.statistics).toMatchObject({ ready: 0, waiting: 0, stale: 0, covered: index.hnsw.covered.count() });
        expect(new Set(listsOf(snapshot).keys())).toEqual(set);
        expect(index.hnsw.statistics.covered + index.hnsw.statistics.outcast).toBe(set.size);
        const reachable = reachableIn(snapshot);
        expect([...index.hnsw.covered.values()].filter((ordinal) => !reachable.has(ordinal))).toEqual([]);
      }),
      { numRuns: 25 },
    );
  });

  it.each(spaces)("reaches every covered row from the entry: %s", (space) => {
    const index = built(space, 8, clusteredRows(randomFrom(11), 400, 8));
    for (let ordinal = 0; ordinal < 400; ordinal += 3) index.hnsw.delete(ordinal);
    index.hnsw.build(never, true);
    const reachable = reachableIn(wholeOf(index.hnsw.save()));
    for (const ordinal of index.hnsw.covered.values()) expect(reachable.has(ordinal)).toBe(true);
    expect(index.hnsw.coveredCount).toBe(266);
  });

  it("names no deleted ordinal once swept, and survives the loss of its entry", () => {
    const index = built("l2", 4, clusteredRows(randomFrom(12), 300, 4));
    for (let round = 0; round < 20; round++) {
      const { entry } = index.hnsw.save();
      index.hnsw.delete(entry);
      index.hnsw.build(never, true);
      const snapshot = wholeOf(index.hnsw.save());
      expect(snapshot.entry).not.toBe(entry);
      expect([...listsOf(snapshot).values()].flat(2)).not.toContain(entry);
      expect(reachableIn(snapshot).size).toBe(299 - round);
    }
  });

  it("builds the same graph in one go and in slices of one step", () => {
    const values = clusteredRows(randomFrom(13), 300, 6);
    const whole = built("cosine", 6, values).hnsw;
    const sliced = new Indexed("cosine", 6, 300);
    sliced.set(0, values);
    let slices = 0;
    while (!sliced.hnsw.build(afterSteps(1))) slices++;
    expect(slices).toBeGreaterThanOrEqual(300);
    expect(wholeOf(sliced.hnsw.save())).toEqual(wholeOf(whole.save()));
  });

  it("does nothing when its time is over before it begins, and goes on where it stopped", () => {
    const index = new Indexed("l2", 2, 50);
    index.set(0, clusteredRows(randomFrom(14), 50, 2));
    expect(index.hnsw.build(afterSteps(0))).toBe(false);
    expect(index.hnsw.coveredCount).toBe(0);
    expect(index.hnsw.build(afterSteps(10))).toBe(false);
    expect(index.hnsw.coveredCount).toBe(10);
    expect(index.hnsw.covers(9)).toBe(true);
    expect(index.hnsw.covers(10)).toBe(false);
    expect(index.hnsw.build(never)).toBe(true);
    expect(index.hnsw.coveredCount).toBe(50);
  });

  it("finds nothing in an empty index, the one record of one, and all when k is larger", async () => {
    const index = new Indexed("cosine", 3, 10);
    const query = Float32Array.of(1, 2, 3);
    index.hnsw.build(never, true);
    expect((await index.search(query, 5)).ordinals).toHaveLength(0);
    index.set(0, Float32Array.of(1, 0, 0));
    index.hnsw.build(never);
    expect([...(await index.search(query, 5)).ordinals]).toEqual([0]);
    index.set(1, clusteredRows(randomFrom(15), 9, 3));
    index.hnsw.build(never);
    expect(await index.search(query, 50)).toEqual(bruteForce("cosine", index.values, query, 50, Array(10).keys()));
    index.hnsw.delete(0);
    expect((await index.search(query, 50)).ordinals).not.toContain(0);
  });

  it.each(spaces)("finds rows among duplicates, zero vectors and equal vectors: %s", async (space) => {
    const dimension = 6;
    const random = randomFrom(16);
    const values = clusteredRows(random, 300, dimension);
    for (let i = 0; i < 80; i++) values.copyWithin(i * 3 * dimension, 0, dimension);
    for (let i = 0; i < 30; i++) values.fill(0, (i * 7 + 1) * dimension, (i * 7 + 2) * dimension);
    const index = built(space, dimension, values);
    for (let q = 0; q < 20; q++) {
      const query = rowOf(values, dimension, q * 13 + 2);
      const truth = bruteForce(space, values, query, 5, Array(300).keys());
      expect(recallOf(await index.search(query, 5, 100), truth)).toBeGreaterThanOrEqual(0.8);
    }
    const equal = built(space, dimension, new Float32Array(200 * dimension).fill(0.25));
    const found = await equal.search(new Float32Array(dimension).fill(0.25), 10);
    expect(found).toEqual(bruteForce(space, equal.values, rowOf(equal.values, dimension, 0), 10, found.ordinals));
    expect(found.ordinals).toHaveLength(10);
  });

  it("returns only allowed rows, by exact distance, whatever their share", async () => {
    const values = clusteredRows(randomFrom(17), 400, 10);
    const index = built("l2", 10, values);
    const query = rowOf(values, 10, 7);
    for (const share of [1, 3, 10, 50]) {
      const allowed = Bitmap.of([...Array(400).keys()].filter((ordinal) => ordinal % share === 0));
      const truth = bruteForce("l2", values, query, 5, allowed.values());
      const found = await index.search(query, 5, 60, allowed);
      for (const ordinal of found.ordinals) expect(ordinal % share).toBe(0);
      expect(recallOf(found, truth)).toBeGreaterThanOrEqual(0.8);
    }
  });

  it("leaves rows too long for their codes to the scan", () => {
    const index = new Indexed("l2", 2, 3);
    index.set(0, Float32Array.of(1, 2, 3e38, 1, 3, 4));
    index.hnsw.build(never);
    expect([...index.hnsw.covered.values()]).toEqual([0, 2]);
  });
});

describe("snapshots of HnswIndex", () => {
  const values = clusteredRows(randomFrom(21), 250, 5);

  function unbuilt(from = values): Indexed {
    const index = new Indexed("l2", 5, 300);
    index.set(0, from);
    return index;
  }

  it("come back as the graph that was saved", async () => {
    const index = unbuilt();
    index.hnsw.build(never);
    const snapshot = wholeOf(index.hnsw.save());
    const loaded = unbuilt();
    expect(atOnce(loaded.hnsw.load(snapshot))).toBeNull();
    expect(wholeOf(loaded.hnsw.save())).toEqual(snapshot);
    expect(loaded.hnsw.statistics).toEqual(index.hnsw.statistics);
    const query = rowOf(values, 5, 99);
    expect(await loaded.search(query, 7)).toEqual(await index.search(query, 7));
    for (const each of [index, loaded]) {
      each.set(250, clusteredRows(randomFrom(22), 50, 5));
      each.hnsw.build(never);
    }
    expect(wholeOf(loaded.hnsw.save())).toEqual(wholeOf(index.hnsw.save()));
  });

  it("may be older than the rows: what changed since is not covered until it is built again", () => {
    const index = built("l2", 5, values);
    index.hnsw.delete(3);
    const snapshot = wholeOf(index.hnsw.save());
    const changed = values.slice();
    changed.fill(9, 50, 55);
    const loaded = unbuilt(changed);
    loaded.hnsw.delete(20);
    loaded.set(250, Float32Array.of(1, 2, 3, 4, 5));
    expect(atOnce(loaded.hnsw.load(snapshot))).toBeNull();
    const uncovered = [...Array(251).keys()].filter((ordinal) => !loaded.hnsw.covers(ordinal));
    expect(uncovered).toEqual([3, 10, 20, 250]);
    expect(loaded.hnsw.statistics).toMatchObject({ ready: 1, waiting: 2, stale: 3 });
    loaded.hnsw.build(never, true);
    expectSound(wholeOf(loaded.hnsw.save()));
    expect([...Array(251).keys()].filter((ordinal) => !loaded.hnsw.covers(ordinal))).toEqual([20]);
  });

  it("of an empty graph load as one", () => {
    const loaded = unbuilt();
    expect(atOnce(loaded.hnsw.load(wholeOf(new Indexed("l2", 5, 1).hnsw.save())))).toBeNull();
    loaded.hnsw.build(never);
    expect(loaded.hnsw.coveredCount).toBe(250);
  });

  const damages: Readonly<Record<string, (snapshot: GraphSnapshot) => void>> = {
    "another version": (snapshot) => (snapshot.version = 2),
    "another M": (snapshot) => (snapshot.M = 7),
    "another seed": (snapshot) => (snapshot.seed = 2),
    "an entry beyond the end": (snapshot) => (snapshot.entry = 250),
    "an entry of a low level": (snapshot) => (snapshot.entry = snapshot.pieces[0]!.heights.indexOf(1)),
    "no entry": (snapshot) => (snapshot.entry = -1),
    "a wrong level": (snapshot) => (snapshot.pieces[0]!.heights[17] = 9),
    "a level beyond all": (snapshot) => (snapshot.pieces[0]!.heights[17] = 200),
    "a degree too large": (snapshot) => (snapshot.pieces[0]!.degrees[5] = 13),
    "a degree that shifts the lists": (snapshot) => snapshot.pieces[0]!.degrees[5]!--,
    "a missing list": (snapshot) => (snapshot.pieces[0]!.degrees = snapshot.pieces[0]!.degrees.slice(1)),
    "a missing link": (snapshot) => (snapshot.pieces[0]!.links = snapshot.pieces[0]!.links.slice(1)),
    "an additional link": (snapshot) => (snapshot.pieces[0]!.links = Uint32Array.of(...snapshot.pieces[0]!.links, 1)),
    "a link beyond the end": (snapshot) => (snapshot.pieces[0]!.links[40] = 250),
    "a link far beyond": (snapshot) => (snapshot.pieces[0]!.links[40] = 0xffffffff),
    "a link to itself": (snapshot) => (snapshot.pieces[0]!.links[0] = 0),
    "a missing fingerprint": (snapshot) => (snapshot.pieces[0]!.fingerprints = snapshot.pieces[0]!.fingerprints.slice(1)),
    "a missing piece": (snapshot) => (snapshot.pieces = []),
  };

  it.each(Object.keys(damages))("are refused with %s, and the rows built as if there were none", (name) => {
    const expected = wholeOf(built("l2", 5, values).hnsw.save());
    const snapshot = wholeOf(built("l2", 5, values).hnsw.save());
    damages[name]!(snapshot);
    const loaded = unbuilt();
    expect(atOnce(loaded.hnsw.load(snapshot))).toEqual(expect.any(String));
    loaded.hnsw.build(never);
    expect(wholeOf(loaded.hnsw.save())).toEqual(expected);
  });
});
