/** Strings beside each other in UTF-8, as a block has them: row r is `bytes` from `start(r)` to `end(r)`. */

export interface Utf8Rows {
  rows: number;
  bytes: Uint8Array;
  /** To be asked before `end`: it looks whether both places can be. */
  start(row: number): number;
  end(row: number): number;
}
