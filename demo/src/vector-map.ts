/**
 * The map: every vector as a dot on a canvas, coloured by topic, clusters named, the hits numbered and joined to the query by lines. Dots
 * can be pointed at, and walked through with the arrow keys; what is under the pointer or the keys is also said in text.
 */
import { byId, plural } from "./dom.js";
import type { Entry } from "./library.js";
import { contextOf, DotLayer } from "./map-dots.js";
import { type Label, placeLabels } from "./map-labels.js";
import { sourceName } from "./passage.js";
import { type Plane, type Points, placeOn, type Rows } from "./principal-axes.js";
import type { Projection } from "./projection.js";
import { topicColour, topicColours } from "./topics.js";

const padding = 26;
/** What lies beyond the map's edges is drawn so near to them. */
const edgeMin = 10;
const reach = 16;
const numberedHits = 10;
const ownTopic = "Your files";

interface Place {
  x: number;
  y: number;
}

interface Dot extends Place {
  entry: Entry;
  topic: string;
}

/** What was asked, and what was found, best first. */
export interface Marks {
  ids: readonly string[];
  /** The query's vector; null where there is none. */
  query: ArrayLike<number> | null;
  /** Dots of other topics are drawn pale. */
  topic: string;
}

export class VectorMap {
  readonly #canvas = byId<HTMLCanvasElement>("map");
  readonly #tip = byId("map-tip");
  readonly #onPick: (entry: Entry) => void;
  /** What does not change with each hit. */
  readonly #layer = new DotLayer(() => this.redraw());
  #entries: Entry[] = [];
  readonly #ids = new Set<string>();
  #points: Points = new Float32Array();
  #plane: Plane | null = null;
  #place: (x: number, y: number) => Place = () => ({ x: 0, y: 0 });
  #dots: Dot[] = [];
  #labels: Label[] = [];
  #marks: Marks = { ids: [], query: null, topic: "" };
  #ranks = new Map<string, number>();
  #current: Dot | null = null;
  #frame = 0;
  #colours: Colours | null = null;

  constructor(onPick: (entry: Entry) => void) {
    this.#onPick = onPick;
    new ResizeObserver(() => this.#layOut()).observe(this.#canvas);
    this.#canvas.addEventListener("pointermove", (event) => this.#pointAt(event.offsetX, event.offsetY));
    this.#canvas.addEventListener("pointerleave", () => this.#select(null));
    this.#canvas.addEventListener("click", (event) => {
      this.#pointAt(event.offsetX, event.offsetY);
      if (this.#current) this.#onPick(this.#current.entry);
    });
    this.#canvas.addEventListener("keydown", (event) => this.#onKey(event));
    this.#canvas.addEventListener("blur", () => this.#select(null));
  }

  /** Shows these passages at these places. */
  show(entries: Entry[], { plane, points }: Projection): void {
    this.#entries = entries;
    this.#ids.clear();
    for (const { id } of entries) this.#ids.add(id);
    this.#points = points;
    this.#plane = plane;
    this.#layOut();
  }

  /** Which of these passages have no dot, since the map shows a sample. */
  missing(ids: readonly string[]): string[] {
    return this.#plane ? ids.filter((id) => !this.#ids.has(id)) : [];
  }

  /** Adds dots to the sample, those beyond its edges at them. */
  include(entries: readonly Entry[], rows: Rows): void {
    if (!this.#plane || entries.length === 0) return;
    const added = placeOn(this.#plane, rows);
    const points = new Float32Array(this.#points.length + added.length);
    points.set(this.#points);
    points.set(added, this.#points.length);
    this.#points = points;
    const dots = entries.map((entry, row) => this.#dotOf(entry, added[row * 2]!, added[row * 2 + 1]!));
    for (const [row, entry] of entries.entries()) {
      this.#entries.push(entry);
      this.#ids.add(entry.id);
      this.#dots.push(dots[row]!);
    }
    this.#layer.add(dots);
    this.redraw();
  }

  mark(marks: Marks): void {
    const isOtherTopic = marks.topic !== this.#marks.topic;
    this.#marks = marks;
    this.#ranks = new Map(marks.ids.map((id, index) => [id, index + 1]));
    this.#describe();
    if (isOtherTopic) this.#drawDots();
    this.redraw();
  }

  /** The theme has changed. */
  recolour(): void {
    this.#colours = null;
    this.#drawDots();
    this.redraw();
  }

  #drawDots(): void {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const { topics: colours } = this.#readColours();
    void this.#layer.draw(this.#dots, { width, height, scale: devicePixelRatio || 1, colours, topic: this.#marks.topic });
  }

  #readColours(): Colours {
    return (this.#colours ??= readColours(this.#canvas));
  }

  #dotOf(entry: Entry, x: number, y: number): Dot {
    return { entry, topic: entry.topic, ...this.#place(x, y) };
  }

  /** Draws in the next frame. */
  redraw(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #layOut(): void {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const scale = devicePixelRatio || 1;
    const [columns, rows] = [width, height].map((edge) => Math.round(edge * scale));
    if (this.#canvas.width !== columns) this.#canvas.width = columns!;
    if (this.#canvas.height !== rows) this.#canvas.height = rows!;
    this.#place = placesWithin(this.#points, width, height);
    this.#dots = this.#entries.map((entry, row) => this.#dotOf(entry, this.#points[row * 2]!, this.#points[row * 2 + 1]!));
    const context = contextOf(this.#canvas);
    context.font = labelFont;
    const grouped = this.#dots.map(({ entry, x, y }) => ({ group: groupOf(entry), x, y }));
    this.#labels = placeLabels(grouped, width, (text) => context.measureText(text).width);
    this.#select(null);
    this.#describe();
    this.#drawDots();
    this.redraw();
  }

  #describe(): void {
    const topics = new Set(this.#entries.map(({ topic }) => topic)).size;
    const shown = `${plural(this.#entries.length, "passage")} of ${plural(topics, "topic")} on a map where near means alike`;
    const hits = this.#ranks.size > 0 ? `; ${plural(this.#ranks.size, "hit")} marked` : "";
    this.#canvas.setAttribute(
      "aria-label",
      `${shown}${hits}. Arrow keys walk through ${hits ? "the hits" : "the passages"}, Enter finds what is similar.`,
    );
  }

  #draw(): void {
    const context = contextOf(this.#canvas);
    const scale = devicePixelRatio || 1;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    const colours = this.#readColours();
    const isHit = (dot: Dot): boolean => this.#ranks.has(dot.entry.id);
    this.#layer.paint(context, this.#ranks.size > 0 ? 0.4 : 0.85);
    this.#drawLabels(context, colours);
    // The best hit is drawn last, on top of the others.
    const hits = this.#dots.filter(isHit).sort((a, b) => this.#ranks.get(b.entry.id)! - this.#ranks.get(a.entry.id)!);
    this.#drawQuery(context, hits, colours);
    for (const dot of hits) this.#drawHit(context, dot, colours);
    if (this.#current) ring(context, this.#current, 11, colours.ink);
  }

  #drawLabels(context: CanvasRenderingContext2D, colours: Colours): void {
    context.font = labelFont;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineWidth = 4;
    context.lineJoin = "round";
    context.globalAlpha = this.#ranks.size > 0 ? 0.6 : 1;
    for (const { text, x, y } of this.#labels) {
      context.strokeStyle = colours.ground;
      context.strokeText(text, x, y);
      context.fillStyle = colours.ink;
      context.fillText(text, x, y);
    }
    context.globalAlpha = 1;
  }

  /** The query as a diamond where its vector lies, at the edge where that is off the map, with a line to each hit. */
  #drawQuery(context: CanvasRenderingContext2D, hits: readonly Dot[], colours: Colours): void {
    const { query } = this.#marks;
    if (!query || !this.#plane) return;
    const [x, y] = placeOn(this.#plane, { dimension: query.length, values: Float32Array.from(query) });
    const at = this.#place(x!, y!);
    for (const dot of hits) line(context, at, dot, colours.ink, this.#ranks.get(dot.entry.id)! <= 3 ? 0.6 : 0.22);
    context.save();
    context.translate(at.x, at.y);
    context.rotate(Math.PI / 4);
    context.fillStyle = colours.ink;
    context.strokeStyle = colours.ground;
    context.lineWidth = 2;
    context.fillRect(-6, -6, 12, 12);
    context.strokeRect(-6, -6, 12, 12);
    context.restore();
  }

  #drawHit(context: CanvasRenderingContext2D, dot: Dot, colours: Colours): void {
    const rank = this.#ranks.get(dot.entry.id)!;
    const numbered = rank <= numberedHits;
    const radius = numbered ? 8.5 : 4.5;
    disc(context, dot, radius + 1.5, colours.ground);
    disc(context, dot, radius, colours.topics[topicColour(dot.entry.topic)]!);
    if (!numbered) return;
    context.fillStyle = colours.surface;
    context.font = "700 10.5px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(String(rank), dot.x, dot.y + 0.5);
  }

  #pointAt(x: number, y: number): void {
    let nearest: Dot | null = null;
    let best = reach ** 2;
    for (const dot of this.#dots) {
      const away = (dot.x - x) ** 2 + (dot.y - y) ** 2 - (this.#ranks.has(dot.entry.id) ? 40 : 0);
      if (away < best) [nearest, best] = [dot, away];
    }
    this.#select(nearest);
  }

  #onKey(event: KeyboardEvent): void {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (by) this.#walk(by);
    else if (event.key === "Enter" && this.#current) this.#onPick(this.#current.entry);
    else return;
    event.preventDefault();
  }

  #walk(by: number): void {
    const stops = this.#ranks.size > 0 ? [...this.#ranks.keys()].map((id) => this.#dots.find(({ entry }) => entry.id === id)) : this.#dots;
    const dots = stops.filter((dot): dot is Dot => dot !== undefined);
    if (dots.length === 0) return;
    const at = this.#current ? dots.indexOf(this.#current) : -1;
    const next = at < 0 ? (by > 0 ? 0 : dots.length - 1) : (at + by + dots.length) % dots.length;
    this.#select(dots[next]!);
    byId("map-readout").textContent = this.#caption(dots[next]!);
  }

  #select(dot: Dot | null): void {
    if (dot === this.#current) return;
    this.#current = dot;
    this.#canvas.classList.toggle("pointing", dot !== null);
    this.#tip.hidden = dot === null;
    if (dot) this.#showTip(dot);
    this.redraw();
  }

  #showTip(dot: Dot): void {
    this.#tip.textContent = this.#caption(dot);
    const below = dot.y < this.#canvas.clientHeight / 2;
    this.#tip.style.setProperty("--x", `${Math.round((dot.x / this.#canvas.clientWidth) * 100)}%`);
    this.#tip.style.top = `${dot.y + (below ? 16 : -16)}px`;
    this.#tip.classList.toggle("below", below);
  }

  #caption({ entry }: Dot): string {
    const rank = this.#ranks.get(entry.id);
    return `${rank ? `${rank}. ` : ""}${entry.title} · ${sourceName(entry.source)}`;
  }
}

const labelFont = "600 12px system-ui, sans-serif";

/** Files of the reader's own are alike in their topic: their names tell more. */
function groupOf({ topic, source }: Entry): string {
  return topic === ownTopic ? sourceName(source) : topic;
}

interface Colours {
  topics: string[];
  surface: string;
  ground: string;
  ink: string;
}

/** The colours as they are in this theme: a custom property itself would still name both. */
function readColours(canvas: HTMLElement): Colours {
  const read = (name: string): string => {
    canvas.style.color = `var(${name})`;
    return getComputedStyle(canvas).color;
  };
  return {
    topics: Array.from({ length: topicColours }, (_, index) => read(`--topic-${index}`)),
    surface: read("--surface"),
    ground: read("--sunken"),
    ink: read("--ink"),
  };
}

/** Maps points of the plane to places that fill a rectangle, other points of the plane to places at its edge. */
function placesWithin(points: Points, width: number, height: number): (x: number, y: number) => Place {
  const horizontal = extent(points, 0);
  const vertical = extent(points, 1);
  const within = (at: number, edge: number): number => Math.max(edgeMin, Math.min(edge - edgeMin, at));
  return (x, y) => ({
    x: within(padding + ((x - horizontal.low) / horizontal.span) * (width - 2 * padding), width),
    y: within(padding + ((y - vertical.low) / vertical.span) * (height - 2 * padding), height),
  });
}

function extent(points: Points, axis: 0 | 1): { low: number; span: number } {
  let low = Infinity;
  let high = -Infinity;
  for (let at = axis; at < points.length; at += 2) {
    low = Math.min(low, points[at]!);
    high = Math.max(high, points[at]!);
  }
  // A single point, or none, has no extent: it goes to the middle.
  return high - low > 1e-9 ? { low, span: high - low } : { low: low - 0.5, span: 1 };
}

function disc(context: CanvasRenderingContext2D, { x, y }: Place, radius: number, colour: string): void {
  context.fillStyle = colour;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

function ring(context: CanvasRenderingContext2D, { x, y }: Place, radius: number, colour: string): void {
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.stroke();
}

function line(context: CanvasRenderingContext2D, from: Place, to: Place, colour: string, alpha: number): void {
  context.globalAlpha = alpha;
  context.strokeStyle = colour;
  context.lineWidth = 1.25;
  context.beginPath();
  context.moveTo(from.x, from.y);
  context.lineTo(to.x, to.y);
  context.stroke();
  context.globalAlpha = 1;
}
