/**
 * `npm run bench`: measurements in Chromium, through the package's entry. They are reported, never passed or failed.
 *
 * Usage: npm run bench [-- name of a suite] [--quick] [--machine="what it ran on"]
 * Prints a table and writes bench/results/NAME.json (not with --quick).
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { availableParallelism, loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "./harness.js";
import { overview } from "./suites/overview.js";
import type { Suite } from "./suites/suite.js";

const suites: Record<string, Suite> = { overview };

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    args: process.argv.slice(2),
    allowPositionals: true,
    options: { quick: { type: "boolean", default: false }, machine: { type: "string", default: `${availableParallelism()} cores` } },
  });
  const [name = "overview"] = positionals;
  const suite = suites[name];
  if (!suite) throw new Error(`there is no suite ${name}; there are ${Object.keys(suites).join(", ")}`);
  const start = Date.now();
  const [loadBefore] = loadavg();
  const { text, data } = await suite.run({ quick: values.quick, log: (line) => process.stderr.write(`${((Date.now() - start) / 1000).toFixed(0).padStart(4)} s  ${line}\n`) });
  process.stdout.write(`\n${text}\n`);
  if (!values.quick) await save(name, { suite: name, machine: values.machine, loadAverage: { before: loadBefore, after: loadavg()[0] }, seconds: Math.round((Date.now() - start) / 1000), ...data });
}

async function save(name: string, result: object): Promise<void> {
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
  await mkdir(join(root, "bench/results"), { recursive: true });
  await writeFile(join(root, "bench/results", `${name}.json`), `${JSON.stringify({ version, ...result }, null, 1)}\n`);
}

await main();
