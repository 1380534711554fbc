/**
 * The text index of a collection as searches see it: the segments of the installed section, and over them what the memtable has, in
 * memory. Writes only mark ordinals; a job once nobody writes, or the next search, reads their documents and puts them in, and a search
 * hides them in the segments. A compaction takes what is in memory then and need not read it again.
 *
 * Invariants: an ordinal that is neither dirty nor to be hidden is found with its current document, once; an ordinal stops being dirty
 * only when a document read after its last `touch` has been put in. Documents are put in one at a time. Nothing is touched while the
 * collection's lock is shared, so under it a search that has caught up finds nothing moving. A caller of `ready` may hold that lock
 * while another waits for it, so nobody waits for documents that somebody else is reading: work is divided, and what is left over is
 * done twice. Once another takes its place (`retire`), it reads no segment any more.
 */
import { Bitmap } from "../base/bitmap.js";
import { Serial } from "../base/serial.js";
import { inTurns } from "../base/steps.js";
import type { Tick } from "../base/turns.js";
import type { Analyzer } from "../index/text/analyzer.js";
import { TextIndex } from "../index/text/text-index.js";
import type { TextWalk } from "../index/text/text-reader.js";
import { YoungIndex } from "../index/text/young-index.js";
import { limits } from "../limits.js";
import { type ReadBlock, SegmentReader, type TextSegment } from "../segment/text-segment.js";

/** How a text index comes to documents. */
export interface TextSource {
  /** Runs a read during which nothing moves: under the collection's shared lock, where the caller does not hold it. */
  read<T>(body: () => Promise<T>): Promise<T>;
  /** Documents in the order asked; `null` for no document or a dead ordinal. Within a read. */
  documents(ordinals: Uint32Array): Promise<(string | null)[]>;
}

/** Where segments are, and who they belong to. */
export interface SegmentPlace {
  read: ReadBlock;
  /** Names collection and segment in errors. */
  owner: string;
}

/** Documents read in one go while catching up: few enough that indexing them takes no longer than a slice. */
const CHUNK = 16;
/** Chunks read in the background before it is asked again whether anybody writes. */
const CHUNKS_AT_ONCE = 16;
/** Documents put in, and so many times as many as there are, from which on what is hidden is worth beginning anew. */
const RESTART_MIN = 4096;
const RESTART_RATIO = 4;

/** What is made by the first search. */
interface Opened {
  readonly analyzer: Analyzer;
  young: YoungIndex;
  /** `null` until a read opens them. */
  readers: readonly SegmentReader[] | null;
}

export class LiveText {
  readonly #place: SegmentPlace;
  readonly #prepare: () => Promise<Analyzer>;
  readonly #aheadBytes: number;
  #segments: readonly TextSegment[];
  #opened: Opened | null = null;
  /** Ordinals whose documents are not those of the segments. */
  readonly #over: Bitmap;
  /** Those of them that are not hidden in the segments yet. */
  #toHide: Bitmap;
  /** Those whose documents are to be read. */
  readonly #dirty: Bitmap;
  /** None of them is below this: of many documents they are looked for after each few. */
  #dirtyFrom = 0;
  /** Ordinals that some caller is reading. Others take different ones as long as there are any. */
  readonly #claimed = new Bitmap();
  /** For each read under way, what was touched since it began. */
  readonly #reads = new Set<Bitmap>();
  readonly #changes = new Serial();
  #isRetired = false;

  /**
   * `over`: ordinals whose documents are not those of the segments. `prepare` brings the analyzer. `aheadBytes`: memory that documents may
   * take which nobody has searched for.
   */
  constructor(
    segments: readonly TextSegment[],
    over: Bitmap,
    place: SegmentPlace,
    prepare: () => Promise<Analyzer>,
    aheadBytes: number = limits.textBuildBytes,
  ) {
    this.#segments = segments;
    this.#over = over;
    this.#toHide = over.clone();
    this.#dirty = over.clone();
    this.#place = place;
    this.#prepare = prepare;
    this.#aheadBytes = aheadBytes;
  }

  /** Whether another has taken its place. */
  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** Bytes of memory held beside blocks: estimated. */
  get bytes(): number {
    const { young, readers } = this.#opened ?? {};
    return (readers ?? []).reduce((sum, reader) => sum + reader.bytes, young?.bytes ?? 0);
  }

  /** Tells that the documents of these ordinals were written or deleted. */
  touch(ordinals: Iterable<number>): void {
    const sets = [this.#over, this.#toHide, this.#dirty, ...this.#reads];
    for (const ordinal of ordinals) {
      for (const set of sets) set.add(ordinal);
      this.#dirtyFrom = Math.min(this.#dirtyFrom, ordinal);
    }
  }

  /** Other segments of the same documents take the place of these. Under the exclusive lock. */
  replaceSegments(segments: readonly TextSegment[]): void {
    this.#segments = segments;
    this.#toHide = this.#over.clone();
    if (this.#opened !== null) this.#opened.readers = null;
  }

  /** Under the exclusive lock. */
  retire(): void {
    this.#isRetired = true;
  }

  /** Whether documents are in memory, or are being read. */
  get isOpen(): boolean {
    return this.#opened !== null;
  }

  /** Whether there are documents to be read, and room for them beside those that nobody has asked for yet. */
  get isBehind(): boolean {
    return this.#hasDirty() && (this.#opened?.young.bytes ?? 0) < this.#aheadBytes;
  }

  /** Documents to be read. */
  get backlog(): number {
    return this.#dirty.count();
  }

  /** Whether some of these documents are to be read, and there is room. */
  lacksAny(ordinals: Bitmap): boolean {
    return this.isBehind && this.#dirty.countAgainst(ordinals).inside > 0;
  }

  /** What is in memory of these ordinals' documents, for a walk that sees nothing of what comes later; `null`: nothing. */
  known(ordinals: Iterable<number>, analyzer: Analyzer): { ordinals: Bitmap; documents: TextWalk } | null {
    if (this.#opened?.analyzer !== analyzer) return null;
    return this.#opened.young.asOfNow(Bitmap.of(ordinals).subtract(this.#dirty));
  }

  /** Reads some of the documents that are not known yet; whether there are more. */
  async catchUpSome(source: TextSource, tick: Tick): Promise<boolean> {
    const opened = await this.#open();
    for (let chunks = 0; chunks < CHUNKS_AT_ONCE && this.isBehind && !this.#isRetired; chunks++) {
      await this.#refresh(opened, this.#nextChunk(), source, tick);
      await tick();
    }
    return this.isBehind && !this.#isRetired;
  }

  /** Reads the documents that are not known yet, unless another takes its place meanwhile. */
  async catchUp(source: TextSource, tick: Tick): Promise<void> {
    const opened = await this.#open();
    await this.#changes.run(() => this.#restart(opened));
    for (let chunk = this.#nextChunk(); chunk.length > 0 && !this.#isRetired; chunk = this.#nextChunk()) {
      await this.#refresh(opened, chunk, source, tick);
      await tick();
    }
    await source.read(() => this.#changes.run(() => this.#settle(opened, tick)));
  }

  /** The index as of this moment, for as long as the caller, who has the shared lock, keeps it. */
  async current(source: TextSource, tick: Tick): Promise<TextIndex> {
    await this.catchUp(source, tick);
    const { readers, young, analyzer } = this.#opened!;
    return new TextIndex([...readers!, young], analyzer);
  }

  async #open(): Promise<Opened> {
    const analyzer = this.#opened?.analyzer ?? (await this.#prepare());
    return (this.#opened ??= { analyzer, young: new YoungIndex(analyzer), readers: null });
  }

  /** Documents that were replaced many times over make room. */
  #restart(opened: Opened): void {
    const { end, documents } = opened.young;
    if (end < RESTART_MIN || end < documents * RESTART_RATIO) return;
    opened.young = new YoungIndex(opened.analyzer);
    this.#dirty.union(this.#over);
    this.#dirtyFrom = 0;
  }

  /** Hides in the segments what is not valid there. Within a read. */
  async #settle(opened: Opened, tick: Tick): Promise<void> {
    if (this.#isRetired) return;
    const { read, owner } = this.#place;
    opened.readers ??= await Promise.all(this.#segments.map((segment) => SegmentReader.open(segment, read, owner)));
    const ordinals = this.#toHide.toArray();
    if (ordinals.length === 0) return;
    for (const reader of opened.readers) await reader.hide(ordinals, tick);
    this.#toHide = new Bitmap();
  }

  #hasDirty(): boolean {
    const { done, value } = this.#dirty.values(this.#dirtyFrom).next();
    this.#dirtyFrom = done === true ? 32 * this.#dirty.words.length : value;
    return done !== true;
  }

  #nextChunk(): Uint32Array {
    if (!this.#hasDirty()) return new Uint32Array(0);
    const chunk = this.#firstDirty((ordinal) => !this.#claimed.has(ordinal));
    return chunk.length > 0 ? chunk : this.#firstDirty(() => true);
  }

  #firstDirty(isWanted: (ordinal: number) => boolean): Uint32Array {
    const chunk: number[] = [];
    for (const ordinal of this.#dirty.values(this.#dirtyFrom)) {
      if (isWanted(ordinal) && chunk.push(ordinal) === CHUNK) break;
    }
    return Uint32Array.from(chunk);
  }

  async #refresh(opened: Opened, chunk: Uint32Array, source: TextSource, tick: Tick): Promise<void> {
    const touched = new Bitmap();
    this.#reads.add(touched);
    this.#claimed.addAll(chunk);
    try {
      const documents = await source.read(() => source.documents(chunk));
      await this.#changes.run(async () => {
        for (const [i, ordinal] of chunk.entries()) {
          if (!this.#dirty.has(ordinal) || touched.has(ordinal)) continue;
          await inTurns(opened.young.set(ordinal, documents[i]!), tick);
          if (!touched.has(ordinal)) this.#dirty.delete(ordinal);
        }
      });
    } finally {
      this.#reads.delete(touched);
      for (const ordinal of chunk) this.#claimed.delete(ordinal);
    }
  }
}
