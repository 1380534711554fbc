/**
 * `npm run eval -- text`: how well texts are found on public sets, in Chromium, through the package's entry: nDCG@10 and recall@100
 * of each way of asking, beside reference numbers and aims. One set of defaults for all. Fails only when full text is far below
 * plain BM25, or a hybrid far below its best branch; aims that are missed are said.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Beside, type Hybrid, METHODS, type Method, type RetrievalOutcome } from "./eval/retrieval-outcome.js";
import { formatTable, significant } from "./format-table.js";
import { Harness, root } from "./harness.js";
import type { TextEvalPage } from "./pages/text-eval.js";
import { untilQuiet } from "./until-quiet.js";

/** How far below its reference a way may be: as an aim, and before that is a failure. */
const TOLERATED = 0.01;
const FAILS_BELOW = 0.05;
/** Aims that sets have of their own, nDCG@10. */
const AIMS: Record<string, { [M in Method]?: number }> = { "xquad-zh": { fullText: 0.85 }, "cranfield-minilm": { hybrid: 0.42 } };

/** Evaluates these sets, or all; `false` where something is far from what it should be. */
export async function evaluateTexts(data: string, chosen: string[]): Promise<boolean> {
  const outcomes = await outcomesOf(data, chosen);
  process.stdout.write(`\nnDCG@10 / recall@100, p50 in ms\n\n${tableOf(outcomes)}\n\n`);
  const judged = outcomes.flatMap(judge);
  for (const { line, missed } of judged) if (missed > 0) process.stdout.write(`missed by ${missed.toFixed(4)}: ${line}\n`);
  const failed = judged.filter(({ missed }) => missed > FAILS_BELOW - TOLERATED);
  process.stdout.write(failed.length === 0 ? `eval: ${judged.length} aims judged\n` : "eval: FAILED\n");
  if (chosen.length === 0) await writeFile(join(root, "bench/results/text-eval.json"), `${JSON.stringify({ sets: outcomes }, null, 1)}\n`);
  return failed.length === 0;
}

async function outcomesOf(data: string, chosen: string[]): Promise<RetrievalOutcome[]> {
  const harness = await Harness.open({ page: "text-eval", folders: { data } });
  try {
    const page = await harness.newPage<TextEvalPage>();
    const known = await page.call("names");
    const odd = chosen.find((name) => !known.includes(name));
    if (odd !== undefined) throw new Error(`no set is called ${odd}; there are ${known.join(", ")}`);
    const outcomes: RetrievalOutcome[] = [];
    for (const name of known) {
      if (chosen.length > 0 && !chosen.includes(name)) continue;
      await page.call("ingest", name);
      // What is written just now is looked through record by record: 49,043 sparse vectors take 80 ms then, and 2.4 ms afterwards.
      await untilQuiet(() => page.call("info"));
      outcomes.push(await page.call("evaluate", name));
      process.stdout.write(`${tableOf(outcomes.slice(-1)).split("\n").at(-1)}\n`);
    }
    return outcomes;
  } finally {
    await harness.close();
  }
}

function tableOf(outcomes: RetrievalOutcome[]): string {
  const heading = ["set", "n", "queries", "BM25, reference", ...METHODS, "vectors"];
  const rows = outcomes.map(({ set, records, queries, reference, methods, vectors }) => [
    set,
    String(records),
    String(queries),
    decimals(referenceOf(reference)),
    ...METHODS.map((method) => cell(methods[method])),
    vectors ?? "none",
  ]);
  return formatTable([heading, ...rows]);
}

function cell(quality: RetrievalOutcome["methods"][Method]): string {
  if (quality === undefined) return "–";
  return `${decimals(quality.ndcgAt10)} / ${decimals(quality.recallAt100)}, ${significant(quality.p50Ms)}`;
}

/** Of plain BM25. */
function referenceOf(reference: Record<string, number>): number {
  return reference["bm25_plain"] ?? Number.NaN;
}

interface Judged {
  line: string;
  /** Above 0 where the aim is missed. */
  missed: number;
}

function judge({ set, methods, beside, reference, isStemmed }: RetrievalOutcome): Judged[] {
  if (isStemmed) return [];
  const aim = (name: Method, atLeast: number, what: string): Judged => {
    const is = methods[name]!.ndcgAt10;
    return { line: `${set}: ${name} is ${decimals(is)}, ${what} ${decimals(atLeast)}`, missed: atLeast - is };
  };
  const hybrids = Object.entries(beside) as [Hybrid, Beside][];
  return [
    aim("fullText", referenceOf(reference) - TOLERATED, "plain BM25 − .01 is"),
    ...hybrids.map(([name, { branch, standardError }]) =>
      aim(name, methods[branch]!.ndcgAt10 - TOLERATED, `${branch}, its best branch (difference ± ${decimals(standardError)}), − .01 is`),
    ),
    ...Object.entries(AIMS[set] ?? {}).map(([method, atLeast]) => aim(method as Method, atLeast, "the aim is")),
  ];
}

function decimals(value: number): string {
  return value.toFixed(4);
}
