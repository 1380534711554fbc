/**
 * Puts the figures into the documentation, so that none there was typed by hand: the sizes of `dist/` into `docs/downloads.md`,
 * their sum for a page into the README; between two `bench` comments of `docs/benchmarks.md`, and in short of the README, those of
 * `bench/results/overview.json`; between two `bench-vector` comments, there and in `bench/README.md`, those of
 * `bench/results/vector.json`; between two `bench-scale` comments of `docs/benchmarks.md` those of `bench/results/scale.json`. Run it
 * after `npm run build` and `npm run bench`:
 *
 *     node scripts/write-figures.mjs
 */
import { spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/**
 * @param {string} path
 * @param {(text: string) => string | Promise<string>} change
 */
async function rewrite(path, change) {
  const file = join(root, path);
  await writeFile(file, await change(await readFile(file, "utf8")));
}

/**
 * Puts a text between the two comments that name it.
 *
 * @param {string} text
 * @param {string} name
 * @param {string} content
 */
function replaceBetween(text, name, content) {
  const markers = new RegExp(`(<!-- ${name}: [^>]*-->\\n)[\\s\\S]*?(<!-- end of ${name} -->)`);
  if (!markers.test(text)) throw new Error(`a page has lost its ${name} comments`);
  return text.replace(markers, (_, begin, end) => `${begin}\n${content}\n\n${end}`);
}

const engines = ["tidepool", "hnswlib-wasm", "plain loop"];
const filters = { all: "query, no filter", "10 %": "query, a filter that leaves 10 %", "1 %": "query, a filter that leaves 1 %" };

/** @param {number} value */
const figure = (value) => (value >= 100 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3))));
/** @param {string[]} cells */
const line = (cells) => `| ${cells.join(" | ")} |`;

/**
 * What the system counts, where it could be asked; results of before it was have only the heap of the worker.
 *
 * @param {any} memory
 */
function memoryRows(memory) {
  const row = (/** @type {string} */ label, /** @type {string} */ key) => [
    label,
    ...engines.map((engine) => figure(memory[engine][key] / 1e6)),
  ];
  if (engines.every((engine) => memory[engine].processBytes != null))
    return [row("memory beyond an empty page, after some queries and a garbage collection, MB", "processBytes")];
  return [row("JavaScript heap of the worker after some queries and a garbage collection, without WebAssembly memory, MB", "workerBytes")];
}

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
      [
        "ingest, records/s (Tidepool: each batch durable; others: saved once at the end)",
        ...engines.map((engine) => figure(perSecond(engine))),
      ],
      ...queries,
      ["new page to first answer, ms", ...engines.map((engine) => figure(size.reopenMs[engine].first.median))],
      ...memoryRows(size.memory),
    ].map(line),
  ].join("\n");
}

/** Sets that `docs/benchmarks.md` shows; all are in the pictures and in the results. */
const shownSets = ["clustered-10k", "clustered-50k", "clustered-100k"];

/** @param {any} timed */
const timedFigure = (timed) => (timed ? `${figure(timed.p50Ms.median)} (${timed.recall.toFixed(3)})` : "–");

/** @param {any} set */
function vectorTable(set) {
  const rows = set.engines.map((/** @type {any} */ result) => {
    const { engine, buildRate, at95, at99, filters, wasmBytes, heapBytes, reopenMs } = result;
    const memory = wasmBytes === null ? "–" : figure((wasmBytes + Math.max(0, heapBytes)) / 1e6);
    return [
      engine,
      figure(buildRate),
      timedFigure(at95),
      timedFigure(at99),
      timedFigure(filters["1 %"]),
      timedFigure(filters.far),
      memory,
      reopenMs ? figure(reopenMs.median) : "–",
    ];
  });
  const heading = [
    `${set.set}, ${set.records.toLocaleString("en")} × ${set.dimension}`,
    "build, vectors/s",
    "recall ≥ .95, ms",
    "recall ≥ .99, ms",
    "1 % match, ms",
    "far matches, ms",
    "memory, MB",
    "reopen, ms",
  ];
  return [line(heading), `|---|${"--:|".repeat(heading.length - 1)}`, ...rows.map(line)].join("\n");
}

/** @param {any} results */
function vectorSetting({ version, browser, machine, parameters, sets }) {
  const loads = sets.map((/** @type {any} */ set) => set.loadAverage.before);
  const load = `${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}`;
  return `Version ${version}, ${browser}, ${machine}, profile on disk; load average at the beginning of a set ${load}.
Medians of ${parameters.repetitions} rounds of up to ${parameters.queries} queries, k = 10, recall@10 in parentheses.`;
}

/** @param {any} results */
function vectorAims({ aims, rooflines }) {
  const aimRows = aims.map((/** @type {any} */ { aim, set, measured, isMet }) => line([aim, set, measured, isMet ? "met" : "missed"]));
  const boundRows = rooflines.map((/** @type {any} */ { engine, set, bytes, floorMs, p50Ms }) =>
    line([engine, set, figure(bytes / 1e3), figure(floorMs), figure(p50Ms), figure(p50Ms / floorMs)]),
  );
  return [
    [line(["aim", "set", "measured", ""]), "|---|---|---|---|", ...aimRows].join("\n"),
    "What bounds a query at recall ≥ .95: the bytes that it has to read, and how long that takes at the bandwidth at which the same\n" +
      "machine copied as much memory as the codes take.",
    [line(["engine", "set", "kB", "at least, ms", "p50, ms", "× the bound"]), "|---|---|--:|--:|--:|--:|", ...boundRows].join("\n"),
  ].join("\n\n");
}

/** @param {any} results */
function scaleTables({ version, machine, results }) {
  return `Version ${version}, Chromium where nothing else is said, ${machine}, profile on disk.\n\n${scaleTable(results)}`;
}

/**
 * A row for each collection, index and size, `null` for what was not measured.
 *
 * @param {any[]} results
 */
function scaleTable(results) {
  const pair = (/** @type {any} */ latency) => (latency ? `${figure(latency.p50)} / ${figure(latency.p95)}` : "–");
  const asked = (/** @type {any} */ found) => (found ? `${found.recall.toFixed(3)}, ${pair(found.warm)}` : "–");
  const megabytes = (/** @type {number | null | undefined} */ bytes) => (bytes == null ? "–" : figure(bytes / 1e6));
  const rows = results.map((/** @type {any} */ result) => {
    const { index, set, rows, dimension, browser, slowdown, all, tenth, hundredth, database } = result;
    const where = [...(browser === "firefox" ? ["Firefox"] : []), ...(slowdown === null ? [] : ["phone"])];
    return [
      `${set}, ${rows.toLocaleString("en")} × ${dimension}, ${[index, ...where].join(", ")}`,
      figure(result.indexedPerSecond),
      asked(all),
      pair(all.cold),
      asked(tenth),
      asked(hundredth),
      database ? figure(database.reopenMs) : "–",
      database ? figure(database.whileWriting.p99) : "–",
      megabytes(result.memoryBytes),
      megabytes(database?.twoOpen?.memoryBytes),
      database?.budgeted ? `${megabytes(database.budgeted.memoryBytes)}, ${asked(database.budgeted.asked)}` : "–",
      megabytes(result.diskBytes || null),
    ];
  });
  const heading = [
    "set, rows, index",
    "rows/s until indexed",
    "recall@10, p50 / p95 ms",
    "cold files, p50 / p95 ms",
    "10 % match",
    "1 % match",
    "reopened, first answer, ms",
    "p99 while writing, ms",
    "memory, MB",
    "two open, MB",
    "under a budget of 48 MB: MB, recall@10, p50 / p95 ms",
    "disk, MB",
  ];
  return [line(heading), `|---|${"--:|".repeat(heading.length - 1)}`, ...rows.map(line)].join("\n");
}

/** The budgets by the files they are for, as `npm run size` tells them. It fails when one is exceeded, and so does this. */
function readBudgets() {
  const { stdout, stderr, status } = spawnSync(process.execPath, [join(root, "scripts/size.mjs")], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  const rows = stdout
    .trim()
    .split("\n")
    .slice(1)
    .map((row) => row.trim().split(/ {2,}/));
  return new Map(rows.map(([, files, , , budget]) => [String(files), `${Number.parseFloat(String(budget))} kB`]));
}

const { sizes, browser, machine, version, parameters } = JSON.parse(await readFile(join(root, "bench/results/overview.json"), "utf8"));
const rounds = `${parameters.queryRepetitions} rounds of ${parameters.queries} queries`;
const machineAndData = `Version ${version}, ${browser}, ${machine}, profile on disk. 384 dimensions, a document and metadata per record`;
const setting = `${machineAndData}, 10 results with
documents and metadata, both messages between page and worker included. Medians of ${rounds}.`;
const bench = `${setting}\n\n${sizes.map(table).join("\n\n")}`;

const vector = JSON.parse(await readFile(join(root, "bench/results/vector.json"), "utf8"));
const scale = JSON.parse(await readFile(join(root, "bench/results/scale.json"), "utf8"));
const text = JSON.parse(await readFile(join(root, "bench/results/text.json"), "utf8"));
const shown = vector.sets.filter((/** @type {any} */ { set }) => shownSets.includes(set));

/** @param {readonly string[]} files */
async function gzippedBytes(files) {
  const contents = await Promise.all(files.map((file) => readFile(join(root, "dist", file))));
  return contents.reduce((sum, bytes) => sum + gzipSync(bytes, { level: 9 }).length, 0);
}

/** @param {string} text */
async function withSizes(text) {
  const budgets = readBudgets();
  const rows = [...text.matchAll(/^\| (`\S+`(?: \+ `\S+`)*), [^|\n]* \| [\d.]+ kB \| [^|\n]* \|$/gm)];
  if (rows.length < budgets.size)
    throw new Error(`docs/downloads.md has ${rows.length} rows of sizes; scripts/size.mjs budgets ${budgets.size} parts`);
  let changed = text;
  for (const [row, names] of rows) {
    const files = [...String(names).matchAll(/`(\S+)`/g)].map((match) => String(match[1]));
    const size = `${((await gzippedBytes(files)) / 1000).toFixed(1)} kB | ${budgets.get(files.join(" + ")) ?? "–"} |`;
    changed = changed.replace(row, row.replace(/[\d.]+ kB \| [^|]* \|$/, size));
  }
  return changed;
}

/** The README's three lines. */
function benchInShort() {
  const { records, ingest, queries, reopenMs } = sizes.at(-1);
  const found = (/** @type {string} */ filter) =>
    queries.find((/** @type {any} */ query) => query.engine === "tidepool" && query.filter === filter);
  const [all, few] = [found("all"), found("1 %")];
  const shown = (/** @type {any} */ query) => `${figure(query.p50Ms.median)} ms (p95 ${figure(query.p95Ms.median)} ms)`;
  return [
    `- A query over ${records.toLocaleString("en")} records: ${shown(all)}, recall@10 ${all.recall.toFixed(3)}; ` +
      `with a filter that leaves 1 %: ${shown(few)}.`,
    `- Writing: ${figure(ingest.batches.median)} records a second, each batch durable.`,
    `- From a new page to the first answer: ${figure(reopenMs.tidepool.first.median)} ms.`,
  ].join("\n");
}

/** What was run of other engines, in three rows: the README's. */
function besideOthers() {
  const engines = ["tidepool", "pglite + pgvector", "orama", "minisearch"];
  const vectors = new Map(shown[0].engines.map((/** @type {any} */ result) => [result.engine, result]));
  const texts = new Map(text.sets[0].engines.map((/** @type {any} */ result) => [result.engine, result]));
  const vector = (/** @type {string} */ engine) => vectors.get(engine === "tidepool" ? "tidepool, public call" : engine);
  const row = (/** @type {string} */ label, /** @type {(engine: string) => string | undefined} */ cell) =>
    line([label, ...engines.map((engine) => cell(engine) ?? "–")]);
  const { records } = shown[0];
  const { documents } = text.sets[0];
  return [
    line(["", "Tidepool", "PGlite + pgvector", "Orama", "MiniSearch"]),
    "|---|--:|--:|--:|--:|",
    row(`${records.toLocaleString("en")} vectors, query, ms (recall@10)`, (engine) => vector(engine) && timedFigure(vector(engine).at95)),
    row("a filter that leaves 1 %, ms (recall@10)", (engine) => vector(engine) && timedFigure(vector(engine).filters["1 %"])),
    row(`${documents.toLocaleString("en")} texts, two words, ms`, (engine) => texts.get(engine)?.asked["two words"].p50Ms.toFixed(1)),
  ].join("\n");
}

/** What a page takes to open a database and search it. */
async function downloadInShort() {
  const bytes = await gzippedBytes(["index.js", "client.js", "worker.js", "tidepool-relaxed.wasm"]);
  return `A page that opens a database and searches it downloads ${Math.round(bytes / 1000)} kB gzipped in all: page part, engine, kernel.`;
}

const download = await downloadInShort();
const vectorTables = [vectorSetting(vector), ...shown.map(vectorTable)].join("\n\n");
const inShort = { beside: besideOthers(), bench: benchInShort(), download };
await rewrite("README.md", (page) => Object.entries(inShort).reduce((whole, [name, part]) => replaceBetween(whole, name, part), page));
await rewrite("docs/benchmarks.md", (page) =>
  Object.entries({ bench, "bench-vector": vectorTables, "bench-scale": scaleTables(scale) }).reduce(
    (whole, [name, part]) => replaceBetween(whole, name, part),
    page,
  ),
);
await rewrite("docs/downloads.md", (page) => withSizes(replaceBetween(page, "download", download)));
await rewrite("bench/README.md", (page) => replaceBetween(page, "bench-vector", [vectorSetting(vector), vectorAims(vector)].join("\n\n")));
