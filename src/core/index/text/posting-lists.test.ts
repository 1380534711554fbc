import fc from "fast-check";
import { expect, test } from "vitest";
import { Bitmap } from "../../base/bitmap.js";
import { PostingLists } from "./posting-lists.js";

test("each list has what was put into it, however they grew beside each other", () => {
  const step = fc.tuple(fc.nat(12), fc.nat(3), fc.integer({ min: 1, max: 200 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), fc.nat(20_000), fc.integer({ min: 2, max: 9 }), (steps, end, every) => {
      const lists = new PostingLists();
      const expected: Map<number, number>[] = [];
      const hidden = new Bitmap();
      let position = 0;
      for (const [list, ahead, times] of steps) {
        while (lists.count <= list) expected[lists.add()] = new Map();
        // Many postings at once: runs of every length, and more than one page.
        for (let i = 0; i < times; i++) {
          position += ahead;
          lists.increment(list, position);
          expected[list]!.set(position, (expected[list]!.get(position) ?? 0) + 1);
        }
        if (position % every === 0) hidden.add(position);
      }
      for (const [list, postings] of expected.entries()) {
        const { positions, frequencies } = lists.read(list, hidden, end);
        const shown = [...postings].filter(([at]) => at < end && !hidden.has(at));
        expect([...positions].map((at, i) => [at, frequencies[i]])).toEqual(shown);
      }
    }),
    { numRuns: 100 },
  );
});

test("short lists take little, and what is told is what is given out", () => {
  const lists = new PostingLists();
  expect(lists.bytes).toBe(0);
  for (let i = 0; i < 50_000; i++) lists.increment(lists.add(), i);
  expect(lists.bytes / lists.count).toBeLessThan(33);
  for (let i = 0; i < 100_000; i++) lists.increment(7, 50_000 + i);
  expect(lists.read(7, new Bitmap(), Infinity).positions.length).toBe(100_001);
});
