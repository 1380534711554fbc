/**
 * The text index of a collection, whatever it is made of: one search over several readers (`text-reader.ts`), which together have
 * each document once.
 *
 * - Ranking is plain BM25 (k1 1.2, b 0.75, no lower bound, length in words, a query term counted as often as it occurs). How many
 *   documents there are, how many have a term, and their average length are counted over all readers, without what is hidden, and
 *   the terms that one stands for are taken in one order; so a score never depends on which reader has a document, nor on what was
 *   there before.
 * - An occurrence in another form than the query's counts half. Wholes, parts and pairs of a query count less than its words.
 * - Work is cut into steps of bounded size, whatever the query, the documents and the index, with `tick` between. Meanwhile nothing
 *   may change the readers.
 */
import { Bitmap } from "../../base/bitmap.js";
import { FirstItems } from "../../base/first-items.js";
import { lowerBound } from "../../base/lower-bound.js";
import { Pace } from "../../base/pace.js";
import { sortedInTurns } from "../../base/sorted.js";
import type { Steps } from "../../base/steps.js";
import type { Tick } from "../../base/turns.js";
import { type Analyzer, defaultAnalyzer } from "./analyzer.js";
import { phraseTest, wordsOf } from "./clauses.js";
import { isCharacter, isLongRun, isSpaceless, pairsOf } from "./spaceless.js";
import { Synonyms } from "./synonyms.js";
import { parseQuery, type QueryTerm, type TextSearchOptions } from "./text-query.js";
import { type DocumentRun, noPostings, type Postings, type TermEntry, type TermPostings, type TextReader } from "./text-reader.js";

/** Postings scored, or documents looked at, between two ticks. */
const WORK_PER_TICK = 16_384;
/** Words of a bitmap of as many. */
const WORDS_PER_TICK = WORK_PER_TICK / 32;
/** Hits that are asked about at first, at least. */
const ACCEPTED_AT_FIRST = 32;
/** Postings that are kept while it is told which terms the hits have, rather than decoded once more: 2 MiB of them. */
const KEPT_MAX = 262_144;
/** What the rarity of a term is multiplied by in a document that says nothing else: k1 + 1. */
const MOST_OF_RARITY = 2.2;
/** What a longer and what a near term count beside the term itself, as in MiniSearch. */
const PREFIX_WEIGHT = 0.375;
const FUZZY_WEIGHT = 0.45;
/** What an occurrence counts that is written in another form than the query's. */
const OTHER_FORM_WEIGHT = 0.5;

/** Best first; equal scores in order of insertion. */
export interface TextHits {
  ordinals: Uint32Array;
  scores: Float64Array;
  /** For each hit, the document's terms that matched, in code-unit order. */
  terms: string[][];
  /** How many of the query's terms the hits have, whatever terms of the index led to them and in however many forms. */
  found: number;
  /** The most that a document could score that has all terms of the query, those too that no document has. */
  ceiling: number;
  /** How much of that is by terms that no document has, 0–1. */
  unknown: number;
  /** Documents of the index. */
  documents: number;
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

/** What a query's term is looked for by; `form` is what weighs most. */
type Wanted = Pick<QueryTerm, "term" | "form" | "weight" | "prefix" | "editDistance">;

/** A term of the index that a query's term stands for, and how much that counts. */
interface Match extends Found {
  weight: number;
  /** Occurrences in other forms count less; `null`: all forms are alike. */
  form: string | null;
}

/** A match that documents have, and the query's terms that it stands for. */
interface Matched extends Match {
  asked: Set<string>;
  /** What the readers have of it, as far as it is kept. */
  kept: (Loaded | undefined)[];
}

/** What a reader has of a term, and those postings in whatever form, which are not to be changed. */
interface Loaded {
  term: TermPostings;
  all: Postings;
}

/** A term as the readers have it, each in its place; where it is missing, a reader has none. */
interface Found {
  term: string;
  entries: (TermEntry | undefined)[];
}

interface Hit {
  ordinal: number;
  score: number;
  terms: string[];
}

/** The synonyms of the latest search by an analyzer: they are analyzed once. */
const synonymsOf = new WeakMap<Analyzer, { groups: TextSearchOptions["synonyms"]; synonyms: Synonyms }>();

export class TextIndex {
  readonly #readers: readonly TextReader[];
  readonly #analyzer: Analyzer;

  constructor(readers: readonly TextReader[], analyzer: Analyzer = defaultAnalyzer) {
    this.#readers = readers;
    this.#analyzer = analyzer;
  }

  async search(text: string, options: TextSearchOptions, tick: Tick): Promise<TextHits> {
    const query = parseQuery(this.#analyzer, text, options, this.#synonymsOf(options.synonyms));
    if (query.length === 0 || options.nResults === 0) return toHits([]);
    const ranking = new Ranking(this.#readers, options.allowed, new Pace(tick, WORK_PER_TICK));
    for (const wanted of query) {
      let rarest = 0;
      for (const match of await this.#matches(wanted, tick))
        rarest = Math.max(rarest, await ranking.add(match, wanted.isSynonym ? null : wanted.term));
      if (!wanted.isSynonym) ranking.weigh(wanted.weight, rarest);
    }
    return ranking.best(options.nResults, options.accept);
  }

  /**
   * Documents that have each of the words, in whatever form, or all pairs of a long one in a script without spaces; `null` where there
   * is no word.
   */
  async holders(text: string, tick: Tick): Promise<Bitmap | null> {
    const words = [...new Set(wordsOf(this.#analyzer, text))];
    return this.#holdingAll(words, tick);
  }

  /** Whether a word has more than a pair of characters of a script without spaces: `holders` does not know that they follow each other. */
  isLong(word: string): boolean {
    return isSpaceless(word) && wordsOf(this.#analyzer.byCharacter, word).length > 2;
  }

  /** Terms of the index that may have been meant by one, itself among them where it is in a document; in no order. */
  async near(term: string, { prefix, editDistance }: NearOptions, tick: Tick): Promise<KnownTerm[]> {
    const known: KnownTerm[] = [];
    const wanted = { term, form: term, weight: 1, prefix: prefix ? term : null, editDistance };
    for (const match of await this.#matches(wanted, tick)) {
      let documents = 0;
      for (const entry of match.entries) documents += (await entry?.load())?.postings(null).positions.length ?? 0;
      if (documents > 0) known.push({ term: match.term, documents });
      await tick();
    }
    return known;
  }

  /** Tells of a document whether the words of the phrase follow each other in it. */
  phraseTest(phrase: string): (document: string) => Steps<boolean> {
    return phraseTest(this.#analyzer, phrase);
  }

  #synonymsOf(groups: TextSearchOptions["synonyms"]): Synonyms | null {
    if (groups === undefined) return null;
    let known = synonymsOf.get(this.#analyzer);
    if (known?.groups !== groups) known = { groups, synonyms: new Synonyms(this.#analyzer, groups) };
    synonymsOf.set(this.#analyzer, known);
    return known.synonyms;
  }

  async #holdingAll(words: readonly string[], tick: Tick): Promise<Bitmap | null> {
    let all: Bitmap | null = null;
    for (const word of words) {
      const holding = await this.#holders(word, tick);
      all = all === null ? holding : all.intersect(holding);
    }
    return all;
  }

  /** A character begins a pair wherever it is not the last one; a dictionary may have cut what is longer than a pair. */
  async #holders(word: string, tick: Tick): Promise<Bitmap> {
    const holding = new Bitmap();
    const pace = new Pace(tick, WORK_PER_TICK);
    for (const { entries } of isCharacter(word) ? await this.#beginning(word, tick) : [await this.#exact(word)]) {
      for (const [r, entry] of entries.entries()) {
        if (entry === undefined) continue;
        const { positions } = (await entry.load()).postings(null);
        await eachRun(this.#readers[r]!, positions, pace, ({ start, ordinals }, from, to) => {
          for (let i = from; i < to; i++) holding.add(ordinals[positions[i]! - start]!);
        });
      }
    }
    const pairs = isLongRun(word)
      ? await this.#holdingAll(
          pairsOf(word).map(({ text }) => text),
          tick,
        )
      : null;
    return pairs === null ? holding : holding.union(pairs);
  }

  // ---- what a term stands for

  /** The term itself; longer ones that begin with it; ones near it. Each counts once, with MiniSearch's weights. */
  async #matches({ term, form, weight, prefix, editDistance }: Wanted, tick: Tick): Promise<Match[]> {
    const found = new Map<string, Match>();
    const add = (match: Found, share: number, formOf: string | null = null): void => {
      if (!found.has(match.term)) found.set(match.term, { ...match, weight: weight * share, form: formOf });
    };
    add(await this.#exact(term), 1, form);
    if (prefix !== null) {
      for (const match of await this.#beginning(prefix, tick)) {
        const { length } = match.term;
        add(match, (PREFIX_WEIGHT * length) / (length + 0.3 * Math.max(0, length - prefix.length)));
      }
    }
    if (editDistance > 0) {
      for (const { distance, ...match } of await this.#near(term, editDistance, tick)) {
        add(match, (FUZZY_WEIGHT * match.term.length) / (match.term.length + distance));
      }
    }
    return [...found.values()];
  }

  async #exact(term: string): Promise<Found> {
    const entries: Found["entries"] = [];
    for (const [r, reader] of this.#readers.entries()) entries[r] = (await reader.get(term)) ?? undefined;
    return { term, entries };
  }

  async #beginning(prefix: string, tick: Tick): Promise<Found[]> {
    const found = new Gathered<object>();
    const begun = new Set<string>();
    for (const [r, reader] of this.#readers.entries()) {
      for await (const entry of reader.beginning(this.#analyzer.stems ? stemPrefix(prefix) : prefix, tick)) {
        found.add(r, entry, {});
        if (!this.#analyzer.stems || (!begun.has(entry.term) && (await this.#begins(entry, prefix)))) begun.add(entry.term);
      }
    }
    return found.list().filter(({ term }) => begun.has(term));
  }

  async #near(word: string, distanceMax: number, tick: Tick): Promise<(Found & { distance: number })[]> {
    const found = new Gathered<{ distance: number }>();
    for (const [r, reader] of this.#readers.entries()) {
      await reader.near(word, distanceMax, (entry, distance) => found.add(r, entry, { distance }), tick);
    }
    return found.list();
  }

  /** Whether one of the words of a stem begins so. */
  async #begins(entry: TermEntry, prefix: string): Promise<boolean> {
    if (entry.term.startsWith(prefix)) return true;
    const loaded = await entry.load();
    return loaded.forms.some((form) => this.#analyzer.bare(form).startsWith(prefix) && loaded.postings(form).positions.length > 0);
  }
}

/** What the stems of words that begin so begin with: endings may reach far into a word. */
function stemPrefix(prefix: string): string {
  return prefix.slice(0, 2);
}

/** Terms that one or several readers have. */
class Gathered<Extra extends object> {
  readonly #found = new Map<string, Found & Extra>();

  add(reader: number, entry: TermEntry, extra: Extra): void {
    let found = this.#found.get(entry.term);
    if (found === undefined) this.#found.set(entry.term, (found = { term: entry.term, entries: [], ...extra }));
    found.entries[reader] = entry;
  }

  /** By code unit. */
  list(): (Found & Extra)[] {
    return [...this.#found.values()].sort((a, b) => (a.term < b.term ? -1 : 1));
  }
}

/** Adds up the scores of the allowed documents, term by term. */
class Ranking {
  readonly #readers: readonly TextReader[];
  readonly #allowed: Bitmap;
  readonly #pace: Pace;
  readonly #documents: number;
  readonly #average: number;
  /** By ordinal. */
  readonly #scores: Float64Array;
  readonly #found: Bitmap;
  readonly #matched = new Map<string, Matched>();
  #kept = 0;
  /** The most that terms may count which documents have, and which none has. */
  #known = 0;
  #unknown = 0;

  constructor(readers: readonly TextReader[], allowed: Bitmap, pace: Pace) {
    this.#readers = readers;
    this.#allowed = allowed;
    this.#pace = pace;
    this.#documents = readers.reduce((sum, { documents }) => sum + documents, 0);
    // From whole numbers, so that it does not drift as documents come and go.
    this.#average =
      Math.max(
        1,
        readers.reduce((sum, { words }) => sum + words, 0),
      ) / Math.max(1, this.#documents);
    this.#scores = new Float64Array(allowed.words.length * 32);
    this.#found = new Bitmap(this.#scores.length);
  }

  /** How rare it is; 0 where no document has it. `asked` is the query's term that it stands for, if it counts to `found`. */
  async add(match: Match, asked: string | null): Promise<number> {
    const lists: Postings[] = [];
    const loaded: (Loaded | undefined)[] = [];
    for (const [r, entry] of match.entries.entries()) {
      loaded[r] = entry && withAll(await entry.load());
      lists[r] = loaded[r] === undefined ? noPostings : weighed(loaded[r], match);
    }
    const containing = lists.reduce((sum, { positions }) => sum + positions.length, 0);
    if (containing === 0) return 0;
    const matched = this.#matched.get(match.term) ?? { ...match, asked: new Set(), kept: this.#keep(loaded, containing) };
    if (asked !== null) matched.asked.add(asked);
    this.#matched.set(match.term, matched);
    const rarity = match.weight * this.#rarity(containing);
    for (const [r, list] of lists.entries()) await this.#score(this.#readers[r]!, list, rarity);
    await this.#pace.step(1);
    return rarity;
  }

  #keep(loaded: (Loaded | undefined)[], postings: number): (Loaded | undefined)[] {
    if (this.#kept + postings > KEPT_MAX) return [];
    this.#kept += postings;
    return loaded;
  }

  /** Takes down what a term of the query may count, by the rarest of what it stands for. */
  weigh(weight: number, rarest: number): void {
    if (rarest === 0) this.#unknown += weight * this.#rarity(0) * MOST_OF_RARITY;
    else this.#known += rarest * MOST_OF_RARITY;
  }

  #rarity(containing: number): number {
    return Math.log(1 + (this.#documents - containing + 0.5) / (containing + 0.5));
  }

  #score(reader: TextReader, { positions, frequencies }: Postings, rarity: number): Promise<void> {
    const [allowed, found, scores, perWord] = [this.#allowed.words, this.#found.words, this.#scores, 0.9 / this.#average];
    return eachRun(reader, positions, this.#pace, ({ start, ordinals, words }, from, to) => {
      for (let i = from; i < to; i++) {
        const at = positions[i]! - start;
        const ordinal = ordinals[at]!;
        const [word, bit] = [ordinal >>> 5, 1 << (ordinal & 31)];
        if (word >= allowed.length || (allowed[word]! & bit) === 0) continue;
        found[word]! |= bit;
        const frequency = frequencies[i]!;
        scores[ordinal]! += (rarity * frequency * MOST_OF_RARITY) / (frequency + 0.3 + perWord * words[at]!);
      }
    });
  }

  async best(count: number, accept: TextSearchOptions["accept"]): Promise<TextHits> {
    const hits = accept === undefined ? await this.#first(count, this.#found) : await this.#accepted(count, accept);
    const found = await this.#tellTerms(hits);
    return { ...toHits(hits), found, ...this.#most() };
  }

  #most(): Pick<TextHits, "ceiling" | "unknown" | "documents"> {
    const ceiling = this.#known + this.#unknown;
    return { ceiling, unknown: ceiling === 0 ? 0 : this.#unknown / ceiling, documents: this.#documents };
  }

  /** Asks of the best first, and of ever more at a time. */
  async #accepted(count: number, accept: NonNullable<TextSearchOptions["accept"]>): Promise<Hit[]> {
    const hits: Hit[] = [];
    const left = this.#found.clone();
    for (let taken = Math.max(ACCEPTED_AT_FIRST, 2 * count); hits.length < count; taken *= 4) {
      const best = await this.#first(taken, left);
      const ordinals = Uint32Array.from(best, ({ ordinal }) => ordinal).sort();
      const accepted = await accept(ordinals);
      hits.push(...best.filter(({ ordinal }) => accepted.has(ordinal)));
      if (best.length < taken) break;
      for (const ordinal of ordinals) left.delete(ordinal);
    }
    return hits.slice(0, count);
  }

  /** The best of some documents, in their order. */
  async #first(count: number, { words }: Bitmap): Promise<Hit[]> {
    const first = new FirstItems(count, byScore);
    for (let from = 0; from < words.length; from += WORDS_PER_TICK) {
      this.#offer(first, words, from, Math.min(words.length, from + WORDS_PER_TICK));
      await this.#pace.step(WORK_PER_TICK);
    }
    return sortedInTurns(first.items(), byScore, async () => this.#pace.pause());
  }

  #offer(first: FirstItems<Hit>, words: Uint32Array, from: number, to: number): void {
    const scores = this.#scores;
    let least = first.last?.score ?? -Infinity;
    for (let at = from; at < to; at++) {
      for (let word = words[at]!; word !== 0; word &= word - 1) {
        const ordinal = at * 32 + 31 - Math.clz32(word & -word);
        const score = scores[ordinal]!;
        if (score < least) continue;
        first.offer({ ordinal, score, terms: [] });
        least = first.last?.score ?? -Infinity;
      }
    }
  }

  /** Writes into each hit the terms that it has, in the forms in which it has them; returns how many of the query's terms these are. */
  async #tellTerms(hits: readonly Hit[]): Promise<number> {
    const told = new Set<string>();
    const byOrdinal = new Map(hits.map((hit) => [hit.ordinal, hit]));
    const ordinals = Uint32Array.from(byOrdinal.keys()).sort();
    for (const [r, reader] of this.#readers.entries()) {
      const places = [...(await reader.find(ordinals))].sort((a, b) => a[1] - b[1]);
      if (places.length === 0) continue;
      const positions = Uint32Array.from(places, ([, position]) => position);
      const found = places.map(([ordinal]) => byOrdinal.get(ordinal)!);
      for (const { term, entries, asked, kept } of this.#matched.values()) {
        if (entries[r] === undefined) continue;
        const { isTold, work } = tellForms(kept[r] ?? { term: await entries[r].load(), all: null }, term, positions, found);
        if (isTold) for (const one of asked) told.add(one);
        await this.#pace.step(work);
      }
    }
    for (const hit of hits) hit.terms.sort();
    return told.size;
  }
}

/** Tells documents at these positions, if they have the term, in which forms; returns whether any has, and how much work that was. */
function tellForms(
  { term: found, all }: { term: TermPostings; all: Postings | null },
  term: string,
  positions: Uint32Array,
  hits: readonly Hit[],
): { isTold: boolean; work: number } {
  const none = (): Postings => ({ positions, frequencies: new Float32Array(positions.length) });
  const others = none();
  let work = all === null ? found.addTo(others, null, 1) : lookUp(others, all);
  // Most terms near another are in none of the hits.
  if (others.frequencies.every((count) => count === 0)) return { isTold: false, work };
  for (const form of found.forms) {
    const having = none();
    work += 8 + found.addTo(having, form, 1);
    having.frequencies.forEach((count, at) => {
      if (count > 0) hits[at]!.terms.push(form);
      others.frequencies[at]! -= count;
    });
  }
  others.frequencies.forEach((count, at) => {
    if (count > 0) hits[at]!.terms.push(term);
  });
  return { isTold: true, work };
}

/** Writes into each of a few documents what it has among many; returns how much work that was. */
function lookUp({ positions, frequencies }: Postings, many: Postings): number {
  let place = 0;
  for (let at = 0; at < positions.length; at++) {
    place = lowerBound(place, many.positions.length, (i) => many.positions[i]! < positions[at]!);
    if (many.positions[place] === positions[at]) frequencies[at] = many.frequencies[place]!;
  }
  return positions.length;
}

function withAll(term: TermPostings): Loaded {
  return { term, all: term.postings(null) };
}

/** The postings of a match, occurrences in other forms than the one asked for counted less. */
function weighed({ term: found, all }: Loaded, { term, form }: Match): Postings {
  if (form === null || (form === term && found.forms.length === 0)) return all;
  const others = 1 - OTHER_FORM_WEIGHT;
  const postings = { positions: all.positions, frequencies: all.frequencies.slice() };
  if (form === term) {
    for (const other of found.forms) found.addTo(postings, other, -others);
    return postings;
  }
  for (let i = 0; i < postings.frequencies.length; i++) postings.frequencies[i]! *= OTHER_FORM_WEIGHT;
  found.addTo(postings, form, others);
  return postings;
}

/** Calls `visit` with each run of documents, and from where to where in the positions, which ascend, these are in it. */
async function eachRun(
  reader: TextReader,
  positions: Uint32Array,
  pace: Pace,
  visit: (run: DocumentRun, from: number, to: number) => void,
): Promise<void> {
  for (let from = 0; from < positions.length; ) {
    const run = await reader.documentsAt(positions[from]!);
    const end = run.start + run.ordinals.length;
    const to = lowerBound(from, Math.min(positions.length, from + WORK_PER_TICK), (i) => positions[i]! < end);
    visit(run, from, to);
    await pace.step(to - from);
    from = to;
  }
}

/** Best first. */
function byScore(a: Hit, b: Hit): number {
  return b.score - a.score || a.ordinal - b.ordinal;
}

function toHits(hits: readonly Hit[]): TextHits {
  return {
    ordinals: Uint32Array.from(hits, (hit) => hit.ordinal),
    scores: Float64Array.from(hits, (hit) => hit.score),
    terms: hits.map((hit) => hit.terms),
    found: 0,
    ceiling: 0,
    unknown: 0,
    documents: 0,
  };
}
