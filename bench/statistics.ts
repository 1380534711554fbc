/** What is said about repeated measurements: never a single number, never a mean that one hiccup decides. */

/** Median and the quartiles around it. */
export interface Spread {
  median: number;
  p25: number;
  p75: number;
}

/** The value below which a share `q` of the values lies, between two values by their distance. */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) throw new Error("no values to take a quantile of");
  const sorted = [...values].sort((a, b) => a - b);
  const place = q * (sorted.length - 1);
  const low = Math.floor(place);
  const below = sorted[low]!;
  const above = sorted[Math.min(low + 1, sorted.length - 1)]!;
  return below + (above - below) * (place - low);
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: quantile(values, 0.5), p25: quantile(values, 0.25), p75: quantile(values, 0.75) };
}
