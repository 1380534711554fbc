/**
 * A segment of a text index: documents and the postings of their terms, in blocks that never change. What was changed or deleted since
 * stands in a block beside them, which is replaced.
 *
 *   documents block := u32 columns  ordinal, words (of the document)       `DOCUMENTS_PER_BLOCK` rows each, but for the last
 *   terms block     := columns  term: utf8,  end: u32      one row a term, ascending by code unit; where its bytes in the block of
 *                                                           postings end
 *   postings block  := one row of bytes: for each term     postings n:varint { form:string postings }^n
 *   postings        := n:varint { next:varint [frequency:varint] }^n        next: twice the difference to the position before, and
 *                                                           one more where the frequency is above 1, and follows
 *   dead block      := one row, a list of u32 `dead`: the words of a bitmap of positions
 *
 * Documents are numbered by their position, in the order of their ordinals. Varints and strings: `text-bytes.ts`.
 *
 * Invariants: ordinals ascend; a term is in one leaf with all its forms; no term, and no form, is without postings.
 */
import { Bitmap } from "../base/bitmap.js";
import { lowerBound } from "../base/lower-bound.js";
import type { Tick } from "../base/turns.js";
import type { Utf8Rows } from "../base/utf8-rows.js";
import { Block, encodeBlock } from "../blockstore/block.js";
import type { BlockRef, BlockStore, BlockWriter } from "../blockstore/blockstore.js";
import { decodeUtf8 } from "../blockstore/utf8.js";
import type { Analysis } from "../index/text/analyzer.js";
import { NearWalk } from "../index/text/near-terms.js";
import {
  type DocumentRun,
  noPostings,
  type Postings,
  type TermEntry,
  type TermPostings,
  type TextReader,
} from "../index/text/text-reader.js";
import { limits } from "../limits.js";
import { ByteReader, ByteWriter, damagedText } from "./text-bytes.js";

/** Terms beside each other, and their postings. */
export interface TextLeaf {
  first: string;
  terms: BlockRef;
  postings: BlockRef;
}

/** Plain JSON: manifests hold it. */
export interface TextSegment {
  /** Of the analyzer that read the documents. */
  signature: string;
  leaves: TextLeaf[];
  documents: { first: number; ref: BlockRef }[];
  /** Documents, dead ones included, and the last one's ordinal. */
  end: number;
  last: number;
  /** Documents that are not dead, and their words. */
  live: { documents: number; words: number };
  /** `null` when none is dead. */
  dead: BlockRef | null;
}

/** What a manifest says of a text index. */
export interface TextSection {
  /** Together they have each document once; `null` where they are still to be made of the records. */
  segments: TextSegment[] | null;
  /** How documents were read; missing where it was as by default. */
  analysis?: Analysis;
}

/** What a segment is read from. */
export type ReadBlock = (ref: BlockRef, owner: string) => Promise<Block>;

/** Past the block cache, out of which blocks that are read once would push others: remembers the two that were read last. */
export function readingOnce(blocks: Pick<BlockStore, "readBytes">): ReadBlock {
  const latest = new Map<BlockRef, Block>();
  return async (ref, owner) => {
    const block = latest.get(ref) ?? Block.decode(await blocks.readBytes(ref, owner));
    latest.delete(ref);
    latest.set(ref, block);
    for (const oldest of latest.keys()) if (latest.size > 2) latest.delete(oldest);
    return block;
  };
}

const DOCUMENTS_PER_BLOCK = 8192;
const TERMS_PER_LEAF = 4096;
/** A frequency beyond this makes no difference to a score. */
export const FREQUENCY_MAX = 2 ** 21 - 1;

export function* segmentRefs({ leaves, documents, dead }: TextSegment): Generator<BlockRef, void, undefined> {
  for (const { terms, postings } of leaves) yield* [terms, postings];
  for (const { ref } of documents) yield ref;
  if (dead !== null) yield dead;
}

// ---------------------------------------------------------------------------------------------------------- writing

export class SegmentWriter {
  readonly #writer: BlockWriter;
  readonly #tick: Tick;
  readonly #leaves: TextLeaf[] = [];
  readonly #bytes = new ByteWriter();
  readonly #entry = new ByteWriter();
  #terms: string[] = [];
  #ends: number[] = [];

  constructor(writer: BlockWriter, tick: Tick) {
    this.#writer = writer;
    this.#tick = tick;
  }

  /** Terms ascend. */
  async add(term: string, postings: Postings, forms: readonly (readonly [form: string, postings: Postings])[]): Promise<void> {
    writePostings(this.#entry, postings);
    this.#entry.reserve(1);
    this.#entry.varint(forms.length);
    for (const [form, list] of forms) {
      this.#entry.string(form);
      writePostings(this.#entry, list);
    }
    const entry = this.#entry.take();
    if (this.#bytes.length + entry.length > limits.postingBlockBytes || this.#terms.length === TERMS_PER_LEAF) await this.#cut();
    this.#bytes.bytes(entry);
    this.#terms.push(term);
    this.#ends.push(this.#bytes.length);
  }

  /** Ordinals ascend; position i is that of ordinal i. */
  async finish(ordinals: Uint32Array, words: Uint32Array, signature: string): Promise<TextSegment> {
    await this.#cut();
    const documents: TextSegment["documents"] = [];
    let total = 0;
    for (let from = 0; from < ordinals.length; from += DOCUMENTS_PER_BLOCK) {
      const [ordinal, count] = [ordinals, words].map((column) => column.slice(from, from + DOCUMENTS_PER_BLOCK)) as [
        Uint32Array,
        Uint32Array,
      ];
      const columns = [column("ordinal", ordinal), column("words", count)];
      documents.push({ first: ordinal[0]!, ref: await this.#writer.write(encodeBlock(columns, ordinal.length)) });
      for (const words of count) total += words;
      await this.#tick();
    }
    const [end, last] = [ordinals.length, ordinals.at(-1) ?? 0];
    return { signature, leaves: this.#leaves, documents, end, last, live: { documents: end, words: total }, dead: null };
  }

  async #cut(): Promise<void> {
    if (this.#terms.length === 0) return;
    const [first] = this.#terms as [string];
    const terms = encodeBlock(
      [{ type: "utf8", name: "term", values: this.#terms }, column("end", Uint32Array.from(this.#ends))],
      this.#terms.length,
    );
    const bytes = this.#bytes.take();
    const values = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    const postings = encodeBlock([{ type: "fixed-i8", name: "postings", width: values.length, values }], 1);
    [this.#terms, this.#ends] = [[], []];
    this.#leaves.push({ first, terms: await this.#writer.write(terms), postings: await this.#writer.write(postings) });
    await this.#tick();
  }
}

function column(name: string, values: Uint32Array): { type: "u32"; name: string; values: Uint32Array } {
  return { type: "u32", name, values };
}

function writePostings(writer: ByteWriter, { positions, frequencies }: Postings): void {
  writer.reserve(1 + positions.length * 2);
  writer.varint(positions.length);
  let before = 0;
  for (let i = 0; i < positions.length; i++) {
    const next = (positions[i]! - before) * 2;
    before = positions[i]!;
    if (frequencies[i] === 1) writer.varint(next);
    else {
      writer.varint(next + 1);
      writer.varint(Math.min(frequencies[i]!, FREQUENCY_MAX));
    }
  }
}

/** The segment with what its reader hides dead. */
export async function withDead({ segment, documents, words, hidden }: SegmentReader, writer: BlockWriter): Promise<TextSegment> {
  const dead = await writer.write(encodeBlock([{ type: "u32-list", name: "dead", values: [hidden.words] }], 1));
  return { ...segment, live: { documents, words }, dead };
}

// ---------------------------------------------------------------------------------------------------------- reading

export class SegmentReader implements TextReader {
  readonly segment: TextSegment;
  readonly hidden: Bitmap;
  documents: number;
  words: number;
  readonly #read: ReadBlock;
  readonly #owner: string;

  private constructor(segment: TextSegment, hidden: Bitmap, read: ReadBlock, owner: string) {
    this.segment = segment;
    this.hidden = hidden;
    this.documents = segment.live.documents;
    this.words = segment.live.words;
    this.#read = read;
    this.#owner = owner;
  }

  /** What is dead is hidden. `owner` names collection and segment in errors. */
  static async open(segment: TextSegment, read: ReadBlock, owner: string): Promise<SegmentReader> {
    const hidden = new Bitmap(segment.end);
    if (segment.dead !== null) hidden.union(bitmapOf((await read(segment.dead, owner)).u32List("dead")(0)));
    return new SegmentReader(segment, hidden, read, owner);
  }

  get end(): number {
    return this.segment.end;
  }

  /** Bytes of memory held beside blocks: estimated. */
  get bytes(): number {
    const { leaves, documents } = this.segment;
    return this.hidden.words.byteLength + (leaves.length * 2 + documents.length) * 150;
  }

  /** Hides those of the documents that are here; ordinals ascend. */
  async hide(ordinals: Uint32Array, tick: Tick): Promise<void> {
    for (const position of (await this.find(ordinals, tick)).values()) {
      const { start, words } = await this.documentsAt(position);
      // Somebody else may have hidden it meanwhile.
      if (this.hidden.has(position)) continue;
      this.hidden.add(position);
      this.documents--;
      this.words -= words[position - start]!;
    }
  }

  async get(term: string): Promise<TermEntry | null> {
    const leaf = this.#leafOf(term);
    if (leaf < 0) return null;
    const terms = await this.#terms(leaf);
    const row = lowerBound(0, terms.count, (at) => terms.term(at) < term);
    return row < terms.count && terms.term(row) === term ? this.#entry(term, leaf, terms, row) : null;
  }

  async *beginning(prefix: string, tick: Tick): AsyncGenerator<TermEntry, void, undefined> {
    for (let leaf = Math.max(0, this.#leafOf(prefix)); leaf < this.segment.leaves.length; leaf++) {
      const terms = await this.#terms(leaf);
      for (let row = lowerBound(0, terms.count, (at) => terms.term(at) < prefix); row < terms.count; row++) {
        const term = terms.term(row);
        if (!term.startsWith(prefix)) return;
        yield this.#entry(term, leaf, terms, row);
      }
      await tick();
    }
  }

  async near(word: string, distanceMax: number, visit: (entry: TermEntry, distance: number) => void, tick: Tick): Promise<void> {
    const walk = new NearWalk(word, distanceMax);
    for (let leaf = 0; leaf < this.segment.leaves.length; leaf++) {
      const terms = await this.#terms(leaf);
      walk.eachNear(terms.rows, (row, distance) => visit(this.#entry(terms.term(row), leaf, terms, row), distance));
      await tick();
    }
  }

  async documentsAt(position: number): Promise<DocumentRun> {
    const at = Math.floor(position / DOCUMENTS_PER_BLOCK);
    const block = await this.#read(this.segment.documents[at]!.ref, this.#owner);
    return { start: at * DOCUMENTS_PER_BLOCK, ordinals: block.u32("ordinal"), words: block.u32("words") };
  }

  async find(asked: Uint32Array, tick: Tick = () => {}): Promise<Map<number, number>> {
    const { documents, last } = this.segment;
    const found = new Map<number, number>();
    for (let i = 0; i < asked.length && asked[i]! <= last; ) {
      const at = lowerBound(0, documents.length, (block) => documents[block]!.first <= asked[i]!) - 1;
      const end = documents[at + 1]?.first ?? last + 1;
      const stop = lowerBound(i, asked.length, (other) => asked[other]! < end);
      if (at >= 0) this.#findIn(await this.documentsAt(at * DOCUMENTS_PER_BLOCK), asked.subarray(i, stop), found);
      i = stop;
      await tick();
    }
    return found;
  }

  #findIn({ start, ordinals }: DocumentRun, asked: Uint32Array, found: Map<number, number>): void {
    let row = 0;
    for (const ordinal of asked) {
      row = lowerBound(row, ordinals.length, (at) => ordinals[at]! < ordinal);
      if (ordinals[row] === ordinal && !this.hidden.has(start + row)) found.set(ordinal, start + row);
    }
  }

  /** The leaf that would have the term; -1 when all begin behind it. */
  #leafOf(term: string): number {
    const { leaves } = this.segment;
    return lowerBound(0, leaves.length, (i) => leaves[i]!.first <= term) - 1;
  }

  async #terms(leaf: number): Promise<LeafTerms> {
    return new LeafTerms(await this.#read(this.segment.leaves[leaf]!.terms, this.#owner));
  }

  #entry(term: string, leaf: number, { ends }: LeafTerms, row: number): TermEntry {
    const [start, end] = [row === 0 ? 0 : ends[row - 1]!, ends[row]!];
    return {
      term,
      load: async () => {
        const values = (await this.#read(this.segment.leaves[leaf]!.postings, this.#owner)).fixedI8("postings");
        if (start > end || end > values.length) throw damagedText(`of term "${term}" lie from ${start} to ${end} of ${values.length}`);
        return new StoredPostings(new Uint8Array(values.buffer, values.byteOffset, end), start, this.hidden, this.end);
      },
    };
  }
}

/** The terms of a leaf. */
class LeafTerms {
  readonly count: number;
  readonly ends: Uint32Array;
  readonly rows: Utf8Rows;

  constructor(block: Block) {
    this.count = block.rows;
    this.ends = block.u32("end");
    this.rows = block.utf8Rows("term");
  }

  term(row: number): string {
    const { bytes, start, end } = this.rows;
    return decodeUtf8(bytes, start(row), end(row));
  }
}

/** The postings of a term and its forms, decoded when they are asked for. */
class StoredPostings implements TermPostings {
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #hidden: Bitmap;
  readonly #end: number;
  /** Where the forms begin, once the postings of the term were read. */
  #formsAt: number | null = null;
  /** Where the postings of each form begin. */
  #forms: ReadonlyMap<string, number> | null = null;

  constructor(bytes: Uint8Array, start: number, hidden: Bitmap, end: number) {
    this.#bytes = bytes;
    this.#start = start;
    this.#hidden = hidden;
    this.#end = end;
  }

  get forms(): readonly string[] {
    return [...this.#found.keys()];
  }

  postings(form: string | null): Postings {
    const start = form === null ? this.#start : this.#found.get(form);
    if (start === undefined) return noPostings;
    const { next, position, ...postings } = readPostings(this.#bytes, start, this.#hidden.words);
    if (position >= this.#end) throw damagedText(`name document ${position} of ${this.#end}`);
    if (form === null) this.#formsAt = next;
    return postings;
  }

  addTo(documents: Postings, form: string | null, share: number): number {
    const start = form === null ? this.#start : this.#found.get(form);
    return start === undefined ? 0 : addPostings(this.#bytes, start, documents, share);
  }

  get #found(): ReadonlyMap<string, number> {
    return (this.#forms ??= this.#findForms());
  }

  #findForms(): ReadonlyMap<string, number> {
    const reader = new ByteReader(this.#bytes, this.#formsAt ?? skipPostings(this.#bytes, this.#start));
    const found = new Map<string, number>();
    for (let left = reader.varint(); left > 0; left--) {
      found.set(reader.string(), reader.at);
      reader.at = skipPostings(this.#bytes, reader.at);
    }
    return found;
  }
}

interface ReadPostings extends Postings {
  /** Where they end, and the last position. */
  next: number;
  position: number;
}

/** The postings that begin there, but for hidden ones. Numbers are read here and not one by a call: there are many. */
function readPostings(bytes: Uint8Array, start: number, hidden: Uint32Array): ReadPostings {
  const reader = new ByteReader(bytes, start);
  const count = reader.varint();
  let at = reader.at;
  if (count > bytes.length - at) throw damagedText("end within a list");
  const positions = new Uint32Array(count);
  const frequencies = new Float32Array(count);
  let [position, shown] = [0, 0];
  for (let i = 0; i < count; i++) {
    let byte = bytes[at++]!;
    let next = byte & 0x7f;
    for (let shift = 7; byte >= 0x80; shift += 7) {
      if (shift > 28) throw damagedText("hold a number that does not end");
      byte = bytes[at++]!;
      next |= (byte & 0x7f) << shift;
    }
    position += next >>> 1;
    let frequency = 1;
    if ((next & 1) === 1) {
      byte = bytes[at++]!;
      frequency = byte & 0x7f;
      for (let shift = 7; byte >= 0x80; shift += 7) {
        if (shift > 28) throw damagedText("hold a number that does not end");
        byte = bytes[at++]!;
        frequency |= (byte & 0x7f) << shift;
      }
    }
    if (((hidden[position >>> 5]! >>> (position & 31)) & 1) === 1) continue;
    positions[shown] = position;
    frequencies[shown++] = frequency >>> 0;
  }
  if (at > bytes.length) throw damagedText("end within a list");
  return { positions: positions.subarray(0, shown), frequencies: frequencies.subarray(0, shown), next: at, position };
}

/** Adds to the frequencies of documents so much for each of those in the postings that begin there, and returns how many were passed. */
function addPostings(bytes: Uint8Array, start: number, { positions, frequencies }: Postings, share: number): number {
  const reader = new ByteReader(bytes, start);
  const count = reader.varint();
  let { at } = reader;
  const long = (): number => {
    reader.at = at - 1;
    const value = reader.varint();
    at = reader.at;
    return value;
  };
  let [position, place, wanted] = [0, 0, positions[0] ?? -1];
  for (let passed = 0; passed < count; passed++) {
    const byte = bytes[at++]!;
    const next = byte < 0x80 ? byte : long();
    position += next >>> 1;
    let frequency = 1;
    if ((next & 1) === 1) frequency = bytes[at++]! < 0x80 ? bytes[at - 1]! : long();
    while (wanted < position) {
      if (++place >= positions.length) return passed;
      wanted = positions[place]!;
    }
    if (wanted === position) frequencies[place]! += share * frequency;
  }
  return count;
}

/** Where the postings end that begin there. */
function skipPostings(bytes: Uint8Array, start: number): number {
  const reader = new ByteReader(bytes, start);
  let left = reader.varint();
  let { at } = reader;
  for (; left > 0 && at < bytes.length; left--) {
    const hasFrequency = (bytes[at]! & 1) === 1;
    while (bytes[at++]! >= 0x80);
    if (hasFrequency) while (bytes[at++]! >= 0x80);
  }
  if (left > 0 || at > bytes.length) throw damagedText("end within a list");
  return at;
}

function bitmapOf(words: Uint32Array): Bitmap {
  const bitmap = new Bitmap();
  bitmap.words = words.slice();
  return bitmap;
}
