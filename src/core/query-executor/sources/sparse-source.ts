/**
 * The records whose sparse vector under a metadata key shares a dimension with the query, ascending by 1 − their dot product, equal
 * ones in insertion order. Records in the memtable are found as those in the segments: at no dimension in common neither is a hit.
 */
import type { SparseSource } from "../../gateway/search-plan.js";
import type { SparseHits } from "../../index/sparse/best-hits.js";
import type { SourceKind } from "./source-kind.js";

export const sparseSource: SourceKind<SparseSource, SparseHits> = {
  readLive: ({ sparse }, source, allowed, tick) => sparse.search(source, allowed, tick),
  readSegments: ({ parts, size }, source, allowed, tick) => parts.sparse.searchStored(source, allowed, size, tick),
  toRanked: ({ ordinals, scores }) => ({ ordinals, scores: Float64Array.from(scores) }),
};
