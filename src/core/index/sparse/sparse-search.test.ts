/** Against the plain evaluation: every record's dot product, all of them sorted. */
import { describe, expect, test } from "vitest";
import { Random } from "../../../testing/environment.js";
import { Bitmap } from "../../base/bitmap.js";
import { inTurns } from "../../base/steps.js";
import { SPAN } from "../../segment/sparse-key.js";
import { type WeightedList, weightedList } from "../../segment/weighted-list.js";
import { BestHits, type SparseHits } from "./best-hits.js";
import { type SparseTerm, searchSparse } from "./sparse-search.js";

type Weights = ReadonlyMap<number, number>;
interface Query {
  dimension: number;
  weight: number;
}

/** Ordinal to weight, by dimension. */
type Postings = readonly Weights[];

function listsOf(weights: Weights): WeightedList[] {
  const sorted = [...weights].sort(([a], [b]) => a - b);
  const spans = new Set(sorted.map(([ordinal]) => Math.floor(ordinal / SPAN)));
  return [...spans].map((span) => {
    const some = sorted.filter(([ordinal]) => Math.floor(ordinal / SPAN) === span);
    return weightedList(
      Uint32Array.from(some, ([ordinal]) => ordinal),
      Float32Array.from(some, ([, weight]) => weight),
    );
  });
}

async function search(
  postings: Postings,
  query: readonly Query[],
  limit: number,
  allowed: Bitmap,
  turns = { count: 0 },
): Promise<SparseHits> {
  const best = new BestHits(limit);
  const terms = query.map(({ dimension, weight }): SparseTerm => ({ weight, lists: listsOf(postings[dimension]!) }));
  await inTurns(searchSparse(terms, allowed, best), () => void turns.count++);
  return best.take();
}

function plain(postings: Postings, query: readonly Query[], limit: number, allowed: Bitmap): SparseHits {
  const dots = new Map<number, number>();
  for (const { dimension, weight } of query) {
    for (const [ordinal, stored] of postings[dimension]!) {
      if (allowed.has(ordinal)) dots.set(ordinal, (dots.get(ordinal) ?? 0) + weight * stored);
    }
  }
  const hits = [...dots].map(([ordinal, dot]) => ({ ordinal, score: Math.fround(1 - dot) }));
  hits.sort((a, b) => a.score - b.score || a.ordinal - b.ordinal).splice(limit);
  return { ordinals: Uint32Array.from(hits, ({ ordinal }) => ordinal), scores: Float32Array.from(hits, ({ score }) => score) };
}

const WEIGHTS: Record<string, (random: Random) => number> = {
  "of one sign": (random) => random.next() ** 4,
  "of both signs": (random) => random.next() - 0.4,
  "that are often equal, or zero": (random) => random.below(3) - (random.chance(0.1) ? 1 : 0),
  "of very different size": (random) => (random.chance(0.1) ? -1 : 1) * 10 ** (random.below(60) - 30),
};

describe.each(Object.keys(WEIGHTS))("weights %s", (kind) => {
  test.each([1, 2, 3])("hits, scores and order are those of the plain evaluation (seed %i)", async (seed) => {
    const random = new Random(seed);
    const weightOf = () => Math.fround(WEIGHTS[kind]!(random));
    const ordinals = seed === 3 ? 70_000 : 9_000;
    const postings = Array.from({ length: 12 }, (_, dimension) => {
      const share = [0.3, 0.1, 0.01, 0.001][dimension % 4]! / (seed === 3 ? 5 : 1);
      return new Map(Array.from({ length: Math.ceil(ordinals * share) }, () => [random.below(ordinals), weightOf()] as const));
    });
    for (let round = 0; round < 4; round++) {
      const query = postings.map((_, dimension) => ({ dimension, weight: weightOf() })).filter(() => random.chance(0.5));
      const allowed = Bitmap.of(Array.from({ length: ordinals }, (_, i) => i).filter(() => round % 2 === 0 || random.chance(0.1)));
      const limit = [1, 3, 20, 1000, 1e9][random.below(5)]!;
      expect(await search(postings, query, limit, allowed)).toEqual(plain(postings, query, limit, allowed));
    }
  });
});

test.each([1, 2, 3, 4])("what frequent dimensions add is looked up where they weigh little (seed %i)", async (seed) => {
  const random = new Random(seed);
  const ordinals = 20_000;
  const postings = Array.from({ length: 10 }, (_, dimension) => {
    const [share, least] = dimension < 4 ? [0.4, 0] : [0.002, 1];
    const weightOf = () => Math.fround((random.chance(0.2) ? -1 : 1) * (least + random.next()));
    return new Map(Array.from({ length: ordinals * share }, () => [random.below(ordinals), weightOf()] as const));
  });
  const query = postings.map((_, dimension) => ({ dimension, weight: dimension < 4 ? 0.1 + random.next() / 8 : 1 }));
  const allowed = Bitmap.of(Array.from({ length: ordinals }, (_, i) => i));
  for (const limit of [1, 5, 20, 60]) expect(await search(postings, query, limit, allowed)).toEqual(plain(postings, query, limit, allowed));
});

test("a record that shares a dimension is a hit though it adds nothing, and no other is", async () => {
  const postings = [new Map([[3, 0]]), new Map([[5, 2]])];
  const allowed = Bitmap.of([1, 3, 5]);
  const hits = await search(postings, [{ dimension: 0, weight: 4 }], 10, allowed);
  expect(hits).toEqual({ ordinals: Uint32Array.of(3), scores: Float32Array.of(1) });
  expect((await search(postings, [], 10, allowed)).ordinals).toHaveLength(0);
});

test("lists of what cannot be among the best are not added up", async () => {
  const rare = new Map([[4, 10]]);
  const reads: number[] = [];
  const counted = (weights: Weights, name: number): WeightedList[] =>
    listsOf(weights).map((list) => ({
      ...list,
      weights: new Proxy(list.weights, {
        get: (target, at) => {
          reads.push(name);
          return Reflect.get(target, at) as unknown;
        },
      }),
    }));
  const frequent = new Map(Array.from({ length: 50_000 }, (_, i) => [i, 0.1]));
  const terms = [
    { weight: 1, lists: counted(rare, 0) },
    { weight: 1, lists: counted(frequent, 1) },
  ];
  const best = new BestHits(1);
  await inTurns(searchSparse(terms, Bitmap.of(frequent.keys()), best), () => undefined);
  expect([...best.take().ordinals]).toEqual([4]);
  expect(reads.filter((name) => name === 1).length).toBeLessThan(4097);
});

test("takes turns, within a window too", async () => {
  const postings = Array.from({ length: 40 }, () => new Map(Array.from({ length: 4096 }, (_, i) => [i, 1])));
  const turns = { count: 0 };
  await search(
    postings,
    postings.map((_, dimension) => ({ dimension, weight: 1 })),
    1,
    Bitmap.of([0]),
    turns,
  );
  expect(turns.count).toBeGreaterThan(3);
});
