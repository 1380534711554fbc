/** The files in which the rows of a set come to the page. */

/** Rows of one file. */
export const PART_ROWS = 5000;
export const QUERIES_FILE = "queries.f32";

/** The file that begins with row `from`. */
export function partFile(from: number): string {
  return `rows-${from}.f32`;
}
