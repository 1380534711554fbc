/**
 * 1-bit codes (RaBitQ) of what lies between rows and their centroid. With o the row, c the centroid, d = o − c and r = |d|,
 * the code is the signs g = ±1 of d, and a row's factors make of Σ g·q, a sum over a query's components, an estimate:
 *
 *     estimate = base + weight × add − scale × Σ g·q
 *
 * As d ≈ g · r²/Σ|d| without bias, ⟨d, x⟩ ≈ f · Σ g·x with f = Σd²/Σ|d|. So with q − c as x (of which Σ g·c is known now):
 *
 *     l2       |q − c|² + (r² + 2f·Σ g·c) − 2f·Σ g·q          cosine  half of that: vectors have length 1
 *     ip       1 − ⟨q, c⟩ − w·(⟨d, c⟩ − f·Σ g·c) − f·Σ g·q    w = ⟨q, c⟩/|c|², which makes the part of q beside c shortest
 *
 * The error is a sum of many independent parts: one standard unit is √(1/s² − 1)/√(D − 1) of the two lengths' product, s being the
 * cosine between d and g. In terms of f it is f·|q − c|·√(1 − s²)·√(D/(D − 1)), and s² is so nearly 2/π that the unit is a
 * constant times scale × |q − c|: no third factor is stored.
 *
 * Zero vectors have cosine distance 1 from everything: ½ added to what half the squared distance is, since one of the two has
 * length 0. Sums are float64, as products of small components would vanish and those of large ones overflow.
 */

import type { Space } from "../../../types.js";
import { factorsOf, halfByteOf, listBytesOf, putOrdinals, SUB_BLOCK_ROWS, subBlockBytesOf } from "./list-layout.js";
import { LENGTH_MAX } from "./spann-kernel.js";

/** Rows of at least this squared length were shortened by `rotate`, but for what rounding does. */
export const SHORTENED = LENGTH_MAX * LENGTH_MAX * (1 - 2 ** -10);

/** The `scale` of a row of which no estimate is possible. */
export const NO_SCALE = -1;

/** Encodes rows into a list; see `SpannCoder.encode`. */
export function encodeList(
  space: Space,
  paddedDimension: number,
  rows: Float32Array | readonly Float32Array[],
  ordinals: Uint32Array,
  centroid: Float32Array,
): Uint8Array<ArrayBuffer> {
  const list = new Uint8Array(listBytesOf(paddedDimension, ordinals.length));
  putOrdinals(list, paddedDimension, ordinals);
  for (let first = 0; first < ordinals.length; first += SUB_BLOCK_ROWS) {
    const { scales, adds } = factorsOf(list, paddedDimension, first / SUB_BLOCK_ROWS);
    const codes = list.subarray((first / SUB_BLOCK_ROWS) * subBlockBytesOf(paddedDimension));
    for (let place = 0; place < SUB_BLOCK_ROWS && first + place < ordinals.length; place++) {
      const at = first + place;
      const row = rows instanceof Float32Array ? rows.subarray(at * paddedDimension, (at + 1) * paddedDimension) : rows[at]!;
      putSigns(row, centroid, codes, halfByteOf(place));
      [scales[place], adds[place]] = factorsOfRow(space, sumsOf(row, centroid));
    }
  }
  return list;
}

function putSigns(row: Float32Array, centroid: Float32Array, codes: Uint8Array, halfByte: number): void {
  const shift = (halfByte >> 4) * 4;
  for (let i = 0; i < row.length; i++) {
    if (Math.fround(row[i]! - centroid[i]!) >= 0) codes[(i >> 2) * 16 + (halfByte & 15)]! |= 1 << (shift + (i & 3));
  }
}

/** Σ|d|, Σd², Σ g·c, Σ d·c and Σo². */
interface ResidualSums {
  absolute: number;
  squared: number;
  signed: number;
  product: number;
  norm: number;
}

function sumsOf(row: Float32Array, centroid: Float32Array): ResidualSums {
  const absolute = new Float64Array(4);
  const squared = new Float64Array(4);
  const signed = new Float64Array(4);
  const product = new Float64Array(4);
  const norm = new Float64Array(4);
  for (let i = 0; i < row.length; i++) {
    const lane = i & 3;
    const c = centroid[i]!;
    const d = Math.fround(row[i]! - c);
    absolute[lane]! += Math.abs(d);
    squared[lane]! += d * d;
    signed[lane]! += d >= 0 ? c : -c;
    product[lane]! += d * c;
    norm[lane]! += row[i]! * row[i]!;
  }
  return { absolute: total(absolute), squared: total(squared), signed: total(signed), product: total(product), norm: total(norm) };
}

/** In the order in which the kernel adds its lanes. */
function total(lanes: Float64Array): number {
  return lanes[0]! + lanes[1]! + (lanes[2]! + lanes[3]!);
}

/** `scale` and `add` of a row. */
function factorsOfRow(space: Space, { absolute, squared, signed, product, norm }: ResidualSums): [number, number] {
  if (norm >= SHORTENED) return [NO_SCALE, 0];
  const factor = absolute === 0 ? 0 : squared / absolute;
  switch (space) {
    case "l2":
      return [2 * factor, squared + 2 * factor * signed];
    case "cosine":
      return [factor, squared / 2 + factor * signed + (norm === 0 ? 0.5 : 0)];
    case "ip":
      return [factor, factor * signed - product];
  }
}
