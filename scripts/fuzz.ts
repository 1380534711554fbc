/**
 * Compares the REST gateway with its model on seeded sequences of requests, more than `npm test` does, and prints the first
 * difference with a short sequence that shows it. The same seed always makes the same sequence.
 *
 * Usage: npm run fuzz [-- --seeds N] [--first SEED], or [-- --seed SEED] for one alone
 */
import { parseArgs } from "node:util";
import { fuzz } from "../src/testing/rest/fuzz.js";

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: { seeds: { type: "string" }, first: { type: "string" }, seed: { type: "string" } },
});
const first = wholeNumber(values.seed ?? values.first ?? "1");
const count = values.seed === undefined ? wholeNumber(values.seeds ?? "200") : 1;

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text))
    throw new Error(`${text} is no whole number; usage: npm run fuzz -- [--seeds N] [--first SEED] [--seed SEED]`);
  return Number(text);
}

async function main(): Promise<boolean> {
  for (let seed = first; seed < first + count; seed++) {
    const difference = await fuzz(seed);
    if (difference === null) continue;
    process.stdout.write(`${difference}\n`);
    return false;
  }
  process.stdout.write(`fuzz: no difference in ${count} seeds from ${first} on\n`);
  return true;
}

if (!(await main())) process.exitCode = 1;
