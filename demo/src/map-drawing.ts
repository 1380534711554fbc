/** The map as it is drawn: every vector as a dot coloured by topic, clusters named, the hits numbered and joined to the query by lines. */
import { type Label, placeLabels } from "./map-labels.js";
import type { Answer, Batch, Colours, Look, Marks, Order } from "./map-messages.js";
import { findPlane, type Plane, type Points, placeOn, type Rows } from "./principal-axes.js";
import { topicColour, topicColours } from "./topics.js";

type Context = OffscreenCanvasRenderingContext2D;

const padding = 26;
/** What lies beyond the map's edges is drawn so near to them. */
const edgeMin = 10;
const numberedHits = 10;
const manyDots = 1000;
const paleAlpha = 0.2;
const labelFont = "600 12px system-ui, sans-serif";
const rankFont = "700 10.5px system-ui, sans-serif";

interface Place {
  x: number;
  y: number;
}

interface Dot extends Place {
  group: string;
  topic: string;
}

interface Hit extends Dot {
  rank: number;
}

export class MapDrawing {
  readonly #canvas: OffscreenCanvas;
  readonly #context: Context;
  /** The dots alone, which do not change with each letter that is typed. */
  readonly #layer = new OffscreenCanvas(1, 1);
  readonly #onPlaced: (answer: Answer) => void;
  #look: Look | null = null;
  #gathered: Batch[] = [];
  #shown = 0;
  #plane: Plane | null = null;
  #points: Points = new Float32Array();
  #place: (x: number, y: number) => Place = () => ({ x: 0, y: 0 });
  #dots: Dot[] = [];
  #labels: Label[] = [];
  #marks: Marks = { hits: [], query: null, topic: "" };
  #current = -1;

  /** `onPlaced` hears where the dots are, whenever that changes. */
  constructor(canvas: OffscreenCanvas, onPlaced: (answer: Answer) => void) {
    this.#canvas = canvas;
    this.#context = contextOf(canvas);
    this.#onPlaced = onPlaced;
  }

  obey(order: Exclude<Order, { canvas: OffscreenCanvas }>): void {
    if ("gather" in order) this.#gathered.push(order.gather);
    else if ("begin" in order) this.#gathered = [];
    else if ("look" in order) this.#setLook(order.look);
    else if ("show" in order) this.#show(order.show);
    else if ("include" in order) this.#include(order.include);
    else if ("marks" in order) this.#mark(order.marks);
    else this.#point(order.current);
  }

  #setLook(look: Look): void {
    this.#look = look;
    for (const canvas of [this.#canvas, this.#layer]) resize(canvas, look);
    this.#layOut();
  }

  #show(shown: number): void {
    this.#shown = shown;
    const batches = this.#gathered.splice(0);
    const rows = joined(batches.map((batch) => batch.rows));
    this.#plane = rows && findPlane(rows);
    this.#points = rows ? placeOn(this.#plane!, rows) : new Float32Array();
    this.#dots = batches.flatMap(dotsOf);
    this.#marks = { ...this.#marks, hits: [], query: null };
    this.#current = -1;
    this.#layOut();
  }

  /** Those beyond the edges of what is shown are drawn at them. */
  #include(batch: Batch): void {
    if (!this.#plane) return;
    const added = placeOn(this.#plane, batch.rows);
    const points = new Float32Array(this.#points.length + added.length);
    points.set(this.#points);
    points.set(added, this.#points.length);
    this.#points = points;
    this.#dots.push(...dotsOf(batch));
    this.#putInPlace();
  }

  #mark(marks: Marks): void {
    const isOtherTopic = marks.topic !== this.#marks.topic;
    this.#marks = marks;
    if (isOtherTopic) this.#drawDots();
    this.#placeLabels();
    this.#draw();
  }

  #point(dot: number): void {
    this.#current = dot;
    this.#draw();
  }

  #layOut(): void {
    if (!this.#look) return;
    this.#place = placesWithin(this.#points, this.#look);
    this.#putInPlace();
  }

  #putInPlace(): void {
    const places = new Float32Array(this.#points.length);
    for (const [index, dot] of this.#dots.entries()) {
      Object.assign(dot, this.#place(this.#points[index * 2]!, this.#points[index * 2 + 1]!));
      places.set([dot.x, dot.y], index * 2);
    }
    this.#onPlaced({ shown: this.#shown, places });
    this.#placeLabels();
    this.#drawDots();
    this.#draw();
  }

  #placeLabels(): void {
    if (!this.#look) return;
    this.#context.font = labelFont;
    const widthOf = (text: string): number => this.#context.measureText(text).width;
    this.#labels = placeLabels(this.#dots, this.#look.width, widthOf, this.#hits());
  }

  /** The best last, so that it is drawn on top of the others. */
  #hits(): Hit[] {
    const hits = this.#marks.hits.flatMap(({ dot, rank }) => (this.#dots[dot] ? [{ ...this.#dots[dot], rank }] : []));
    return hits.sort((a, b) => b.rank - a.rank);
  }

  #drawDots(): void {
    if (!this.#look) return;
    const { width, height, scale, colours } = this.#look;
    const context = contextOf(this.#layer);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width + 1, height + 1);
    const radius = this.#dots.length > manyDots ? 2 : 3.4;
    const { topic } = this.#marks;
    for (const isPale of [true, false]) {
      const dots = this.#dots.filter((dot) => isPale === (topic !== "" && dot.topic !== topic));
      context.globalAlpha = isPale ? paleAlpha : 1;
      drawByColour(context, dots, colours, radius);
    }
    context.globalAlpha = 1;
  }

  #draw(): void {
    if (!this.#look) return;
    const { width, height, scale, colours } = this.#look;
    const context = this.#context;
    const hits = this.#hits();
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width + 1, height + 1);
    context.globalAlpha = hits.length > 0 ? 0.4 : 0.85;
    context.drawImage(this.#layer, 0, 0, width, height);
    context.globalAlpha = hits.length > 0 ? 0.6 : 1;
    drawLabels(context, this.#labels, colours);
    context.globalAlpha = 1;
    this.#drawQuery(hits, colours);
    for (const hit of hits) drawHit(context, hit, colours);
    const current = this.#dots[this.#current];
    if (current) ring(context, current, 11, colours.ink);
  }

  /** The query as a diamond where its vector lies, at the edge where that is off the map, with a line to each hit. */
  #drawQuery(hits: readonly Hit[], colours: Colours): void {
    const { query } = this.#marks;
    if (!query || !this.#plane) return;
    const [x, y] = placeOn(this.#plane, { dimension: query.length, values: query });
    const at = this.#place(x!, y!);
    const context = this.#context;
    for (const hit of hits) line(context, at, hit, colours.ink, hit.rank <= 3 ? 0.6 : 0.22);
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
}

/** In the worker's own memory: asking the graphics process for room takes longer than drawing so little. */
function contextOf(canvas: OffscreenCanvas): Context {
  return canvas.getContext("2d", { willReadFrequently: true })!;
}

function resize(canvas: OffscreenCanvas, { width, height, scale }: Look): void {
  const [columns, rows] = [width, height].map((edge) => Math.max(1, Math.round(edge * scale)));
  if (canvas.width !== columns) canvas.width = columns!;
  if (canvas.height !== rows) canvas.height = rows!;
}

function dotsOf({ groups, topics }: Batch): Dot[] {
  return groups.map((group, index) => ({ group, topic: topics[index]!, x: 0, y: 0 }));
}

/** `null` of nothing. */
function joined(parts: readonly Rows[]): Rows | null {
  const length = parts.reduce((sum, { values }) => sum + values.length, 0);
  if (length === 0) return null;
  const values = new Float32Array(length);
  let at = 0;
  for (const part of parts) {
    values.set(part.values, at);
    at += part.values.length;
  }
  return { dimension: parts[0]!.dimension, values };
}

/** Maps points of the plane to places that fill a rectangle, other points of the plane to places at its edge. */
function placesWithin(points: Points, { width, height }: Look): (x: number, y: number) => Place {
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

/** Those of one colour at once. */
function drawByColour(context: Context, dots: readonly Dot[], { topics }: Colours, radius: number): void {
  for (let colour = 0; colour < topicColours; colour++) {
    context.fillStyle = topics[colour]!;
    context.beginPath();
    for (const { topic, x, y } of dots) {
      if (topicColour(topic) !== colour) continue;
      context.moveTo(x + radius, y);
      context.arc(x, y, radius, 0, 2 * Math.PI);
    }
    context.fill();
  }
}

function drawLabels(context: Context, labels: readonly Label[], colours: Colours): void {
  context.font = labelFont;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineWidth = 4;
  context.lineJoin = "round";
  for (const { text, x, y } of labels) {
    context.strokeStyle = colours.ground;
    context.strokeText(text, x, y);
    context.fillStyle = colours.ink;
    context.fillText(text, x, y);
  }
}

function drawHit(context: Context, hit: Hit, colours: Colours): void {
  const numbered = hit.rank <= numberedHits;
  const radius = numbered ? 8.5 : 4.5;
  disc(context, hit, radius + 1.5, colours.ground);
  disc(context, hit, radius, colours.topics[topicColour(hit.topic)]!);
  if (!numbered) return;
  context.fillStyle = colours.surface;
  context.font = rankFont;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(String(hit.rank), hit.x, hit.y + 0.5);
}

function disc(context: Context, { x, y }: Place, radius: number, colour: string): void {
  context.fillStyle = colour;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

function ring(context: Context, { x, y }: Place, radius: number, colour: string): void {
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.stroke();
}

function line(context: Context, from: Place, to: Place, colour: string, alpha: number): void {
  context.globalAlpha = alpha;
  context.strokeStyle = colour;
  context.lineWidth = 1.25;
  context.beginPath();
  context.moveTo(from.x, from.y);
  context.lineTo(to.x, to.y);
  context.stroke();
  context.globalAlpha = 1;
}
