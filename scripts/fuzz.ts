/**
 * Gives seeded hostile input to everything that reads what others have made, and compares the REST gateway with its model; more of
 * both than `npm test` does. The first fault ends it, with the line that repeats it. The same seed always makes the same input.
 *
 * Usage: npm run fuzz [-- --target NAME] [--seeds N] [--first SEED], or [-- --target NAME --seed SEED] for one alone
 */
import { parseArgs } from "node:util";
import type { FuzzTarget } from "../src/testing/fuzz/fuzz-target.js";
import { targets } from "../src/testing/fuzz/targets.js";

const USAGE = "usage: npm run fuzz -- [--target NAME] [--seeds N] [--first SEED] [--seed SEED]";
const { values } = parseArgs({
  args: process.argv.slice(2),
  options: { target: { type: "string" }, seeds: { type: "string" }, first: { type: "string" }, seed: { type: "string" } },
});
const first = wholeNumber(values.seed ?? values.first ?? "1");
const count = values.seed === undefined ? values.seeds : "1";

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`${text} is no whole number; ${USAGE}`);
  return Number(text);
}

function chosen(): readonly FuzzTarget[] {
  const found = targets.filter(({ name }) => values.target === undefined || name === values.target);
  if (found.length === 0) throw new Error(`There is no target ${values.target}; there are ${targets.map(({ name }) => name).join(", ")}`);
  return found;
}

async function main(): Promise<boolean> {
  let inputs = 0;
  for (const target of chosen()) {
    const seeds = count === undefined ? target.seeds : wholeNumber(count);
    for (let seed = first; seed < first + seeds; seed++) {
      const fault = await target.run(seed);
      if (fault === null) continue;
      process.stdout.write(`${fault}\nrepeat it: npm run fuzz -- --target ${target.name} --seed ${seed}\n`);
      return false;
    }
    inputs += seeds * target.inputs;
    process.stdout.write(`fuzz: ${target.name}: no fault in ${seeds * target.inputs} inputs of ${seeds} seeds from ${first} on\n`);
  }
  process.stdout.write(`fuzz: no fault in ${inputs} inputs\n`);
  return true;
}

if (!(await main())) process.exitCode = 1;
