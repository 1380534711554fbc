/**
 * The text index of one collection: documents by ordinal, ranked by BM25. It is MiniSearch with one field, used where its
 * public surface is enough and extended through its protected members where it is not:
 *
 * - Ranking is plain BM25 (k1 1.2, b 0.75, no lower bound, length in tokens, a query term counted as often as it occurs).
 *   MiniSearch's own defaults — length in distinct terms, d 0.5, and the score multiplied by the number of query terms
 *   matched — rank worse on every public set measured (scifact .630 against .668 nDCG@10).
 * - A term has its postings, and beside them those of each form that differs from it (`analyzer.ts`): an occurrence in another form
 *   than the query's counts half. Wholes, parts and pairs of a query count less than its words.
 * - A replaced or deleted document leaves dead postings behind. They are removed from the terms of a query before it
 *   runs, so a score never depends on the history of the index, and from all terms by `vacuum`.
 * - Saving, loading and vacuuming work in slices with `tick` between, instead of one long JSON. So do searching and putting a
 *   document in: their work is cut into steps of bounded size, whatever the query, the document and the index. Meanwhile nothing
 *   else may change the index.
 *
 * Invariants: MiniSearch's ids are ours (ordinals); its short ids are never reused, so a dead posting cannot come to life;
 * the tree of terms gains no term while it is being walked. `layout` is MiniSearch's serialisation version, which stands
 * for its inner layout: a test fails when the library changes it.
 */

import MiniSearch from "minisearch";
import { Bitmap } from "../../base/bitmap.js";
import type { Steps } from "../../base/steps.js";
import { piecesOf } from "../../base/text-pieces.js";
import type { Tick } from "../../base/turns.js";
import { TidepoolError } from "../../errors.js";
import { type Analyzer, defaultAnalyzer, type Token } from "./analyzer.js";
import { holdsPhrase, wordsOf } from "./clauses.js";
import { nearTerms, type TermTree } from "./near-terms.js";
import { DOCUMENTS, damagedPiece, entryPostingsMax, HEADER, PieceReader, PieceWriter, TERMS } from "./pieces.js";
import { Synonyms } from "./synonyms.js";
import {
  countTokens,
  emptyTerm,
  FIELD,
  FORM_MARK,
  formOf,
  formsIn,
  increment,
  otherForms,
  type Postings,
  purge,
  type TermData,
} from "./term-data.js";
import { parseQuery, type QueryTerm, type TextSearchOptions } from "./text-query.js";

/** MiniSearch's serialisation version and the version of our pieces, as one number. */
export const LAYOUT = 2_02;
/** What MiniSearch was seen to take: 81 MB for 49,043 documents of 1.3 million tokens. */
const BYTES_PER_TOKEN = 55;
const BYTES_PER_DOCUMENT = 200;
/** Entries of one slice between two calls of `tick`. */
const SLICE = 4096;
/** Tokens of a document put in between two yields. */
const TOKENS_PER_STEP = 2048;
/** What a longer and what a near term count beside the term itself, as in MiniSearch. */
const PREFIX_WEIGHT = 0.375;
const FUZZY_WEIGHT = 0.45;
/** What an occurrence counts that is written in another form than the query's. */
const OTHER_FORM_WEIGHT = 0.5;
/** A frequency is packed beside a position into a double; beyond this it makes no difference to a score. */
const FREQUENCY_MAX = 2 ** 21 - 1;

/** Best first; equal scores in order of insertion. */
export interface TextHits {
  ordinals: Uint32Array;
  scores: Float64Array;
  /** For each hit, the document's terms that matched, in code-unit order. */
  terms: string[][];
}

/** A term of the index, and in how many documents it is. */
export interface KnownTerm {
  term: string;
  documents: number;
}

export interface NearOptions {
  /** Terms that begin with the one asked for, too. */
  prefix: boolean;
  /** Terms at most so many edits away from it; 0–6. */
  editDistance: number;
}

/** A term of the index that a query's term stands for, and how much that counts. */
interface Match {
  term: string;
  weight: number;
  data: TermData;
  /** Occurrences in other forms count less; `null`: all forms are alike. */
  form: string | null;
}

export class TextIndex {
  readonly #index: RankedIndex;
  readonly #analyzer: Analyzer;
  #synonyms: { groups: TextSearchOptions["synonyms"]; synonyms: Synonyms } | null = null;

  constructor(analyzer: Analyzer = defaultAnalyzer) {
    this.#analyzer = analyzer;
    this.#index = new RankedIndex(analyzer);
  }

  /** Documents in the index. */
  get documentCount(): number {
    return this.#index.documentCount;
  }

  /** Bytes of memory held: estimated from the number of tokens and documents. */
  get bytes(): number {
    return this.#index.tokenCount * BYTES_PER_TOKEN + this.documentCount * BYTES_PER_DOCUMENT;
  }

  /** Share of the documents ever added since the last vacuum that are dead. */
  get deadShare(): number {
    return this.#index.dirtFactor;
  }

  has(ordinal: number): boolean {
    return this.#index.has(ordinal);
  }

  /** Puts a document in place of the one before, if any; `null` removes it. What is left halfway leaves no document. */
  *set(ordinal: number, document: string | null): Steps<void> {
    this.delete(ordinal);
    if (document !== null) yield* this.#index.insert(ordinal, document);
  }

  delete(ordinal: number): void {
    if (this.#index.has(ordinal)) this.#index.drop(ordinal);
  }

  *search(text: string, options: TextSearchOptions): Steps<TextHits> {
    const query = parseQuery(this.#analyzer, text, options, this.#synonymsOf(options.synonyms));
    const best = new Best(options.nResults);
    if (query.length === 0 || options.nResults === 0) return toHits([]);
    return toHits(yield* this.#index.rank(query, options.allowed, best));
  }

  /** Documents that have each of the words, in whatever form; `null` where there is no word. */
  *holders(text: string): Steps<Bitmap | null> {
    const words = new Set(wordsOf(this.#analyzer, text));
    return words.size === 0 ? null : yield* this.#index.holders([...words]);
  }

  /** Terms of the index that may have been meant by one, itself among them where it is in a document; in no order. */
  *near(term: string, options: NearOptions): Steps<KnownTerm[]> {
    return yield* this.#index.near(term, options);
  }

  /** Whether the words of the phrase follow each other in the document. */
  *holdsPhrase(document: string | null, phrase: string): Steps<boolean> {
    return document !== null && (yield* holdsPhrase(this.#analyzer, document, phrase));
  }

  /** Analyzed once, as long as the groups are those of the search before. */
  #synonymsOf(groups: TextSearchOptions["synonyms"]): Synonyms | null {
    if (groups === undefined) return null;
    if (this.#synonyms?.groups !== groups) this.#synonyms = { groups, synonyms: new Synonyms(this.#analyzer, groups) };
    return this.#synonyms.synonyms;
  }

  /** Removes what dead documents left behind. */
  vacuum(tick: Tick): Promise<void> {
    return this.#index.purgeAll(tick);
  }

  /** Pieces of at most 1 MiB (grammar in `pieces.ts`). The index must not gain documents before it is through. */
  serialize(tick: Tick): AsyncGenerator<Uint8Array, void, undefined> {
    return this.#index.serialize(tick);
  }

  /** How many words the index has of each document, for `matches`. */
  wordCounts(tick: Tick): Promise<ReadonlyMap<number, number>> {
    return this.#index.wordCounts(tick);
  }

  /** Whether what the index has of an ordinal is this document, and no word more. */
  matches(ordinal: number, document: string | null, wordCounts: ReadonlyMap<number, number>): boolean {
    return document === null ? !this.has(ordinal) : this.#index.matches(ordinal, document, wordCounts);
  }

  /** `null` when the pieces are of another layout or another analyzer: the index is then to be built anew. */
  static async load(
    pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    tick: Tick,
    analyzer: Analyzer = defaultAnalyzer,
  ): Promise<TextIndex | null> {
    const index = new TextIndex(analyzer);
    return (await index.#index.load(pieces, tick)) ? index : null;
  }
}

class RankedIndex extends MiniSearch {
  readonly #analyzer: Analyzer;
  #totalLength = 0;
  #walks = 0;

  constructor(analyzer: Analyzer) {
    super({ fields: ["text"], autoVacuum: false });
    this.#analyzer = analyzer;
  }

  /** Of the documents in the index. */
  get tokenCount(): number {
    return this.#totalLength;
  }

  *insert(ordinal: number, text: string): Steps<void> {
    if (this.#walks > 0) throw new TidepoolError("INTERNAL", `The text index was changed at ordinal ${ordinal} while it was being walked`);
    const shortId = this.#admit(ordinal);
    let words = 0;
    let tokens = 0;
    let complete = false;
    try {
      for (const piece of piecesOf(text)) {
        if (tokens > 0) yield;
        for (const token of this.#analyzer.analyze(piece)) {
          this.#count(token, shortId);
          if (token.kind === "word") words++;
          if (++tokens % TOKENS_PER_STEP === 0) yield;
        }
      }
      complete = true;
    } finally {
      this.#setLength(shortId, words);
      if (!complete) this.drop(ordinal);
    }
  }

  #count({ term, form }: Token, shortId: number): void {
    const data = this._index.fetch(term, emptyTerm) as TermData;
    increment(data.get(FIELD)!, shortId);
    if (form !== term) increment(formOf(data, form), shortId);
  }

  drop(ordinal: number): void {
    this.#totalLength -= this._fieldLength.get(this._idToShortId.get(ordinal)!)![FIELD]!;
    this.discard(ordinal);
  }

  /** The best of the allowed documents that have one of the query's terms, or of those near them. */
  *rank(query: readonly QueryTerm[], allowed: Bitmap, best: Best): Steps<Hit[]> {
    const scores = new Scores(this._nextId, (shortId) => allowed.has(this._documentIds.get(shortId) as number));
    const matched = new Map<string, TermData>();
    let work = 0;
    for (const asked of query) {
      for (const match of yield* this.#matches(asked)) {
        matched.set(match.term, match.data);
        const scoreOf = yield* this.#scorer(match);
        for (const [shortId, frequency] of match.data.get(FIELD)!) {
          if (++work % SLICE === 0) yield;
          if (scores.counts(shortId)) scores.add(shortId, scoreOf(shortId, frequency));
        }
      }
    }
    for (const shortId of scores.found) {
      if (++work % SLICE === 0) yield;
      best.offer({ shortId, ordinal: this._documentIds.get(shortId) as number, score: scores.of(shortId), terms: [] });
    }
    const hits = best.take();
    yield* tellTerms(hits, matched);
    return hits;
  }

  *holders(terms: readonly string[]): Steps<Bitmap> {
    let all: Bitmap | null = null;
    let work = 0;
    for (const term of terms) {
      const holding = new Bitmap();
      for (const shortId of (this._index.get(term) as TermData | undefined)?.get(FIELD)?.keys() ?? []) {
        if (++work % SLICE === 0) yield;
        const ordinal = this._documentIds.get(shortId) as number | undefined;
        if (ordinal !== undefined) holding.add(ordinal);
      }
      all = all === null ? holding : all.intersect(holding);
    }
    return all ?? new Bitmap();
  }

  *near(term: string, { prefix, editDistance }: NearOptions): Steps<KnownTerm[]> {
    const known: KnownTerm[] = [];
    for (const match of yield* this.#matches({ term, form: term, weight: 1, prefix: prefix ? term : null, editDistance })) {
      purge(match.data, (shortId) => this._documentIds.has(shortId));
      const documents = match.data.get(FIELD)!.size;
      if (documents > 0) known.push({ term: match.term, documents });
    }
    return known;
  }

  /** Plain BM25: k1 1.2, b 0.75. Dead postings would count towards the term's document frequency, so they go first. */
  *#scorer({ weight, data, form, term }: Match): Steps<(shortId: number, frequency: number) => number> {
    if (this.dirtCount > 0) purge(data, (shortId) => this._documentIds.has(shortId));
    const documents = this.documentCount;
    const containing = data.get(FIELD)!.size;
    // From whole numbers, so that it does not drift as documents come and go.
    const average = this.#totalLength / Math.max(1, documents);
    const rarity = weight * Math.log(1 + (documents - containing + 0.5) / (containing + 0.5));
    const others = form === null || (form === term && data.size === 1) ? null : yield* otherForms(data, form === term ? null : form);
    return (shortId, occurrences) => {
      const length = this._fieldLength.get(shortId)![FIELD]!;
      const frequency = others === null ? occurrences : occurrences - (1 - OTHER_FORM_WEIGHT) * others(shortId, occurrences);
      return (rarity * frequency * 2.2) / (frequency + 1.2 * (0.25 + (0.75 * length) / average));
    };
  }

  async purgeAll(tick: Tick): Promise<void> {
    const dead = this.dirtCount;
    for await (const [term, data] of this.#walk(tick)) {
      purge(data, (shortId) => this._documentIds.has(shortId));
      if (data.get(FIELD)!.size === 0) this._index.delete(term);
    }
    this._dirtCount -= dead;
  }

  async *serialize(tick: Tick): AsyncGenerator<Uint8Array, void, undefined> {
    const documents = [...this._documentIds].sort((a, b) => a[1] - b[1]) as [shortId: number, ordinal: number][];
    const writer = new PieceWriter();
    yield header(writer, this.#analyzer.signature, documents.length);
    const positions = new Int32Array(this._nextId).fill(-1);
    documents.forEach(([shortId], position) => (positions[shortId] = position));
    const lengths = documents.map(([shortId]) => this._fieldLength.get(shortId)![FIELD]!);
    yield* documentPieces(
      writer,
      documents.map(([, ordinal]) => ordinal),
      lengths,
      tick,
    );
    writer.begin(TERMS);
    for await (const [term, data] of this.#walk(tick)) {
      for (const [form, postings] of data) {
        yield* writeTerm(writer, form === FIELD ? term : term + FORM_MARK + form, packPostings(postings, positions));
      }
    }
    if (!writer.isEmpty) yield writer.take();
  }

  async wordCounts(tick: Tick): Promise<Map<number, number>> {
    const counts = new Map<number, number>();
    for await (const [, data] of this.#walk(tick)) {
      for (const postings of data.values()) {
        for (const [shortId, frequency] of postings) counts.set(shortId, (counts.get(shortId) ?? 0) + frequency);
      }
    }
    return counts;
  }

  matches(ordinal: number, document: string, wordCounts: ReadonlyMap<number, number>): boolean {
    const shortId = this._idToShortId.get(ordinal);
    const tokens = this.#analyzer.analyze(document);
    const words = tokens.filter(({ kind }) => kind === "word").length;
    if (shortId === undefined || this._fieldLength.get(shortId)![FIELD] !== words) return false;
    let known = 0;
    for (const [key, count] of countTokens(tokens)) {
      const [term, form] = key.split(FORM_MARK) as [string, string?];
      const capped = Math.min(count, FREQUENCY_MAX);
      const data = this._index.get(term) as TermData | undefined;
      if (data?.get(form ?? FIELD)?.get(shortId) !== capped) return false;
      known += capped;
    }
    return (wordCounts.get(shortId) ?? 0) === known;
  }

  async load(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, tick: Tick): Promise<boolean> {
    let expected = -1;
    for await (const piece of pieces) {
      const reader = new PieceReader(piece);
      if (reader.kind === HEADER) {
        if (reader.varint() !== LAYOUT || reader.string() !== this.#analyzer.signature) return false;
        expected = reader.varint();
      } else if (reader.kind === DOCUMENTS) await this.#loadDocuments(reader, tick);
      else if (reader.kind === TERMS) await this.#loadTerms(reader, tick);
      else throw damagedPiece(`is of unknown kind ${reader.kind}`);
    }
    if (this.documentCount !== expected) throw damagedPiece(`is missing: ${this.documentCount} of ${expected} documents are there`);
    return true;
  }

  async #loadDocuments(reader: PieceReader, tick: Tick): Promise<void> {
    let ordinal = this._nextId === 0 ? 0 : (this._documentIds.get(this._nextId - 1) as number);
    for (let n = 1; !reader.isDone; n++) {
      ordinal += reader.varint();
      this.#setLength(this.#admit(ordinal), reader.varint());
      if (n % SLICE === 0) await tick();
    }
  }

  async #loadTerms(reader: PieceReader, tick: Tick): Promise<void> {
    let work = 0;
    while (!reader.isDone) {
      const [term, form] = reader.string().split(FORM_MARK) as [string, string?];
      const data = this._index.fetch(term, emptyTerm) as TermData;
      const postings = form === undefined ? data.get(FIELD)! : formOf(data, form);
      const count = reader.varint();
      for (let i = 0, position = 0; i < count; i++) {
        position += reader.varint();
        if (position >= this._nextId) throw damagedPiece(`names document ${position} of ${this._nextId}`);
        postings.set(position, reader.varint());
      }
      work += count + 8;
      if (work < SLICE) continue;
      work = 0;
      await tick();
    }
  }

  /** Whether one of the words of a stem begins so. */
  #begins(term: string, data: TermData, prefix: string): boolean {
    if (term.startsWith(prefix)) return true;
    for (const form of data.keys()) if (form !== FIELD && this.#analyzer.bare(form as string).startsWith(prefix)) return true;
    return false;
  }

  #admit(ordinal: number): number {
    const shortId = this._nextId++;
    this._idToShortId.set(ordinal, shortId);
    this._documentIds.set(shortId, ordinal);
    this._documentCount++;
    return shortId;
  }

  #setLength(shortId: number, tokens: number): void {
    this._fieldLength.set(shortId, [tokens]);
    this.#totalLength += tokens;
  }

  /** Every term, with `tick` awaited after each slice. Only the term just given may be removed on the way. */
  async *#walk(tick: Tick): AsyncGenerator<[term: string, data: TermData], void, undefined> {
    this.#walks++;
    try {
      let work = 0;
      for (const [term, data] of this._index) {
        yield [term, data];
        work += data.get(FIELD)!.size + 8;
        if (work < SLICE) continue;
        work = 0;
        await tick();
      }
    } finally {
      this.#walks--;
    }
  }

  /** The term itself; longer ones that begin with it; ones near it. Each counts once, with MiniSearch's weights. */
  *#matches({ term, form, weight, prefix, editDistance }: QueryTerm): Steps<Match[]> {
    const found = new Map<string, Match>();
    const add = (match: string, data: TermData, share: number): void => {
      if (!found.has(match)) found.set(match, { term: match, weight: weight * share, data, form: match === term ? form : null });
    };
    const exact = this._index.get(term) as TermData | undefined;
    if (exact !== undefined) add(term, exact, 1);
    let looked = 0;
    if (prefix !== null) {
      for (const [match, data] of this._index.atPrefix(this.#analyzer.stems ? stemPrefix(prefix) : prefix) as Iterable<
        [string, TermData]
      >) {
        if (++looked % SLICE === 0) yield;
        if (this.#analyzer.stems && !this.#begins(match, data, prefix)) continue;
        add(match, data, (PREFIX_WEIGHT * match.length) / (match.length + 0.3 * Math.max(0, match.length - prefix.length)));
      }
    }
    if (editDistance === 0) return [...found.values()];
    const tree = (this._index as unknown as { _tree: TermTree<TermData> })._tree;
    yield* nearTerms(tree, term, editDistance, (match, data, edits) =>
      add(match, data, (FUZZY_WEIGHT * match.length) / (match.length + edits)),
    );
    return [...found.values()];
  }
}

/** What the stems of words that begin so begin with: endings may reach far into a word. */
function stemPrefix(prefix: string): string {
  return prefix.slice(0, 2);
}

interface Hit {
  shortId: number;
  ordinal: number;
  score: number;
  terms: string[];
}

/** The scores of documents so far. Whether one counts at all is asked once. */
class Scores {
  readonly #scores: Float64Array;
  /** 0 where nobody has asked yet, 1 for a document that counts, 2 for one that does not. */
  readonly #known: Uint8Array;
  readonly #isAllowed: (shortId: number) => boolean;
  /** Those that count, as they were found. */
  readonly found: number[] = [];

  constructor(size: number, isAllowed: (shortId: number) => boolean) {
    this.#scores = new Float64Array(size);
    this.#known = new Uint8Array(size);
    this.#isAllowed = isAllowed;
  }

  counts(shortId: number): boolean {
    if (this.#known[shortId] !== 0) return this.#known[shortId] === 1;
    const isAllowed = this.#isAllowed(shortId);
    this.#known[shortId] = isAllowed ? 1 : 2;
    if (isAllowed) this.found.push(shortId);
    return isAllowed;
  }

  add(shortId: number, score: number): void {
    this.#scores[shortId]! += score;
  }

  of(shortId: number): number {
    return this.#scores[shortId]!;
  }
}

/** Writes into each hit the terms that it has, in the forms in which it has them, looking from whichever side is shorter. */
function* tellTerms(hits: readonly Hit[], matched: ReadonlyMap<string, TermData>): Steps<void> {
  const byId = new Map(hits.map((hit) => [hit.shortId, hit]));
  let work = 0;
  for (const [term, data] of matched) {
    const postings = data.get(FIELD)!;
    for (const shortId of postings.size < byId.size ? postings.keys() : byId.keys()) {
      work += data.size;
      if (work >= SLICE) yield;
      work %= SLICE;
      if (postings.has(shortId)) byId.get(shortId)?.terms.push(...formsIn(shortId, term, data));
    }
  }
}

/** Keeps the first `count` hits by score, then ordinal, out of any number offered, in room for twice as many. */
class Best {
  readonly #count: number;
  readonly #hits: Hit[] = [];
  /** No hit below this can be among the best. */
  #threshold = -Infinity;

  constructor(count: number) {
    this.#count = count;
  }

  offer(hit: Hit): void {
    if (hit.score < this.#threshold) return;
    this.#hits.push(hit);
    if (this.#hits.length >= 2 * this.#count + 64) this.#shrink();
  }

  take(): Hit[] {
    this.#shrink();
    return this.#hits;
  }

  #shrink(): void {
    this.#hits.sort((a, b) => b.score - a.score || a.ordinal - b.ordinal);
    if (this.#hits.length <= this.#count) return;
    this.#hits.length = this.#count;
    this.#threshold = this.#hits.at(-1)?.score ?? Infinity;
  }
}

function toHits(hits: readonly Hit[]): TextHits {
  return {
    ordinals: Uint32Array.from(hits, (hit) => hit.ordinal),
    scores: Float64Array.from(hits, (hit) => hit.score),
    terms: hits.map((hit) => hit.terms.sort()),
  };
}

function header(writer: PieceWriter, signature: string, documents: number): Uint8Array {
  writer.begin(HEADER);
  writer.varint(LAYOUT);
  writer.string(signature);
  writer.varint(documents);
  return writer.take();
}

async function* documentPieces(
  writer: PieceWriter,
  ordinals: readonly number[],
  lengths: readonly number[],
  tick: Tick,
): AsyncGenerator<Uint8Array, void, undefined> {
  writer.begin(DOCUMENTS);
  for (let i = 0; i < ordinals.length; i++) {
    if (writer.isFull) yield writer.take();
    writer.varint(ordinals[i]! - (ordinals[i - 1] ?? 0));
    writer.varint(lengths[i]!);
    if (i % SLICE === SLICE - 1) await tick();
  }
  if (!writer.isEmpty) yield writer.take();
}

/** Live postings ascending by position; a position and its frequency share a double, which sorts without a callback. */
function packPostings(postings: Postings, positions: Int32Array): Float64Array {
  const packed = new Float64Array(postings.size);
  let live = 0;
  for (const [shortId, frequency] of postings) {
    const position = positions[shortId]!;
    if (position >= 0) packed[live++] = position * (FREQUENCY_MAX + 1) + Math.min(frequency, FREQUENCY_MAX);
  }
  return packed.subarray(0, live).sort();
}

function* writeTerm(writer: PieceWriter, term: string, packed: Float64Array): Generator<Uint8Array, void, undefined> {
  for (let from = 0; from < packed.length; from += entryPostingsMax) {
    if (writer.isFull) yield writer.take();
    const entry = packed.subarray(from, from + entryPostingsMax);
    writer.string(term);
    writer.varint(entry.length);
    let previous = 0;
    for (const value of entry) {
      const position = Math.floor(value / (FREQUENCY_MAX + 1));
      writer.varint(position - previous);
      writer.varint(value - position * (FREQUENCY_MAX + 1));
      previous = position;
    }
  }
}
