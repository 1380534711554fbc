/** The names of the map's clusters: one for each group of dots that is large enough, where the group is densest, and none on another. */

export interface Labelled {
  group: string;
  x: number;
  y: number;
}

export interface Label {
  text: string;
  x: number;
  y: number;
}

const groupSizeMin = 4;
const labelsMax = 12;
const lineHeight = 16;

/** `widthOf` measures a text as it will be drawn; labels keep inside the given width. */
export function placeLabels(dots: readonly Labelled[], width: number, widthOf: (text: string) => number): Label[] {
  const groups = new Map<string, Labelled[]>();
  for (const dot of dots) {
    const members = groups.get(dot.group);
    if (members) members.push(dot);
    else groups.set(dot.group, [dot]);
  }
  const largest = [...groups].filter(([, members]) => members.length >= groupSizeMin).sort(([, a], [, b]) => b.length - a.length);
  const placed: (Label & { half: number })[] = [];
  for (const [text, members] of largest.slice(0, labelsMax)) {
    const half = widthOf(text) / 2 + 4;
    const x = Math.min(width - half, Math.max(half, median(members.map((dot) => dot.x))));
    const y = freeHeight(placed, x, median(members.map((dot) => dot.y)), half);
    if (y !== null) placed.push({ text, x, y, half });
  }
  return placed.map(({ text, x, y }) => ({ text, x, y }));
}

/** The height itself, or the nearest at which no other label stands. */
function freeHeight(placed: readonly (Label & { half: number })[], x: number, y: number, half: number): number | null {
  for (const shift of [0, lineHeight, -lineHeight, 2 * lineHeight, -2 * lineHeight]) {
    const isFree = placed.every((other) => Math.abs(other.x - x) > other.half + half || Math.abs(other.y - (y + shift)) >= lineHeight);
    if (isFree) return y + shift;
  }
  return null;
}

function median(numbers: number[]): number {
  return numbers.sort((a, b) => a - b)[numbers.length >> 1]!;
}
