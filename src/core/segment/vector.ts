/**
 * The vector segment: ordinal → int8 codes and float32 embedding, as two parallel blocks of the same rows.
 *
 * The codes block (`ordinal`, `codes`, `slope`, `intercept`, `error`, `crc`) is read whole when a collection is opened and
 * its codes stay resident in the vector index. The embeddings block is one FixedSizeList<Float32>; to re-rank a candidate
 * only its row is read, straight from disk, at `valuesAt + row × dimension × 4`. Each such row is checked against its own
 * CRC-32, which the codes block carries, so no byte is used unchecked. Where an index needs no codes, the codes block has `ordinal` and
 * `crc` only.
 */

import { crc32OfRows } from "../base/checksum.js";
import { Block, type Column, encodeBlock } from "../blockstore/block.js";
import type { RowFormat } from "../blockstore/ordinal-blockfile.js";
import type { QuantizedRows } from "../index/vector/quantize.js";

/** One record's embedding with its codes: row `at` of rows that were quantised together. */
export interface VectorRow {
  embedding: Float32Array;
  quantized: QuantizedRows;
  at: number;
}

const NO_CODES: QuantizedRows = {
  codes: new Int8Array(),
  slopes: new Float32Array(),
  intercepts: new Float32Array(),
  errors: new Float32Array(),
};

/** Without codes rows that are read have none, either. */
export function vectorFormat(dimension: number, hasCodes: boolean): RowFormat<VectorRow> {
  return {
    sizeOf: () => dimension * (hasCodes ? 5 : 4) + 20,
    encode: (ordinals, rows) => encodeVectors(dimension, ordinals, rows, hasCodes),
    decode: ([codeBlock, embeddingBlock]) => {
      const quantized = hasCodes ? quantizedRows(codeBlock!) : NO_CODES;
      const embeddings = embeddingBlock!.fixedF32("embedding");
      return (at) => ({ embedding: embeddings.subarray(at * dimension, (at + 1) * dimension), quantized, at });
    },
  };
}

/** The codes of a block, as views into it. */
export function quantizedRows(codeBlock: Block): QuantizedRows {
  return {
    codes: codeBlock.fixedI8("codes"),
    slopes: codeBlock.f32("slope"),
    intercepts: codeBlock.f32("intercept"),
    errors: codeBlock.f32("error"),
  };
}

function encodeVectors(dimension: number, ordinals: Uint32Array, rows: readonly VectorRow[], hasCodes: boolean): Uint8Array[] {
  const embeddings = new Float32Array(rows.length * dimension);
  rows.forEach(({ embedding }, r) => void embeddings.set(embedding, r * dimension));
  const embeddingBlock = encodeBlock([{ type: "fixed-f32", name: "embedding", width: dimension, values: embeddings }], rows.length);
  const codeBlock = encodeBlock(
    [
      { type: "u32", name: "ordinal", values: ordinals },
      ...(hasCodes ? codeColumns(dimension, rows) : []),
      { type: "u32", name: "crc", values: crc32OfRows(embeddings, dimension) },
    ],
    rows.length,
    { valuesAt: String(Block.decode(embeddingBlock).fixedF32Offset("embedding")) },
  );
  return [codeBlock, embeddingBlock];
}

function codeColumns(dimension: number, rows: readonly VectorRow[]): Column[] {
  const codes = new Int8Array(rows.length * dimension);
  rows.forEach(({ quantized, at }, r) => void codes.set(quantized.codes.subarray(at * dimension, (at + 1) * dimension), r * dimension));
  const column = (of: "slopes" | "intercepts" | "errors") => Float32Array.from(rows, ({ quantized, at }) => quantized[of][at]!);
  return [
    { type: "fixed-i8", name: "codes", width: dimension, values: codes },
    { type: "f32", name: "slope", values: column("slopes") },
    { type: "f32", name: "intercept", values: column("intercepts") },
    { type: "f32", name: "error", values: column("errors") },
  ];
}
