/** The vector suite's results as tables for people, and as pictures. */
import { formatTable, significant } from "../format-table.js";
import type { Spread } from "../statistics.js";
import type { SuiteResult } from "../suites/suite.js";
import { aimsOf, rooflines } from "./aims.js";
import { drawBuild, drawFilters, drawRecall } from "./charts.js";
import { HNSWLIB } from "./engines.js";
import { type EngineResult, engineOf, type SetResult, type Timed, type VectorResults } from "./results.js";

const NOTHING = "–";
const megabytes = (bytes: number | null): string => (bytes === null ? NOTHING : (bytes / 1e6).toFixed(1));
const spread = ({ median, p25, p75 }: Spread): string => `${significant(median)} (${significant(p25)}–${significant(p75)})`;

/** How many times faster than the baseline, of durations. */
function times(baseline: number | undefined, own: number | undefined): string {
  return baseline === undefined || own === undefined ? NOTHING : significant(baseline / own);
}

/** `measured` are the sets of this run; pictures and aims are of all that is known. */
export function describeVectorResults(results: VectorResults, measured: readonly SetResult[]): SuiteResult {
  const aims = aimsOf(results.sets);
  const bounds = rooflines(results.sets);
  const setting =
    `${results.browser}, persistent profile; M 16, efConstruction 200, k = 10; median (p25–p75) of repetitions; ` +
    `each engine in a worker of its own, × against ${HNSWLIB}`;
  const text = [
    setting,
    ...measured.map(describeSet),
    "== aims",
    aims.length === 0
      ? "none is set for these sets"
      : formatTable([
          ["aim", "set", "measured", "met"],
          ...aims.map(({ aim, set, measured, isMet }) => [aim, set, measured, isMet ? "met" : "MISSED"]),
        ]),
    "== roofline: bytes that a query at recall ≥ .95 has to read, at the bandwidth of copying as much as the codes take",
    formatTable([
      ["engine", "set", "kB", "at least ms", "p50 ms", "× the bound"],
      ...bounds.map(({ engine, set, bytes, floorMs, p50Ms }) => [
        engine,
        set,
        (bytes / 1e3).toFixed(0),
        significant(floorMs),
        significant(p50Ms),
        significant(p50Ms / floorMs),
      ]),
    ]),
  ].join("\n\n");
  return {
    text,
    data: { ...results, aims, rooflines: bounds },
    pictures: {
      "vector-recall": drawRecall(results.sets),
      "vector-build": drawBuild(results.sets),
      "vector-filters": drawFilters(results.sets),
    },
  };
}

function describeSet(set: SetResult): string {
  const { before, after } = set.loadAverage;
  const head =
    `== ${set.set}: ${set.records.toLocaleString("en")} × ${set.dimension}, ${set.space}, ${set.queries} queries; ` +
    `${set.seconds} s, load average ${before.toFixed(1)} to ${after.toFixed(1)}`;
  const absent = set.absent.map(({ engine, why }) => `without ${engine}: ${why}`);
  return [
    head,
    speedTable(set),
    filterTable(set),
    keptTable(set),
    ...describeDatabase(set),
    ...(absent.length > 0 ? [absent.join("\n")] : []),
  ].join("\n\n");
}

function speedTable(set: SetResult): string {
  const baseline = engineOf(set, HNSWLIB);
  const cells = (timed: Timed | null, base: Timed | null | undefined): string[] =>
    timed === null
      ? [NOTHING, NOTHING, NOTHING, NOTHING, NOTHING]
      : [
          String(timed.ef ?? NOTHING),
          timed.recall.toFixed(3),
          spread(timed.p50Ms),
          significant(timed.p95Ms.median),
          times(base?.p50Ms.median, timed.p50Ms.median),
        ];
  const rows = set.engines.map((result) => [
    result.engine,
    String(result.buildRate),
    times(baseline?.buildSeconds, result.buildSeconds),
    ...cells(result.at95, baseline?.at95),
    ...cells(result.at99, baseline?.at99),
  ]);
  return formatTable([
    ["engine", "build vec/s", "×", "ef ≥.95", "recall", "p50 ms", "p95", "×", "ef ≥.99", "recall", "p50 ms", "p95", "×"],
    ...rows,
  ]);
}

function filterTable(set: SetResult): string {
  const names = ["10 %", "1 %", "far"] as const;
  const baseline = engineOf(set, HNSWLIB);
  const cells = ({ filters }: EngineResult): string[] =>
    names.flatMap((name) => {
      const timed = filters[name];
      return timed
        ? [spread(timed.p50Ms), timed.recall.toFixed(3), times(baseline?.filters[name]?.p50Ms.median, timed.p50Ms.median)]
        : [NOTHING, NOTHING, NOTHING];
    });
  return formatTable([
    ["filtered", ...names.flatMap((name) => [`${name} p50 ms`, "recall", "×"])],
    ...set.engines.map((result) => [result.engine, ...cells(result)]),
  ]);
}

function keptTable(set: SetResult): string {
  const rows = set.engines.map(({ engine, wasmBytes, heapBytes, snapshotBytes, reopenMs, fromPage, distances }) => [
    engine,
    megabytes(wasmBytes),
    megabytes(heapBytes),
    megabytes(snapshotBytes),
    reopenMs === null ? NOTHING : spread(reopenMs),
    fromPage === null ? NOTHING : spread(fromPage.p50Ms),
    distances === null ? NOTHING : distances.toFixed(0),
  ]);
  return formatTable([
    ["kept", "wasm MB", "heap MB", "snapshot MB", "reopen ms", "asked by message p50 ms", "distances per query"],
    ...rows,
  ]);
}

function describeDatabase({ database }: SetResult): string[] {
  if (database === null) return [];
  const { backgroundSeconds, whileBuilding, reopen, memory, blockBytesUsed } = database;
  const lines = [
    `database: segments and graph complete ${backgroundSeconds.toFixed(1)} s after the last acknowledgement, ` +
      `${megabytes(blockBytesUsed)} MB of blocks`,
  ];
  if (reopen)
    lines.push(
      `reopened in a new page: collection there after ${spread(reopen.openMs)} ms, first answer after ${spread(reopen.firstMs)} ms` +
        (reopen.logRecords > 0 ? `; ${reopen.logRecords} log records were replayed` : ""),
    );
  if (memory)
    lines.push(
      `memory beyond an empty page: ${megabytes(memory.processBytes)} MB as the system counts processes, ` +
        `of it ${megabytes(memory.heapBytes)} MB of JavaScript heaps`,
    );
  for (const stage of ["ingest", "background"] as const) {
    if (!whileBuilding) continue;
    const { queries, p50Ms, p95Ms, p99Ms, maxMs } = whileBuilding[stage];
    lines.push(
      `${queries} queries during ${stage === "ingest" ? "ingest" : "compaction and building of the graph"}: ` +
        `p50 ${significant(p50Ms)}, p95 ${significant(p95Ms)}, p99 ${significant(p99Ms)}, max ${significant(maxMs)} ms`,
    );
  }
  if (whileBuilding) lines.push(`${whileBuilding.writes} small upserts meanwhile`);
  return [lines.join("\n")];
}
