/**
 * The text of a collection: its full-text index, kept in snapshots on disk and in memory once it is searched. An index costs
 * more to write than the rest of a collection, so it is written by an idle job and not by compactions.
 *
 * How texts become words is a matter of the collection's configuration, and may change. An index answers as it was made until
 * another one is complete and written; the snapshot says how it was made, and the job is due while that is not what is wanted.
 */
import { Bitmap } from "../base/bitmap.js";
import { inTurns } from "../base/steps.js";
import type { Tick } from "../base/turns.js";
import type { BlockRef, BlockWriter } from "../blockstore/blockstore.js";
import { type Analysis, prepareAnalyzer, stopWordsOf } from "../index/text/analyzer.js";
import { type Operators, readOperators } from "../index/text/clauses.js";
import { type Highlighting, highlight, noPhrases, phrasesOf } from "../index/text/highlight.js";
import type { KnownTerm, NearOptions, TextHits, TextIndex } from "../index/text/text-index.js";
import type { TextSearchOptions } from "../index/text/text-query.js";
import { limits } from "../limits.js";
import { advance, loadTextIndex, staleShare, type TextSnapshot } from "../segment/text-section.js";
import type { Highlight, TextConfiguration } from "../types.js";
import type { Inspection } from "./inspection.js";
import type { AppliedRecords, CollectionPart, Entry, MemtableChanges, PartHome, PartJob, Prepared } from "./part.js";
import { ResidentText, type TextSource } from "./resident-text.js";

export interface TextSection {
  /** Whether any record that was compacted ever had a document. */
  hasDocuments: boolean;
  /** `null` when there is none. */
  snapshot: TextSnapshot | null;
}

/** What was looked for, and the terms of each hit. */
export interface Searched {
  query: string;
  operators: boolean | undefined;
  terms: readonly (readonly string[])[];
}

/** Share of changed documents above which the snapshot is written anew. */
const STALE_SHARE_MAX = 0.2;

export class CollectionText implements CollectionPart<TextSection> {
  readonly #home: PartHome;
  #section: TextSection = CollectionText.empty();
  /** What searches ask. */
  #index: ResidentText;
  #analysis: Analysis | undefined;
  /** What is to take its place; in the making. */
  #next: ResidentText | null = null;
  #read: { text: TextConfiguration | undefined; analysis: Analysis | undefined } | null = null;

  constructor(home: PartHome) {
    this.#home = home;
    this.#analysis = this.#wanted;
    this.#index = this.#newIndex(this.#analysis);
  }

  static empty(): TextSection {
    return { hasDocuments: false, snapshot: null };
  }

  static refs({ snapshot }: TextSection): readonly BlockRef[] {
    return snapshot?.blocks ?? [];
  }

  static async verify({ snapshot }: TextSection, inspection: Inspection): Promise<void> {
    if (snapshot === null) return;
    const { blocks, deep, tick, loadStem } = inspection.context;
    const owner = inspection.owner("text");
    const analyzer = await prepareAnalyzer(snapshot.analysis, loadStem);
    const index = await inspection.attempt("text", owner, () => loadTextIndex(blocks, snapshot, owner, tick, analyzer));
    inspection.counts.blocks += snapshot.blocks.length;
    // An index of another analyzer is built anew, and nothing is read from it.
    if (index === null) return;
    inspection.counts.documents = index.documentCount;
    if (deep && inspection.isWhole) await verifyDocuments(index, snapshot, inspection);
  }

  get bytes(): number {
    return this.#index.bytes + (this.#next?.bytes ?? 0);
  }

  /** The index is loaded by the first search. */
  async open(section: TextSection): Promise<void> {
    this.#section = section;
    if (section.snapshot === null) return;
    this.#analysis = section.snapshot.analysis;
    this.#index = this.#newIndex(this.#analysis);
  }

  configure(): void {
    if (this.#isOutdated) this.#home.noteWork();
  }

  apply({ written, deleted }: AppliedRecords): void {
    const touched = written.filter(([, { document }]) => document !== undefined).map(([ordinal]) => ordinal);
    for (const index of [this.#index, this.#next]) index?.touch([...touched, ...deleted]);
  }

  async compact({ entries }: MemtableChanges): Promise<Prepared<TextSection>> {
    const hasDocuments = this.#section.hasDocuments || entries.some(([, entry]) => hasDocument(entry));
    return this.#prepared({ hasDocuments, snapshot: advance(this.#section.snapshot, changedDocuments(entries)) });
  }

  /** The index is not translated but built again. */
  async renumber(): Promise<Prepared<TextSection>> {
    return this.#prepared({ ...this.#section, snapshot: null }, () => {
      this.#analysis = this.#wanted;
      this.#index = this.#newIndex(this.#analysis);
      this.#next = null;
    });
  }

  static readonly idleJobs: readonly PartJob<TextSection>[] = [
    {
      idleMs: limits.textIdleMs,
      priority: 2,
      isAwaited: false,
      isDue: (text: CollectionText) => text.#isSnapshotDue,
      run: (text: CollectionText, writer, tick) => text.#saveSnapshot(writer, tick),
    },
    {
      idleMs: limits.textRebuildIdleMs,
      priority: 3,
      isAwaited: true,
      isDue: (text: CollectionText) => text.#isOutdated && text.#home.indexes.fullText,
      run: (text: CollectionText, writer, tick) => text.#saveSnapshot(writer, tick),
    },
  ];

  get #isSnapshotDue(): boolean {
    const { hasDocuments, snapshot } = this.#section;
    if (!hasDocuments || !this.#home.indexes.fullText) return false;
    return snapshot === null || staleShare(snapshot, this.#home.records.compactedEnd) > STALE_SHARE_MAX;
  }

  /** What the collection's configuration asks for; worked out once for each configuration. */
  get #wanted(): Analysis | undefined {
    const { text } = this.#home.row.configuration;
    if (this.#read === null || this.#read.text !== text) this.#read = { text, analysis: analysisOf(text) };
    return this.#read.analysis;
  }

  get #isOutdated(): boolean {
    return this.#analysis !== this.#wanted && keyOf(this.#analysis) !== keyOf(this.#wanted);
  }

  /** What is written while this runs stays in the memtable, hence is read again on loading. */
  async #saveSnapshot(writer: BlockWriter, tick: Tick): Promise<Prepared<TextSection>> {
    const [analysis, replaces] = [this.#wanted, this.#isOutdated];
    const index = replaces ? (this.#next = this.#newIndex(analysis)) : this.#index;
    const wasLoaded = this.#index.isLoaded;
    const source: TextSource = replaces ? { ...this.#unlockedSource, snapshot: () => null } : this.#unlockedSource;
    try {
      const saved = await index.save(source, this.#home.records.compactedEnd, writer, tick);
      const snapshot = analysis === undefined ? saved : { ...saved, analysis };
      return this.#prepared({ ...this.#section, snapshot }, () => {
        if (replaces) this.#put(index, analysis);
        if (!wasLoaded) index.unload();
      });
    } catch (error) {
      this.#next = null;
      throw error;
    }
  }

  #put(index: ResidentText, analysis: Analysis | undefined): void {
    this.#index = index;
    this.#analysis = analysis;
    this.#next = null;
  }

  #prepared(section: TextSection, effect?: () => void): Prepared<TextSection> {
    const install = () => {
      this.#section = section;
      effect?.();
    };
    return { section, install };
  }

  #newIndex(analysis: Analysis | undefined): ResidentText {
    const { blocks, loadStem } = this.#home.context;
    return new ResidentText(blocks, `collection "${this.#home.row.name}" (text)`, () => prepareAnalyzer(analysis, loadStem));
  }

  // ---- reading

  /** Loads the index if need be and does the bulk of catching up, so that a search under the lock has little to do. */
  ready(tick: Tick): Promise<void> {
    return this.#index.ready(this.#unlockedSource, tick);
  }

  /** Under the shared lock: complete as of this moment. */
  async search(query: string, options: TextSearchOptions, tick: Tick): Promise<TextHits> {
    const index = this.#index;
    const { synonyms } = this.#home.row.configuration.text ?? {};
    if (!options.operators) return index.search(this.#source, query, { ...options, synonyms }, tick);
    const operators = readOperators(query);
    const allowed = await this.#narrowed(index, operators, options.allowed, tick);
    return index.search(this.#source, operators.text, { ...options, allowed, boosts: operators.boosts, synonyms }, tick);
  }

  /** Terms of the index that may have been meant by one, with their documents. Under the shared lock: complete as of this moment. */
  near(term: string, options: NearOptions, tick: Tick): Promise<KnownTerm[]> {
    return this.#index.near(this.#source, term, options, tick);
  }

  /** Where in the documents of its hits a search matched. Under the lock under which it searched. */
  async highlights(search: Searched, documents: readonly (string | null)[], how: Highlighting, tick: Tick): Promise<Highlight[]> {
    const analyzer = await prepareAnalyzer(this.#analysis, this.#home.context.loadStem);
    const phrases = search.operators ? phrasesOf(analyzer, readOperators(search.query)) : noPhrases;
    const found: Highlight[] = [];
    for (const [i, document] of documents.entries()) {
      found.push(await inTurns(highlight(analyzer, document ?? "", search.terms[i]!, phrases, how), tick));
      await tick();
    }
    return found;
  }

  /** Those of the documents that have all that is required, and nothing that is excluded. */
  async #narrowed(index: ResidentText, { required, excluded }: Operators, within: Bitmap, tick: Tick): Promise<Bitmap> {
    const left = within.clone();
    for (const clause of [...required, ...excluded]) {
      const holding = await index.holders(this.#source, clause, left, tick);
      if (holding === null) continue;
      if (excluded.includes(clause)) left.subtract(holding);
      else left.intersect(holding);
    }
    return left;
  }

  /** For callers that hold the shared lock. */
  get #source(): TextSource {
    const { records } = this.#home;
    return {
      documents: (ordinals) => records.documents(ordinals),
      snapshot: () => this.#section.snapshot,
      nextOrdinal: () => records.nextOrdinal,
      uncompacted: () => records.uncompacted(),
    };
  }

  /** Takes the shared lock for each chunk of documents. Ordinals may be dead by then: `null`. */
  get #unlockedSource(): TextSource {
    const { records } = this.#home;
    return { ...this.#source, documents: (ordinals) => this.#home.read(() => records.documents(ordinals)) };
  }
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

function hasDocument(entry: Entry[1]): boolean {
  return entry.kind !== "tombstone" && entry.document != null;
}

/** Ordinals whose document was written or deleted. */
function* changedDocuments(entries: readonly Entry[]): Generator<number, void, undefined> {
  for (const [ordinal, entry] of entries) if (entry.kind !== "patch" || entry.document !== undefined) yield ordinal;
}

/** Each document that did not change since the snapshot is in it, word for word, and nothing else is. */
async function verifyDocuments(index: TextIndex, snapshot: TextSnapshot, inspection: Inspection): Promise<void> {
  const owner = inspection.owner("text");
  const stale = Bitmap.of(snapshot.stale);
  const lengths = await index.wordCounts(inspection.context.tick);
  for await (const { ordinals, payloadAt } of inspection.payloads()) {
    for (let row = 0; row < ordinals.length; row++) {
      const ordinal = ordinals[row]!;
      if (ordinal >= snapshot.nextOrdinal || stale.has(ordinal)) continue;
      if (!index.matches(ordinal, payloadAt(row).document, lengths)) {
        inspection.find("text", `ordinal ${ordinal}`, `The document of ordinal ${ordinal} is not what ${owner} has of it`);
      }
    }
    await inspection.context.tick();
  }
}
