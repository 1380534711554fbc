/** Binary search: the first position in [start, end) at which `below` no longer holds, or `end`. Once false, `below` must stay so. */
export function lowerBound(start: number, end: number, below: (position: number) => boolean): number {
  while (start < end) {
    const middle = (start + end) >>> 1;
    if (below(middle)) start = middle + 1;
    else end = middle;
  }
  return start;
}
