/** Zstandard, in a file of its own, loaded where a Parquet or an Arrow file has it. */
import { decompress } from "fzstd";

export function unpackZstd(bytes: Uint8Array, length: number): Uint8Array {
  return decompress(bytes, new Uint8Array(length));
}
