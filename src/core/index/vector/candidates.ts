/** What a walk or a scan of the vector index finds: rows that may be near, to be judged by their exact distances. */

/** Ascending by approximate distance, equal distances by ordinal. */
export interface Candidates {
  ordinals: Uint32Array;
  distances: Float32Array;
}
