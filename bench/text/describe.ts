/** The text suite's results as tables. */
import { formatTable, significant } from "../format-table.js";
import { aimsOf } from "./aims.js";
import { kinds } from "./questions.js";
import type { TextEngineResult, TextSetResult } from "./results.js";

export function describeTexts(sets: readonly TextSetResult[]): string {
  const aims = sets.flatMap(aimsOf).map(({ set, aim, measured, isMet }) => [set, aim, measured, isMet ? "met" : "missed"]);
  return [...sets.flatMap(describeSet), formatTable([["set", "aim", "measured", ""], ...aims])].join("\n\n");
}

function describeSet(result: TextSetResult): string[] {
  const { set, documents, characters, engines, absent } = result;
  return [
    `${set}: ${documents} documents, ${characters} characters`,
    formatTable([["engine", "index s", "then, in the background s", "disk MB", "memory MB", "open ms"], ...engines.map(sizes)]),
    formatTable([["p50 / p95 ms", ...kinds], ...engines.map(times)]),
    ...described(result),
    ...absent.map(({ engine, why }) => `WITHOUT ${engine}: ${why}`),
  ];
}

function described({ reopened, tidepoolMemory, sparseIndexMs }: TextSetResult): string[] {
  const lines: string[] = [];
  if (reopened !== null) {
    const [open, first, again] = [reopened.openMs, reopened.firstMs, reopened.againMs].map(significant);
    lines.push(`tidepool reopened: ${open} ms until records could be counted, first search ${first} ms, the next ${again} ms`);
  }
  if (tidepoolMemory !== null) {
    const { told, process, budget } = tidepoolMemory;
    lines.push(`tidepool's memory: ${mega(told)} MB by info(), ${mega(process)} MB of processes, budget ${mega(budget)} MB`);
  }
  if (sparseIndexMs !== null) lines.push(`sparse vectors were made and stored in ${significant(sparseIndexMs / 1000)} s`);
  return lines.length === 0 ? [] : [lines.join("\n")];
}

function sizes({ engine, indexMs, backgroundMs, diskBytes, memoryBytes, openMs }: TextEngineResult): string[] {
  return [engine, shown(indexMs, 1000), shown(backgroundMs, 1000), mega(diskBytes), mega(memoryBytes), shown(openMs, 1)];
}

function times({ engine, asked }: TextEngineResult): string[] {
  const cells = kinds.map((kind) => asked[kind]).map((one) => (one ? `${significant(one.p50Ms)} / ${significant(one.p95Ms)}` : "–"));
  return [engine, ...cells];
}

function mega(bytes: number | null): string {
  return shown(bytes, 1e6);
}

function shown(value: number | null, unit: number): string {
  return value === null ? "–" : significant(value / unit);
}
