/**
 * The map's dots on a canvas of their own. Thousands take their time, so they are drawn in turns with the page, and what moves above them,
 * such as the hits of each letter that is typed, does not draw them again.
 */
import { Slice, turn } from "./slice.js";
import { topicColour, topicColours } from "./topics.js";

export interface MapDot {
  x: number;
  y: number;
  topic: string;
}

/** How dots look, all but where they are. */
export interface DotLook {
  /** Of the map, in CSS pixels, and how many of the screen's there are in one. */
  width: number;
  height: number;
  scale: number;
  /** By the number of a topic. */
  colours: readonly string[];
  /** Dots of other topics are pale; the empty string is all topics. */
  topic: string;
}

const dotsAtOnce = 100;
const manyDots = 1000;
const paleAlpha = 0.2;

export class DotLayer {
  readonly #onDrawn: () => void;
  /** What is seen, and what the next drawing is made on: making one takes long. */
  #canvas = document.createElement("canvas");
  #next = document.createElement("canvas");
  #look: DotLook | null = null;
  #radius = 0;
  #drawings = 0;

  /** `onDrawn` is called when there is something new to be seen. */
  constructor(onDrawn: () => void) {
    this.#onDrawn = onDrawn;
  }

  /** Puts the dots on the map, as dark as `alpha` says. */
  paint(context: CanvasRenderingContext2D, alpha: number): void {
    if (!this.#look) return;
    context.globalAlpha = alpha;
    context.drawImage(this.#canvas, 0, 0, this.#look.width, this.#look.height);
    context.globalAlpha = 1;
  }

  /** Draws all of them anew; those of before are seen until it is done. A later drawing ends this one. */
  async draw(dots: readonly MapDot[], look: DotLook): Promise<void> {
    const drawing = ++this.#drawings;
    await turn();
    if (drawing !== this.#drawings) return;
    const context = cleared(this.#next, look);
    const radius = dots.length > manyDots ? 2 : 3.4;
    const slice = new Slice();
    for (let start = 0; start < dots.length; start += dotsAtOnce) {
      await slice.next();
      if (drawing !== this.#drawings) return;
      drawSome(context, dots.slice(start, start + dotsAtOnce), look, radius);
    }
    [this.#canvas, this.#next] = [this.#next, this.#canvas];
    this.#look = look;
    this.#radius = radius;
    this.#onDrawn();
  }

  /** Draws some more beside those that are there. */
  add(dots: readonly MapDot[]): void {
    if (this.#look) drawSome(contextOf(this.#canvas), dots, this.#look, this.#radius);
  }
}

/** In the page's own memory: asking the graphics process for room takes longer than drawing so little. */
export function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  return canvas.getContext("2d", { willReadFrequently: true })!;
}

function cleared(canvas: HTMLCanvasElement, { width, height, scale }: DotLook): CanvasRenderingContext2D {
  const context = contextOf(canvas);
  const [columns, rows] = [width, height].map((edge) => Math.max(1, Math.round(edge * scale)));
  if (canvas.width !== columns) canvas.width = columns!;
  if (canvas.height !== rows) canvas.height = rows!;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width + 1, height + 1);
  return context;
}

/** Those of one colour at once. */
function drawSome(context: CanvasRenderingContext2D, dots: readonly MapDot[], { colours, topic }: DotLook, radius: number): void {
  for (const isPale of [true, false]) {
    context.globalAlpha = isPale ? paleAlpha : 1;
    for (let colour = 0; colour < topicColours; colour++) {
      context.fillStyle = colours[colour]!;
      context.beginPath();
      for (const dot of dots) {
        if (topicColour(dot.topic) !== colour || isPale !== (topic !== "" && dot.topic !== topic)) continue;
        context.moveTo(dot.x + radius, dot.y);
        context.arc(dot.x, dot.y, radius, 0, 2 * Math.PI);
      }
      context.fill();
    }
  }
  context.globalAlpha = 1;
}
