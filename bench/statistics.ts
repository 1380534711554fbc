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

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** How far the mean of two values or more is from that of all that they were drawn from, by chance alone. */
export function standardError(values: readonly number[]): number {
  const middle = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1) / values.length);
}

/**
 * A quantile of values that a clock has cut to multiples of `step`: the values of one step are taken as spread over it
 * evenly. Otherwise a call of 28 µs takes 25 or 30 by a clock of 5 µs, and a ratio is off by a fifth.
 */
export function steppedQuantile(values: readonly number[], q: number, step: number): number {
  const centre = Math.round(quantile(values, q) / step) * step;
  const below = values.filter((value) => value < centre - step / 2).length;
  const inside = values.filter((value) => Math.abs(value - centre) <= step / 2).length;
  if (inside === 0) return centre;
  return centre + step * (Math.min(1, Math.max(0, (q * values.length - below) / inside)) - 0.5);
}
