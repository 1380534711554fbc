/** Rows as the scan reads them, and how far they are off: what `quantize.ts` makes, and a kernel's quantiser. */

/** Codes of n rows. `codes` is row-major; the others have one number per row. */
export interface QuantizedRows {
  codes: Int8Array;
  slopes: Float32Array;
  intercepts: Float32Array;
  /** ‖u·x − s·c‖, rounded up: the approximation is within `errors[i] × |q|` of the distance, but for rounding of q. */
  errors: Float32Array;
}
