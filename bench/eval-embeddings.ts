/**
 * `npm run eval -- embeddings [name of a set …]`: what embeddings find, in Chromium, through the package's entries: full text, hashing,
 * the sentence encoder, and the hybrid of full text and the encoder, on public sets and on forty paraphrases. Fails where the encoder
 * does not find most paraphrases, or the hybrid fewer than full text does.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type EmbeddingOutcome, WAYS } from "./eval/embedding-outcome.js";
import { formatTable, significant } from "./format-table.js";
import { Harness, root } from "./harness.js";
import type { EmbeddingEvalPage } from "./pages/embedding-eval.js";

const PARAPHRASES = "paraphrases";
const SETS = [PARAPHRASES, "adi", "xquad-en", "cisi", "cranfield", "scifact"];
/** Share of the paraphrases that the encoder must put first. */
const FIRST_MIN = 0.8;

/** Evaluates these sets, or all; `false` where something is far from what it should be. */
export async function evaluateEmbeddingSets(data: string, chosen: string[]): Promise<boolean> {
  const odd = chosen.find((name) => !SETS.includes(name));
  if (odd !== undefined) throw new Error(`no set is called ${odd}; there are ${SETS.join(", ")}`);
  const outcomes = await outcomesOf(
    data,
    SETS.filter((name) => chosen.length === 0 || chosen.includes(name)),
  );
  process.stdout.write(`\nnDCG@10 / recall@10 / the first is right\n\n${tableOf(outcomes)}\n\n`);
  if (chosen.length === 0)
    await writeFile(join(root, "bench/results/embedding-eval.json"), `${JSON.stringify({ sets: outcomes }, null, 1)}\n`);
  const failures = outcomes.filter(({ set }) => set === PARAPHRASES).flatMap(complaintsOf);
  process.stdout.write(failures.length === 0 ? "eval: as it should be\n" : `eval: FAILED\n${failures.join("\n")}\n`);
  return failures.length === 0;
}

async function outcomesOf(data: string, names: readonly string[]): Promise<EmbeddingOutcome[]> {
  const harness = await Harness.open({ page: "embedding-eval", folders: { data } });
  try {
    const page = await harness.newPage<EmbeddingEvalPage>();
    const outcomes: EmbeddingOutcome[] = [];
    for (const name of names) {
      outcomes.push(await page.call("evaluate", name));
      process.stdout.write(`${tableOf(outcomes.slice(-1)).split("\n").at(-1)}\n`);
    }
    return outcomes;
  } finally {
    await harness.close();
  }
}

function tableOf(outcomes: readonly EmbeddingOutcome[]): string {
  const rows = outcomes.map(({ set, records, queries, ways, embedSeconds }) => [
    set,
    String(records),
    String(queries),
    ...WAYS.map((way) => [ways[way].ndcgAt10, ways[way].recallAt10, ways[way].firstIsRight].map((value) => value.toFixed(3)).join(" / ")),
    significant(embedSeconds),
  ]);
  return formatTable([["set", "n", "queries", ...WAYS, "embedding s"], ...rows]);
}

function complaintsOf({ set, ways }: EmbeddingOutcome): string[] {
  const { firstIsRight } = ways["sentence encoder"];
  const complaints: string[] = [];
  if (firstIsRight < FIRST_MIN) complaints.push(`${set}: the encoder puts ${firstIsRight.toFixed(3)} first, below ${FIRST_MIN}`);
  if (ways.hybrid.recallAt10 < ways["full text"].recallAt10) complaints.push(`${set}: the hybrid finds fewer than full text`);
  return complaints;
}
