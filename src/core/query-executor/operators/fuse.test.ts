import fc from "fast-check";
import { expect, test } from "vitest";
import { chance, denseShare, type FusedBranch, fuse } from "./fuse.js";

const branch = (weight: number, ...hits: [ordinal: number, value: number][]): FusedBranch => ({
  ordinals: Uint32Array.from(hits, ([ordinal]) => ordinal),
  values: hits.map(([, value]) => value),
  weight,
});

test("a share is by rank and by value between the last and the first, and shares are added by weight", () => {
  const { ordinals, scores, ranks } = fuse([branch(1, [7, 9], [3, 5], [4, 1]), branch(1, [3, 2], [9, 1])]);
  const at = (rank: number, value: number) => (0.2 * 21) / (20 + rank) + 0.8 * value;
  expect([...ordinals]).toEqual([3, 7, 9, 4]);
  expect([...scores]).toEqual([(at(2, 0.5) + 1) / 2, 0.5, at(2, 0) / 2, at(3, 0) / 2].map((score) => expect.closeTo(score, 12)));
  expect(ranks.map((column) => [...column])).toEqual([
    [2, 1, 0, 3],
    [1, 0, 2, 0],
  ]);
});

test("a branch that counts three times as much has three quarters of the score, one that counts nothing none", () => {
  expect([...fuse([branch(3, [1, 5]), branch(1, [2, 5])]).scores]).toEqual([0.75, 0.25]);
  expect([...fuse([branch(0, [1, 5]), branch(1, [2, 5])]).scores]).toEqual([1, 0]);
});

test("one branch alone keeps its order, and equal scores come in insertion order", () => {
  expect([...fuse([branch(2, [5, 3], [4, 2], [6, 1])]).ordinals]).toEqual([5, 4, 6]);
  expect([...fuse([branch(1, [9, 1]), branch(1, [4, 1])]).ordinals]).toEqual([4, 9]);
  expect(fuse([branch(1), branch(1)]).ordinals).toHaveLength(0);
});

test("any number of branches is fused as a table of all records would be", () => {
  const hits = fc.uniqueArray(fc.record({ ordinal: fc.nat(20), value: fc.integer({ min: -9, max: 9 }) }), {
    selector: ({ ordinal }) => ordinal,
  });
  const branches = fc.array(fc.record({ weight: fc.constantFrom(0, 0.5, 1, 3), hits }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(branches, (given) => {
      const whole = given.reduce((sum, { weight }) => sum + weight, 0);
      fc.pre(whole > 0);
      const sorted = given.map(({ weight, hits }) => ({ weight, hits: hits.toSorted((a, b) => b.value - a.value) }));
      const rows = Array.from({ length: 21 }, (_, ordinal) => {
        const ranks = sorted.map(({ hits }) => hits.findIndex((hit) => hit.ordinal === ordinal) + 1);
        const shares = sorted.map(({ weight, hits }, b) =>
          ranks[b] === 0
            ? 0
            : weight *
              shareOf(
                hits.map(({ value }) => value),
                ranks[b]!,
              ),
        );
        return { ordinal, ranks, score: shares.reduce((a, b) => a + b, 0) / whole };
      }).filter(({ ranks }) => ranks.some((rank) => rank > 0));
      const { ordinals, scores, ranks } = fuse(
        sorted.map(({ weight, hits }) => branch(weight, ...hits.map(({ ordinal, value }) => [ordinal, value] as [number, number]))),
      );
      expect([...ordinals].sort((a, b) => a - b)).toEqual(rows.map(({ ordinal }) => ordinal));
      ordinals.forEach((ordinal, i) => {
        const row = rows.find((row) => row.ordinal === ordinal)!;
        expect([scores[i], ranks.map((column) => column[i])]).toEqual([expect.closeTo(row.score, 12), row.ranks]);
        if (i > 0) expect(scores[i - 1]! - scores[i]! || ordinal - ordinals[i - 1]!).toBeGreaterThan(0);
      });
    }),
  );
});

/** What the record at a rank has of a branch with these values. */
function shareOf(values: number[], rank: number): number {
  const [first, last] = [Math.max(...values), Math.min(...values)];
  return (0.2 * 21) / (20 + rank) + 0.8 * (first === last ? 1 : (values[rank - 1]! - last) / (first - last));
}

test("vectors count more for long questions, less where they disagree with the words, and always something", () => {
  expect(denseShare(10, 1)).toBeCloseTo(0.4746, 4);
  expect(denseShare(10, 4)).toBeCloseTo(0.3446, 4);
  expect([denseShare(1, 1), denseShare(1000, 1)]).toEqual([0.12, 0.74]);
});

test("what words found passes for chance where the best has little of the query, the more so alone or with unknown words", () => {
  // Of 49 documents a word that none has counts ln 100.
  const of = (first: number, tenth: number, unknown: number, documents = 49) => {
    return chance({ values: [first, ...Array.from({ length: 9 }, () => tenth)], ceiling: 60, unknown, documents });
  };
  expect([of(20, 20, 0), of(2, 2, 0.9)]).toEqual([0, 1]);
  expect(of(6, 6, 0.5)).toBeCloseTo(1.7 - 6 / Math.log(100), 12);
  expect(of(6, 4.5, 0.3)).toBeCloseTo(1.7 - 6 / Math.log(100), 12);
  expect(of(6, 6, 0.6)).toBeCloseTo(1.8 - 6 / Math.log(100), 12);
  expect(of(6, 6, 0.5, 499)).toBeCloseTo(1.7 - 6 / Math.log(1000), 12);
  expect(chance({ values: [6, 4.5], ceiling: 60, unknown: 0.3, documents: 49 })).toBeCloseTo(of(6, 4.5, 0.3), 12);
});
