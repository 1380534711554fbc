/**
 * Puts the figures into the README, so that none there was typed by hand: the sizes of `dist/`, and between the two `bench`
 * comments those of `bench/results/overview.json`. Run it after `npm run build` and `npm run bench`:
 *
 *     node scripts/write-figures.mjs
 */
import { spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const readme = join(root, "README.md");
const markers = /(<!-- bench: [^>]*-->\n)[\s\S]*?(<!-- end of bench -->)/;

const engines = ["tidepool", "hnswlib-wasm", "plain loop"];
const filters = { all: "query, no filter", "10 %": "query, a filter that leaves 10 %", "1 %": "query, a filter that leaves 1 %" };

/** @param {number} value */
const figure = (value) => (value >= 100 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3))));
/** @param {string[]} cells */
const line = (cells) => `| ${cells.join(" | ")} |`;

/** @param {any} size */
function table(size) {
  const perSecond = (/** @type {string} */ engine) => {
    if (engine === "tidepool") return size.ingest.batches.median;
    const { addMs, persistMs } = size.baselines[engine];
    return (size.records / (addMs + persistMs)) * 1000;
  };
  const queries = Object.entries(filters).map(([filter, label]) => [
    `${label}: p50 / p95 ms, recall@10`,
    ...engines.map((engine) => {
      const found = size.queries.find((/** @type {any} */ query) => query.engine === engine && query.filter === filter);
      return `${figure(found.p50Ms.median)} / ${figure(found.p95Ms.median)}, ${found.recall.toFixed(3)}`;
    }),
  ]);
  return [
    line([`${size.records.toLocaleString("en")} records`, ...engines]),
    "|---|--:|--:|--:|",
    ...[
      ["ingest, records/s (Tidepool: each batch durable; others: saved once at the end)", ...engines.map((engine) => figure(perSecond(engine)))],
      ...queries,
      ["new page to first answer, ms", ...engines.map((engine) => figure(size.reopenMs[engine].first.median))],
      ["memory of the worker after some queries and a garbage collection, MB", ...engines.map((engine) => figure(size.memory[engine].workerBytes / 1e6))],
    ].map(line),
  ].join("\n");
}

/** The budgets by the files they are for, as `npm run size` tells them. It fails when one is exceeded, and so does this. */
function readBudgets() {
  const { stdout, stderr, status } = spawnSync(process.execPath, [join(root, "scripts/size.mjs")], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  const rows = stdout.trim().split("\n").slice(1).map((row) => row.trim().split(/ {2,}/));
  return new Map(rows.map(([, files, , , budget]) => [String(files), `${Number.parseFloat(String(budget))} kB`]));
}

const { sizes, browser, machine, version, parameters } = JSON.parse(await readFile(join(root, "bench/results/overview.json"), "utf8"));
const setting = `Version ${version}, ${browser}, ${machine}, profile on disk. 384 dimensions, a document and metadata per record, 10 results with
documents and metadata, both messages between page and worker included. Medians of ${parameters.queryRepetitions} rounds of ${parameters.queries} queries.`;
const bench = `${setting}\n\n${sizes.map(table).join("\n\n")}`;

let text = await readFile(readme, "utf8");
if (!markers.test(text)) throw new Error("README.md has lost its bench comments");
text = text.replace(markers, (_, begin, end) => `${begin}\n${bench}\n\n${end}`);
const budgets = readBudgets();
const sizeRows = [...text.matchAll(/^\| (`\S+`(?: \+ `\S+`)*), [^|\n]* \| [\d.]+ kB \| [^|\n]* \|$/gm)];
for (const [row, names] of sizeRows) {
  const files = [...String(names).matchAll(/`(\S+)`/g)].map((match) => String(match[1]));
  const contents = await Promise.all(files.map((file) => readFile(join(root, "dist", file))));
  const gzipped = contents.reduce((sum, bytes) => sum + gzipSync(bytes, { level: 9 }).length, 0);
  const budget = budgets.get(files.join(" + ")) ?? "–";
  text = text.replace(row, row.replace(/[\d.]+ kB \| [^|]* \|$/, `${(gzipped / 1000).toFixed(1)} kB | ${budget} |`));
}
if (sizeRows.length < budgets.size) throw new Error(`README.md has ${sizeRows.length} rows of sizes; scripts/size.mjs budgets ${budgets.size} parts`);
await writeFile(readme, text);
