/** Tables for people: columns as wide as they need to be, numbers to the right. */

const NUMERIC = /^[-–\d.]/;

/** The first row is the heading. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const [heading = [], ...body] = rows;
  const widths = heading.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  const right = heading.map((_, column) => body.every((row) => NUMERIC.test(row[column] ?? "") || row[column] === ""));
  const line = (row: readonly string[]): string =>
    widths
      .map((width, column) => (right[column] ? (row[column] ?? "").padStart(width) : (row[column] ?? "").padEnd(width)))
      .join("  ")
      .trimEnd();
  return [line(heading), widths.map((width) => "-".repeat(width)).join("  "), ...body.map(line)].join("\n");
}

/** Three significant digits, without an exponent. */
export function significant(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(decimals, 6));
}
