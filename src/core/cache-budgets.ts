/** How the memory that an engine may use for caches is divided. */
import { limits } from "./limits.js";
import type { OpenOptions } from "./service.js";

/** Bytes that each cache may hold. */
export function cacheBudgets({ memoryBudgetBytes }: OpenOptions): { blocks: number; vectors: number } {
  if (memoryBudgetBytes === undefined) return { blocks: limits.blockCacheBytesMax, vectors: limits.vectorCacheBytesMax };
  const vectors = Math.floor(memoryBudgetBytes / 2);
  return { blocks: memoryBudgetBytes - vectors, vectors };
}
