/** A share of what `npm run fuzz` tries; a failure prints the line that repeats it. */
import { describe, expect, test } from "vitest";
import { targets } from "./targets.js";

const SHARE = 0.05;

test("npm run fuzz tries a hundred thousand inputs", () => {
  expect(targets.reduce((sum, { seeds, inputs }) => sum + seeds * inputs, 0)).toBeGreaterThanOrEqual(100_000);
});

describe.each(targets)("hostile $name", ({ name, seeds, run }) => {
  test("are no crash, no hang, no wrong answer and no INTERNAL", async () => {
    for (let seed = 1; seed <= Math.ceil(seeds * SHARE); seed++) {
      const fault = await run(seed);
      expect(fault === null ? null : `${fault}\nnpm run fuzz -- --target ${name} --seed ${seed}`).toBeNull();
    }
  });
});
