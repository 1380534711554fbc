/**
 * The text of a collection: its full-text index, in segments on disk, and over them the documents of the memtable, in memory once
 * somebody searches. A compaction writes a segment of the documents that it moves, and notes in the others which of theirs are dead;
 * an idle job merges segments.
 *
 * How texts become words is a matter of the collection's configuration, and may change. An index answers as it was made until
 * another one is complete and written, by a job that is due while the section is not as it is wanted.
 */
import { Bitmap } from "../base/bitmap.js";
import type { MemoryUse } from "../base/memory-use.js";
import { inTurns, type Steps } from "../base/steps.js";
import type { Tick } from "../base/turns.js";
import type { BlockRef, BlockWriter } from "../blockstore/blockstore.js";
import { type Analysis, type Analyzer, prepareAnalyzer, stopWordsOf } from "../index/text/analyzer.js";
import { type Operators, readOperators } from "../index/text/clauses.js";
import { type Highlighting, highlight, phrasesOf } from "../index/text/highlight.js";
import type { KnownTerm, NearOptions, TextHits, TextIndex } from "../index/text/text-index.js";
import type { TextSearchOptions } from "../index/text/text-query.js";
import { limits } from "../limits.js";
import { merged, mergePlan, withoutDocuments, writeSegments } from "../segment/text-merge.js";
import { type ReadBlock, readingOnce, SegmentReader, segmentRefs, type TextSection, type TextSegment } from "../segment/text-segment.js";
import type { Highlight, TextConfiguration, TextSuggestion } from "../types.js";
import type { Inspection } from "./inspection.js";
import { LiveText, type TextSource } from "./live-text.js";
import type { MemtableEntry } from "./memtable.js";
import type {
  AppliedRecords,
  CollectionPart,
  Entry,
  MemtableChanges,
  PartHome,
  PartJob,
  PayloadChange,
  Prepared,
  Renumbering,
} from "./part.js";
import { type AskedIndex, completed, corrected } from "./suggestions.js";
import { verifyText } from "./verify-text.js";

/** What was looked for, and the terms of each hit. */
export interface Searched {
  query: string;
  operators: boolean | undefined;
  terms: readonly (readonly string[])[];
}

/** Documents read in one go. */
const CHUNK = 16;

export class CollectionText implements CollectionPart<TextSection> {
  readonly #home: PartHome;
  #section: TextSection = CollectionText.empty();
  #analysis: Analysis | undefined;
  /** For this analysis, once it is needed. */
  #analyzer: Promise<Analyzer> | null = null;
  /** What searches ask. */
  #live: LiveText;
  /** The analyzer, once it is there. */
  #known: Analyzer | null = null;
  #read: { text: TextConfiguration | undefined; analysis: Analysis | undefined } | null = null;

  constructor(home: PartHome) {
    this.#home = home;
    this.#analysis = this.#wanted;
    this.#live = this.#newLive(new Bitmap());
  }

  static empty(): TextSection {
    return { segments: [] };
  }

  static *refs({ segments }: TextSection): Generator<BlockRef, void, undefined> {
    for (const segment of segments ?? []) yield* segmentRefs(segment);
  }

  static verify(section: TextSection, inspection: Inspection): Promise<void> {
    return verifyText(section, inspection);
  }

  get memory(): Partial<MemoryUse> {
    return { text: this.#live.bytes };
  }

  get #buildBytes(): number {
    return Math.min(limits.textBuildBytes, this.#home.context.buildBytesMax);
  }

  /** Nothing is read before the first search. */
  async open(section: TextSection): Promise<void> {
    this.#section = section;
    if (section.segments === null || section.segments.length > 0) this.#analysis = section.analysis;
    this.#live = this.#newLive(this.#notInSegments());
  }

  configure(): void {
    if (this.#isOutdated) this.#home.noteWork();
  }

  apply({ written, deleted }: AppliedRecords): void {
    this.#live.touch(written.filter(([, { document }]) => document !== undefined).map(([ordinal]) => ordinal));
    this.#live.touch(deleted);
  }

  async compact({ entries, payloads }: MemtableChanges, writer: BlockWriter, tick: Tick): Promise<Prepared<TextSection>> {
    const { segments } = this.#section;
    const changed = Uint32Array.from(changedDocuments(entries));
    if (segments === null || changed.length === 0 || !this.#home.indexes.fullText) return this.#prepared(segments, this.#analysis);
    const kept: TextSegment[] = [];
    for (const segment of segments) {
      const reader = await SegmentReader.open(segment, readingOnce(this.#home.context.blocks), this.#owner);
      const left = await withoutDocuments(reader, changed, writer, tick);
      if (left !== null) kept.push(left);
    }
    return this.#renewed([...kept, ...(await this.#newSegments(payloads, writer, tick))], this.#analysis);
  }

  /** Segments of the documents that a compaction moves; those that are in memory, or that others read just now, are not read twice. */
  async #newSegments(payloads: readonly PayloadChange[], writer: BlockWriter, tick: Tick): Promise<TextSegment[]> {
    const analyzer = await this.#prepare();
    const moved = Bitmap.of(ordinalsOf(newDocuments(payloads)));
    while (this.#live.isOpen && this.#live.lacksAny(moved) && (await this.catchUpSome(tick)));
    const { records } = this.#home;
    const unchanged = payloads.filter(({ ordinal, entry }) => records.entry(ordinal) === entry);
    const known = this.#live.known(ordinalsOf(newDocuments(unchanged)), analyzer);
    if (known === null) return writeSegments(newDocuments(payloads), analyzer, writer, tick, this.#buildBytes);
    const segment = await merged([known.documents], analyzer.signature, writer, tick);
    const others = payloads.filter(({ ordinal }) => !known.ordinals.has(ordinal));
    return [
      ...(segment === null ? [] : [segment]),
      ...(await writeSegments(newDocuments(others), analyzer, writer, tick, this.#buildBytes)),
    ];
  }

  /** All segments become one, without the words of what is dead. */
  async renumber({ ordinalOf }: Renumbering, writer: BlockWriter, tick: Tick): Promise<Prepared<TextSection>> {
    const { segments } = this.#section;
    if (segments === null) return this.#renewed(null, this.#analysis);
    return this.#renewed(await this.#merged(segments, writer, tick, ordinalOf), this.#analysis);
  }

  static readonly idleJobs: readonly PartJob<TextSection>[] = [
    {
      idleMs: limits.textIdleMs,
      priority: 2,
      isAwaited: false,
      isDue: (text: CollectionText) => mergePlan(text.#section.segments ?? []).length > 0,
      isUrgent: (text: CollectionText) => (text.#section.segments?.length ?? 0) >= limits.textSegmentsMax,
      run: (text: CollectionText, writer, tick) => text.#merge(writer, tick),
    },
    {
      idleMs: limits.textRebuildIdleMs,
      priority: 3,
      isAwaited: true,
      isDue: (text: CollectionText) => text.#isOutdated && text.#home.indexes.fullText,
      run: (text: CollectionText, writer, tick) => text.#build(writer, tick),
    },
  ];

  /** What the collection's configuration asks for; worked out once for each configuration. */
  get #wanted(): Analysis | undefined {
    const { text } = this.#home.row.configuration;
    if (this.#read === null || this.#read.text !== text) this.#read = { text, analysis: analysisOf(text) };
    return this.#read.analysis;
  }

  get #isOutdated(): boolean {
    const { segments } = this.#section;
    if (segments === null) return true;
    // Dictionaries change with the browser. They are loaded to find the signature, which no search waits for.
    const present = segments.length === 0 ? undefined : this.#known?.signature;
    if (present !== undefined && segments.some(({ signature }) => signature !== present)) return true;
    return this.#analysis !== this.#wanted && keyOf(this.#analysis) !== keyOf(this.#wanted);
  }

  // ---- writing

  /** Segments of about one size become one; what is written meanwhile stays over them. */
  async #merge(writer: BlockWriter, tick: Tick): Promise<Prepared<TextSection>> {
    const segments = this.#section.segments!;
    const plan = mergePlan(segments);
    const result = segments.filter((segment) => !plan.flat().includes(segment));
    for (const group of plan) result.push(...(await this.#merged(group, writer, tick)));
    return this.#prepared(result, this.#analysis, () => this.#live.replaceSegments(result));
  }

  async #merged(
    segments: readonly TextSegment[],
    writer: BlockWriter,
    tick: Tick,
    ordinalOf?: (ordinal: number) => number,
  ): Promise<TextSegment[]> {
    const readers: SegmentReader[] = [];
    for (const segment of segments) readers.push(await SegmentReader.open(segment, readingOnce(this.#home.context.blocks), this.#owner));
    const signatures = new Set(segments.map(({ signature }) => signature));
    const segment = await merged(readers, signatures.size === 1 ? segments[0]!.signature : "", writer, tick, ordinalOf);
    return segment === null ? [] : [segment];
  }

  /** All segments anew from the records, as the configuration asks. */
  async #build(writer: BlockWriter, tick: Tick): Promise<Prepared<TextSection>> {
    const analysis = this.#wanted;
    const analyzer = await prepareAnalyzer(analysis, this.#home.context.loadStem);
    return this.#renewed(await writeSegments(this.#storedDocuments(), analyzer, writer, tick, this.#buildBytes), analysis);
  }

  async *#storedDocuments(): AsyncGenerator<readonly [ordinal: number, document: string], void, undefined> {
    const { records } = this.#home;
    const end = records.compactedEnd;
    for (let from = 0; from < end; from += CHUNK) {
      const ordinals = Array.from({ length: Math.min(CHUNK, end - from) }, (_, i) => from + i);
      const payloads = await this.#home.read(() => records.storedPayloads(ordinals));
      for (const [i, payload] of payloads.entries()) if (payload?.document != null) yield [ordinals[i]!, payload.document];
    }
  }

  /** Other segments, which have all documents but those that are in the memtable by then. */
  #renewed(segments: TextSegment[] | null, analysis: Analysis | undefined): Prepared<TextSection> {
    return this.#prepared(segments, analysis, () => {
      const isOther = keyOf(analysis) !== keyOf(this.#analysis);
      if (isOther) [this.#analyzer, this.#known] = [null, null];
      this.#analysis = analysis;
      this.#live.retire();
      this.#live = this.#newLive(this.#notInSegments());
      if (isOther) this.#home.noteOtherWords();
    });
  }

  #prepared(segments: TextSection["segments"], analysis: Analysis | undefined, effect?: () => void): Prepared<TextSection> {
    const section: TextSection = analysis === undefined ? { segments } : { segments, analysis };
    const install = () => {
      this.#section = section;
      effect?.();
    };
    return { section, install };
  }

  #newLive(over: Bitmap): LiveText {
    const place = { read: this.#cached, owner: this.#owner };
    return new LiveText(this.#section.segments ?? [], over, place, () => this.#prepare(), this.#buildBytes);
  }

  /** What the memtable has; all there is while there are no segments. */
  #notInSegments(): Bitmap {
    const { records } = this.#home;
    const over = new Bitmap(records.nextOrdinal);
    for (const ordinal of records.uncompacted()) if (isDocumentChanged(records.entry(ordinal)!)) over.add(ordinal);
    if (this.#section.segments === null) over.addRange(0, records.nextOrdinal);
    return over;
  }

  async #prepare(): Promise<Analyzer> {
    const preparing = (this.#analyzer ??= prepareAnalyzer(this.#analysis, this.#home.context.loadStem));
    try {
      const analyzer = await preparing;
      if (this.#analyzer === preparing && this.#known !== analyzer) {
        this.#known = analyzer;
        // A job looks whether the segments were made by such a one, if there are any.
        if (this.#section.segments?.length !== 0) this.#home.noteWork();
      }
    } catch (error) {
      if (this.#analyzer === preparing) this.#analyzer = null;
      throw error;
    }
    return preparing;
  }

  // ---- reading

  readonly #cached: ReadBlock = (ref, owner) => this.#home.context.blocks.read(ref, owner);

  get #owner(): string {
    return `collection "${this.#home.row.name}" (text)`;
  }

  /** Whether documents were written that the index in memory has not read. */
  get isBehind(): boolean {
    return this.#home.indexes.fullText && this.#section.segments !== null && this.#live.isBehind;
  }

  /** How many there are. */
  get backlog(): number {
    return this.#live.backlog;
  }

  /** Reads some of them, so that the next search need not; whether there are more. */
  catchUpSome(tick: Tick): Promise<boolean> {
    return this.#live.catchUpSome({ ...this.#source, read: (body) => this.#home.read(body) }, tick);
  }

  /** Does the bulk of catching up with the documents, so that a search under the lock has little to do. */
  async ready(tick: Tick): Promise<void> {
    const source: TextSource = { ...this.#source, read: (body) => this.#home.read(body) };
    let live: LiveText;
    do {
      live = this.#live;
      await live.catchUp(source, tick);
    } while (live.isRetired);
  }

  /** Under the shared lock: complete as of this moment. */
  async search(query: string, options: TextSearchOptions, tick: Tick): Promise<TextHits> {
    const index = await this.#live.current(this.#source, tick);
    const { synonyms } = this.#home.row.configuration.text ?? {};
    if (!options.operators) return index.search(query, { ...options, synonyms }, tick);
    const operators = readOperators(query);
    const narrowed = await this.#narrowed(index, operators, options.allowed, tick);
    return index.search(operators.text, { ...options, ...narrowed, boosts: operators.boosts, synonyms }, tick);
  }

  /** Terms of the index that may have been meant by one, with their documents. Under the shared lock: complete as of this moment. */
  async near(term: string, options: NearOptions, tick: Tick): Promise<KnownTerm[]> {
    return (await this.#live.current(this.#source, tick)).near(term, options, tick);
  }

  /** A query with its unknown words as words of the allowed documents; `null`: there is nothing to correct. Under the shared lock. */
  async corrected(query: string, allowed: Bitmap, tick: Tick): Promise<string | null> {
    return corrected(await this.#asked(tick), query, allowed);
  }

  /** What a query may become whose last word is unfinished, by the allowed documents. Under the shared lock. */
  async completed(query: string, options: Omit<TextSearchOptions, "prefix">, tick: Tick): Promise<TextSuggestion[]> {
    return completed(await this.#asked(tick), query, options);
  }

  async #asked(tick: Tick): Promise<AskedIndex> {
    const index = await this.#live.current(this.#source, tick);
    return {
      analyzer: await this.#prepare(),
      near: (term, options) => index.near(term, options, tick),
      search: (query, options) => index.search(query, options, tick),
      narrowed: async (words, within) => {
        const required = words.map((text) => ({ text, isPhrase: false }));
        const { allowed, accept } = await this.#narrowed(index, { required, excluded: [] }, within, tick);
        return accept === undefined ? allowed : accept(allowed.toArray());
      },
      tick,
    };
  }

  /** Where in the documents of its hits a search matched. Under the lock under which it searched. */
  async highlights(search: Searched, documents: readonly (string | null)[], how: Highlighting, tick: Tick): Promise<Highlight[]> {
    const analyzer = await this.#prepare();
    const phrases = phrasesOf(analyzer, search.operators ? readOperators(search.query) : { text: search.query, required: [] });
    const found: Highlight[] = [];
    for (const [i, document] of documents.entries()) {
      found.push(await inTurns(highlight(analyzer, document ?? "", search.terms[i]!, phrases, how), tick));
      await tick();
    }
    return found;
  }

  /**
   * Those of the documents that may have all that is required, and nothing that is excluded; and what tells of some of them whether they
   * do, where they have to be read for it, as the index does not know where in a document a word stands.
   */
  async #narrowed(
    index: TextIndex,
    { required, excluded }: Pick<Operators, "required" | "excluded">,
    within: Bitmap,
    tick: Tick,
  ): Promise<Pick<TextSearchOptions, "allowed" | "accept">> {
    const allowed = within.clone();
    const conditions: Condition[] = [];
    for (const clause of [...required, ...excluded]) {
      const having = (await index.holders(clause.text, tick))?.intersect(allowed) ?? null;
      if (having === null) continue;
      const isExcluded = excluded.includes(clause);
      const isRead = clause.isPhrase || index.isLong(clause.text);
      if (isRead) conditions.push({ having, isExcluded, holds: index.phraseTest(clause.text) });
      if (!isExcluded) allowed.intersect(having);
      else if (!isRead) allowed.subtract(having);
    }
    return { allowed, accept: conditions.length === 0 ? undefined : (ordinals) => this.#satisfying(ordinals, conditions, tick) };
  }

  async #satisfying(all: Uint32Array, conditions: readonly Condition[], tick: Tick): Promise<Bitmap> {
    const found = new Bitmap();
    for (let from = 0; from < all.length; from += CHUNK) {
      const chunk = all.subarray(from, from + CHUNK);
      const documents = await this.#source.documents(chunk);
      for (const [i, ordinal] of chunk.entries()) {
        if (await inTurns(satisfies(documents[i]!, ordinal, conditions), tick)) found.add(ordinal);
      }
      await tick();
    }
    return found;
  }

  /** For callers that hold the shared lock. */
  get #source(): TextSource {
    return { read: (body) => body(), documents: (ordinals) => this.#home.records.documents(ordinals) };
  }
}

/** What the text of those documents must hold that have all of its words, or must not. */
interface Condition {
  having: Bitmap;
  isExcluded: boolean;
  holds(document: string): Steps<boolean>;
}

function* satisfies(document: string | null, ordinal: number, conditions: readonly Condition[]): Steps<boolean> {
  for (const { having, isExcluded, holds } of conditions) {
    const isHeld = document !== null && having.has(ordinal) && (yield* holds(document));
    if (isHeld === isExcluded) return false;
  }
  return true;
}

/** What an index depends on; `undefined` where all is as by default. */
function analysisOf({ fold_diacritics, stemming, stop_words = [] }: TextConfiguration = {}): Analysis | undefined {
  const analysis: Analysis = fold_diacritics === false ? { keepDiacritics: true } : {};
  if (stemming !== undefined) analysis.stemming = stemming;
  const stopWords = stopWordsOf(stop_words, analysis);
  if (stopWords.length > 0) analysis.stopWords = stopWords;
  return Object.keys(analysis).length === 0 ? undefined : analysis;
}

function keyOf(analysis: Analysis | undefined): string {
  return JSON.stringify(analysis ?? {});
}

/** Ordinals whose document was written or deleted. */
function* changedDocuments(entries: readonly Entry[]): Generator<number, void, undefined> {
  for (const [ordinal, entry] of entries) if (isDocumentChanged(entry)) yield ordinal;
}

function isDocumentChanged(entry: MemtableEntry): boolean {
  return entry.kind !== "patch" || entry.document !== undefined;
}

function* ordinalsOf(documents: Iterable<readonly [ordinal: number, document: string]>): Generator<number, void, undefined> {
  for (const [ordinal] of documents) yield ordinal;
}

/** The documents that a compaction moves. */
function* newDocuments(payloads: readonly PayloadChange[]): Generator<readonly [number, string], void, undefined> {
  for (const { ordinal, entry, after } of payloads) {
    const isNew = entry.kind === "record" || (entry.kind === "patch" && entry.document !== undefined);
    if (isNew && after?.document != null) yield [ordinal, after.document];
  }
}
