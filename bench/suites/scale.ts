/**
 * Collections from 100,000 to a million vectors of 384 dimensions, in inverted lists, and up to 300,000 with the graph: what they take to
 * fill, open and ask, in time, memory and disk. True neighbours are those of `query({ exact: true })`.
 */
import { formatTable, significant } from "../format-table.js";
import { Harness, type HarnessPage } from "../harness.js";
import type { ScaleIndex, ScalePage, ScaleSet } from "../pages/scale.js";
import { drawGrowth } from "../scale-charts.js";
import { quantile } from "../statistics.js";
import { untilPublished } from "../until-published.js";
import type { Suite } from "./suite.js";

/** With the largest of each that is measured. */
const sets: readonly (readonly [set: ScaleSet, rowsMax: number])[] = [
  ["low-rank", 1_000_000],
  ["hard", 1_000_000],
  ["zipf", 300_000],
  ["noise", 100_000],
];
/** Parts of a set between which it is measured how much there is. */
const PARTS = 10;
const QUERIES = 50;
const MEASURED = 500;

interface Run {
  index: ScaleIndex;
  set: ScaleSet;
  rows: number;
}

/** Milliseconds. */
interface Latency {
  p50: number;
  p95: number;
  p99: number;
}

interface Asked {
  recall: number;
  cold: Latency;
  warm: Latency;
}

/** What there is after so many rows, and how fast the last of them were taken. */
export interface Growth {
  rows: number;
  perSecond: number;
  memoryBytes: number;
  diskBytes: number;
}

export interface ScaleResult extends Run {
  growth: Growth[];
  ingestPerSecond: number;
  indexedPerSecond: number;
  memoryBytes: number;
  processBytes: number | null;
  diskBytes: number;
  reopenMs: number;
  all: Asked;
  /** Of a filter that a hundredth of the records match. */
  filtered: Asked;
}

/** As `--sets` has it, and as the collection is called. */
export const nameOf = ({ index, set, rows }: Run): string => `${index}-${set}-${rows}`;

/** Those that are wanted, all where none is named. */
function runsOf(quick: boolean, wanted: readonly string[]): Run[] {
  const all = everyRun(quick);
  const unknown = wanted.find((name) => !all.some((run) => nameOf(run) === name));
  if (unknown !== undefined) throw new Error(`scale has no set "${unknown}"; it has ${all.map(nameOf).join(", ")}`);
  return wanted.length === 0 ? all : all.filter((run) => wanted.includes(nameOf(run)));
}

function everyRun(quick: boolean): Run[] {
  const sizes = quick ? [20_000] : [100_000, 300_000, 1_000_000];
  const measured = (rows: number) => sets.filter(([, rowsMax]) => rows <= rowsMax);
  const listed = sizes.flatMap((rows) => measured(rows).map(([set]) => ({ index: "lists" as const, set, rows })));
  return [...listed, ...sizes.slice(0, 2).map((rows) => ({ index: "graph" as const, set: "low-rank" as const, rows }))];
}

function recallOf(found: readonly string[][], truth: readonly string[][]): number {
  const hits = found.map((ids, i) => ids.filter((id) => truth[i]!.includes(id)).length / Math.max(1, truth[i]!.length));
  return hits.reduce((sum, hit) => sum + hit, 0) / hits.length;
}

async function measure(harness: Harness, run: Run, log: (line: string) => void): Promise<ScaleResult> {
  const { index, set, rows } = run;
  const path = `scale-${nameOf(run)}`;
  const writing = await harness.newPage<ScalePage>();
  await writing.call("create", path, index);
  const growth = await grow(writing, path, run);
  const ingestMs = growth.reduce((ms, { perSecond }) => ms + (1000 * rows) / PARTS / perSecond, 0);
  const indexedMs = ingestMs + (await writing.call("settle", path));
  await untilPublished(() => writing.call("info", path));
  log(`${path}: written in ${significant(ingestMs / 1000)} s, indexed after ${significant(indexedMs / 1000)} s`);
  await writing.close();
  await harness.relaunch();
  const reading = await harness.newPage<ScalePage>();
  const reopenMs = await reading.call("reopen", path, set);
  const all = await ask(reading, path, set, null);
  const filtered = await ask(reading, path, set, 42);
  const { memoryBytes, blockBytesUsed } = await reading.call("info", path);
  const processBytes = await harness.processBytes();
  await reading.call("remove", path);
  await reading.close();
  return {
    ...run,
    growth,
    ingestPerSecond: (1000 * rows) / ingestMs,
    indexedPerSecond: (1000 * rows) / indexedMs,
    memoryBytes,
    processBytes,
    diskBytes: blockBytesUsed,
    reopenMs,
    all,
    filtered,
  };
}

/** Writes all rows, a part after the other. */
async function grow(page: HarnessPage<ScalePage>, path: string, { set, rows }: Run): Promise<Growth[]> {
  const growth: Growth[] = [];
  for (let part = 0; part < PARTS; part++) {
    const [from, to] = [(part * rows) / PARTS, ((part + 1) * rows) / PARTS];
    const ms = await page.call("ingest", path, set, from, to);
    const { memoryBytes, blockBytesReserved } = await page.call("info", path);
    growth.push({ rows: to, perSecond: (1000 * (to - from)) / ms, memoryBytes, diskBytes: blockBytesReserved });
  }
  return growth;
}

/** The first round reads files that nobody has read since the browser started; the ones after it are counted as warm. */
async function ask(page: HarnessPage<ScalePage>, path: string, set: ScaleSet, hundredth: number | null): Promise<Asked> {
  const first = await page.call("ask", path, set, QUERIES, hundredth);
  const warm: number[] = [];
  while (warm.length < MEASURED) warm.push(...(await page.call("ask", path, set, QUERIES, hundredth)).ms);
  const truth = await page.call("truth", path, set, QUERIES, hundredth);
  return { recall: recallOf(first.ids, truth), cold: latencyOf(first.ms), warm: latencyOf(warm) };
}

function latencyOf(ms: readonly number[]): Latency {
  return { p50: quantile(ms, 0.5), p95: quantile(ms, 0.95), p99: quantile(ms, 0.99) };
}

export const scale: Suite = {
  async run({ quick, sets: wanted, previous, log }) {
    const runs = runsOf(quick, wanted);
    const harness = await Harness.open({ page: "scale" });
    try {
      const measured: ScaleResult[] = [];
      for (const run of runs) measured.push(await measure(harness, run, log));
      const results = quick ? measured : [...others(previous, measured), ...measured];
      return { text: describe(measured), data: { results }, pictures: { "scale-growth": drawGrowth(results) } };
    } finally {
      await harness.close();
    }
  },
};

/** What ran earlier, and not now. */
function others(previous: unknown, measured: readonly ScaleResult[]): ScaleResult[] {
  const { results = [] } = (previous as { results?: ScaleResult[] } | null) ?? {};
  return results.filter((earlier) => !measured.some((run) => nameOf(run) === nameOf(earlier)));
}

function describe(results: readonly ScaleResult[]): string {
  const head = [
    "index",
    "set",
    "rows",
    "rec/s",
    "rec/s indexed",
    "open ms",
    "recall",
    "p50 / p95 ms",
    "cold p50 / p95",
    "1 %: recall",
    "p50 ms",
    "memory MB",
    "disk MB",
  ];
  const rows = results.map(({ index, set, rows: count, all, filtered, ...figures }) => [
    index,
    set,
    count.toLocaleString("en"),
    significant(figures.ingestPerSecond),
    significant(figures.indexedPerSecond),
    significant(figures.reopenMs),
    all.recall.toFixed(3),
    `${significant(all.warm.p50)} / ${significant(all.warm.p95)}`,
    `${significant(all.cold.p50)} / ${significant(all.cold.p95)}`,
    filtered.recall.toFixed(3),
    significant(filtered.warm.p50),
    significant(figures.memoryBytes / 2 ** 20),
    significant(figures.diskBytes / 2 ** 20),
  ]);
  return formatTable([head, ...rows]);
}
