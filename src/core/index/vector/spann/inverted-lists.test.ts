import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bruteForce, gaussian, type Random, randomFrom, recallOf, rowOf, sourceOf } from "../../../../testing/hnsw-vectors.js";
import { Bitmap } from "../../../base/bitmap.js";
import type { Space } from "../../../types.js";
import { referenceKernel } from "../reference-kernel.js";
import { InvertedLists } from "./inverted-lists.js";
import { ListBuilder, type ListBuilderOptions } from "./list-builder.js";
import type { ListSource } from "./list-source.js";

const spaces: readonly Space[] = ["l2", "cosine", "ip"];
const OPTIONS: ListBuilderOptions = { splitThreshold: 64, mergeThreshold: 16, reassignNeighbours: 16 };

/** Rows of few latent dimensions, in clusters of very different sizes, with some noise: "hard" for lists. */
function hardRows(random: Random, count: number, dimension: number, latent: number): Float32Array {
  const basis = Float32Array.from({ length: latent * dimension }, () => gaussian(random) / Math.sqrt(latent));
  const centres = Array.from({ length: 40 }, () => Array.from({ length: latent }, () => 1.5 * gaussian(random)));
  const values = new Float32Array(count * dimension);
  for (let row = 0; row < count; row++) {
    const centre = centres[Math.floor(40 * random() ** 3)]!;
    const point = centre.map((middle) => middle + gaussian(random));
    for (let i = 0; i < dimension; i++) {
      let sum = 0.1 * gaussian(random);
      for (let j = 0; j < latent; j++) sum += point[j]! * basis[j * dimension + i]!;
      values[row * dimension + i] = sum;
    }
  }
  return values;
}

/** Lists that lie in memory, and the rows that they are made of. */
class Kept implements ListSource {
  readonly lists: InvertedLists;
  readonly values: Float32Array;
  readonly stored = new Map<number, Uint8Array>();
  reads = 0;

  constructor(
    space: Space,
    readonly dimension: number,
    values: Float32Array,
    readonly options = OPTIONS,
    judgedRowsMax = 20,
    heldBytesMax = 0,
  ) {
    this.values = values;
    this.lists = new InvertedLists(referenceKernel, space, dimension, { seed: 7, judgedRowsMax, heldBytesMax });
  }

  async read(slots: readonly number[]): Promise<Uint8Array[]> {
    this.reads += slots.length;
    return slots.map((slot) => this.stored.get(slot)!);
  }

  /** Takes rows in. `meanwhile` happens before what was built is installed. */
  async build(ordinals: Iterable<number>, meanwhile: () => void = () => undefined): Promise<void> {
    const builder = new ListBuilder(this.lists, this, sourceOf(this.values.slice(), this.dimension), this.options, () => undefined);
    await builder.add(Uint32Array.from(ordinals));
    await builder.dissolve();
    const changed = new Map<number, Uint8Array>();
    for await (const [slot, list] of builder.changed()) changed.set(slot, list);
    meanwhile();
    const { changes } = builder;
    this.lists.install(changes);
    for (const slot of changes.retired) this.stored.delete(slot);
    for (const [slot, list] of changed) this.stored.set(slot, list);
  }

  search(query: Float32Array, k: number, allowed: Bitmap, effort: number | "adaptive" = "adaptive") {
    return this.lists.search(query, k, allowed, sourceOf(this.values, this.dimension), this, effort);
  }

  /** Every covered row is in its list once, and no list is longer than splits leave it. */
  check(): void {
    const seen = new Map<number, number>();
    for (const slot of this.lists.inUse.values()) {
      for (const ordinal of this.lists.coder.ordinals(this.stored.get(slot)!)) {
        if (this.lists.listOf(ordinal) === slot) seen.set(ordinal, (seen.get(ordinal) ?? 0) + 1);
      }
    }
    expect([...seen.keys()].sort((a, b) => a - b)).toEqual([...this.lists.covered.values()]);
    expect([...seen.values()].every((times) => times === 1)).toBe(true);
    const sizes = [...this.lists.inUse.values()].map((slot) => this.lists.sizeOf(slot));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(this.lists.coveredCount);
  }
}

async function meanRecall(kept: Kept, space: Space, queries: readonly Float32Array[], k: number, allowed: Bitmap): Promise<number> {
  let sum = 0;
  for (const query of queries) {
    const found = await kept.search(query, k, allowed);
    const truth = bruteForce(space, kept.values, query, k, allowed.values());
    expect(found.ordinals).toHaveLength(truth.ordinals.length);
    sum += recallOf(found, truth);
  }
  return sum / queries.length;
}

describe.each(spaces)("recall, %s", (space) => {
  const dimension = 32;
  const count = 6000;

  test.each([
    ["low-rank", 8],
    ["hard", 24],
  ])("%s", async (_, latent) => {
    const random = randomFrom(3);
    const values = hardRows(random, count + 30, dimension, latent);
    const kept = new Kept(space, dimension, values);
    for (let from = 0; from < count; from += 1500) await kept.build(Array.from({ length: 1500 }, (_, i) => from + i));
    kept.check();
    const queries = Array.from({ length: 30 }, (_, i) => rowOf(values, dimension, count + i).slice());
    const all = Bitmap.of(Array.from({ length: count }, (_, i) => i));
    kept.reads = 0;
    expect(await meanRecall(kept, space, queries, 10, all)).toBeGreaterThanOrEqual(0.98);
    // Far fewer lists are read than there are.
    expect(kept.reads / queries.length).toBeLessThan(kept.stored.size * 0.8);
    const some = Bitmap.of([...all.values()].filter((ordinal) => ordinal % 10 === 3));
    expect(await meanRecall(kept, space, queries, 10, some)).toBeGreaterThanOrEqual(0.98);
  });
});

test("rows that change while lists are built are in none", async () => {
  const dimension = 16;
  const values = hardRows(randomFrom(5), 300, dimension, 8);
  const kept = new Kept("l2", dimension, values);
  await kept.build(
    Array.from({ length: 300 }, (_, i) => i),
    () => {
      for (let ordinal = 0; ordinal < 300; ordinal += 3) kept.lists.forget(ordinal);
    },
  );
  expect(kept.lists.coveredCount).toBe(200);
  kept.check();
  const found = await kept.search(rowOf(values, dimension, 3), 5, Bitmap.of(Array.from({ length: 300 }, (_, i) => i)));
  expect([...found.ordinals].some((ordinal) => ordinal % 3 === 0)).toBe(false);
});

test("after a build only halves of lists that were split are read, and what was asked for before is not", async () => {
  const dimension = 16;
  const values = hardRows(randomFrom(8), 1250, dimension, 8);
  const kept = new Kept("l2", dimension, values, OPTIONS, 20, 1 << 24);
  await kept.build(Array.from({ length: 1200 }, (_, i) => i));
  const all = Bitmap.of(Array.from({ length: 1250 }, (_, i) => i));
  // All rows are asked for, so a search looks into all lists.
  const searchAll = () => kept.search(rowOf(values, dimension, 0), 1100, all, 4096);
  await searchAll();
  kept.reads = 0;
  await searchAll();
  expect(kept.reads).toBe(0);
  const before = kept.lists.inUse.clone();
  await kept.build(Array.from({ length: 50 }, (_, i) => 1200 + i));
  const fresh = [...kept.lists.inUse.values()].filter((slot) => !before.has(slot)).length;
  // Nor does the build read what is held.
  expect(kept.reads).toBe(0);
  await searchAll();
  expect(kept.reads).toBe(fresh);
  expect(fresh).toBeLessThan(before.count() / 2);
  kept.check();
  const found = await kept.search(rowOf(values, dimension, 1240), 1, all);
  expect([...found.ordinals]).toEqual([1240]);
});

test("what is given up leaves everything as it was", async () => {
  const dimension = 16;
  const values = hardRows(randomFrom(6), 600, dimension, 8);
  const kept = new Kept("cosine", dimension, values);
  await kept.build(Array.from({ length: 300 }, (_, i) => i));
  const before = { slots: [...kept.lists.inUse.values()], count: kept.lists.centroids.count };
  const builder = new ListBuilder(kept.lists, kept, sourceOf(values, dimension), OPTIONS, () => undefined);
  await builder.add(Uint32Array.from({ length: 300 }, (_, i) => 300 + i));
  builder.abandon();
  expect({ slots: [...kept.lists.inUse.values()], count: kept.lists.centroids.count }).toEqual(before);
  kept.check();
  await kept.build(Array.from({ length: 300 }, (_, i) => 300 + i));
  kept.check();
  expect(kept.lists.coveredCount).toBe(600);
});

test("equal rows, zero rows and very long ones are all found", async () => {
  const dimension = 7;
  for (const space of spaces) {
    const values = new Float32Array(400 * dimension);
    for (let row = 100; row < 200; row++) values.fill(1, row * dimension, (row + 1) * dimension);
    for (let row = 200; row < 300; row++) values.fill(2e18 * (row - 199), row * dimension, (row + 1) * dimension);
    for (let row = 300; row < 400; row++) values.fill(1e-20 * row, row * dimension, (row + 1) * dimension);
    const kept = new Kept(space, dimension, values);
    await kept.build(Array.from({ length: 400 }, (_, i) => i));
    kept.check();
    const all = Bitmap.of(Array.from({ length: 400 }, (_, i) => i));
    for (const row of [0, 150, 250, 350]) {
      const query = rowOf(values, dimension, row);
      const found = await kept.search(query, 10, all);
      expect([...found.distances]).toEqual([...bruteForce(space, values, query, 10, all.values()).distances]);
    }
  }
});

/** Some rows are set, some deleted, and lists are built, in any order. */
interface Step {
  kind: "set" | "delete" | "build";
  seed: number;
}

const steps = fc.array(fc.record({ kind: fc.constantFrom("set", "set", "delete", "build"), seed: fc.nat(1 << 30) }), { maxLength: 30 });

test("through any churn, rows are in the list of what they are now, and as many are found as there are", async () => {
  const dimension = 12;
  const capacity = 400;
  await fc.assert(
    fc.asyncProperty(steps as fc.Arbitrary<Step[]>, fc.constantFrom(...spaces), async (todo, space) => {
      const values = new Float32Array(capacity * dimension);
      const kept = new Kept(space, dimension, values, { splitThreshold: 12, mergeThreshold: 4, reassignNeighbours: 4 }, 4);
      const live = new Bitmap();
      for (const { kind, seed } of [...todo, { kind: "build", seed: 1 } as const]) {
        const random = randomFrom(seed);
        const chosen = Array.from({ length: 60 }, () => Math.floor(random() * capacity));
        if (kind === "build") await kept.build([...live.values()].filter((ordinal) => !kept.lists.covered.has(ordinal)));
        else for (const ordinal of chosen) kept.lists.forget(ordinal);
        if (kind === "set") {
          for (const ordinal of chosen) {
            values.set(hardRows(random, 1, dimension, 4), ordinal * dimension);
            live.add(ordinal);
          }
        } else if (kind === "delete") for (const ordinal of chosen) live.delete(ordinal);
      }
      kept.check();
      expect([...kept.lists.covered.values()]).toEqual([...live.values()]);
      const query = hardRows(randomFrom(9), 1, dimension, 4);
      const allowed = Bitmap.of([...live.values()].filter((ordinal) => ordinal % 3 > 0));
      for (const k of [1, 10, 50]) {
        const found = await kept.search(query, k, allowed);
        const truth = bruteForce(space, values, query, k, allowed.values());
        expect(found.ordinals).toHaveLength(truth.ordinals.length);
        expect([...found.ordinals].every((ordinal) => allowed.has(ordinal))).toBe(true);
        expect(recallOf(found, truth)).toBeGreaterThanOrEqual(0.8);
      }
    }),
    { numRuns: 25, seed: 11 },
  );
});
