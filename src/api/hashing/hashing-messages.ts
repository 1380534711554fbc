/** What the page and the worker that hashes tell each other. Each call has one answer. */

/** What the page asks. */
export interface HashingCall {
  call: number;
  texts: readonly string[];
  dimension: number;
}

/** What the worker answers; `null` where it has failed. */
export interface HashingAnswer {
  call: number;
  values: Float32Array | null;
}
