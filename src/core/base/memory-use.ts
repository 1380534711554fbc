/** Memory by what holds it, as `client.info()` tells it. */

/**
 * Bytes of memory by what holds them; `memoryBytes` is their sum. Counted where it is typed arrays or WebAssembly memory, estimated
 * where it is objects and strings. What a call needs while it runs, and what the page itself holds, is not among them.
 */
export interface MemoryUse {
  /** Fingerprints of the ids of open collections, and which places are in use: about 12 bytes a record once an id was asked for. */
  ids: number;
  /** What was written and is not compacted yet, and the ids of the latest writes. */
  memtable: number;
  /** Codes of vectors: about dimension + 8 bytes a record. None where a collection has inverted lists. */
  codes: number;
  /** Graphs, estimated by the vectors in them: about 8 × `max_neighbors` + 20 bytes each. */
  graphs: number;
  /** What is in memory of inverted lists: centroids, directories, the list of each record. */
  lists: number;
  /** Inverted lists that searches have asked for. */
  listCache: number;
  /** Codes of records that are in no list yet. */
  tail: number;
  /** Checksums of vectors on disk: 4 bytes a record, with inverted lists of those near which some were read. */
  rows: number;
  /** The text index of documents that are not compacted yet, and what is known of the rest. */
  text: number;
  /** Cached blocks, and pages of vectors. */
  blockCache: number;
  /** Cached vectors, by which results are judged. */
  vectorCache: number;
  /** WebAssembly memory in which vectors are coded, of all collections, and bytes are summed. */
  kernel: number;
  /** The lists of blocks of all collections and their retained versions: about 200 bytes a block. */
  manifests: number;
}

const NONE: MemoryUse = {
  ids: 0,
  memtable: 0,
  codes: 0,
  graphs: 0,
  lists: 0,
  listCache: 0,
  tail: 0,
  rows: 0,
  text: 0,
  blockCache: 0,
  vectorCache: 0,
  kernel: 0,
  manifests: 0,
};

export function memorySum(uses: Iterable<Partial<MemoryUse>>): MemoryUse {
  const sum = { ...NONE };
  for (const use of uses) for (const part in use) sum[part as keyof MemoryUse] += use[part as keyof MemoryUse]!;
  return sum;
}

export function totalBytes(use: Partial<MemoryUse>): number {
  let total = 0;
  for (const part in use) total += use[part as keyof MemoryUse]!;
  return total;
}
