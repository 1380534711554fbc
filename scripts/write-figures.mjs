/**
 * Puts the figures into the README, so that none there was typed by hand: the sizes of `dist/`, and between the two `bench`
 * comments those of `bench/results/overview.json`. Run it after `npm run build` and `npm run bench`:
 *
 *     node scripts/write-figures.mjs
 */
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

const { sizes, browser, machine, version, parameters } = JSON.parse(await readFile(join(root, "bench/results/overview.json"), "utf8"));
const setting = `Version ${version}, ${browser}, ${machine}, profile on disk. 384 dimensions, a document and metadata per record, 10 results with
documents and metadata, both messages between page and worker included. Medians of ${parameters.queryRepetitions} rounds of ${parameters.queries} queries.`;
const bench = `${setting}\n\n${sizes.map(table).join("\n\n")}`;

let text = await readFile(readme, "utf8");
if (!markers.test(text)) throw new Error("README.md has lost its bench comments");
text = text.replace(markers, (_, begin, end) => `${begin}\n${bench}\n\n${end}`);
for (const file of ["index.js", "worker.js", "tidepool.wasm"]) {
  const { length } = gzipSync(await readFile(join(root, "dist", file)), { level: 9 });
  const row = new RegExp(`^(\\| \`${file}\`, with [^|]*\\| )[\\d.]+ kB`, "m");
  if (!row.test(text)) throw new Error(`README.md has lost the size of ${file}`);
  text = text.replace(row, (_, begin) => `${begin}${(length / 1000).toFixed(1)} kB`);
}
await writeFile(readme, text);
