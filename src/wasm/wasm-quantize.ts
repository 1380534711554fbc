/** Drives the kernel's quantiser: rows in, as many at once as the nearest caches hold; codes and what goes with them out. */

import { NORM_MAX, type QuantizedRows } from "../core/index/vector/quantize.js";
import type { Space } from "../core/types.js";
import { type CoderMemory, SPACES } from "./wasm-spann-coder.js";

/** Of the rows that one call into the kernel takes; a row may be longer. */
const BYTES_PER_CALL = 128 * 1024;
/** Slope, intercept and error of a row. */
const NUMBERS = 3;

/** What `quantizeRows` makes, to the last bit. */
export function quantizeIn(memory: CoderMemory, space: Space, dimension: number, values: Float32Array): QuantizedRows {
  const count = values.length / dimension;
  const column = () => new Float32Array(count);
  const rows: QuantizedRows = { codes: new Int8Array(values.length), slopes: column(), intercepts: column(), errors: column() };
  const atOnce = Math.max(2, Math.floor(BYTES_PER_CALL / (4 * dimension)));
  for (let from = 0; from < count; from += atOnce) {
    const part = values.subarray(from * dimension, Math.min(count, from + atOnce) * dimension);
    quantizePart(memory, space, dimension, part, from, rows);
  }
  return rows;
}

/** Scratch memory holds the rows, then the numbers, then the codes. */
function quantizePart(memory: CoderMemory, space: Space, dimension: number, values: Float32Array, from: number, into: QuantizedRows): void {
  const { kernel, scratchAt } = memory;
  const count = values.length / dimension;
  const numbersAt = scratchAt + values.byteLength;
  const codesAt = numbersAt + 4 * NUMBERS * count;
  const { bytes, floats } = memory.viewsWithScratch(codesAt + values.length - scratchAt);
  floats.set(values, scratchAt / 4);
  kernel.quantizeRows(scratchAt, count, dimension, SPACES.indexOf(space), NORM_MAX * NORM_MAX, codesAt, numbersAt);
  into.codes.set(new Int8Array(bytes.buffer, codesAt, values.length), from * dimension);
  for (let row = 0, at = numbersAt / 4; row < count; row++, at += NUMBERS) {
    into.slopes[from + row] = floats[at]!;
    into.intercepts[from + row] = floats[at + 1]!;
    into.errors[from + row] = floats[at + 2]!;
  }
}
