/**
 * The map: every vector as a dot on a canvas, coloured by topic, the hits numbered. Dots can be pointed at, and walked
 * through with the arrow keys; what is under the pointer or the keys is also said in text.
 */
import { byId, plural } from "./dom.js";
import type { Entry } from "./library.js";
import type { Points } from "./principal-axes.js";
import { topicColour, topicColours } from "./topics.js";

const padding = 18;
const reach = 16;
const numberedHits = 10;

interface Dot {
  entry: Entry;
  x: number;
  y: number;
}

export class VectorMap {
  readonly #canvas = byId<HTMLCanvasElement>("map");
  readonly #tip = byId("map-tip");
  readonly #onPick: (entry: Entry) => void;
  #entries: Entry[] = [];
  #points: Points = new Float32Array();
  #dots: Dot[] = [];
  #ranks = new Map<string, number>();
  #topic = "";
  #current: Dot | null = null;
  #frame = 0;

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
  show(entries: Entry[], points: Points): void {
    this.#entries = entries;
    this.#points = points;
    this.#layOut();
  }

  /** Marks the hits, best first; dots outside `topic` are drawn pale when one is chosen. */
  mark(ids: readonly string[], topic: string): void {
    this.#ranks = new Map(ids.map((id, index) => [id, index + 1]));
    this.#topic = topic;
    this.#describe();
    this.redraw();
  }

  /** Draws in the next frame, with the colours of the theme as it is then. */
  redraw(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #layOut(): void {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const scale = devicePixelRatio || 1;
    this.#canvas.width = Math.round(width * scale);
    this.#canvas.height = Math.round(height * scale);
    const place = placesWithin(this.#points, width, height);
    this.#dots = this.#entries.map((entry, row) => ({ entry, ...place(row) }));
    this.#select(null);
    this.#describe();
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
    const context = this.#canvas.getContext("2d")!;
    const scale = devicePixelRatio || 1;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    const colours = readColours(this.#canvas);
    const isHit = (dot: Dot): boolean => this.#ranks.has(dot.entry.id);
    for (const dot of this.#dots) if (!isHit(dot)) this.#drawDot(context, dot, colours);
    // The best hit is drawn last, on top of the others.
    const hits = this.#dots.filter(isHit).sort((a, b) => this.#ranks.get(b.entry.id)! - this.#ranks.get(a.entry.id)!);
    for (const dot of hits) this.#drawHit(context, dot, colours);
    if (this.#current) ring(context, this.#current, 11, colours.ink);
  }

  #drawDot(context: CanvasRenderingContext2D, dot: Dot, colours: Colours): void {
    const faded = this.#topic !== "" && dot.entry.topic !== this.#topic;
    context.globalAlpha = faded ? 0.15 : this.#ranks.size > 0 ? 0.45 : 0.85;
    disc(context, dot, this.#dots.length > 1000 ? 2 : 3.2, colours.topics[topicColour(dot.entry.topic)]!);
    context.globalAlpha = 1;
  }

  #drawHit(context: CanvasRenderingContext2D, dot: Dot, colours: Colours): void {
    const rank = this.#ranks.get(dot.entry.id)!;
    const numbered = rank <= numberedHits;
    const radius = numbered ? 7.5 : 4.5;
    disc(context, dot, radius + 1.5, colours.surface);
    disc(context, dot, radius, colours.topics[topicColour(dot.entry.topic)]!);
    if (!numbered) return;
    context.fillStyle = colours.surface;
    context.font = "700 9.5px system-ui, sans-serif";
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
    return `${rank ? `${rank}. ` : ""}${entry.title} · ${entry.source}`;
  }
}

interface Colours {
  topics: string[];
  surface: string;
  ink: string;
}

function readColours(element: Element): Colours {
  const style = getComputedStyle(element);
  const read = (name: string): string => style.getPropertyValue(name).trim();
  return {
    topics: Array.from({ length: topicColours }, (_, index) => read(`--topic-${index}`)),
    surface: read("--surface"),
    ink: read("--ink"),
  };
}

/** Maps row numbers to places that fill a rectangle. */
function placesWithin(points: Points, width: number, height: number): (row: number) => { x: number; y: number } {
  const horizontal = extent(points, 0);
  const vertical = extent(points, 1);
  return (row) => ({
    x: padding + ((points[row * 2]! - horizontal.low) / horizontal.span) * (width - 2 * padding),
    y: padding + ((points[row * 2 + 1]! - vertical.low) / vertical.span) * (height - 2 * padding),
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

function disc(context: CanvasRenderingContext2D, { x, y }: Dot, radius: number, colour: string): void {
  context.fillStyle = colour;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

function ring(context: CanvasRenderingContext2D, { x, y }: Dot, radius: number, colour: string): void {
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.stroke();
}
