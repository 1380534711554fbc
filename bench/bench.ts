/**
 * `npm run bench`: measurements in Chromium, through the package's entry. They are reported, never passed or failed.
 *
 * Usage: npm run bench [-- name of a suite] [--quick] [--machine="what it ran on"] [--sets=a,b] [--sizes=a,b] [--engines=a,b]
 * [--slowdown=6] [--browser firefox]
 * Prints a table and writes bench/results/NAME.json and pictures (not with --quick, and of most suites not with --engines).
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { availableParallelism, loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { target } from "../tools/browser/target.js";
import { root } from "./harness.js";
import { browsersSuite } from "./suites/browsers.js";
import { calls } from "./suites/calls.js";
import { cores } from "./suites/cores.js";
import { demoTasks } from "./suites/demo-tasks.js";
import { encryption } from "./suites/encryption.js";
import { kernels } from "./suites/kernels.js";
import { live } from "./suites/live.js";
import { overview } from "./suites/overview.js";
import { phoneSuite } from "./suites/phone.js";
import { push } from "./suites/push.js";
import { scale } from "./suites/scale.js";
import { sentenceEncoderSuite } from "./suites/sentence-encoder.js";
import { space } from "./suites/space.js";
import type { Suite, SuiteResult } from "./suites/suite.js";
import { takeover } from "./suites/takeover.js";
import { text } from "./suites/text.js";
import { textFilters } from "./suites/text-filters.js";
import { transfer } from "./suites/transfer.js";
import { turnsSuite } from "./suites/turns.js";
import { vector } from "./suites/vector.js";
import { young } from "./suites/young.js";

const suites: Record<string, Suite> = {
  browsers: browsersSuite,
  calls,
  cores,
  "demo-tasks": demoTasks,
  encryption,
  kernels,
  live,
  overview,
  phone: phoneSuite,
  push,
  scale,
  "sentence-encoder": sentenceEncoderSuite,
  space,
  takeover,
  text,
  "text-filters": textFilters,
  transfer,
  turns: turnsSuite,
  vector,
  young,
};
const results = join(root, "bench/results");

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    args: process.argv.slice(2),
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      machine: { type: "string", default: `${availableParallelism()} cores` },
      sets: { type: "string", default: "" },
      sizes: { type: "string", default: "" },
      engines: { type: "string", default: "" },
      slowdown: { type: "string" },
      // `scripts/run.mjs` has told it to `target` by now.
      browser: { type: "string", default: target },
    },
  });
  if (values.browser !== target) throw new Error(`--browser must be followed by its name, as in --browser firefox, got ${values.browser}`);
  const [name = "overview"] = positionals;
  const suite = suites[name];
  if (!suite) throw new Error(`there is no suite ${name}; there are ${Object.keys(suites).join(", ")}`);
  const [sets, sizes, engines] = [listOf(values.sets), listOf(values.sizes), listOf(values.engines)];
  const start = Date.now();
  const [loadBefore] = loadavg();
  const log = (line: string): void => void process.stderr.write(`${((Date.now() - start) / 1000).toFixed(0).padStart(4)} s  ${line}\n`);
  // Ratios are within one run of all engines, so a run of some is only looked at.
  const isKept = !values.quick && (engines.length === 0 || suite.keepsEngines === true);
  const keep = async (result: SuiteResult): Promise<void> => {
    if (!isKept) return;
    const loadAverage = { before: loadBefore, after: loadavg()[0] };
    await save(name, result, { machine: values.machine, loadAverage, seconds: Math.round((Date.now() - start) / 1000) });
  };
  const slowdown = values.slowdown === undefined ? undefined : Number(values.slowdown);
  if (slowdown !== undefined && !(slowdown >= 1)) throw new Error(`--slowdown must be a number of at least 1, got ${values.slowdown}`);
  const { quick } = values;
  const result = await suite.run({ quick, sets, sizes, engines, slowdown, previous: await readPrevious(name), save: keep, log });
  process.stdout.write(`\n${result.text}\n`);
  await keep(result);
}

function listOf(value: string): string[] {
  return value.split(",").filter((part) => part !== "");
}

async function readPrevious(name: string): Promise<unknown> {
  const text = await readFile(join(results, `${name}.json`), "utf8").catch(() => null);
  return text === null ? null : JSON.parse(text);
}

async function save(name: string, { data, pictures = {} }: SuiteResult, setting: object): Promise<void> {
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
  await mkdir(results, { recursive: true });
  await writeFile(join(results, `${name}.json`), `${JSON.stringify({ version, suite: name, ...setting, ...data }, null, 1)}\n`);
  for (const [picture, svg] of Object.entries(pictures)) await writeFile(join(results, `${picture}.svg`), svg);
}

await main();
