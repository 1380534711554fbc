/** Seeded requests, sound and faulty, to the gateway and to its model; `npm run fuzz -- --target model --seeds N` tries more. */
import { expect, test } from "vitest";
import { fuzz } from "../../testing/rest/fuzz.js";

const SEEDS = 200;
const PER_TEST = 25;

test.each(Array.from({ length: SEEDS / PER_TEST }, (_, i) => i * PER_TEST + 1))("seeds from %i on", async (first) => {
  for (let seed = first; seed < first + PER_TEST; seed++) expect(await fuzz(seed)).toBeNull();
});
