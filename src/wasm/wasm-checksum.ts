/** Drives the kernel's CRC-32: copies bytes in, window by window, and leaves what is less than a block to the caller's sum. */

import type { Checksum, FastSums, RowChecksums } from "../core/base/checksum.js";
import { TableMemory } from "./table-memory.js";

/** Bytes copied in at once: what the nearest caches hold. */
const WINDOW_BYTES = 65_536;
const BLOCK_BYTES = 4096;
const TABLES_BYTES = 4352;
/** Rows that are summed at once, where their registers lie in the tables, and how many rows are worth it. */
const ROWS = 16;
const REGISTERS_AT = 128;
const ROWS_MIN = 4;
/** Of each row at once: sixteen such pieces are what the nearest cache holds. */
const PIECE_BYTES = 1536;

/** The CRC-32 of a compiled module, in a memory of its own; `plain` sums what is less than a block, or few rows. */
export function wasmChecksum(module: WebAssembly.Module, plain: Checksum): FastSums {
  const memory = new TableMemory(module, 16);
  const tablesAt = memory.place(TABLES_BYTES);
  const windowAt = memory.place(WINDOW_BYTES);
  memory.kernel.layChecksumTables(tablesAt);
  const window = new Uint8Array(memory.buffer, windowAt, WINDOW_BYTES);
  const registers = new Uint32Array(memory.buffer, tablesAt + REGISTERS_AT, ROWS);

  const long: Checksum = (bytes, seed = 0) => {
    const end = bytes.length - (bytes.length % BLOCK_BYTES);
    let register = ~seed;
    for (let at = 0; at < end; at += WINDOW_BYTES) {
      const part = bytes.subarray(at, Math.min(at + WINDOW_BYTES, end));
      window.set(part);
      register = memory.kernel.checksum(windowAt, part.length / BLOCK_BYTES, tablesAt, register);
    }
    return plain(bytes.subarray(end), ~register >>> 0);
  };

  /** Leaves the registers of up to 16 rows, a piece of each after the other. */
  const sumRows = (bytes: Uint8Array, width: number): void => {
    registers.fill(0xffffffff);
    for (let from = 0; from < width; from += PIECE_BYTES) {
      const piece = Math.min(PIECE_BYTES, width - from);
      if (piece === width) window.set(bytes);
      else for (let at = 0, row = from; row < bytes.length; at += piece, row += width) window.set(bytes.subarray(row, row + piece), at);
      memory.kernel.checksumRows(windowAt, piece, tablesAt);
    }
  };
  const rows: RowChecksums = (bytes, width) => {
    const sums = new Uint32Array(bytes.length / width);
    for (let first = 0; first < sums.length; first += ROWS) {
      const end = Math.min(first + ROWS, sums.length);
      const isFew = end - first < ROWS_MIN;
      if (!isFew) sumRows(bytes.subarray(first * width, end * width), width);
      for (let row = first; row < end; row++) {
        sums[row] = isFew ? plain(bytes.subarray(row * width, (row + 1) * width)) : ~registers[row - first]!;
      }
    }
    return sums;
  };

  return { long, rows, memoryBytes: memory.buffer.byteLength };
}
