/**
 * Finds the records whose sparse vectors have the greatest dot products with a query: block-max MaxScore over windows of ordinals
 * (Turtle and Flood 1995; Ding and Suel 2011).
 *
 * A window is gone through with all terms before the next one. What a term can add there at most is known from the maxima of its
 * list. Terms that together cannot bring a record among the best found so far are weak: records that only they have are passed
 * over, and others are looked up in them, the strongest first, until it is clear that they cannot reach it.
 *
 * Invariant: the hits and scores are those of the plain evaluation. A score is 1 less the sum of the products in ascending order of
 * dimension, in float64, rounded to float32; a sum in another order only ever decides what is left out, with room for what it may be
 * off. Weights of either sign are right: what a term can add at most is never counted below nothing, since a record may lack it.
 */
import type { Bitmap } from "../../base/bitmap.js";
import type { Steps } from "../../base/steps.js";
import { EMPTY_LIST, STRIDE, type WeightedList } from "../../segment/weighted-list.js";
import type { BestHits } from "./best-hits.js";

/** A dimension of the query. */
export interface SparseTerm {
  weight: number;
  /** Ordinals ascend from one to the next, and those of one window are in one. */
  lists: readonly WeightedList[];
}

/** Ordinals gone through at once. */
const WINDOW = 4096;
/** Postings added up, or looked up, between two looks at the clock. */
const POSTINGS_PER_STEP = 32_768;
/** Postings that are added up in the time of looking one record up, about: measured on MIRACL, where less is worse than more. */
const LOOKUP_COST = 12;
/** What a float64 and a float32 may be off, as a share of it. */
const EPSILON_64 = 2 ** -52;
const EPSILON_32 = 2 ** -23;

/** Offers every allowed record that shares a dimension with the query and may be among the best. Terms ascend by dimension. */
export function* searchSparse(terms: readonly SparseTerm[], allowed: Bitmap, best: BestHits): Steps<void> {
  const cursors = terms.map((term) => new Cursor(term));
  const magnitude = cursors.reduce((sum, cursor) => sum + cursor.magnitude, 1);
  const window = new Window(allowed, best, magnitude * (terms.length + 4) * EPSILON_64);
  for (;;) {
    const head = cursors.reduce((least, cursor) => Math.min(least, cursor.head), Infinity);
    if (head === Infinity) return;
    const start = Math.floor(head / WINDOW) * WINDOW;
    for (const cursor of cursors) cursor.enter(start + WINDOW);
    yield* window.read(
      start,
      cursors.filter(({ from, to }) => from < to),
    );
    yield;
  }
}

/** Where a term is. */
class Cursor {
  readonly weight: number;
  /** The greatest product of all, without its sign. */
  readonly magnitude: number;
  readonly #lists: readonly WeightedList[];
  #at = 0;
  list: WeightedList;
  /** The postings of the window. */
  from = 0;
  to = 0;
  /** What the term adds to a record of the window at most. */
  bound = 0;

  constructor({ weight, lists }: SparseTerm) {
    this.weight = weight;
    this.#lists = lists;
    this.list = lists[0] ?? EMPTY_LIST;
    this.magnitude = lists.reduce((most, list) => Math.max(most, magnitudeOf(weight, list)), 0);
  }

  /** The first ordinal behind the window. */
  get head(): number {
    while (this.to === this.list.ordinals.length && this.#at + 1 < this.#lists.length) {
      this.list = this.#lists[++this.#at]!;
      this.to = 0;
    }
    return this.list.ordinals[this.to] ?? Infinity;
  }

  /** Goes on to the window that ends before this ordinal. */
  enter(end: number): void {
    const { ordinals } = this.list;
    this.from = this.to;
    this.to = firstFrom(ordinals, end, this.from, Math.min(ordinals.length, this.from + WINDOW));
    this.bound = this.from === this.to ? 0 : Math.max(0, this.weight * this.#extreme());
  }

  /** The weight of the window that adds most, or one that adds more. */
  #extreme(): number {
    if (this.weight < 0) return this.list.least;
    let most = -Infinity;
    const last = Math.floor((this.to - 1) / STRIDE);
    for (let stretch = Math.floor(this.from / STRIDE); stretch <= last; stretch++) most = Math.max(most, this.list.maxima[stretch]!);
    return most;
  }

  /** What the term adds to a record of the window. */
  productAt(ordinal: number): number {
    const at = firstFrom(this.list.ordinals, ordinal, this.from, this.to);
    return at < this.to && this.list.ordinals[at] === ordinal ? this.weight * this.list.weights[at]! : 0;
  }
}

class Window {
  readonly #allowed: Bitmap;
  readonly #best: BestHits;
  /** What sums in two orders may differ by. */
  readonly #slack: number;
  readonly #sums = new Float64Array(WINDOW);
  /** Records that have a sum, one bit each. */
  readonly #touched = new Uint32Array(WINDOW / 32);

  constructor(allowed: Bitmap, best: BestHits, slack: number) {
    this.#allowed = allowed;
    this.#best = best;
    this.#slack = slack;
  }

  *read(start: number, terms: readonly Cursor[]): Steps<void> {
    const threshold = this.#threshold;
    const candidates = weakTerms(terms, threshold);
    if (candidates.length === terms.length) return;
    const weak = isWorthIt(candidates, terms) ? candidates : [];
    yield* this.#addUp(start, weak.length === 0 ? terms : terms.filter((term) => !weak.includes(term)));
    const rest = sumsFromEnd(weak);
    const judge = (ordinal: number, sum: number): void => {
      if (weak.length === 0) this.#offer(ordinal, sum);
      else if (canReach(threshold, ordinal, sum, weak, rest)) this.#offer(ordinal, dotAt(ordinal, terms));
    };
    let lookups = 0;
    for (let word = 0; word < this.#touched.length; word++) {
      this.#takeWord(start, word, judge);
      if ((lookups += 32 * weak.length) < POSTINGS_PER_STEP) continue;
      lookups = 0;
      yield;
    }
  }

  /** A record whose dot product is below this is not among the best. */
  get #threshold(): number {
    const { bound } = this.#best;
    return 1 - bound - Math.abs(bound) * EPSILON_32 - this.#slack;
  }

  #offer(ordinal: number, dot: number): void {
    const score = Math.fround(1 - dot);
    if (score <= this.#best.bound) this.#best.offer(ordinal, score);
  }

  *#addUp(start: number, terms: readonly Cursor[]): Steps<void> {
    let postings = 0;
    for (const { list, from, to, weight } of terms) {
      if ((postings += to - from) > POSTINGS_PER_STEP) {
        postings = 0;
        yield;
      }
      this.#add(start, list, from, to, weight);
    }
  }

  #add(start: number, { ordinals, weights }: WeightedList, from: number, to: number, weight: number): void {
    const allowed = this.#allowed.words;
    for (let i = from; i < to; i++) {
      const ordinal = ordinals[i]!;
      if ((((allowed[ordinal >>> 5] ?? 0) >>> (ordinal & 31)) & 1) === 0) continue;
      const slot = ordinal - start;
      this.#sums[slot]! += weight * weights[i]!;
      this.#touched[slot >>> 5]! |= 1 << (slot & 31);
    }
  }

  /** Tells of 32 records, those that have a sum, and clears it. */
  #takeWord(start: number, word: number, tell: (ordinal: number, sum: number) => void): void {
    for (let bits = this.#touched[word]!; bits !== 0; bits &= bits - 1) {
      const slot = word * 32 + 31 - Math.clz32(bits & -bits);
      const sum = this.#sums[slot]!;
      this.#sums[slot] = 0;
      tell(start + slot, sum);
    }
    this.#touched[word] = 0;
  }
}

/** As many terms as together stay below the threshold, the strongest first. */
function weakTerms(terms: readonly Cursor[], threshold: number): Cursor[] {
  const weakest = terms.toSorted((a, b) => a.bound - b.bound);
  let sum = 0;
  const strong = weakest.findIndex(({ bound }) => !((sum += bound) < threshold));
  return weakest.slice(0, strong === -1 ? terms.length : strong).reverse();
}

/** Whether looking records up in the weak terms costs less than to add these up as well. */
function isWorthIt(weak: readonly Cursor[], terms: readonly Cursor[]): boolean {
  const weakPostings = postingsOf(weak);
  return weakPostings > LOOKUP_COST * (postingsOf(terms) - weakPostings);
}

function postingsOf(terms: readonly Cursor[]): number {
  return terms.reduce((sum, { from, to }) => sum + to - from, 0);
}

/** What each term and those after it add at most. */
function sumsFromEnd(terms: readonly Cursor[]): Float64Array {
  const sums = new Float64Array(terms.length);
  for (let i = terms.length - 1, sum = 0; i >= 0; i--) sums[i] = sum += terms[i]!.bound;
  return sums;
}

/** Whether the weak terms may bring a record with this sum of the others to the threshold. */
function canReach(threshold: number, ordinal: number, sum: number, weak: readonly Cursor[], rest: Float64Array): boolean {
  for (let i = 0; i < weak.length; i++) {
    if (sum + rest[i]! < threshold) return false;
    sum += weak[i]!.productAt(ordinal);
  }
  return !(sum < threshold);
}

function dotAt(ordinal: number, terms: readonly Cursor[]): number {
  let dot = 0;
  for (const term of terms) dot += term.productAt(ordinal);
  return dot;
}

function magnitudeOf(weight: number, { maxima, least }: WeightedList): number {
  return Math.abs(weight) * maxima.reduce((most, max) => Math.max(most, Math.abs(max)), Math.abs(least));
}

/** The first place between two whose ordinal is this one or a later one. */
function firstFrom(ordinals: Uint32Array, ordinal: number, from: number, to: number): number {
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (ordinals[middle]! < ordinal) from = middle + 1;
    else to = middle;
  }
  return from;
}
