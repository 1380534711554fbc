/** How far loading is, in bytes of the model's file. */
export interface LoadProgress {
  /** Read so far. */
  loadedBytes: number;
  /** Of the whole file. */
  totalBytes: number;
}
