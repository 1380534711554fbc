/**
 * The text index of a collection in memory. The first search loads it from its snapshot (`segment/text-section.ts`); writes only
 * mark ordinals as dirty, and the next search reads the documents of those again and no others.
 *
 * Invariants: an ordinal that is not dirty is indexed with its current document; an ordinal stops being dirty only when a
 * document read after its last `touch` has been put into the index. While the index is read (search, save) nothing is put into it:
 * it has a lock of its own. A caller of `ready` may hold the collection's lock while another caller waits for that lock, so nobody
 * waits for documents that somebody else is reading: work is divided, and what is left over is done twice.
 */
import { Bitmap } from "../base/bitmap.js";
import { inTurns } from "../base/steps.js";
import type { Tick } from "../base/turns.js";
import type { BlockStore, BlockWriter } from "../blockstore/blockstore.js";
import { type Analyzer, defaultAnalyzer } from "../index/text/analyzer.js";
import type { Clause } from "../index/text/clauses.js";
import { type KnownTerm, type NearOptions, type TextHits, TextIndex } from "../index/text/text-index.js";
import type { TextSearchOptions } from "../index/text/text-query.js";
import { loadTextIndex, saveTextIndex, type TextSnapshot } from "../segment/text-section.js";
import { ReadWriteLock } from "./read-write-lock.js";

/** Where a text index finds the truth. The methods without promise describe one moment together when called in a row. */
export interface TextSource {
  /** Documents in the order asked; `null` for no document or a dead ordinal. */
  documents(ordinals: Uint32Array): Promise<(string | null)[]>;
  /** What is on disk; `null` when nothing is. */
  snapshot(): TextSnapshot | null;
  /** One past the largest ordinal in use. */
  nextOrdinal(): number;
  /** Ordinals whose truth is in the memtable, deleted ones included: no snapshot knows of them. */
  uncompacted(): Iterable<number>;
}

/** Documents read in one go while catching up: few enough that indexing them takes no longer than a slice. */
const CHUNK = 16;
/** Share of dead documents above which their postings are removed from the whole index. */
const DEAD_SHARE_MAX = 0.2;

export class ResidentText {
  readonly #store: BlockStore;
  readonly #owner: string;
  readonly #prepare: () => Promise<Analyzer>;
  #live: LiveText | null = null;

  /** `owner` names collection and segment in errors; `prepare` brings the analyzer. */
  constructor(store: BlockStore, owner: string, prepare = async (): Promise<Analyzer> => defaultAnalyzer) {
    this.#store = store;
    this.#owner = owner;
    this.#prepare = prepare;
  }

  /** Whether the index is in memory, or on its way there. */
  get isLoaded(): boolean {
    return this.#live !== null;
  }

  /** Tells that the documents of these ordinals were written or deleted. */
  touch(ordinals: Iterable<number>): void {
    this.#live?.touch(ordinals);
  }

  /** Bytes of memory that the index holds: estimated. */
  get bytes(): number {
    return this.#live?.bytes ?? 0;
  }

  /** Frees the memory; the next search loads again. */
  unload(): void {
    this.#live = null;
  }

  /** Loads the index if need be and brings it up to date. */
  async ready(source: TextSource, tick: Tick): Promise<void> {
    await (await this.#load(source, tick)).catchUp(source, tick);
  }

  /** Complete as of this call when the caller keeps writes out meanwhile, else as of some moment since. */
  async search(source: TextSource, query: string, options: TextSearchOptions, tick: Tick): Promise<TextHits> {
    return (await this.#current(source, tick)).search(query, options, tick);
  }

  /** Terms that may have been meant by one. Complete as `search` is. */
  async near(source: TextSource, term: string, options: NearOptions, tick: Tick): Promise<KnownTerm[]> {
    return (await this.#current(source, tick)).near(term, options, tick);
  }

  /** Those of the documents in which a clause is found; `null` where it says nothing. Complete as `search` is. */
  async holders(source: TextSource, clause: Clause, within: Bitmap, tick: Tick): Promise<Bitmap | null> {
    const live = await this.#current(source, tick);
    const holding = (await live.holders(clause.text, tick))?.intersect(within) ?? null;
    if (holding === null || !clause.isPhrase) return holding;
    const found = new Bitmap();
    // The index does not know where in a document a word stands.
    for (const chunk of chunksOf(holding)) {
      const documents = await source.documents(chunk);
      for (const [i, ordinal] of chunk.entries()) {
        if (await inTurns(live.index.holdsPhrase(documents[i]!, clause.text), tick)) found.add(ordinal);
      }
      await tick();
    }
    return found;
  }

  async #current(source: TextSource, tick: Tick): Promise<LiveText> {
    const live = await this.#load(source, tick);
    await live.catchUp(source, tick);
    return live;
  }

  /** Brings the index up to date and writes it. Writes that arrive meanwhile are stale in the snapshot. */
  async save(source: TextSource, nextOrdinal: number, writer: BlockWriter, tick: Tick): Promise<TextSnapshot> {
    const live = await this.#load(source, tick);
    await live.catchUp(source, tick);
    return live.save(writer, nextOrdinal, tick);
  }

  /** Concurrent callers share a load. When it fails, its starter gets the error and the others try for themselves. */
  async #load(source: TextSource, tick: Tick): Promise<LiveText> {
    for (;;) {
      const shared = this.#live;
      const live = (this.#live ??= this.#begin(source, tick));
      try {
        await live.loaded;
        return live;
      } catch (error) {
        if (this.#live === live) this.#live = null;
        if (shared === null) throw error;
      }
    }
  }

  /** Looks at the source at once, so that no write falls between what it says and the first `touch`. */
  #begin(source: TextSource, tick: Tick): LiveText {
    const snapshot = source.snapshot();
    return new LiveText(this.#read(snapshot, tick), snapshot, source);
  }

  /** Not always under the collection's lock: blocks that are released meanwhile are still there. */
  async #read(snapshot: TextSnapshot | null, tick: Tick): Promise<{ index: TextIndex; isStored: boolean }> {
    const letGo = this.#store.hold();
    try {
      const analyzer = await this.#prepare();
      const stored = snapshot === null ? null : await loadTextIndex(this.#store, snapshot, this.#owner, tick, analyzer);
      return { index: stored ?? new TextIndex(analyzer), isStored: stored !== null };
    } finally {
      await letGo();
    }
  }
}

/** An index in memory and what it does not know yet. */
class LiveText {
  readonly loaded: Promise<void>;
  #index: TextIndex | null = null;
  readonly #dirty: Bitmap;
  /** Ordinals that some caller is reading. Others take different ones as long as there are any. */
  readonly #claimed = new Bitmap();
  /** For each read under way, what was touched since it began. */
  readonly #reads = new Set<Bitmap>();
  /** Whoever reads the index shares it; whoever changes it has it alone. */
  readonly #lock = new ReadWriteLock();
  #vacuuming = false;

  constructor(load: Promise<{ index: TextIndex; isStored: boolean }>, snapshot: TextSnapshot | null, source: TextSource) {
    const nextOrdinal = source.nextOrdinal();
    this.#dirty = Bitmap.of(source.uncompacted());
    this.#dirty.addAll(snapshot?.stale ?? []);
    for (let ordinal = snapshot?.nextOrdinal ?? 0; ordinal < nextOrdinal; ordinal++) this.#dirty.add(ordinal);
    this.loaded = load.then(({ index, isStored }) => {
      this.#index = index;
      // A snapshot that cannot be used covers nothing.
      if (!isStored) for (let ordinal = 0; ordinal < nextOrdinal; ordinal++) this.#dirty.add(ordinal);
    });
  }

  get index(): TextIndex {
    return this.#index!;
  }

  get bytes(): number {
    return this.#index?.bytes ?? 0;
  }

  touch(ordinals: Iterable<number>): void {
    for (const ordinal of ordinals) {
      this.#dirty.add(ordinal);
      for (const touched of this.#reads) touched.add(ordinal);
    }
  }

  async catchUp(source: TextSource, tick: Tick): Promise<void> {
    for (let chunk = this.#nextChunk(); chunk.length > 0; chunk = this.#nextChunk()) {
      await this.#refresh(chunk, source, tick);
      await tick();
    }
    if (this.index.deadShare > DEAD_SHARE_MAX && !this.#vacuuming) await this.#vacuum(tick);
  }

  async #vacuum(tick: Tick): Promise<void> {
    this.#vacuuming = true;
    try {
      await this.#lock.exclusive(() => this.index.vacuum(tick));
    } finally {
      this.#vacuuming = false;
    }
  }

  search(query: string, options: TextSearchOptions, tick: Tick): Promise<TextHits> {
    return this.#lock.shared(() => inTurns(this.index.search(query, options), tick));
  }

  near(term: string, options: NearOptions, tick: Tick): Promise<KnownTerm[]> {
    return this.#lock.shared(() => inTurns(this.index.near(term, options), tick));
  }

  holders(text: string, tick: Tick): Promise<Bitmap | null> {
    return this.#lock.shared(() => inTurns(this.index.holders(text), tick));
  }

  async save(writer: BlockWriter, nextOrdinal: number, tick: Tick): Promise<TextSnapshot> {
    return this.#lock.shared(async () => {
      const snapshot = await saveTextIndex(writer, this.index, nextOrdinal, tick);
      // Nothing is put into the index until this is done, so whatever was dirty when it began still is.
      return { ...snapshot, stale: [...this.#dirty.values()].filter((ordinal) => ordinal < nextOrdinal) };
    });
  }

  #nextChunk(): Uint32Array {
    const unclaimed = this.#dirty.clone().subtract(this.#claimed);
    const chunk = first(unclaimed, CHUNK);
    return chunk.length > 0 ? chunk : first(this.#dirty, CHUNK);
  }

  async #refresh(chunk: Uint32Array, source: TextSource, tick: Tick): Promise<void> {
    const touched = new Bitmap();
    this.#reads.add(touched);
    this.#claimed.addAll(chunk);
    try {
      const documents = await source.documents(chunk);
      await this.#lock.exclusive(async () => {
        for (const [i, ordinal] of chunk.entries()) {
          if (!this.#dirty.has(ordinal) || touched.has(ordinal)) continue;
          await inTurns(this.index.set(ordinal, documents[i]!), tick);
          if (!touched.has(ordinal)) this.#dirty.delete(ordinal);
        }
      });
    } finally {
      this.#reads.delete(touched);
      for (const ordinal of chunk) this.#claimed.delete(ordinal);
    }
  }
}

function* chunksOf(ordinals: Bitmap): Generator<Uint32Array, void, undefined> {
  const all = ordinals.toArray();
  for (let from = 0; from < all.length; from += CHUNK) yield all.subarray(from, from + CHUNK);
}

function first(ordinals: Bitmap, count: number): Uint32Array {
  const out: number[] = [];
  for (const ordinal of ordinals.values()) {
    if (out.push(ordinal) === count) break;
  }
  return Uint32Array.from(out);
}
