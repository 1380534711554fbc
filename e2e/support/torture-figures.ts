/** What runs of `npm run torture` found, kept in `bench/results/torture.json`: each run by itself, and their sums. */
import { readFile, writeFile } from "node:fs/promises";

/** One run. A round is a fault that one database met. Milliseconds. */
export interface TortureRun {
  browser: string;
  seed: number;
  /** Faults by kind, and rounds: each fault meets as many databases as are open. */
  faults: Record<string, number>;
  databases: number;
  rounds: number;
  /** Records of acknowledged operations. */
  acknowledged: number;
  lost: number;
  wrong: number;
  /** What was lost or wrong, of which a call that was refused is a part: the first few. */
  found: string[];
  takeovers: number;
  takeoverMs: { p50: number | null; p95: number | null; max: number | null };
  /** Takeovers from a process that was stopped, which is noticed only by its silence. */
  stopped: number;
  stoppedMs: { p50: number | null; p95: number | null; max: number | null };
  seconds: number;
  /** Of the machine, at the end: takeovers take longer beside other work. */
  loadAverage: number;
}

interface Sum {
  runs: number;
  rounds: number;
  acknowledged: number;
  lost: number;
  wrong: number;
  takeovers: number;
  slowestTakeoverMs: number;
  faults: Record<string, number>;
}

/** Of numbers; `null` where there are none. */
export function percentile(numbers: readonly number[], share: number): number | null {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted.length === 0 ? null : Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!);
}

export function sumOf(runs: readonly TortureRun[]): Record<string, Sum> {
  const sums: Record<string, Sum> = {};
  for (const run of runs) {
    const sum = (sums[run.browser] ??= {
      ...{ runs: 0, rounds: 0, acknowledged: 0, lost: 0, wrong: 0, takeovers: 0, slowestTakeoverMs: 0 },
      faults: {},
    });
    sum.runs++;
    for (const key of ["rounds", "acknowledged", "lost", "wrong", "takeovers"] as const) sum[key] += run[key];
    sum.slowestTakeoverMs = Math.max(sum.slowestTakeoverMs, run.takeoverMs.max ?? 0);
    for (const [kind, count] of Object.entries(run.faults)) sum.faults[kind] = (sum.faults[kind] ?? 0) + count;
  }
  return sums;
}

/** Adds runs to those that the file has. */
export async function addRuns(file: URL, added: readonly TortureRun[]): Promise<void> {
  const text = await readFile(file, "utf8").catch(() => '{ "runs": [] }');
  const runs = [...(JSON.parse(text) as { runs: TortureRun[] }).runs, ...added];
  const lines = runs.map((run) => `  ${JSON.stringify(run)}`).join(",\n");
  await writeFile(file, `{\n "sum": ${JSON.stringify(sumOf(runs))},\n "runs": [\n${lines}\n ]\n}\n`);
}
