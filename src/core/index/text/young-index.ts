/**
 * A text index in memory, which documents are put into: what is newer than the segments (`segment/text-segment.ts`), and what is to
 * become one. Its terms are in a map, and in MiniSearch's radix tree once somebody walks through them; a text leads to them by its
 * stretches (`stretches.ts`).
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
import { type Analyzer, defaultAnalyzer } from "./analyzer.js";
import { nearTerms, type TermTree } from "./near-terms.js";
import { PostingLists } from "./posting-lists.js";
import { KnownStretches, Stretches } from "./stretches.js";
import { type DocumentRun, noPostings, type TermEntry, type TermPostings, type TextReader, type TextWalk } from "./text-reader.js";

/** Tokens of a document put in between two steps, and how many of them a stretch that is not known counts as. */
const TOKENS_PER_STEP = 4096;
const TOKENS_OF_NEW = 16;
/** Terms walked between two ticks. */
const TERMS_PER_TICK = 512;
/** What a heap was seen to grow by: a term or a form, and its place in the tree; a document. */
const BYTES_PER_TERM = 120;
const BYTES_PER_DOCUMENT = 60;

/** Which positions are told of. */
type Shown = Pick<TextReader, "hidden" | "end">;

/** The lists of a term: of all its occurrences, and of each form that differs from it. */
interface YoungTerm {
  readonly list: number;
  forms: Map<string, number> | null;
}

export class YoungIndex implements TextReader {
  readonly hidden = new Bitmap();
  documents = 0;
  words = 0;
  readonly #analyzer: Analyzer;
  readonly #terms = new Map<string, YoungTerm>();
  /** The terms once more, to walk through them in their order or find near ones; the way to a place in it is long. */
  readonly #tree = new SearchableMap<YoungTerm>();
  /** Those that are not in the tree yet: whole words are found without it. */
  readonly #newTerms: string[] = [];
  readonly #lists = new PostingLists();
  /** Of each: how many words it has, and the lists of its tokens. */
  readonly #stretches = new KnownStretches();
  /** Where each ordinal is found. */
  readonly #positions = new Map<number, number>();
  #ordinals = new Uint32Array(64);
  #wordCounts = new Uint32Array(64);
  #end = 0;

  constructor(analyzer: Analyzer = defaultAnalyzer) {
    this.#analyzer = analyzer;
  }

  get end(): number {
    return this.#end;
  }

  /** Bytes of memory held: estimated. */
  get bytes(): number {
    const { bytes, count } = this.#lists;
    return bytes + count * BYTES_PER_TERM + this.#end * BYTES_PER_DOCUMENT + this.#stretches.bytes;
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
    let isFirst = true;
    for (const piece of piecesOf(document)) {
      if (!isFirst) yield;
      isFirst = false;
      yield* this.#read(piece, position);
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

  /** Puts the tokens of a text at a position. */
  *#read(text: string, position: number): Steps<void> {
    const [stretches, known, lists] = [new Stretches(text), this.#stretches, this.#lists];
    let work = 0;
    while (stretches.next()) {
      const which = known.find(text, stretches);
      if (which < 0) {
        work += TOKENS_OF_NEW * this.#readNew(text, stretches, position);
      } else {
        const { numbers } = known;
        const [first, end] = [known.first(which), known.end(which)];
        this.#wordCounts[position]! += numbers[first]!;
        for (let i = first + 1; i < end; i++) lists.increment(numbers[i]!, position);
        work += end - first;
      }
      if (work < TOKENS_PER_STEP) continue;
      work = 0;
      yield;
    }
  }

  /** Those of a stretch that is not known; returns how many they are. */
  #readNew(text: string, stretch: Stretches, position: number): number {
    const numbers = [0];
    for (const { term, form, kind } of this.#analyzer.analyze(text.slice(stretch.start, stretch.end))) {
      if (kind === "word") numbers[0]!++;
      const data = this.#terms.get(term) ?? this.#newTerm(term);
      numbers.push(data.list);
      if (form !== term) numbers.push(this.#formOf(data, form));
    }
    this.#wordCounts[position]! += numbers[0]!;
    for (let i = 1; i < numbers.length; i++) this.#lists.increment(numbers[i]!, position);
    this.#stretches.add(text, stretch, numbers);
    return numbers.length;
  }

  #newTerm(term: string): YoungTerm {
    const data: YoungTerm = { list: this.#lists.add(), forms: null };
    this.#terms.set(term, data);
    this.#newTerms.push(term);
    return data;
  }

  #formOf(data: YoungTerm, form: string): number {
    data.forms ??= new Map();
    let list = data.forms.get(form);
    if (list === undefined) data.forms.set(form, (list = this.#lists.add()));
    return list;
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
    const data = this.#terms.get(term);
    return data === undefined ? null : this.#entry(term, data, this);
  }

  beginning(prefix: string, tick: Tick): AsyncGenerator<TermEntry, void, undefined> {
    return this.#walk(prefix, this, tick);
  }

  async *#walk(prefix: string, of: Shown, tick: Tick): AsyncGenerator<TermEntry, void, undefined> {
    const below = (await this.#grownTree(tick)).atPrefix(prefix);
    const { _tree: tree, _prefix: start } = below as unknown as { _tree: TermTree<YoungTerm>; _prefix: string };
    let walked = 0;
    for (const [term, data] of ascending(tree, start)) {
      yield this.#entry(term, data, of);
      if (++walked % TERMS_PER_TICK === 0) await tick();
    }
  }

  async near(word: string, distanceMax: number, visit: (entry: TermEntry, distance: number) => void, tick: Tick): Promise<void> {
    const { _tree: tree } = (await this.#grownTree(tick)) as unknown as { _tree: TermTree<YoungTerm> };
    await inTurns(
      nearTerms(tree, word, distanceMax, (term, data, distance) => visit(this.#entry(term, data, this), distance)),
      tick,
    );
  }

  /** The tree with all terms. */
  async #grownTree(tick: Tick): Promise<SearchableMap<YoungTerm>> {
    while (this.#newTerms.length > 0) {
      for (const term of this.#newTerms.splice(-TERMS_PER_TICK)) this.#tree.set(term, this.#terms.get(term)!);
      await tick();
    }
    return this.#tree;
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

  #loaded({ list: all, forms }: YoungTerm, { hidden, end }: Shown): TermPostings {
    const listOf = (form: string | null) => (form === null ? all : forms?.get(form));
    return {
      forms: forms === null ? [] : [...forms.keys()],
      postings: (form) => {
        const list = listOf(form);
        return list === undefined ? noPostings : this.#lists.read(list, hidden, end);
      },
      addTo: (documents, form, share) => {
        const list = listOf(form);
        return list === undefined ? 0 : this.#lists.addTo(documents, list, share);
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

function doubled(values: Uint32Array): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(values.length * 2);
  grown.set(values);
  return grown;
}
