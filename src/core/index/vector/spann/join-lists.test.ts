import fc from "fast-check";
import { expect, test } from "vitest";
import { randomFrom } from "../../../../testing/hnsw-vectors.js";
import { gaussians } from "../../../../testing/spann-vectors.js";
import { referenceKernel } from "../reference-kernel.js";
import { joinLists } from "./join-lists.js";

const DIMENSION = 48;

test("rows keep codes and factors, wherever they come to lie, and of gaps no more than a sub-block is left", () => {
  const part = fc.record({ count: fc.integer({ min: 0, max: 150 }), share: fc.constantFrom(0, 0.1, 0.6, 0.9, 1), seed: fc.nat() });
  fc.assert(
    fc.property(fc.array(part, { maxLength: 3 }), fc.integer({ min: 1, max: 9 }), (parts, step) => {
      const coder = referenceKernel.createCoder({ dimension: DIMENSION, space: "l2", seed: 3 });
      const random = randomFrom(9);
      const centroid = gaussians(random, DIMENSION);
      const query = coder.prepare(gaussians(random, DIMENSION));
      const estimatesOf = (list: Uint8Array): [number, number][] => {
        const probe = { slot: 0, distance: 3, base: 3, weight: 1, spread: 1, slack: 0 };
        const { ordinals, estimates } = coder.scan(list, query, probe, { threshold: Infinity, epsilon: 0 });
        return Array.from(ordinals, (ordinal, i) => [ordinal, estimates[i]!]);
      };
      const expected = new Map<number, number>();
      let next = 0;
      let list = joinLists(DIMENSION, []);
      // Each list is joined to what there is by then, so that gaps are left and filled again.
      for (const { count, share, seed } of parts) {
        const rows = randomFrom(seed);
        const own = Uint32Array.from({ length: count }, () => (next += step));
        const encoded = coder.encode(gaussians(rows, count * DIMENSION), own, centroid);
        const gone = new Set([...expected.keys(), ...own].filter(() => rows() > share));
        for (const [ordinal, estimate] of estimatesOf(encoded)) expected.set(ordinal, estimate);
        for (const ordinal of gone) expected.delete(ordinal);
        const ordinalOf = (ordinal: number): number => (gone.has(ordinal) ? -1 : ordinal);
        list = joinLists(
          DIMENSION,
          [list, encoded].map((one) => ({ list: one, ordinalOf: gone.size === 0 ? null : ordinalOf })),
        );
        expect(new Map(estimatesOf(list))).toEqual(expected);
        expect([...coder.ordinals(list)].sort()).toEqual([...expected.keys()].sort());
        expect(list.length).toBeLessThanOrEqual(coder.listBytes(expected.size + 32));
      }
    }),
    { numRuns: 60 },
  );
});
