/**
 * The text index of a collection between disk and memory. On disk it is a snapshot: pieces of the index in blocks, with a
 * list of what has changed since. Writing it anew on every compaction would cost as much as the whole collection, so a
 * compaction only adds to that list (`advance`) and the snapshot is replaced when the list has grown (`staleShare`).
 *
 * In memory (`CollectionText`) the index is loaded by the first search. Writes only mark ordinals as dirty; the next search
 * re-reads the documents of those and no others.
 *
 * Invariants: an ordinal that is not dirty is indexed with its current document; an ordinal stops being dirty only when a
 * document read after its last `touch` has been put into the index. While the index is walked (vacuum, save) nothing is
 * put into it. A caller of `ready` may hold the collection's lock while another caller waits for that lock, so nobody
 * waits for documents that somebody else is reading: work is divided, and what is left over is done twice.
 */

import { Bitmap } from "../base/bitmap.js";
import type { Tick } from "../base/turns.js";
import { Block, encodeBlock } from "../blockstore/block.js";
import type { BlockRef, BlockStore, BlockWriter } from "../blockstore/blockstore.js";
import { type TextHits, TextIndex, type TextSearchOptions } from "../index/text/text-index.js";

/** A stored text index. Plain JSON: manifests hold it, `null` when there is none. */
export interface TextSection {
  blocks: BlockRef[];
  /** Ordinals below this are covered. */
  nextOrdinal: number;
  /** Covered ordinals changed or deleted since, ascending. */
  stale: number[];
}

/** Where a text index finds the truth. The methods without promise describe one moment together when called in a row. */
export interface TextSource {
  /** Documents in the order asked; `null` for no document or a dead ordinal. */
  documents(ordinals: Uint32Array): Promise<(string | null)[]>;
  section(): TextSection | null;
  /** One past the largest ordinal in use. */
  nextOrdinal(): number;
  /** Ordinals whose truth is in the memtable, deleted ones included: no section knows of them. */
  uncompacted(): Iterable<number>;
}

/** Documents read in one go while catching up: few enough that indexing them takes no longer than a slice. */
const CHUNK = 16;
/** Share of dead documents above which their postings are removed from the whole index. */
const DEAD_SHARE_MAX = 0.2;
const COLUMN = "piece";

/** Writes a snapshot. */
export async function saveTextIndex(writer: BlockWriter, index: TextIndex, nextOrdinal: number, tick: Tick): Promise<TextSection> {
  const blocks: BlockRef[] = [];
  for await (const piece of index.serialize(tick)) {
    const values = new Int8Array(piece.buffer, piece.byteOffset, piece.length);
    blocks.push(await writer.write(encodeBlock([{ type: "fixed-i8", name: COLUMN, width: piece.length, values }], 1)));
    await tick();
  }
  return { blocks, nextOrdinal, stale: [] };
}

/** `null` when the snapshot was written by another layout or tokenizer and is to be rebuilt. Damage rejects with `CORRUPTION`. */
export function loadTextIndex(store: BlockStore, section: TextSection, owner: string, tick: Tick): Promise<TextIndex | null> {
  return TextIndex.load(readPieces(store, section, owner), tick);
}

/** Past the block cache: pieces are read once and would push out blocks that are read often. */
async function* readPieces(store: BlockStore, section: TextSection, owner: string): AsyncGenerator<Uint8Array, void, undefined> {
  for (const ref of section.blocks) {
    const values = Block.decode(await store.readBytes(ref, owner)).fixedI8(COLUMN);
    yield new Uint8Array(values.buffer, values.byteOffset, values.length);
  }
}

/** The section after a compaction that changed (or deleted) the documents of these ordinals. */
export function advance(section: TextSection | null, changed: Iterable<number>): TextSection | null {
  if (section === null) return null;
  const stale = Bitmap.of(section.stale);
  for (const ordinal of changed) if (ordinal < section.nextOrdinal) stale.add(ordinal);
  return { ...section, stale: [...stale.values()] };
}

/** Share of a collection's ordinals that a load of the section has to read again, 0–1. */
export function staleShare(section: TextSection, nextOrdinal: number): number {
  const uncovered = Math.max(0, nextOrdinal - section.nextOrdinal);
  return (section.stale.length + uncovered) / Math.max(1, nextOrdinal);
}

export class CollectionText {
  readonly #store: BlockStore;
  readonly #owner: string;
  #live: LiveText | null = null;

  /** `owner` names collection and segment in errors. */
  constructor(store: BlockStore, owner: string) {
    this.#store = store;
    this.#owner = owner;
  }

  /** Whether the index is in memory, or on its way there. */
  get isLoaded(): boolean {
    return this.#live !== null;
  }

  /** Tells that the documents of these ordinals were written or deleted. */
  touch(ordinals: Iterable<number>): void {
    this.#live?.touch(ordinals);
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
    const live = await this.#load(source, tick);
    await live.catchUp(source, tick);
    return live.index.search(query, options);
  }

  /** Brings the index up to date and writes it. Writes that arrive meanwhile are stale in the section. */
  async save(source: TextSource, nextOrdinal: number, blocks: BlockWriter, tick: Tick): Promise<TextSection> {
    const live = await this.#load(source, tick);
    await live.catchUp(source, tick);
    return live.save(blocks, nextOrdinal, tick);
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
    const section = source.section();
    const load = async () => (section === null ? null : loadTextIndex(this.#store, section, this.#owner, tick));
    return new LiveText(load(), section, source);
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
  /** A vacuum or save under way; never rejects. */
  #walk: Promise<void> | null = null;

  constructor(load: Promise<TextIndex | null>, section: TextSection | null, source: TextSource) {
    const nextOrdinal = source.nextOrdinal();
    this.#dirty = Bitmap.of(source.uncompacted());
    this.#dirty.addAll(section?.stale ?? []);
    for (let ordinal = section?.nextOrdinal ?? 0; ordinal < nextOrdinal; ordinal++) this.#dirty.add(ordinal);
    this.loaded = load.then((index) => {
      this.#index = index ?? new TextIndex();
      // A snapshot that cannot be used covers nothing.
      if (index === null) for (let ordinal = 0; ordinal < nextOrdinal; ordinal++) this.#dirty.add(ordinal);
    });
  }

  get index(): TextIndex {
    return this.#index!;
  }

  touch(ordinals: Iterable<number>): void {
    for (const ordinal of ordinals) {
      this.#dirty.add(ordinal);
      for (const touched of this.#reads) touched.add(ordinal);
    }
  }

  async catchUp(source: TextSource, tick: Tick): Promise<void> {
    for (let chunk = this.#nextChunk(); chunk.length > 0; chunk = this.#nextChunk()) {
      await this.#refresh(chunk, source);
      await tick();
    }
    if (this.index.deadShare > DEAD_SHARE_MAX && this.#walk === null) await this.#walking(() => this.index.vacuum(tick));
  }

  async save(blocks: BlockWriter, nextOrdinal: number, tick: Tick): Promise<TextSection> {
    while (this.#walk !== null) await this.#walk;
    return this.#walking(async () => {
      const section = await saveTextIndex(blocks, this.index, nextOrdinal, tick);
      // Nothing is put into the index until this is done, so whatever was dirty when it began still is.
      return { ...section, stale: [...this.#dirty.values()].filter((ordinal) => ordinal < nextOrdinal) };
    });
  }

  #nextChunk(): Uint32Array {
    const unclaimed = this.#dirty.clone().subtract(this.#claimed);
    const chunk = first(unclaimed, CHUNK);
    return chunk.length > 0 ? chunk : first(this.#dirty, CHUNK);
  }

  async #refresh(chunk: Uint32Array, source: TextSource): Promise<void> {
    const touched = new Bitmap();
    this.#reads.add(touched);
    this.#claimed.addAll(chunk);
    try {
      const documents = await source.documents(chunk);
      while (this.#walk !== null) await this.#walk;
      chunk.forEach((ordinal, i) => {
        if (!this.#dirty.has(ordinal) || touched.has(ordinal)) return;
        this.index.set(ordinal, documents[i]!);
        this.#dirty.delete(ordinal);
      });
    } finally {
      this.#reads.delete(touched);
      for (const ordinal of chunk) this.#claimed.delete(ordinal);
    }
  }

  async #walking<T>(work: () => Promise<T>): Promise<T> {
    const result = work();
    const done = result.then(
      () => undefined,
      () => undefined,
    );
    this.#walk = done;
    try {
      return await result;
    } finally {
      this.#walk = null;
    }
  }
}

function first(ordinals: Bitmap, count: number): Uint32Array {
  const out: number[] = [];
  for (const ordinal of ordinals.values()) {
    if (out.push(ordinal) === count) break;
  }
  return Uint32Array.from(out);
}
