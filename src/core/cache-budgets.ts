/** How the memory that an engine may use for caches is divided. */
import { limits } from "./limits.js";
import type { OpenOptions } from "./service.js";

/** Bytes that each cache may hold. */
export function cacheBudgets({ memoryBudgetBytes }: OpenOptions): { blocks: number; vectors: number } {
  if (memoryBudgetBytes === undefined) return { blocks: limits.blockCacheBytesMax, vectors: limits.vectorCacheBytesMax };
  const vectors = Math.floor(memoryBudgetBytes / 2);
  return { blocks: memoryBudgetBytes - vectors, vectors };
}

/** Bytes that the graph of one collection, and the codes that it is over, may take before inverted lists are made instead. */
export function graphBytesMax({ memoryBudgetBytes }: OpenOptions): number {
  return memoryBudgetBytes === undefined ? limits.graphBytesMax : Math.min(limits.graphBytesMax, Math.floor(memoryBudgetBytes / 2));
}
