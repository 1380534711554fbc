/** What the text suite's figures are to reach, and whether they do. */
import { significant } from "../format-table.js";
import { SCAN, TIDEPOOL } from "./engines.js";
import type { Kind } from "./questions.js";
import type { TextSetResult } from "./results.js";

export interface Aim {
  set: string;
  aim: string;
  measured: string;
  isMet: boolean;
}

const SMALL = 60_000;
const RESIDENT_MB = 40;
const OPENING_MS = 100;
const TEN_WORDS_MS = 10;
const TWO_WORDS_MS = 2;
const FASTER = 10;
const SLOWER = 1.2;

export function aimsOf(result: TextSetResult): Aim[] {
  const { set, documents } = result;
  const aims = documents <= SMALL ? smallAims(result) : largeAims(result);
  return [...aims, ...filterAims(result)].map((aim) => ({ set, ...aim }));
}

type Judged = Omit<Aim, "set">;

function smallAims(result: TextSetResult): Judged[] {
  const { engines, reopened } = result;
  const memory = engines.find(({ engine }) => engine === TIDEPOOL)?.memoryBytes;
  const added = reopened === null ? null : reopened.firstMs - reopened.againMs;
  return [
    atMost("resident", memory == null ? null : memory / 1e6, RESIDENT_MB, "MB"),
    atMost("opening adds", added, OPENING_MS, "ms"),
    atMost("ten words, p50", p50(result, TIDEPOOL, "ten words"), TEN_WORDS_MS, "ms"),
    atMost("two words, p50", p50(result, TIDEPOOL, "two words"), TWO_WORDS_MS, "ms"),
  ].flat();
}

function largeAims({ engines, tidepoolMemory }: TextSetResult): Judged[] {
  const memory = engines.find(({ engine }) => engine === TIDEPOOL)?.memoryBytes;
  if (tidepoolMemory === null || memory == null) return [];
  return atMost("memory within memoryBudgetBytes", memory / 1e6, tidepoolMemory.budget / 1e6, "MB");
}

function filterAims(result: TextSetResult): Judged[] {
  const faster = (["$contains", "$regex"] as const).flatMap((kind) => {
    const ratio = timesFaster(result, kind);
    if (ratio === null) return [];
    return [{ aim: `${kind}, selective ≥ ${FASTER}× a scan`, measured: `${significant(ratio)}×`, isMet: ratio >= FASTER }];
  });
  const common = timesFaster(result, "$contains, common");
  return [...faster, ...atMost("$contains, common, against a scan", common === null ? null : 1 / common, SLOWER, "×")];
}

function timesFaster(result: TextSetResult, kind: Kind): number | null {
  const [own, scan] = [p50(result, TIDEPOOL, kind), p50(result, SCAN, kind)];
  return own === null || scan === null ? null : scan / own;
}

function p50({ engines }: TextSetResult, name: string, kind: Kind): number | null {
  return engines.find(({ engine }) => engine === name)?.asked[kind]?.p50Ms ?? null;
}

function atMost(what: string, value: number | null, max: number, unit: string): Judged[] {
  if (value === null) return [];
  return [{ aim: `${what} ≤ ${significant(max)} ${unit}`, measured: `${significant(value)} ${unit}`, isMet: value <= max }];
}
