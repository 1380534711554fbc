/** Drives the kernel's CRC-32: copies bytes in, window by window, and leaves what is less than a block to the caller's sum. */

import type { Checksum } from "../core/base/checksum.js";
import { TableMemory } from "./table-memory.js";

/** Bytes copied in at once: what the nearest caches hold. */
const WINDOW_BYTES = 65_536;
const BLOCK_BYTES = 4096;
const TABLES_BYTES = 4352;

/** The CRC-32 of a compiled module, in a memory of its own; `plain` sums what is less than a block. */
export function wasmChecksum(module: WebAssembly.Module, plain: Checksum): { checksum: Checksum; memoryBytes: number } {
  const memory = new TableMemory(module, 16);
  const tablesAt = memory.place(TABLES_BYTES);
  const windowAt = memory.place(WINDOW_BYTES);
  memory.kernel.layChecksumTables(tablesAt);
  const window = new Uint8Array(memory.buffer, windowAt, WINDOW_BYTES);
  const checksum: Checksum = (bytes, seed = 0) => {
    const end = bytes.length - (bytes.length % BLOCK_BYTES);
    let register = ~seed;
    for (let at = 0; at < end; at += WINDOW_BYTES) {
      const part = bytes.subarray(at, Math.min(at + WINDOW_BYTES, end));
      window.set(part);
      register = memory.kernel.checksum(windowAt, part.length / BLOCK_BYTES, tablesAt, register);
    }
    return plain(bytes.subarray(end), ~register >>> 0);
  };
  return { checksum, memoryBytes: memory.buffer.byteLength };
}
