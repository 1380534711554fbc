/**
 * Ranks records by an expression over distances: every source is asked once for its hits, and the expression is worked
 * out for each record that any of them found.
 *
 * A source has no value for a record that it did not find unless it has a default; a record for which any part of the
 * expression has no value drops out. That is what Chroma's rank means, where a default stands for "all other records"
 * and yet adds none: an expression without hits ranks nothing. Arithmetic is in float64 (Chroma: float32).
 */

import { Bitmap } from "../../base/bitmap.js";
import type { Tick } from "../../base/turns.js";
import type { RankOperator, RankPlan, RankSource, SourceRank } from "../../gateway/search-plan.js";

/** Records, best first: ascending by score, equal scores in insertion order, and `NaN` last. */
export interface Ranked {
  ordinals: Uint32Array;
  /** Smaller is better. */
  scores: Float64Array;
}

/** The hits of one source, best first. */
export type ReadSource = (source: RankSource) => Promise<Ranked>;

const OPERATIONS: Readonly<Record<RankOperator, (operands: readonly number[]) => number>> = {
  sum: (operands) => operands.reduce((a, b) => a + b),
  mul: (operands) => operands.reduce((a, b) => a * b),
  max: (operands) => operands.reduce((a, b) => Math.max(a, b)),
  min: (operands) => operands.reduce((a, b) => Math.min(a, b)),
  sub: ([a, b]) => a! - b!,
  div: ([a, b]) => a! / b!,
  abs: ([a]) => Math.abs(a!),
  exp: ([a]) => Math.exp(a!),
  log: ([a]) => Math.log(a!),
};

/** Records scored between two ticks. */
const CHUNK = 4096;

/** Every record that a source found and that has a score. */
export async function rank(expression: RankPlan, read: ReadSource, tick: Tick): Promise<Ranked> {
  const values = new Map<SourceRank, Map<number, number>>();
  for (const part of sourcesOf(expression)) values.set(part, await valuesOf(part, read));
  const candidates = Bitmap.of([...values.values()].flatMap((found) => [...found.keys()])).toArray();
  const scored: { ordinal: number; score: number }[] = [];
  for (let i = 0; i < candidates.length; i++) {
    if (i % CHUNK === CHUNK - 1) await tick();
    const score = evaluate(expression, candidates[i]!, values);
    if (score !== null) scored.push({ ordinal: candidates[i]!, score });
  }
  // Sorting is stable and candidates ascend, so equal scores stay in insertion order.
  scored.sort((a, b) => ascending(a.score, b.score));
  return {
    ordinals: Uint32Array.from(scored, ({ ordinal }) => ordinal),
    scores: Float64Array.from(scored, ({ score }) => score),
  };
}

/** Records without a rank: in insertion order, each scored by its position in it, from 0. */
export function inOrder(records: Bitmap): Ranked {
  const ordinals = records.toArray();
  return { ordinals, scores: Float64Array.from(ordinals.keys()) };
}

/** Orders numbers, `NaN` behind all others. */
export function ascending(a: number, b: number): number {
  if (a < b) return -1;
  if (a > b) return 1;
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
}

/** Every place of an expression where a source stands. */
export function sourcesOf(expression: RankPlan): SourceRank[] {
  if (expression.kind === "source") return [expression];
  return expression.kind === "operation" ? expression.operands.flatMap(sourcesOf) : [];
}

async function valuesOf(part: SourceRank, read: ReadSource): Promise<Map<number, number>> {
  const { ordinals, scores } = await read(part.source);
  const values = new Map<number, number>();
  ordinals.forEach((ordinal, position) => values.set(ordinal, part.returnRank ? position : scores[position]!));
  return values;
}

/** The expression's value for one record, `null` when some part of it has none. */
function evaluate(expression: RankPlan, ordinal: number, values: ReadonlyMap<SourceRank, ReadonlyMap<number, number>>): number | null {
  switch (expression.kind) {
    case "value":
      return expression.value;
    case "source":
      return values.get(expression)!.get(ordinal) ?? expression.default;
    case "operation": {
      const operands: number[] = [];
      for (const operand of expression.operands) {
        const value = evaluate(operand, ordinal, values);
        if (value === null) return null;
        operands.push(value);
      }
      return OPERATIONS[expression.operator](operands);
    }
  }
}
