/**
 * `npm run eval`: correctness on real public data, in Chromium, through the package's entry. Every set is judged three
 * times: just written, compacted, and after the browser was ended and started again. Fails when
 * an exact search is not exact, a filter differs from the plain one, or text search ranks worse than it should.
 *
 * The data is not part of the repository. Where it is absent, nothing can be evaluated and the command says so.
 *
 * Usage: npm run eval [-- name of a set …]
 *        npm run eval -- text [name of a set …]: how well texts are found (`eval-text.ts`)
 *        npm run eval -- embeddings [name of a set …]: what embeddings find (`eval-embeddings.ts`)
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Outcome } from "./eval/outcome.js";
import { evaluateEmbeddingSets } from "./eval-embeddings.js";
import { evaluateTexts } from "./eval-text.js";
import { formatTable, significant } from "./format-table.js";
import { Harness, type HarnessPage, root } from "./harness.js";
import type { EvalPage } from "./pages/eval.js";
import { untilPublished } from "./until-published.js";

const NDCG_MIN = 0.93;
const COMPACTED_TIMEOUT_MS = 180_000;

const dataFolder = "../shared/data";
const data = resolve(root, dataFolder);
const stages = ["written", "compacted", "reopened"] as const;
type Outcomes = Record<(typeof stages)[number], Outcome[]>;

async function evaluateAll(page: HarnessPage<EvalPage>, names: string[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const name of names) outcomes.push(await page.call("evaluate", name));
  return outcomes;
}

/** Resolves once nothing is left in the memtable: the segments alone answer then. */
async function untilCompacted(page: HarnessPage<EvalPage>): Promise<void> {
  const end = Date.now() + COMPACTED_TIMEOUT_MS;
  for (;;) {
    const info = await page.call("info");
    if (info.compactionError !== null) throw new Error(`compaction failed: ${info.compactionError}`);
    if (info.logRecords === 0 && !info.compacting) return;
    if (Date.now() > end)
      throw new Error(`after ${COMPACTED_TIMEOUT_MS / 1000} s ${info.logRecords} log records (${info.logBytes} bytes) are not compacted`);
    await sleep(250);
  }
}

/** Opens every collection and makes sure that none of them had to be read from the log. */
async function assertPublished(page: HarnessPage<EvalPage>, names: string[]): Promise<void> {
  for (const name of names) await page.call("count", name);
  const { logRecords } = await page.call("info");
  if (logRecords > 0) throw new Error(`after reopening, ${logRecords} log records had to be replayed: compaction was not published`);
}

async function evaluate(chosen: string[]): Promise<Outcomes> {
  const harness = await Harness.open({ page: "eval", folders: { data } });
  try {
    const page = await harness.newPage<EvalPage>();
    const names = (await page.call("names")).filter((name) => chosen.length === 0 || chosen.includes(name));
    if (names.length === 0) throw new Error(`no set is called ${chosen.join(" or ")}; there are ${(await page.call("names")).join(", ")}`);
    for (const name of names) await page.call("ingest", name);
    const written = await evaluateAll(page, names);
    await untilCompacted(page);
    const compacted = await evaluateAll(page, names);
    await untilPublished(() => page.call("info"));
    await harness.relaunch();
    const again = await harness.newPage<EvalPage>();
    await assertPublished(again, names);
    const reopened = await evaluateAll(again, names);
    return { written, compacted, reopened };
  } finally {
    await harness.close();
  }
}

function vectorTable(outcomes: Outcomes): string {
  const rows = outcomes.written.flatMap((first, i) => {
    if (first.ndcgAt10 !== undefined) return [];
    const cells = stages.flatMap((stage) => [
      outcomes[stage][i]!.recallAt10.toFixed(4),
      significant(outcomes[stage][i]!.p50Ms),
      significant(outcomes[stage][i]!.p95Ms),
    ]);
    return [[first.set, first.against, String(first.records), String(first.dimension), first.space, ...cells]];
  });
  return rows.length === 0
    ? ""
    : formatTable([["set", "against", "n", "dim", "space", ...stages.flatMap((stage) => [stage, "p50 ms", "p95 ms"])], ...rows]);
}

function textTable(outcomes: Outcomes): string {
  const rows = stages.flatMap((stage) =>
    outcomes[stage].flatMap(({ set, records, ndcgAt10, recallAt100, p50Ms, p95Ms }) =>
      ndcgAt10 === undefined
        ? []
        : [[set, stage, String(records), ndcgAt10.toFixed(4), recallAt100!.toFixed(4), significant(p50Ms), significant(p95Ms)]],
    ),
  );
  return rows.length === 0 ? "" : formatTable([["text", "stage", "n", "nDCG@10", "recall@100", "p50 ms", "p95 ms"], ...rows]);
}

function failuresOf(outcomes: Outcomes): string[] {
  return stages.flatMap((stage) =>
    outcomes[stage].flatMap(({ set, recallAt10, ndcgAt10, problems }) => [
      ...(ndcgAt10 === undefined && recallAt10 < 1 ? [`${set}, ${stage}: recall@10 is ${recallAt10}, not 1`] : []),
      ...(ndcgAt10 !== undefined && ndcgAt10 < NDCG_MIN ? [`${set}, ${stage}: nDCG@10 is ${ndcgAt10}, below ${NDCG_MIN}`] : []),
      ...problems.slice(0, 5).map((problem) => `${set}, ${stage}: ${problem}`),
      ...(problems.length > 5 ? [`${set}, ${stage}: and ${problems.length - 5} more`] : []),
    ]),
  );
}

async function main(): Promise<void> {
  if (!existsSync(data)) {
    process.stdout.write(`eval: skipped, because ${dataFolder} does not exist; the evaluation data is not part of this repository\n`);
    return;
  }
  const [first, ...names] = process.argv.slice(2);
  if (first === "text" || first === "embeddings") {
    const evaluateThem = first === "text" ? evaluateTexts : evaluateEmbeddingSets;
    process.exitCode = (await evaluateThem(data, names)) ? 0 : 1;
    return;
  }
  const start = Date.now();
  const outcomes = await evaluate(process.argv.slice(2));
  const failures = failuresOf(outcomes);
  const tables = [vectorTable(outcomes), textTable(outcomes)].filter((table) => table !== "");
  process.stdout.write(`\nrecall@10 and latency through the public API, per stage\n\n${tables.join("\n\n")}\n\n`);
  process.stdout.write(
    failures.length === 0
      ? `eval: all as it must be, in ${Math.round((Date.now() - start) / 1000)} s\n`
      : `eval: FAILED\n${failures.join("\n")}\n`,
  );
  process.exitCode = failures.length === 0 ? 0 : 1;
}

await main();
