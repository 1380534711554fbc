/** What the page tells the worker that draws the map, and what that answers. Orders are obeyed one after the other. */
import type { Rows } from "./principal-axes.js";

/** Vectors, each with the group whose name may stand on the map, and with the topic that gives it a colour. */
export interface Batch {
  rows: Rows;
  groups: string[];
  topics: string[];
}

export interface Look {
  /** Of the map, in CSS pixels, and how many of the screen's there are in one. */
  width: number;
  height: number;
  scale: number;
  colours: Colours;
}

export interface Colours {
  /** By the number of a topic. */
  topics: string[];
  surface: string;
  ground: string;
  ink: string;
}

/** What was asked, and what was found: dots by their numbers. */
export interface Marks {
  hits: { dot: number; rank: number }[];
  /** The query's vector; null where there is none. */
  query: Float32Array | null;
  /** Dots of other topics are drawn pale; the empty string is all topics. */
  topic: string;
}

export type Order =
  | { canvas: OffscreenCanvas }
  | { look: Look }
  /** Forgets what was gathered. */
  | { begin: true }
  /** Collects what the next `show` shows. */
  | { gather: Batch }
  /** Draws what was gathered; answers tell the number. */
  | { show: number }
  /** Adds dots to those that are shown. */
  | { include: Batch }
  | { marks: Marks }
  /** The dot that is pointed at; -1 is none. */
  | { current: number };

export interface Answer {
  shown: number;
  /** `x, y` of each dot in CSS pixels, one after the other. */
  places: Float32Array;
}
