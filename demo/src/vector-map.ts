/**
 * The page's side of the map, which `map-worker.ts` draws. Dots can be pointed at, and walked through with the arrow keys; what is under
 * the pointer or the keys is also said in text.
 */
import { byId, plural } from "./dom.js";
import { startWorker } from "./engine.js";
import type { Entry, Vectors } from "./library.js";
import type { Answer, Batch, Colours, Order } from "./map-messages.js";
import workerUrl from "./map-worker.ts?worker&url";
import { sourceName } from "./passage.js";
import type { Rows } from "./principal-axes.js";
import { topicColours } from "./topics.js";

const reach = 16;
/** Of two dots that are about as near, the one that was found is meant. */
const hitBonus = 40;
const ownTopic = "Your files";
const none = -1;

/** What was asked, and what was found, best first. */
export interface Marked {
  ids: readonly string[];
  /** The query's vector; null where there is none. */
  query: ArrayLike<number> | null;
  /** Dots of other topics are drawn pale. */
  topic: string;
}

interface Waiting {
  resolve(isShown: boolean): void;
  reject(error: Error): void;
}

export class VectorMap {
  readonly #canvas = byId<HTMLCanvasElement>("map");
  readonly #tip = byId("map-tip");
  readonly #onPick: (entry: Entry) => void;
  readonly #worker = startWorker(workerUrl);
  #entries: Entry[] = [];
  /** The dots by the ids of their passages. */
  readonly #dots = new Map<string, number>();
  /** `x, y` of each dot, as the worker has told. */
  #places = new Float32Array();
  #shown = 0;
  #waiting: Waiting | null = null;
  #ranks = new Map<string, number>();
  #current = none;
  #colours: Colours | null = null;

  constructor(onPick: (entry: Entry) => void) {
    this.#onPick = onPick;
    const canvas = this.#canvas.transferControlToOffscreen();
    this.#tell({ canvas }, [canvas]);
    this.#worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => this.#onPlaced(data));
    this.#worker.addEventListener("error", ({ message }) => this.#waiting?.reject(new Error(`The map's worker failed: ${message}`)));
    new ResizeObserver(() => this.#tellLook()).observe(this.#canvas);
    this.#canvas.addEventListener("pointermove", (event) => this.#pointAt(event.offsetX, event.offsetY));
    this.#canvas.addEventListener("pointerleave", () => this.#select(none));
    this.#canvas.addEventListener("click", (event) => {
      this.#pointAt(event.offsetX, event.offsetY);
      if (this.#current !== none) this.#onPick(this.#entries[this.#current]!);
    });
    this.#canvas.addEventListener("keydown", (event) => this.#onKey(event));
    this.#canvas.addEventListener("blur", () => this.#select(none));
  }

  /** Forgets what was gathered. */
  begin(): void {
    this.#tell({ begin: true });
  }

  /** Takes passages that `show` will show, a few at a time. The rows' buffer is handed over. */
  gather({ entries, rows }: Vectors): void {
    this.#tell({ gather: batchOf(entries, rows) }, [rows.values.buffer]);
  }

  /** Shows these passages, which have been gathered. False when others are to be shown before they are. */
  show(entries: Entry[]): Promise<boolean> {
    this.#waiting?.resolve(false);
    this.#entries = entries;
    this.#dots.clear();
    for (const [dot, { id }] of entries.entries()) this.#dots.set(id, dot);
    this.#places = new Float32Array();
    this.#ranks.clear();
    this.#select(none);
    this.#describe();
    this.#tell({ show: ++this.#shown });
    return new Promise((resolve, reject) => (this.#waiting = { resolve, reject }));
  }

  /** Which of these passages have no dot, since the map shows a sample. */
  missing(ids: readonly string[]): string[] {
    return this.#entries.length > 0 ? ids.filter((id) => !this.#dots.has(id)) : [];
  }

  /** Adds dots to the sample, those beyond its edges at them. */
  include({ entries, rows }: Vectors): void {
    for (const entry of entries) this.#dots.set(entry.id, this.#entries.push(entry) - 1);
    this.#tell({ include: batchOf(entries, rows) }, [rows.values.buffer]);
  }

  mark({ ids, query, topic }: Marked): void {
    this.#ranks = new Map(ids.map((id, index) => [id, index + 1]));
    const hits = ids.flatMap((id, index) => (this.#dots.has(id) ? [{ dot: this.#dots.get(id)!, rank: index + 1 }] : []));
    this.#tell({ marks: { hits, query: query && Float32Array.from(query), topic } });
    this.#describe();
  }

  /** The theme has changed. */
  recolour(): void {
    this.#colours = null;
    this.#tellLook();
  }

  #tell(order: Order, transfer: Transferable[] = []): void {
    this.#worker.postMessage(order, transfer);
  }

  #tellLook(): void {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const colours = (this.#colours ??= readColours(this.#canvas));
    this.#tell({ look: { width, height, scale: devicePixelRatio || 1, colours } });
    this.#select(none);
  }

  #onPlaced({ shown, places }: Answer): void {
    if (shown !== this.#shown) return;
    this.#places = places as Float32Array<ArrayBuffer>;
    if (this.#current !== none) this.#showTip(this.#current);
    this.#waiting?.resolve(true);
    this.#waiting = null;
  }

  #describe(): void {
    const topics = new Set(this.#entries.map(({ topic }) => topic)).size;
    const shown = `${plural(this.#dots.size, "passage")} of ${plural(topics, "topic")} on a map where near means alike`;
    const marked = [...this.#ranks.keys()].filter((id) => this.#dots.has(id)).length;
    const hits = marked > 0 ? `; ${plural(marked, "hit")} marked` : "";
    this.#canvas.setAttribute(
      "aria-label",
      `${shown}${hits}. Arrow keys walk through ${hits ? "the hits" : "the passages"}, Enter finds what is similar.`,
    );
  }

  #pointAt(x: number, y: number): void {
    let nearest = none;
    let best = reach ** 2;
    for (let dot = 0; dot * 2 < this.#places.length; dot++) {
      const distance = (this.#places[dot * 2]! - x) ** 2 + (this.#places[dot * 2 + 1]! - y) ** 2;
      if (distance - hitBonus >= best) continue;
      const away = distance - (this.#ranks.has(this.#entries[dot]!.id) ? hitBonus : 0);
      if (away < best) [nearest, best] = [dot, away];
    }
    this.#select(nearest);
  }

  #onKey(event: KeyboardEvent): void {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (by) this.#walk(by);
    else if (event.key === "Enter" && this.#current !== none) this.#onPick(this.#entries[this.#current]!);
    else return;
    event.preventDefault();
  }

  #walk(by: number): void {
    const hits = [...this.#ranks.keys()].flatMap((id) => this.#dots.get(id) ?? []);
    const stops = this.#ranks.size > 0 ? hits : [...this.#dots.values()];
    if (stops.length === 0) return;
    const at = stops.indexOf(this.#current);
    const next = stops[at < 0 ? (by > 0 ? 0 : stops.length - 1) : (at + by + stops.length) % stops.length]!;
    this.#select(next);
    byId("map-readout").textContent = this.#caption(next);
  }

  #select(dot: number): void {
    if (dot === this.#current) return;
    this.#current = dot;
    this.#canvas.classList.toggle("pointing", dot !== none);
    this.#showTip(dot);
    this.#tell({ current: dot });
  }

  /** A dot that was just added has no place yet: its tip is shown once it has. */
  #showTip(dot: number): void {
    const [x, y] = dot === none ? [] : this.#places.subarray(dot * 2, dot * 2 + 2);
    this.#tip.hidden = y === undefined;
    if (this.#tip.hidden) return;
    this.#tip.textContent = this.#caption(dot);
    const below = y! < this.#canvas.clientHeight / 2;
    this.#tip.style.setProperty("--x", `${Math.round((x! / this.#canvas.clientWidth) * 100)}%`);
    this.#tip.style.top = `${y! + (below ? 16 : -16)}px`;
    this.#tip.classList.toggle("below", below);
  }

  #caption(dot: number): string {
    const { id, title, source } = this.#entries[dot]!;
    const rank = this.#ranks.get(id);
    return `${rank ? `${rank}. ` : ""}${title} · ${sourceName(source)}`;
  }
}

function batchOf(entries: readonly Entry[], rows: Rows): Batch {
  return { rows, groups: entries.map(groupOf), topics: entries.map(({ topic }) => topic) };
}

/** Files of the reader's own are alike in their topic: their names tell more. */
function groupOf({ topic, source }: Entry): string {
  return topic === ownTopic ? sourceName(source) : topic;
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
