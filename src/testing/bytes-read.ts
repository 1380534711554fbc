/** How much is read of a storage's blocks. */
import type { Storage } from "../core/storage.js";

/** Counts from now on; returns the bytes so far. */
export function countBytesRead({ blobs }: Storage): () => number {
  const read = blobs.read.bind(blobs);
  let bytes = 0;
  blobs.read = (ranges) => {
    for (const { length } of ranges) bytes += length;
    return read(ranges);
  };
  return () => bytes;
}
