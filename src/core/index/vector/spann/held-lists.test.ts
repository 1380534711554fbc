import fc from "fast-check";
import { expect, test } from "vitest";
import { randomFrom } from "../../../../testing/hnsw-vectors.js";
import { gaussians } from "../../../../testing/spann-vectors.js";
import { referenceKernel } from "../reference-kernel.js";
import { HeldLists } from "./held-lists.js";
import type { Probe } from "./spann-kernel.js";

const everything = { threshold: Infinity, epsilon: 0 };
const LISTS = 12;

test("lists are found as they are, however few are held, and are read only where they are not", async () => {
  const coder = referenceKernel.createCoder({ dimension: 16, space: "l2", seed: 1 });
  const centroid = new Float32Array(16);
  const query = coder.prepare(gaussians(randomFrom(1), 16));
  /** Versions of a list have their first sub-block in common, and then ordinals of their own. */
  const listOf = (slot: number, version: number): Uint8Array => {
    const rows = 1 + ((slot * 17 + version * 5) % 70);
    const ordinals = Uint32Array.from({ length: rows }, (_, i) => 10_000 * slot + i + (i < 32 ? 0 : 100 * version));
    return coder.encode(gaussians(randomFrom(slot), rows * 16), ordinals, centroid);
  };
  const step = fc.oneof(
    fc.record({ ask: fc.uniqueArray(fc.nat({ max: LISTS - 1 }), { minLength: 1, maxLength: 4 }) }),
    fc.record({ change: fc.uniqueArray(fc.nat({ max: LISTS - 1 }), { minLength: 1 }), end: fc.constantFrom("install", "abandon", "ask") }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.constantFrom(0, 6, 1000), async (steps, pagesMax) => {
      const held = new HeldLists(coder, pagesMax * coder.listBytes(1));
      const versions = new Uint32Array(LISTS);
      let reads = 0;
      const source = {
        read: async (slots: readonly number[]) => {
          reads += slots.length;
          return slots.map((slot) => listOf(slot, versions[slot]!));
        },
      };
      const current = (slot: number): Uint8Array => listOf(slot, versions[slot]!);
      const known = new Set<number>();
      for (const one of steps) {
        if ("change" in one) {
          for (const slot of one.change) held.prepare(slot, listOf(slot, versions[slot]! + 1));
          // What is prepared is not to be seen.
          const asked = one.end === "ask" ? one.change.slice(0, 4) : [];
          if (asked.length > 0) await held.read(asked, source).then((lists) => void expect(lists).toEqual(asked.map(current)));
          if (one.end === "abandon") held.abandon();
          else {
            for (const slot of one.change) versions[slot]!++;
            held.install(one.change);
          }
          continue;
        }
        reads = 0;
        const probes = one.ask.map((slot): Probe => ({ slot, distance: 1, base: 1, weight: 1, spread: 1, slack: 0 }));
        const { ordinals, ends } = await held.scan(query, probes, source, () => everything);
        const expected = one.ask.map((slot) => coder.ordinals(current(slot)));
        expect([...ordinals]).toEqual(expected.flatMap((list) => [...list]));
        expect([...ends]).toEqual(expected.map((_, i) => expected.slice(0, i + 1).reduce((sum, { length }) => sum + length, 0)));
        const strange = one.ask.filter((slot) => !known.has(slot)).length;
        if (pagesMax === 1000) expect(reads).toBe(strange);
        else expect(reads).toBeGreaterThanOrEqual(strange);
        for (const slot of one.ask) known.add(slot);
        const [copy] = await held.read([one.ask[0]!], source);
        expect(copy).toEqual(current(one.ask[0]!));
      }
      // Lists of up to three pages, of four of which one scan may ask for more than there is room for.
      expect(held.byteLength).toBeLessThanOrEqual((Math.max(pagesMax, 12) + 12) * coder.listBytes(1) + LISTS * 200);
    }),
    { numRuns: 40 },
  );
});

test("lists are to be kept at their source only once there was no room for all", async () => {
  const coder = referenceKernel.createCoder({ dimension: 16, space: "l2", seed: 1 });
  const listOf = (slot: number): Uint8Array => coder.encode(gaussians(randomFrom(slot), 16), Uint32Array.of(slot), new Float32Array(16));
  const query = coder.prepare(gaussians(randomFrom(1), 16));
  const held = new HeldLists(coder, 2 * coder.listBytes(1));
  const asked: [slot: number, keeps: boolean][] = [];
  const source = {
    read: async (slots: readonly number[], keeps: boolean) => {
      for (const slot of slots) asked.push([slot, keeps]);
      return slots.map(listOf);
    },
  };
  const scan = (slot: number) =>
    held.scan(query, [{ slot, distance: 1, base: 1, weight: 1, spread: 1, slack: 0 }], source, () => everything);
  for (const slot of [0, 1, 0, 2]) await scan(slot);
  await held.read([3], source);
  expect(asked).toEqual([
    [0, false],
    [1, false],
    [2, true],
    [3, false],
  ]);
});
