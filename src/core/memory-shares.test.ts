import { expect, test } from "vitest";
import { limits } from "./limits.js";
import { memorySharesOf } from "./memory-shares.js";

const MiB = 1024 * 1024;
const leastOfCache = 3 * MiB;

test("without a budget caches give room to lists that are held, and together they take little more than the caches by themselves", () => {
  const { caches, lists } = memorySharesOf({ memoryBudgetBytes: undefined });
  expect(caches(0, 0)).toEqual({ blocks: limits.blockCacheBytesMax, vectors: limits.vectorCacheBytesMax });
  const alone = limits.blockCacheBytesMax + limits.vectorCacheBytesMax;
  for (let held = 0; held <= lists; held += MiB / 2) {
    // What else is held takes nothing from them.
    const { blocks, vectors } = caches(1000 * MiB + held, held);
    expect(Math.min(blocks, vectors)).toBeGreaterThanOrEqual(leastOfCache);
    expect(held + blocks + vectors).toBeLessThanOrEqual(Math.max(alone, held + 2 * leastOfCache));
    if (Math.min(blocks, vectors) > leastOfCache) expect(held + blocks + vectors).toBe(alone);
  }
});

test("with a budget caches have what nothing else holds, whatever of that are lists", () => {
  const budget = 48 * MiB;
  const { caches, lists } = memorySharesOf({ memoryBudgetBytes: budget });
  expect(lists).toBe(budget / 8);
  for (const held of [0, 10 * MiB, 30 * MiB, budget, 2 * budget]) {
    const { blocks, vectors } = caches(held, lists);
    expect(blocks + vectors).toBe(Math.max(budget - held, budget / 8));
  }
});
