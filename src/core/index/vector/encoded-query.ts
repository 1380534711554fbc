/** A query as the scan takes it. `quantize.ts` says what it stands for. */
export interface EncodedQuery {
  /** What it was made from. */
  vector: Float32Array;
  codes: Int16Array;
  /** float32 such that `scale × codes` ≈ q (l2, ip) or q/|q| (cosine). */
  scale: number;
  /** Length of what the codes stand for: |q|, or 1 for cosine; 0 for a zero query. */
  norm: number;
  /** ‖query − scale × codes‖. */
  error: number;
}
