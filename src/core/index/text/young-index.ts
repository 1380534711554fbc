/**
 * A text index in memory, which documents are put into: what is newer than the segments (`segment/text-segment.ts`), and what is to
 * become one. Its terms are in MiniSearch's radix tree.
 *
 * Nothing is ever taken out. A document that is replaced or deleted is hidden, and whoever finds too much hidden begins anew. A
 * document whose insertion is left halfway stays hidden.
 *
 * Invariants: an ordinal has at most one position that is not hidden; postings ascend by position, as a document is put in behind all
 * others; nothing is put in while another document is halfway in.
 */
import SearchableMap from "minisearch/SearchableMap";
import { Bitmap } from "../../base/bitmap.js";
import { inTurns, type Steps } from "../../base/steps.js";
import { piecesOf } from "../../base/text-pieces.js";
import type { Tick } from "../../base/turns.js";
import { type Analyzer, defaultAnalyzer, type Token } from "./analyzer.js";
import { nearTerms, type TermTree } from "./near-terms.js";
import {
  type DocumentRun,
  noPostings,
  type Postings,
  type TermEntry,
  type TermPostings,
  type TextReader,
  type TextWalk,
} from "./text-reader.js";

/** Tokens of a document put in between two steps. */
const TOKENS_PER_STEP = 2048;
/** Terms walked between two ticks. */
const TERMS_PER_TICK = 512;
/** What a heap was seen to grow by: two numbers for a posting, with room to grow; lists, and their places in the tree; a document. */
const BYTES_PER_POSTING = 14;
const BYTES_PER_LIST = 120;
const BYTES_PER_DOCUMENT = 60;

/** Positions and frequencies in turn. */
type List = number[];

/** Which positions are told of. */
type Shown = Pick<TextReader, "hidden" | "end">;

class YoungTerm {
  readonly all: List = [];
  forms: Map<string, List> | null = null;
}

export class YoungIndex implements TextReader {
  readonly hidden = new Bitmap();
  documents = 0;
  words = 0;
  readonly #analyzer: Analyzer;
  readonly #terms = new SearchableMap<YoungTerm>();
  /** The tree's terms once more: a text mostly has known ones, and the way down the tree to each is long. */
  readonly #known = new Map<string, YoungTerm>();
  /** Where each ordinal is found. */
  readonly #positions = new Map<number, number>();
  #ordinals = new Uint32Array(64);
  #wordCounts = new Uint32Array(64);
  #end = 0;
  #postings = 0;
  #lists = 0;

  constructor(analyzer: Analyzer = defaultAnalyzer) {
    this.#analyzer = analyzer;
  }

  get end(): number {
    return this.#end;
  }

  /** Bytes of memory held: estimated. */
  get bytes(): number {
    return this.#postings * BYTES_PER_POSTING + this.#lists * BYTES_PER_LIST + this.#end * BYTES_PER_DOCUMENT;
  }

  has(ordinal: number): boolean {
    return this.#positions.has(ordinal);
  }

  /** Puts a document in place of the one before, if any; `null` removes it. */
  *set(ordinal: number, document: string | null): Steps<void> {
    this.hide(ordinal);
    if (document !== null) yield* this.#insert(ordinal, document);
  }

  hide(ordinal: number): void {
    const position = this.#positions.get(ordinal);
    if (position === undefined) return;
    this.#positions.delete(ordinal);
    this.hidden.add(position);
    this.documents--;
    this.words -= this.#wordCounts[position]!;
  }

  *#insert(ordinal: number, document: string): Steps<void> {
    const position = this.#admit(ordinal);
    let tokens = 0;
    for (const piece of piecesOf(document)) {
      if (tokens > 0) yield;
      for (const token of this.#analyzer.analyze(piece)) {
        this.#count(token, position);
        if (++tokens % TOKENS_PER_STEP === 0) yield;
      }
    }
    this.hidden.delete(position);
    this.#positions.set(ordinal, position);
    this.documents++;
    this.words += this.#wordCounts[position]!;
  }

  /** A position for a document, hidden until all of it is there. */
  #admit(ordinal: number): number {
    const position = this.#end++;
    if (position === this.#ordinals.length) {
      this.#ordinals = doubled(this.#ordinals);
      this.#wordCounts = doubled(this.#wordCounts);
    }
    this.#ordinals[position] = ordinal;
    this.hidden.add(position);
    return position;
  }

  #count({ term, form, kind }: Token, position: number): void {
    if (kind === "word") this.#wordCounts[position]!++;
    const data = this.#known.get(term) ?? this.#newTerm(term);
    this.#increment(data.all, position);
    if (form === term) return;
    data.forms ??= new Map();
    let list = data.forms.get(form);
    if (list === undefined) {
      data.forms.set(form, (list = []));
      this.#lists++;
    }
    this.#increment(list, position);
  }

  #newTerm(term: string): YoungTerm {
    this.#lists++;
    const data = new YoungTerm();
    this.#terms.set(term, data);
    this.#known.set(term, data);
    return data;
  }

  #increment(list: List, position: number): void {
    const last = list.length - 2;
    if (list[last] === position) list[last + 1]!++;
    else {
      list.push(position, 1);
      this.#postings++;
    }
  }

  // ---- reading

  /**
   * What there is of these ordinals, for a walk that takes its time: nothing put in or hidden later is seen. Documents that were not
   * put in by ascending ordinals are left out.
   */
  asOfNow(wanted: Bitmap): { ordinals: Bitmap; documents: TextWalk } {
    const end = this.#end;
    const [ordinals, hidden] = [new Bitmap(), new Bitmap(end)];
    let last = -1;
    for (let position = 0; position < end; position++) {
      const ordinal = this.#ordinals[position]!;
      if (this.hidden.has(position) || ordinal < last || !wanted.has(ordinal)) hidden.add(position);
      else ordinals.add((last = ordinal));
    }
    const beginning = (prefix: string, tick: Tick) => this.#walk(prefix, { hidden, end }, tick);
    return { ordinals, documents: { end, hidden, beginning, documentsAt: async () => this.#run(end) } };
  }

  async get(term: string): Promise<TermEntry | null> {
    const data = this.#known.get(term);
    return data === undefined ? null : this.#entry(term, data, this);
  }

  beginning(prefix: string, tick: Tick): AsyncGenerator<TermEntry, void, undefined> {
    return this.#walk(prefix, this, tick);
  }

  async *#walk(prefix: string, of: Shown, tick: Tick): AsyncGenerator<TermEntry, void, undefined> {
    const { _tree: tree, _prefix: start } = this.#terms.atPrefix(prefix) as unknown as { _tree: TermTree<YoungTerm>; _prefix: string };
    let walked = 0;
    for (const [term, data] of ascending(tree, start)) {
      yield this.#entry(term, data, of);
      if (++walked % TERMS_PER_TICK === 0) await tick();
    }
  }

  async near(word: string, distanceMax: number, visit: (entry: TermEntry, distance: number) => void, tick: Tick): Promise<void> {
    const { _tree: tree } = this.#terms as unknown as { _tree: TermTree<YoungTerm> };
    await inTurns(
      nearTerms(tree, word, distanceMax, (term, data, distance) => visit(this.#entry(term, data, this), distance)),
      tick,
    );
  }

  async documentsAt(): Promise<DocumentRun> {
    return this.#run(this.#end);
  }

  #run(end: number): DocumentRun {
    return { start: 0, ordinals: this.#ordinals.subarray(0, end), words: this.#wordCounts.subarray(0, end) };
  }

  async find(ordinals: Uint32Array): Promise<Map<number, number>> {
    const found = new Map<number, number>();
    for (const ordinal of ordinals) {
      const position = this.#positions.get(ordinal);
      if (position !== undefined) found.set(ordinal, position);
    }
    return found;
  }

  #entry(term: string, data: YoungTerm, of: Shown): TermEntry {
    return { term, load: async () => this.#loaded(data, of) };
  }

  #loaded({ all, forms }: YoungTerm, { hidden, end }: Shown): TermPostings {
    return {
      forms: forms === null ? [] : [...forms.keys()],
      postings: (form) => {
        const list = form === null ? all : forms?.get(form);
        return list === undefined ? noPostings : shown(list, hidden, end);
      },
    };
  }
}

/** Terms of a tree below a prefix, by code unit. Edges from one node begin with different letters. */
function* ascending<V>(tree: TermTree<V>, prefix: string): Generator<[term: string, value: V], void, undefined> {
  const open: [path: string, below: V | TermTree<V>][] = [[prefix, tree]];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const [path, below] = at;
    if (!(below instanceof Map)) yield [path, below];
    else for (const edge of [...below.keys()].sort().reverse()) open.push([path + edge, below.get(edge)!]);
  }
}

function shown(list: List, hidden: Bitmap, end: number): Postings {
  const positions = new Uint32Array(list.length / 2);
  const frequencies = new Float32Array(list.length / 2);
  let count = 0;
  for (let i = 0; i < list.length && list[i]! < end; i += 2) {
    if (hidden.has(list[i]!)) continue;
    positions[count] = list[i]!;
    frequencies[count++] = list[i + 1]!;
  }
  return { positions: positions.subarray(0, count), frequencies: frequencies.subarray(0, count) };
}

function doubled(values: Uint32Array): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(values.length * 2);
  grown.set(values);
  return grown;
}
