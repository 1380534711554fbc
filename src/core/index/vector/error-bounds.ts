/**
 * How far an approximate distance can be from the exact one: what lets the flat index stop before it has judged every
 * row, and still be exact.
 *
 * A row's codes are off by a vector e (`quantize.ts`), so its distance is off by e·q. By Cauchy–Schwarz |e·q| ≤ ‖e‖·‖q‖
 * whatever the data: the strict margin. It is far from reached, since the components of e are rounding errors: spread
 * evenly over ± slope/2 and as good as independent, they give e·q a deviation of slope·‖q‖/√12, six of which are
 * √3·slope·‖q‖: the likely margin. Where only 12 components or fewer count, in the row or in the query, it is no smaller
 * than the strict one. Two guards keep it honest: a row whose ‖e‖ is longer than such noise explains counts with its
 * strict margin, and once a search meets a row that is off by more than 4.5 deviations, the strict margin holds for the
 * rest of that search. The rounding of the query is treated alike, with the length of a row in the place of ‖q‖.
 * Rounding inside float32 arithmetic is bounded outright.
 *
 * The bounds are maxima over all rows ever included. Replacing or deleting the worst row does not lower them, which can
 * cost later searches some candidates, never a result.
 */

import type { Space } from "../../types.js";
import type { EncodedQuery, QuantizedRows } from "./quantize.js";

/** Six standard deviations of an error spread evenly over one step: 6 / √12. */
const SIX_DEVIATIONS = Math.sqrt(3);
/** Share of the likely margin (4.5 of 6 deviations) beyond which an observed error says that errors are not noise. */
const SUSPICIOUS_SHARE = 0.75;
/** How much longer than evenly spread rounding a row's error may be and still count as noise. */
const NOISE_TOLERANCE = 1.25;
/** Half the gap between 1 and the next float32: the relative error of one rounding. */
const FLOAT32_ROUNDING = 2 ** -24;
/** What products lose when they become subnormal: half the smallest float32 times the largest dot product. */
const UNDERFLOW = 2 ** -118;

/** Running maxima over the rows of one index. */
export class ErrorBounds {
  readonly #space: Space;
  readonly #dimension: number;
  #error = 0;
  #deviation = 0;
  #length = 0;
  #intercept = 0;

  constructor(space: Space, dimension: number) {
    this.#space = space;
    this.#dimension = dimension;
  }

  include(rows: QuantizedRows): void {
    for (let i = 0; i < rows.slopes.length; i++) {
      const slope = Math.abs(rows.slopes[i]!);
      const error = rows.errors[i]!;
      const intercept = rows.intercepts[i]!;
      this.#error = Math.max(this.#error, error);
      this.#deviation = Math.max(this.#deviation, this.#likelyError(slope, error));
      this.#intercept = Math.max(this.#intercept, intercept);
      this.#length = Math.max(this.#length, this.#lengthOf(slope, intercept));
    }
  }

  /** The margin of one search. */
  marginFor(query: EncodedQuery): Margin {
    const { norm, scale, error } = query;
    const arithmetic = FLOAT32_ROUNDING * (5 * norm * this.#length + 3 * this.#intercept) + UNDERFLOW;
    const strict = norm * this.#error + error * this.#length;
    const likely = norm * this.#deviation + Math.min(error, SIX_DEVIATIONS * scale) * this.#length;
    return new Margin(likely + arithmetic, strict + arithmetic);
  }

  /** Per unit of ‖q‖. */
  #likelyError(slope: number, error: number): number {
    const noise = slope * Math.sqrt(this.#dimension / 12);
    return error > NOISE_TOLERANCE * noise ? error : Math.min(error, SIX_DEVIATIONS * slope);
  }

  /** Not less than the length of slope × codes, which, being a projection of the row, is not longer than the row. */
  #lengthOf(slope: number, intercept: number): number {
    switch (this.#space) {
      case "cosine":
        return 1 + FLOAT32_ROUNDING;
      case "l2":
        return slope === 0 ? 0 : 2 * Math.sqrt(intercept) * (1 + FLOAT32_ROUNDING);
      case "ip":
        return slope * 127 * Math.sqrt(this.#dimension);
    }
  }
}

/** The margin of one search: the likely one until an observation speaks against it. */
export class Margin {
  readonly #strict: number;
  readonly #suspicious: number;
  #current: number;

  constructor(likely: number, strict: number) {
    this.#strict = Math.max(likely, strict);
    this.#suspicious = SUSPICIOUS_SHARE * likely;
    this.#current = likely;
  }

  /** Learns from a row whose exact distance became known. Infinite approximations claim nothing. */
  observe(approximate: number, exact: number): void {
    if (Number.isFinite(approximate) && Math.abs(approximate - exact) > this.#suspicious) this.#current = this.#strict;
  }

  /** Farther than this no row is that is so far by approximation. */
  beyond(approximate: number): number {
    return approximate + this.#current;
  }

  /** Whether a row this far by approximation is certainly farther than `exact`, even after rounding to float32. */
  excludes(approximate: number, exact: number): boolean {
    return exact + this.#current + 2 * FLOAT32_ROUNDING * Math.abs(exact) < approximate;
  }
}
