/** The check that every code table makes before it scans: a row that was never set must not be asked for. */

import { TidepoolError } from "../../errors.js";

/** How many words of `allowed` speak of the table's `rows` rows. Throws when a bit beyond them is set. */
export function checkAllowed(allowed: Uint32Array, rows: number): number {
  const words = Math.min(allowed.length, Math.ceil(rows / 32));
  const full = rows >>> 5;
  if (full < allowed.length && (allowed[full]! & (-1 << (rows & 31))) !== 0) throw outside(full, rows);
  for (let i = full + 1; i < allowed.length; i++) if (allowed[i] !== 0) throw outside(i, rows);
  return words;
}

function outside(word: number, rows: number): TidepoolError {
  return new TidepoolError("INTERNAL", `A search allows an ordinal of ${word * 32} or more, but the index holds ${rows} rows.`);
}
