/**
 * The scan of lists: estimates by table, four components at a time.
 *
 * Of four components of a query there are 16 sums ±q; what a sum lies above the least, −Σ|q|, is kept in 7 bits with one
 * step for all groups. Integers are added, so their order is no matter; 7 bits let the kernel add two before it widens them.
 * The tables are off by their rounding, which is measured and widens the error of estimates.
 */

import type { Space } from "../../../types.js";
import { codeBytesOf, factorsOf, halfByteOf, NO_ORDINAL, SUB_BLOCK_ROWS, subBlockBytesOf } from "./list-layout.js";
import { SHORTENED } from "./residual-code.js";
import { FAR_BELOW, type ListMatches, type ListView, type PreparedQuery, type Probe, type ScanOptions } from "./spann-kernel.js";

const TABLE_MAX = 127;
/** Queries of smaller components than this have tables of 0: a step could not be divided by. */
const STEP_MIN = 2 ** -100;
/** Pushes a float64's fraction out, which rounds half to even. */
const ROUNDER = 6755399441055744;

/** Makes the tables of a rotated query. */
export function prepareQuery(rotated: Float32Array): PreparedQuery {
  const tables = new Uint8Array(4 * rotated.length);
  const { step, minimum, squaredNorm } = extentOf(rotated);
  const inverse = step < STEP_MIN ? 0 : Math.fround(1 / step);
  const off = new Float64Array(4);
  for (let first = 0; first < rotated.length; first += 4) fillTable(tables, rotated, first, inverse, off);
  return {
    rotated,
    squaredNorm,
    tables,
    step,
    minimum,
    tableError: step * Math.sqrt((off[0]! + off[1]! + (off[2]! + off[3]!)) / 16),
    estimable: squaredNorm < SHORTENED,
  };
}

function extentOf(rotated: Float32Array): { step: number; minimum: number; squaredNorm: number } {
  const sums = new Float64Array(4);
  const squares = new Float64Array(4);
  let widest = 0;
  for (let i = 0; i < rotated.length; i += 4) {
    const [a, b, c, d] = [0, 1, 2, 3].map((lane) => Math.abs(rotated[i + lane]!));
    widest = Math.max(widest, Math.fround(Math.fround(a! + b!) + Math.fround(c! + d!)));
    [a!, b!, c!, d!].forEach((value, lane) => {
      sums[lane]! += value;
      squares[lane]! += value * value;
    });
  }
  const total = (lanes: Float64Array): number => lanes[0]! + lanes[1]! + (lanes[2]! + lanes[3]!);
  return { step: Math.fround((2 * widest) / TABLE_MAX), minimum: Math.fround(-total(sums)), squaredNorm: total(squares) };
}

/** Adds to `off` the squares of what the rounding of entries does, in steps. */
function fillTable(tables: Uint8Array, rotated: Float32Array, first: number, inverse: number, off: Float64Array): void {
  const [a, b, c, d] = [0, 1, 2, 3].map((lane) => partsOf(rotated[first + lane]!, inverse));
  for (let pattern = 0; pattern < 16; pattern++) {
    const low = Math.fround(a![pattern & 1]! + b![(pattern >> 1) & 1]!);
    const value = Math.fround(low + Math.fround(c![(pattern >> 2) & 1]! + d![pattern >> 3]!));
    const rounded = Math.min(TABLE_MAX, value + ROUNDER - ROUNDER);
    tables[4 * first + pattern] = rounded;
    off[pattern & 3]! += Math.fround(rounded - value) ** 2;
  }
}

/** What a component adds to a sum above the least, in steps, with the sign − and with +. */
function partsOf(component: number, inverse: number): [number, number] {
  const part = Math.fround(2 * Math.abs(component) * inverse);
  return component < 0 ? [part, 0] : [0, part];
}

/** The factors of a scan, as float32; a query of which nothing can be estimated makes every estimate `FAR_BELOW`. */
export interface ScanFactors {
  step: number;
  minimum: number;
  base: number;
  weight: number;
  spread: number;
  epsilon: number;
  limit: number;
  below: number;
}

export function scanFactorsOf(query: PreparedQuery, probe: Probe, { threshold, epsilon, below = -Infinity }: ScanOptions): ScanFactors {
  const common = { limit: Math.fround(threshold + probe.slack), below: Math.fround(below) };
  if (!query.estimable) return { step: 0, minimum: 0, base: FAR_BELOW, weight: 0, spread: 0, epsilon: 0, ...common };
  const { base, weight, spread } = probe;
  return { step: query.step, minimum: query.minimum, base, weight, spread, epsilon: Math.fround(epsilon), ...common };
}

/** See `SpannCoder.scan`. */
export function scanList(list: Uint8Array, query: PreparedQuery, factors: ScanFactors): ListMatches {
  const dimension = query.rotated.length;
  const ordinals: number[] = [];
  const estimates: number[] = [];
  const sigmas: number[] = [];
  for (let block = 0; block < list.length / subBlockBytesOf(dimension); block++) {
    const { scales, adds, ordinals: rows } = factorsOf(list, dimension, block);
    const sums = sumsOfSubBlock(list.subarray(block * subBlockBytesOf(dimension)).subarray(0, codeBytesOf(dimension)), query.tables);
    for (let place = 0; place < SUB_BLOCK_ROWS; place++) {
      const { estimate, sigma, lower } = estimateOf(factors, scales[place]!, adds[place]!, sums[halfByteOf(place)]!);
      if (rows[place] === NO_ORDINAL || (lower > factors.limit && estimate >= factors.below)) continue;
      ordinals.push(rows[place]!);
      estimates.push(estimate);
      sigmas.push(sigma);
    }
  }
  return { ordinals: Uint32Array.from(ordinals), estimates: Float32Array.from(estimates), sigmas: Float32Array.from(sigmas) };
}

/** Of all rows of a list. */
export const EVERYTHING: ScanOptions = { threshold: Infinity, epsilon: 0 };

/** See `SpannCoder.nearer`; `found` is what each view finds of everything, the list's own first. */
export function nearerRows(space: Space, views: readonly ListView[], found: readonly ListMatches[]): Uint32Array {
  // Of two squared distances that differ by twice their dot products alone the lengths are to be added.
  const lacks = views.map(({ query }) => (space === "ip" ? Math.fround(query.squaredNorm / 2) : 0));
  const { ordinals, estimates: own } = found[0]!;
  return ordinals.filter((_, row) => {
    for (let v = 1; v < found.length; v++) if (found[v]!.estimates[row]! + lacks[v]! < own[row]! + lacks[0]!) return true;
    return false;
  });
}

/** By half byte. */
function sumsOfSubBlock(codes: Uint8Array, tables: Uint8Array): Int32Array {
  const sums = new Int32Array(SUB_BLOCK_ROWS);
  for (let i = 0; i < codes.length; i++) {
    const table = i & ~15;
    const at = i & 15;
    sums[at]! += tables[table + (codes[i]! & 15)]!;
    sums[at + 16]! += tables[table + (codes[i]! >> 4)]!;
  }
  return sums;
}

function estimateOf(
  { step, minimum, base, weight, spread, epsilon }: ScanFactors,
  scale: number,
  add: number,
  sum: number,
): { estimate: number; sigma: number; lower: number } {
  if (scale < 0) return { estimate: FAR_BELOW, sigma: 0, lower: FAR_BELOW };
  const signed = Math.fround(Math.fround(step * sum) + minimum);
  const known = Math.fround(base + Math.fround(weight * add));
  const estimate = Math.fround(known - Math.fround(scale * signed));
  const sigma = Math.fround(scale * spread);
  return { estimate, sigma, lower: Math.fround(estimate - Math.fround(epsilon * sigma)) };
}
