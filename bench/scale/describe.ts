/** The table of the suite `scale`. */
import { formatTable, significant } from "../format-table.js";
import { type Asked, type Budgeted, type Latency, nameOf, type ScaleResult } from "./results.js";

const pair = ({ p50, p95 }: Latency): string => `${significant(p50)} / ${significant(p95)}`;
const megabytes = (bytes: number | null): string => (bytes === null ? "–" : significant(bytes / 2 ** 20));
const filtered = (asked: Asked | null): string[] => (asked === null ? ["–", "–"] : [asked.recall.toFixed(3), pair(asked.warm)]);

const head = [
  "index, set, rows",
  "rec/s",
  "indexed",
  "open ms",
  "recall",
  "p50 / p95 ms",
  "cold p50 / p95",
  "10 %: recall",
  "p50 / p95",
  "1 %: recall",
  "p50 / p95",
  "p99 while writing",
  "memory MB",
  "system's MB",
  "disk MB",
  "two open, MB",
  "within 48 MB: MB",
  "recall",
  "p50 / p95",
];

export function describe(results: readonly ScaleResult[]): string {
  const rows = results.map(({ all, tenth, hundredth, database, ...figures }) => [
    nameOf(figures),
    significant(figures.ingestPerSecond),
    significant(figures.indexedPerSecond),
    database === null ? "–" : significant(database.reopenMs),
    all.recall.toFixed(3),
    pair(all.warm),
    all.cold === null ? "–" : pair(all.cold),
    ...filtered(tenth),
    ...filtered(hundredth),
    database === null ? "–" : significant(database.whileWriting.p99),
    megabytes(figures.memoryBytes),
    megabytes(beyondEmpty(figures)),
    megabytes(figures.diskBytes),
    megabytes(database?.twoOpen?.memoryBytes ?? null),
    ...budgetedOf(database?.budgeted ?? null),
  ]);
  const memory = results.flatMap((result) => (result.database === null ? [] : [memoryOf(result, result.database.memory)]));
  return [formatTable([head, ...rows]), "", "Memory by part, MB", ...memory].join("\n");
}

/** What the processes of the page have taken since it was empty. */
function beyondEmpty({ processBytes, emptyProcessBytes }: Pick<ScaleResult, "processBytes" | "emptyProcessBytes">): number | null {
  return processBytes === null || emptyProcessBytes === null ? null : processBytes - emptyProcessBytes;
}

function budgetedOf(budgeted: Budgeted | null): string[] {
  if (budgeted === null) return ["–", "–", "–"];
  return [megabytes(budgeted.memoryBytes), budgeted.asked.recall.toFixed(3), pair(budgeted.asked.warm)];
}

function memoryOf(result: ScaleResult, memory: object): string {
  const parts = Object.entries(memory as Record<string, number>).filter(([, bytes]) => bytes > 0);
  return `${nameOf(result)}: ${parts.map(([part, bytes]) => `${part} ${significant(bytes / 2 ** 20)}`).join(", ")}`;
}
