/**
 * Small charts as SVG text: sheets of panels with logarithmic values, lines or bars, and one legend. Colours are classes, so a
 * sheet follows the reader's light or dark; series differ in marker as well as in colour. Nothing here knows what is drawn.
 */

export interface LineSeries {
  name: string;
  /** Chooses colour and marker. */
  style: number;
  /** In the order in which they are joined. */
  points: readonly { x: number; y: number }[];
}

export interface LinePanelOptions {
  title: string;
  xLabel: string;
  yLabel: string;
  /** Points outside are left out. */
  xRange: readonly [number, number];
  series: readonly LineSeries[];
}

export interface Bar {
  name: string;
  style: number;
  value: number;
}

export interface BarPanelOptions {
  title: string;
  unit: string;
  groups: readonly { name: string; bars: readonly Bar[] }[];
}

/** A drawing that begins at 0, 0. */
export interface Panel {
  width: number;
  height: number;
  body: string;
}

export interface SheetOptions {
  title: string;
  panels: readonly Panel[];
  columns: number;
  /** Every style that the panels use. */
  styles: readonly number[];
  /** Empty where the panels name what they show. */
  legend: readonly { name: string; style: number }[];
}

const PANEL_WIDTH = 360;
const LINE_HEIGHT = 250;
const LEFT = 48;
const RIGHT = 12;
const TOP = 28;
const BOTTOM = 36;
const BAR_HEIGHT = 13;
const BAR_GAP = 3;
const NAME_SPACE = 152;
const VALUE_SPACE = 48;
const LEGEND_COLUMN = 220;
const MARGIN = 20;
const HEAD = 44;

/** Told apart by those who see few colours too: by lightness, and beside that by marker. Light, then dark. */
const colours: readonly (readonly [string, string])[] = [
  ["#b3421a", "#ff9466"],
  ["#0b62a8", "#5db4ff"],
  ["#0a8f8f", "#3fe0d8"],
  ["#5b3fa8", "#b59bff"],
  ["#9c2f86", "#ff8de6"],
  ["#6b6b6b", "#a8a8a8"],
  ["#8a6d00", "#e6c84d"],
  ["#3d7a1f", "#93d86b"],
  ["#7a3b2e", "#d99a88"],
  ["#00566b", "#6cc6de"],
  ["#a0184a", "#ff7fa8"],
  ["#434f99", "#98a6ff"],
  ["#1d1d1d", "#f5f5f5"],
];

const number = (value: number): string => String(Math.round(value * 10) / 10);

export function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[character]!);
}

function text(x: number, y: number, content: string, className: string, anchor: "start" | "middle" | "end" = "start"): string {
  return `<text x="${number(x)}" y="${number(y)}" class="${className}" text-anchor="${anchor}">${escapeXml(content)}</text>`;
}

function line(x1: number, y1: number, x2: number, y2: number, className: string): string {
  return `<line x1="${number(x1)}" y1="${number(y1)}" x2="${number(x2)}" y2="${number(y2)}" class="${className}"/>`;
}

/** Whole powers of ten around the values, and where a value lies between them, 0 to 1. */
export class LogScale {
  readonly low: number;
  readonly high: number;

  constructor(values: readonly number[]) {
    const positive = values.filter((value) => value > 0);
    this.low = Math.floor(Math.log10(Math.min(...positive, Infinity) === Infinity ? 1 : Math.min(...positive)));
    this.high = Math.max(this.low + 1, Math.ceil(Math.log10(Math.max(...positive, 10 ** this.low))));
  }

  at(value: number): number {
    return (Math.log10(Math.max(value, 10 ** this.low)) - this.low) / (this.high - this.low);
  }

  get ticks(): number[] {
    return Array.from({ length: this.high - this.low + 1 }, (_, i) => 10 ** (this.low + i));
  }
}

/** Three digits, thousands as k. */
export function shortNumber(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (value >= 1e3) return `${Number((value / 1e3).toPrecision(3))}k`;
  return String(Number(value.toPrecision(3)));
}

function marker(x: number, y: number, style: number): string {
  const shape = style % 4;
  const r = 3.4;
  if (shape === 0) return `<circle cx="${number(x)}" cy="${number(y)}" r="${r}" class="f${style}"/>`;
  if (shape === 1) return `<rect x="${number(x - r)}" y="${number(y - r)}" width="${2 * r}" height="${2 * r}" class="f${style}"/>`;
  if (shape === 2) return `<path d="M${number(x)} ${number(y - 4.4)}l4.2 7.6h-8.4z" class="f${style}"/>`;
  return `<path d="M${number(x)} ${number(y - 4.6)}l4.6 4.6l-4.6 4.6l-4.6 -4.6z" class="f${style}"/>`;
}

/** y is logarithmic, x is not. */
export function linePanel({ title, xLabel, yLabel, xRange: [from, to], series }: LinePanelOptions): Panel {
  const inside = series.map((one) => ({ ...one, points: one.points.filter(({ x }) => x >= from && x <= to) }));
  const scale = new LogScale(inside.flatMap(({ points }) => points.map(({ y }) => y)));
  const [right, bottom] = [PANEL_WIDTH - RIGHT, LINE_HEIGHT - BOTTOM];
  const xAt = (value: number): number => LEFT + ((value - from) / (to - from)) * (right - LEFT);
  const yAt = (value: number): number => bottom - scale.at(value) * (bottom - TOP);
  const xTicks = Array.from({ length: 5 }, (_, i) => from + ((to - from) * i) / 4);
  const body = [
    text(LEFT, 16, title, "title"),
    ...scale.ticks.flatMap((tick) => [
      line(LEFT, yAt(tick), right, yAt(tick), "grid"),
      text(LEFT - 6, yAt(tick) + 4, shortNumber(tick), "tick", "end"),
    ]),
    ...xTicks.flatMap((tick) => [
      line(xAt(tick), TOP, xAt(tick), bottom, "grid"),
      text(xAt(tick), bottom + 14, String(Number(tick.toFixed(3))), "tick", "middle"),
    ]),
    text((LEFT + right) / 2, LINE_HEIGHT - 6, `${xLabel} · ${yLabel}`, "label", "middle"),
    ...inside.map(({ points, style }) => {
      const steps = points.map(({ x, y }, i) => `${i === 0 ? "M" : "L"}${number(xAt(x))} ${number(yAt(y))}`);
      return `<path d="${steps.join("")}" class="s${style}"/>`;
    }),
    ...inside.flatMap(({ points, style }) => points.map(({ x, y }) => marker(xAt(x), yAt(y), style))),
  ];
  return { width: PANEL_WIDTH, height: LINE_HEIGHT, body: body.join("\n") };
}

/** Horizontal bars with names and values; the length is logarithmic. */
export function barPanel({ title, unit, groups }: BarPanelOptions): Panel {
  const shown = groups.filter(({ bars }) => bars.length > 0);
  const scale = new LogScale(shown.flatMap(({ bars }) => bars.map(({ value }) => value)));
  const [left, right] = [NAME_SPACE, PANEL_WIDTH - RIGHT - VALUE_SPACE];
  const body = [text(0, 16, title, "title")];
  let y = TOP;
  for (const { name, bars } of shown) {
    if (name !== "") body.push(text(0, (y += 16) - 4, name, "label"));
    for (const bar of bars) {
      const width = Math.max(2, scale.at(bar.value) * (right - left));
      body.push(text(left - 6, y + BAR_HEIGHT - 3, bar.name, "tick", "end"));
      body.push(`<rect x="${left}" y="${number(y)}" width="${number(width)}" height="${BAR_HEIGHT}" class="f${bar.style}"/>`);
      body.push(text(left + width + 5, y + BAR_HEIGHT - 3, shortNumber(bar.value), "tick"));
      y += BAR_HEIGHT + BAR_GAP;
    }
  }
  for (const tick of scale.ticks) {
    const x = left + scale.at(tick) * (right - left);
    body.splice(1, 0, line(x, TOP, x, y, "grid"));
    body.push(text(x, y + 12, shortNumber(tick), "tick", "middle"));
  }
  body.push(text((left + right) / 2, y + 27, unit, "label", "middle"));
  return { width: PANEL_WIDTH, height: y + 36, body: body.join("\n") };
}

/** Panels in rows as high as their highest, below a title and a legend. */
export function chartSheet({ title, panels, columns, styles, legend }: SheetOptions): string {
  const width = 2 * MARGIN + Math.max(1, Math.min(columns, panels.length)) * PANEL_WIDTH;
  const { body: legendBody, height: legendHeight } = drawLegend(legend, width - 2 * MARGIN);
  let y = HEAD + legendHeight;
  const drawn: string[] = [];
  for (let first = 0; first < panels.length; first += columns) {
    const row = panels.slice(first, first + columns);
    drawn.push(...row.map(({ body }, i) => `<g transform="translate(${MARGIN + i * PANEL_WIDTH} ${number(y)})">\n${body}\n</g>`));
    y += Math.max(...row.map(({ height }) => height)) + 12;
  }
  const height = Math.ceil(y + MARGIN / 2);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
      `role="img" aria-label="${escapeXml(title)}">`,
    styleSheet(styles),
    `<rect width="${width}" height="${height}" class="paper"/>`,
    text(MARGIN, 28, title, "heading"),
    legendBody,
    ...drawn,
    "</svg>\n",
  ].join("\n");
}

function drawLegend(entries: SheetOptions["legend"], width: number): { body: string; height: number } {
  const columns = Math.max(1, Math.floor(width / LEGEND_COLUMN));
  const body = entries.map(({ name, style }, i) => {
    const [x, y] = [MARGIN + (i % columns) * LEGEND_COLUMN, HEAD + 6 + Math.floor(i / columns) * 18];
    return line(x, y, x + 22, y, `s${style}`) + marker(x + 11, y, style) + text(x + 30, y + 4, name, "label");
  });
  return { body: body.join("\n"), height: entries.length === 0 ? 0 : 18 * Math.ceil(entries.length / columns) + 12 };
}

function styleSheet(styles: readonly number[]): string {
  const rules = (mode: 0 | 1): string =>
    styles
      .map((style) => [style, colours[style % colours.length]![mode]])
      .map(([style, colour]) => `.s${style}{stroke:${colour}}.f${style}{fill:${colour}}`)
      .join("");
  const common =
    "text{font-family:system-ui,sans-serif}" +
    ".heading{font-size:18px;font-weight:600}.title{font-size:13px;font-weight:600}.label{font-size:12px}" +
    ".tick{font-size:11px}line,path{fill:none;stroke-width:1.6}.grid{stroke-width:.6}";
  const fills = styles.map((style) => `path.f${style}{stroke:none}`).join("");
  const light = `.paper{fill:#fff}text{fill:#222}.tick,.label{fill:#555}.grid{stroke:#ddd}${rules(0)}`;
  const dark = `.paper{fill:#14171a}text{fill:#eee}.tick,.label{fill:#b5bcc4}.grid{stroke:#333a41}${rules(1)}`;
  return `<style>${common}${light}@media(prefers-color-scheme:dark){${dark}}${fills}</style>`;
}
