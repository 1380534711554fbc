/** How much is read of a storage's blocks. */
import type { Storage } from "../core/storage.js";

/** Counts from now on; returns the reads and the bytes so far. */
export function countReads({ blobs }: Storage): () => { count: number; bytes: number } {
  const read = blobs.read.bind(blobs);
  let [count, bytes] = [0, 0];
  blobs.read = (ranges) => {
    count += ranges.length;
    for (const { length } of ranges) bytes += length;
    return read(ranges);
  };
  return () => ({ count, bytes });
}

/** Counts from now on; returns the bytes so far. */
export function countBytesRead(storage: Storage): () => number {
  const reads = countReads(storage);
  return () => reads().bytes;
}
