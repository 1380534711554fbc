/**
 * How the memory of an engine is divided. With a budget, caches have what nothing else holds, but an eighth at least; writes wait while a
 * quarter is not compacted; an index may take the rest. Without one caches give inverted lists that are held room, down to a least.
 */
import { show, TidepoolError } from "./errors.js";
import { limits } from "./limits.js";
import type { OpenOptions } from "./service.js";

/** What each of the two caches keeps while inverted lists are held: it gives up half as many bytes as these take, down to this. */
const CACHE_BYTES_MIN = 3 * 1024 * 1024;

export interface MemoryShares {
  /** Bytes of the block cache and of the vector cache while everything else holds so many, inverted lists so many of these. */
  caches(held: number, lists: number): { blocks: number; vectors: number };
  /** Bytes of open collections beyond which those that nobody uses are closed. */
  collections: number;
  /** Bytes of all memtables at which writes wait, and of one at which it is compacted. */
  memtables: number;
  compaction: number;
  /** Bytes of what is gathered to build an index. */
  building: number;
  /** Bytes of inverted lists of one collection that are held in memory. */
  lists: number;
  /** Bytes that the graph of one collection, and the codes that it is over, may take before inverted lists are made instead. */
  graph: number;
  /** Bytes that one collection may take beside its memtable. */
  index: number;
}

export function memorySharesOf({ memoryBudgetBytes: budget }: Pick<OpenOptions, "memoryBudgetBytes">): MemoryShares {
  if (budget === undefined) {
    const collections = limits.openCollectionBytesMax;
    const unbounded = { building: Infinity, lists: limits.listBytesHeldMax, graph: limits.graphBytesMax, index: Infinity };
    const caches: MemoryShares["caches"] = (_held, lists) => {
      const beside = (most: number): number => Math.max(CACHE_BYTES_MIN, most - Math.ceil(lists / 2));
      return { blocks: beside(limits.blockCacheBytesMax), vectors: beside(limits.vectorCacheBytesMax) };
    };
    return { caches, collections, memtables: Infinity, compaction: limits.compactionLogBytes, ...unbounded };
  }
  const least = budget / 8;
  return {
    caches: (held) => {
      const half = Math.floor(Math.max(least, budget - held) / 2);
      return { blocks: half, vectors: half };
    },
    collections: budget - least,
    memtables: Math.min(limits.memtableBytesMax, budget / 4),
    compaction: Math.min(limits.compactionLogBytes, budget / 8),
    building: budget / 8,
    lists: Math.min(limits.listBytesHeldMax, budget / 8),
    graph: Math.min(limits.graphBytesMax, budget / 2),
    index: (budget * 5) / 8,
  };
}

/** Refuses what does not fit into the budget. */
export function checkFits(collection: string, bytes: number, { index }: MemoryShares): void {
  if (bytes <= index) return;
  const [actual, allowed] = [Math.ceil(bytes), Math.floor(index)];
  const message =
    `Collection ${show(collection)} takes about ${actual} bytes of memory for its index, and the memoryBudgetBytes of the client leaves ` +
    `${allowed} for one: give it more, or keep the vectors in a collection with inverted lists (configuration: { spann: {} })`;
  throw new TidepoolError("LIMIT_EXCEEDED", message, { details: { limit: "memoryBudgetBytes", allowed, actual } });
}
