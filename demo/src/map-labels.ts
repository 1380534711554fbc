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

/** A place where something stands, and half of how broad that is. */
interface Taken {
  x: number;
  y: number;
  half: number;
}

const groupSizeMin = 4;
const hitRadius = 10;
const labelsMax = 12;
const lineHeight = 16;

/** `widthOf` measures a text as it will be drawn; labels keep inside the given width, and off the hits. */
export function placeLabels(
  dots: readonly Labelled[],
  width: number,
  widthOf: (text: string) => number,
  hits: readonly { x: number; y: number }[],
): Label[] {
  const groups = new Map<string, Labelled[]>();
  for (const dot of dots) {
    const members = groups.get(dot.group);
    if (members) members.push(dot);
    else groups.set(dot.group, [dot]);
  }
  const largest = [...groups].filter(([, members]) => members.length >= groupSizeMin).sort(([, a], [, b]) => b.length - a.length);
  const placed: Label[] = [];
  const taken: Taken[] = hits.map(({ x, y }) => ({ x, y, half: hitRadius }));
  for (const [text, members] of largest.slice(0, labelsMax)) {
    const half = widthOf(text) / 2 + 4;
    const x = Math.min(width - half, Math.max(half, median(members.map((dot) => dot.x))));
    const y = freeHeight(taken, x, median(members.map((dot) => dot.y)), half);
    if (y === null) continue;
    placed.push({ text, x, y });
    taken.push({ x, y, half });
  }
  return placed;
}

/** The height itself, or the nearest at which nothing else stands. */
function freeHeight(taken: readonly Taken[], x: number, y: number, half: number): number | null {
  for (const shift of [0, 1, -1, 2, -2, 3, -3].map((lines) => lines * lineHeight)) {
    const isFree = taken.every((other) => Math.abs(other.x - x) > other.half + half || Math.abs(other.y - (y + shift)) >= lineHeight);
    if (isFree) return y + shift;
  }
  return null;
}

function median(numbers: number[]): number {
  return numbers.sort((a, b) => a - b)[numbers.length >> 1]!;
}
