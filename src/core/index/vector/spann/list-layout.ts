/**
 * The bytes of a list: sub-blocks of 32 places. One that has no row has the ordinal `NO_ORDINAL`.
 *
 *     sub-block = codes scales adds ordinals
 *     codes     = for each four components 16 bytes: the four signs of a row in half a byte, for 32 rows; of the four the
 *                 first component is the lowest bit, 1 where the residual is not negative
 *     scales, adds: float32 × 32 · ordinals: u32 × 32, little-endian
 *
 * A scan sums even and odd bytes apart, so sums come out for bytes 0, 2 … 14, then 1, 3 … 15, low halves before high ones.
 * Factors lie in the order of the list's rows, and each row's codes where their sum comes out at the row's place.
 */

export const SUB_BLOCK_ROWS = 32;
export const NO_ORDINAL = 0xffffffff;
const FACTOR_BYTES = 12 * SUB_BLOCK_ROWS;

/** Bytes of a sub-block's codes. */
export function codeBytesOf(paddedDimension: number): number {
  return 4 * paddedDimension;
}

export function subBlockBytesOf(paddedDimension: number): number {
  return codeBytesOf(paddedDimension) + FACTOR_BYTES;
}

export function listBytesOf(paddedDimension: number, rows: number): number {
  return Math.ceil(rows / SUB_BLOCK_ROWS) * subBlockBytesOf(paddedDimension);
}

/** Which half byte holds the codes of the row at `place` of a sub-block: 0–15 the low halves, 16–31 the high ones. */
export function halfByteOf(place: number): number {
  const half = place & 16;
  const within = place & 15;
  return half + (within < 8 ? 2 * within : 2 * (within - 8) + 1);
}

/** The factors of one sub-block; each array has one number per row. */
export interface SubBlockFactors {
  scales: Float32Array;
  adds: Float32Array;
  ordinals: Uint32Array;
}

/** Views of a sub-block's factors. `list` starts at a multiple of four bytes. */
export function factorsOf(list: Uint8Array, paddedDimension: number, subBlock: number): SubBlockFactors {
  const at = list.byteOffset + subBlock * subBlockBytesOf(paddedDimension) + codeBytesOf(paddedDimension);
  return {
    scales: new Float32Array(list.buffer, at, SUB_BLOCK_ROWS),
    adds: new Float32Array(list.buffer, at + 4 * SUB_BLOCK_ROWS, SUB_BLOCK_ROWS),
    ordinals: new Uint32Array(list.buffer, at + 8 * SUB_BLOCK_ROWS, SUB_BLOCK_ROWS),
  };
}

/** Puts the ordinals of its rows into a list, and `NO_ORDINAL` behind the last. */
export function putOrdinals(list: Uint8Array, paddedDimension: number, ordinals: Uint32Array): void {
  for (let first = 0; first < ordinals.length; first += SUB_BLOCK_ROWS) {
    const places = factorsOf(list, paddedDimension, first / SUB_BLOCK_ROWS).ordinals;
    places.fill(NO_ORDINAL);
    places.set(ordinals.subarray(first, first + SUB_BLOCK_ROWS));
  }
}

/** Ordinals of all places of a list. `list` starts at a multiple of four bytes. */
export function placesOf(list: Uint8Array, paddedDimension: number): Uint32Array {
  const words = new Uint32Array(list.buffer, list.byteOffset, list.length / 4);
  const stride = subBlockBytesOf(paddedDimension) / 4;
  const places = new Uint32Array((words.length / stride) * SUB_BLOCK_ROWS);
  for (let end = stride, at = 0; end <= words.length; end += stride, at += SUB_BLOCK_ROWS) {
    places.set(words.subarray(end - SUB_BLOCK_ROWS, end), at);
  }
  return places;
}

/** Ordinals of all rows of a list. */
export function ordinalsOf(list: Uint8Array, paddedDimension: number): Uint32Array {
  const places = placesOf(list, paddedDimension);
  let rows = 0;
  for (let place = 0; place < places.length; place++) if (places[place] !== NO_ORDINAL) places[rows++] = places[place]!;
  return places.subarray(0, rows);
}
