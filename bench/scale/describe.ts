/** The table of the suite `scale`. */
import { formatTable, significant } from "../format-table.js";
import type { Asked, Latency, ScaleResult } from "./results.js";

const pair = ({ p50, p95 }: Latency): string => `${significant(p50)} / ${significant(p95)}`;
const megabytes = (bytes: number | null): string => (bytes === null ? "–" : significant(bytes / 2 ** 20));
const filtered = (asked: Asked | null): string[] => (asked === null ? ["–", "–"] : [asked.recall.toFixed(3), pair(asked.warm)]);

const head = [
  "index",
  "set",
  "rows",
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
  "process MB",
  "disk MB",
];

export function describe(results: readonly ScaleResult[]): string {
  const rows = results.map(({ index, set, rows: count, all, tenth, hundredth, database, ...figures }) => [
    index,
    set,
    count.toLocaleString("en"),
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
    megabytes(figures.processBytes),
    megabytes(figures.diskBytes),
  ]);
  const memory = results.flatMap((result) => (result.database === null ? [] : [memoryOf(result, result.database.memory)]));
  return [formatTable([head, ...rows]), "", "Memory by part, MB", ...memory].join("\n");
}

function memoryOf({ index, set, rows }: ScaleResult, memory: object): string {
  const parts = Object.entries(memory as Record<string, number>).filter(([, bytes]) => bytes > 0);
  return `${index}-${set}-${rows}: ${parts.map(([part, bytes]) => `${part} ${significant(bytes / 2 ** 20)}`).join(", ")}`;
}
