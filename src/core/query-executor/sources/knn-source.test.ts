import { expect, test } from "vitest";
import { Bitmap } from "../../base/bitmap.js";
import type { Parts } from "../../collection/parts.js";
import type { KnnSource } from "../../gateway/search-plan.js";
import type { Nearest } from "../../index/vector/flat.js";
import { QUERIES_PER_PASS } from "../../index/vector/vector-kernel.js";
import { knnSource } from "./knn-source.js";

const LIMIT = 2;

/** Points on a line. The index knows the present ones; of some the segments hold others. */
function line(present: readonly number[], stored: Readonly<Record<number, number>> = {}) {
  const passes: number[] = [];
  const nearestOf = (query: Float32Array, k: number, allowed: Bitmap): Nearest => {
    const hits = [...allowed.values()].map((ordinal) => ({ ordinal, distance: (present[ordinal]! - query[0]!) ** 2 }));
    hits.sort((a, b) => a.distance - b.distance || a.ordinal - b.ordinal).splice(k);
    return {
      ordinals: Uint32Array.from(hits, ({ ordinal }) => ordinal),
      distances: Float32Array.from(hits, ({ distance }) => distance),
    };
  };
  const vectors: Pick<Parts["vectors"], "nearest" | "space" | "storedEmbeddings" | "queriesAtOnce"> = {
    space: "l2",
    nearest: (queries, k, allowed) => {
      passes.push(queries.length);
      return queries.map((query) => nearestOf(query, k, allowed));
    },
    storedEmbeddings: async (ordinals) => Float32Array.from(Array.from(ordinals, (ordinal) => stored[ordinal]!)),
    queriesAtOnce: (isExact) => (isExact ? 7 : QUERIES_PER_PASS),
  };
  const parts = { vectors } as Parts;
  const changed = Bitmap.of(Object.keys(stored).map(Number));
  const segments = { parts, size: 0, changedIn: (field: string) => (field === "vector" ? changed : new Bitmap()) };
  return { parts, segments, passes };
}

function ask(...queries: number[]): KnnSource {
  return { kind: "knn", queries: queries.map((query) => Float32Array.of(query)), limit: LIMIT };
}

function listed(hits: readonly Nearest[]): [ordinals: number[], distances: number[]][] {
  return hits.map(({ ordinals, distances }) => [[...ordinals], [...distances]]);
}

test("queries of one source share passes, with a tick between two of them", async () => {
  const { parts, passes } = line([5, 1, 3, 1]);
  const queries = Array.from({ length: 2 * QUERIES_PER_PASS + 1 }, (_, i) => i);
  let ticks = 0;
  const hits = await knnSource.readLive(parts, ask(...queries), Bitmap.of([0, 1, 2, 3]), () => void ticks++);
  expect(passes).toEqual([QUERIES_PER_PASS, QUERIES_PER_PASS, 1]);
  expect(ticks).toBe(2);
  expect(hits).toHaveLength(queries.length);
  expect(listed(hits)[1]).toEqual([
    [1, 3],
    [0, 0],
  ]);
});

test("exact queries share as many passes as the index says", async () => {
  const { parts, passes } = line([5, 1, 3, 1]);
  const source = { ...ask(...Array.from({ length: 16 }, (_, i) => i)), exact: true };
  await knnSource.readLive(parts, source, Bitmap.of([0, 1, 2, 3]), () => undefined);
  expect(passes).toEqual([7, 7, 2]);
});

test("in the segments, vectors that were replaced since are measured as they were", async () => {
  const { segments } = line([5, 1, 3, 0], { 3: 4, 1: 4 });
  const hits = await knnSource.readSegments(segments, ask(0, 4), Bitmap.of([0, 1, 2, 3]), () => undefined);
  expect(listed(hits)).toEqual([
    [
      [2, 1],
      [9, 16],
    ],
    [
      [1, 3],
      [0, 0],
    ],
  ]);
  expect(listed(await knnSource.readSegments(segments, ask(4), Bitmap.of([0, 2, 3]), () => undefined))).toEqual([
    [
      [3, 0],
      [0, 1],
    ],
  ]);
});

test("a rank takes distances as they are", async () => {
  const { parts } = line([5, 1, 3]);
  const ranked = knnSource.toRanked(await knnSource.readLive(parts, ask(0), Bitmap.of([0, 1, 2]), () => undefined));
  expect(ranked).toEqual({ ordinals: Uint32Array.of(1, 2), scores: Float64Array.of(1, 9) });
});
