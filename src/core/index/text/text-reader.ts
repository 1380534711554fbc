/**
 * What a search reads: the documents of a part of a text index by their position in it, and the postings of terms. Where they lie, in
 * memory or in blocks, is the reader's business.
 *
 * Positions ascend from 0 in the order in which documents were put in. What was changed or deleted since is **hidden**: it counts
 * nowhere. Postings of a term are those of all its occurrences; beside them are those of each form that differs from the term, so that
 * the documents of a term are counted once, however it is written in them.
 */
import type { Bitmap } from "../../base/bitmap.js";
import type { Tick } from "../../base/turns.js";

/** Documents that are not hidden, by ascending position, and how often each has a term. Whoever is given them may change them. */
export interface Postings {
  positions: Uint32Array;
  frequencies: Float32Array;
}

/** What is known of a term once its postings are there. */
export interface TermPostings {
  /** Forms that differ from the term; of some all documents may be hidden. */
  readonly forms: readonly string[];
  /** The postings of a form; `null`: of the term, in whatever form. */
  postings(form: string | null): Postings;
  /**
   * Adds to the frequencies of documents, all of them or a few, so much for each occurrence in a form, without making a list of
   * those that have it; `null`: in whatever form. None of the documents is hidden. Returns how many postings were passed.
   */
  addTo(documents: Postings, form: string | null, share: number): number;
}

/** A term as it is found; its postings are brought when they are wanted. */
export interface TermEntry {
  readonly term: string;
  load(): Promise<TermPostings>;
}

/** Documents at neighbouring positions, `start` and after. */
export interface DocumentRun {
  start: number;
  ordinals: Uint32Array;
  /** How many words each has. */
  words: Uint32Array;
}

export interface TextReader {
  /** Documents, and words in all of them, without the hidden ones. */
  readonly documents: number;
  readonly words: number;
  /** One past the last position. */
  readonly end: number;
  readonly hidden: Bitmap;
  get(term: string): Promise<TermEntry | null>;
  /** Terms that begin so, ascending by code unit. */
  beginning(prefix: string, tick: Tick): AsyncGenerator<TermEntry, void, undefined>;
  /** Tells of each other term within so many edits of the word, 1 or more. */
  near(word: string, distanceMax: number, visit: (entry: TermEntry, distance: number) => void, tick: Tick): Promise<void>;
  /** The run that a position is in. */
  documentsAt(position: number): Promise<DocumentRun>;
  /** Positions of those of the ordinals, which ascend, that are here and not hidden. */
  find(ordinals: Uint32Array): Promise<Map<number, number>>;
}

/** What it takes to walk through all of a reader: documents by position, and terms. */
export type TextWalk = Pick<TextReader, "end" | "hidden" | "beginning" | "documentsAt">;

export const noPostings: Postings = { positions: new Uint32Array(0), frequencies: new Float32Array(0) };
