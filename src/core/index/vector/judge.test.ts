import fc from "fast-check";
import { expect, it } from "vitest";
import { plainDistances } from "./distance.js";
import { Judge } from "./judge.js";

/** Rows of one number each, of which many are at the same distance. */
const values = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 200 });

it("keeps the k nearest of all that it has judged, few or many at a time, ties by ordinal", async () => {
  await fc.assert(
    fc.asyncProperty(
      values,
      fc.integer({ min: 1, max: 60 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 50 })),
      async (rows, k, steps) => {
        const source = async (ordinals: Uint32Array) => Float32Array.from(ordinals, (ordinal) => rows[ordinal]!);
        const judge = new Judge("l2", Float32Array.of(2), k, source, plainDistances);
        // Not in the order of their ordinals.
        const order = Uint32Array.from(rows.keys()).reverse();
        for (let from = 0; from < order.length; ) {
          const part = order.slice(from, from + steps.next().value);
          expect([...(await judge.judge(part))]).toEqual([...part].map((ordinal) => (rows[ordinal]! - 2) ** 2));
          from += part.length;
        }
        const sorted = rows.map((value, ordinal) => ({ ordinal, distance: (value - 2) ** 2 }));
        sorted.sort((a, b) => a.distance - b.distance || a.ordinal - b.ordinal).splice(k);
        expect([...judge.nearest.ordinals]).toEqual(sorted.map(({ ordinal }) => ordinal));
        expect([...judge.nearest.distances]).toEqual(sorted.map(({ distance }) => distance));
        expect(judge.farthest).toBe(sorted[k - 1]?.distance ?? Infinity);
      },
    ),
    { numRuns: 60 },
  );
});
