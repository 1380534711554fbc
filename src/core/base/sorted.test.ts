import fc from "fast-check";
import { expect, test } from "vitest";
import { firstInTurns, sortedInTurns } from "./sorted.js";

interface Item {
  rank: number;
  at: number;
}

const byRank = (a: Item, b: Item): number => a.rank - b.rank;

test("sorts as arrays do, equal items in the order in which they came", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(40), { maxLength: 3000, size: "max" }), async (ranks) => {
      const items = ranks.map((rank, at) => ({ rank, at }));
      expect(await sortedInTurns(items, byRank, () => {})).toEqual([...items].sort(byRank));
    }),
    { numRuns: 40 },
  );
});

test("gives turns on the way, and leaves the items as they are", async () => {
  const items = Array.from({ length: 10_000 }, (_, at) => ({ rank: -at, at }));
  let ticks = 0;
  const found = await sortedInTurns(items, byRank, () => void ticks++);
  expect(found.map(({ at }) => at)).toEqual(items.map(({ at }) => at).reverse());
  expect(items[0]).toEqual({ rank: -0, at: 0 });
  expect(ticks).toBeGreaterThan(60);
});

test("the first of many are those of all sorted, with turns on the way", async () => {
  const byPlace = (a: Item, b: Item): number => a.rank - b.rank || a.at - b.at;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(40), { maxLength: 2000, size: "max" }), fc.nat(2500), fc.boolean(), async (ranks, count, few) => {
      const items = ranks.map((rank, at) => ({ rank, at }));
      const most = few ? count % 20 : count;
      let ticks = 0;
      const first = await firstInTurns(items, most, byPlace, () => void ticks++);
      expect(first).toEqual([...items].sort(byPlace).slice(0, most));
      expect(ticks).toBeGreaterThanOrEqual(Math.floor(items.length / 512));
    }),
    { numRuns: 60 },
  );
});
