/**
 * An ordered blockfile from string keys to posting lists.
 *
 *   section := { blocks: [{ firstKey, ref }] }        the sparse index, plain JSON, part of a manifest
 *   block   := Arrow columns  key: utf8,  ordinals: list of u32        one row a key
 *
 * Invariants: keys ascend strictly, by UTF-16 code units, within a block and from block to block; `firstKey` is the key of
 * the block's first row; a posting list is not empty and ascends strictly; no block is empty. An encoded block is at most
 * `blockBytesMax` long, except that a posting list that does not fit stands alone in a block of its own, however large: a
 * key is never spread over rows. A rewritten block takes in the neighbours with which it fills at most half a block, and one
 * that overflows is cut in the middle, so that blocks stay about half full. Keys are stored as UTF-8, so a lone surrogate in
 * a key counts as U+FFFD, when writing and when asking.
 *
 * Posting lists handed out are views into immutable blocks: do not write to them.
 */
import type { Tick } from "../base/turns.js";
import { TidepoolError } from "../errors.js";
import { limits } from "../limits.js";
import type { Block } from "./block.js";
import { encodeBlock } from "./block.js";
import type { BlockRef, BlockStore, BlockWriter } from "./blockstore.js";
import { utf8Length } from "./utf8.js";

export interface PostingBlock {
  firstKey: string;
  ref: BlockRef;
}

export interface PostingSection {
  blocks: PostingBlock[];
}

/** Ordinals in any order; repeats do no harm. An ordinal in both lists ends up present. */
export interface PostingDelta {
  add: number[];
  remove: number[];
}

interface Row {
  key: string;
  ordinals: Uint32Array;
}

interface KeyedDelta extends PostingDelta {
  key: string;
}

/** More than the messages and the padding of a posting block take. */
const ENVELOPE_BYTES = 1024;
/** Work between two ticks: rows, plus one for every so many ordinals. */
const TICK_ROWS = 256;
/** Deltas sorted at once; longer runs come from merging these. */
const SORT_RUN = 512;
const ORDINALS_PER_ROW = 64;

/** The blocks of a section; those of an old section that are not in the new one can be released. */
export function refsOf(section: PostingSection): BlockRef[] {
  return section.blocks.map((block) => block.ref);
}

export class PostingBlockfile {
  readonly #store: BlockStore;
  readonly #owner: string;
  readonly #blockBytesMax: number;

  /** `owner` names collection and segment in errors. */
  constructor(store: BlockStore, owner: string, blockBytesMax: number = limits.postingBlockBytes) {
    this.#store = store;
    this.#owner = owner;
    this.#blockBytesMax = blockBytesMax;
  }

  /** The posting list of a key, empty when the key is absent. */
  async lookup(section: PostingSection, key: string): Promise<Uint32Array> {
    const wanted = wellFormed(key);
    const place = section.blocks[blockIndex(section, wanted)];
    if (place === undefined) return new Uint32Array(0);
    const rows = new PostingRows(await this.#store.read(place.ref, this.#owner));
    const row = rows.lowerBound(wanted);
    return row < rows.count && rows.key(row) === wanted ? rows.ordinals(row) : new Uint32Array(0);
  }

  /** Rows with keys from `from` up to but without `to`, ascending, one run per block. */
  async *range(section: PostingSection, from: string, to: string): AsyncGenerator<PostingRun, void, undefined> {
    const start = wellFormed(from);
    const end = wellFormed(to);
    for (let i = Math.max(0, blockIndex(section, start)); i < section.blocks.length; i++) {
      const { firstKey, ref } = section.blocks[i]!;
      if (firstKey >= end) return;
      const rows = new PostingRows(await this.#store.read(ref, this.#owner));
      const run = new PostingRun(rows, rows.lowerBound(start), rows.lowerBound(end));
      if (run.first < run.end) yield run;
    }
  }

  /**
   * A new section with the deltas applied. Only blocks that a delta falls into are read, and neighbours small enough to join
   * them; blocks in which nothing changes keep their reference, the others go to `blocks`. When it fails, the old section is
   * as good as before.
   */
  async apply(
    section: PostingSection,
    deltas: ReadonlyMap<string, PostingDelta>,
    blocks: BlockWriter,
    tick: Tick = () => {},
  ): Promise<PostingSection> {
    const pace = new Pace(tick);
    const output = this.#writerTo(blocks, pace);
    await this.#merge(section, await sortDeltas(deltas, pace), output, pace);
    return { blocks: await output.finish() };
  }

  /** All lists anew, with other ordinals in the same order. */
  async renumber(
    section: PostingSection,
    ordinalOf: (ordinal: number) => number,
    blocks: BlockWriter,
    tick: Tick = () => {},
  ): Promise<PostingSection> {
    const pace = new Pace(tick);
    const output = this.#writerTo(blocks, pace);
    for (const place of section.blocks) {
      const rows = await this.#rows(place, pace);
      await output.append(rows.map(({ key, ordinals }) => ({ key, ordinals: ordinals.map(ordinalOf) })));
    }
    return { blocks: await output.finish() };
  }

  #writerTo(blocks: BlockWriter, pace: Pace): SectionWriter {
    return new SectionWriter(blocks, this.#blockBytesMax, pace, (place) => this.#rows(place, pace));
  }

  async #merge(section: PostingSection, deltas: readonly KeyedDelta[], output: SectionWriter, pace: Pace): Promise<void> {
    let next = 0;
    for (let i = 0; i < section.blocks.length; i++) {
      const place = section.blocks[i]!;
      const start = next;
      const end = section.blocks[i + 1]?.firstKey;
      next = end === undefined ? deltas.length : lowerBound(start, deltas.length, (at) => deltas[at]!.key < end);
      const rows = next === start ? null : await mergeRows(await this.#rows(place, pace), deltas.slice(start, next), pace);
      if (rows === null) await output.keep(place);
      else await output.append(rows);
    }
    if (section.blocks.length === 0) await output.append((await mergeRows([], deltas, pace)) ?? []);
  }

  /** All rows of a block, their order checked. */
  async #rows(place: PostingBlock, pace: Pace): Promise<Row[]> {
    const stored = new PostingRows(await this.#store.read(place.ref, this.#owner));
    const rows: Row[] = [];
    for (let row = 0; row < stored.count; row++) {
      const key = stored.key(row);
      const ordered = row === 0 ? key === place.firstKey : key > rows[row - 1]!.key;
      if (!ordered) throw this.#outOfOrder(place.ref, row);
      rows.push({ key, ordinals: stored.ordinals(row) });
      await pace.step(rowWork(rows[row]!));
    }
    return rows;
  }

  #outOfOrder(ref: BlockRef, row: number): TidepoolError {
    const place = `${ref.arena}:${ref.offset}+${ref.length}`;
    return new TidepoolError("CORRUPTION", `Block ${place} of ${this.#owner} has a key out of order in row ${row}`);
  }
}

/** The rows of a block, decoded one by one when asked for. */
class PostingRows {
  readonly count: number;
  readonly key: (row: number) => string;
  /** Ordinals of the rows from `first` up to but without `end`, one list after another; of one row without `end`. */
  readonly ordinals: (first: number, end?: number) => Uint32Array;

  constructor(block: Block) {
    const key = block.utf8("key");
    this.count = block.rows;
    this.key = (row) => key(row) ?? "";
    this.ordinals = block.u32List("ordinals");
  }

  /** First row whose key is not below `key`. */
  lowerBound(key: string): number {
    return lowerBound(0, this.count, (row) => this.key(row) < key);
  }
}

/** Neighbouring rows of one block. */
export class PostingRun {
  readonly #rows: PostingRows;

  constructor(
    rows: PostingRows,
    readonly first: number,
    readonly end: number,
  ) {
    this.#rows = rows;
  }

  /** The lists of all its keys one after another: a range over many keys reads them without looking at a key. */
  get ordinals(): Uint32Array {
    return this.#rows.ordinals(this.first, this.end);
  }

  *[Symbol.iterator](): Generator<[key: string, ordinals: Uint32Array], void, undefined> {
    for (let row = this.first; row < this.end; row++) yield [this.#rows.key(row), this.#rows.ordinals(row)];
  }
}

/** Awaits the tick once enough work was done. */
class Pace {
  readonly #tick: Tick;
  #work = 0;

  constructor(tick: Tick) {
    this.#tick = tick;
  }

  /** A promise only when it is time, so that most steps cost no turn of the event loop. */
  step(work: number): Promise<void> | void {
    this.#work += work;
    if (this.#work >= TICK_ROWS) return this.pause();
  }

  pause(): Promise<void> | void {
    this.#work = 0;
    return this.#tick();
  }
}

/**
 * Takes blocks to keep and rows in ascending order, and makes them the blocks of a section. Rows wait until two blocks are
 * full, so that the last cut can be in the middle: a block that overflowed becomes two with room, not a full one and a rest.
 */
class SectionWriter {
  readonly #writer: BlockWriter;
  readonly #blockBytesMax: number;
  readonly #rowBytesMax: number;
  readonly #pace: Pace;
  readonly #load: (place: PostingBlock) => Promise<Row[]>;
  readonly #blocks: PostingBlock[] = [];
  /** How many at the end of `#blocks` were kept, not written. */
  #keptLast = 0;
  #pending: Row[] = [];
  #pendingBytes = 0;

  constructor(writer: BlockWriter, blockBytesMax: number, pace: Pace, load: (place: PostingBlock) => Promise<Row[]>) {
    this.#writer = writer;
    this.#blockBytesMax = blockBytesMax;
    this.#rowBytesMax = Math.max(1, blockBytesMax - ENVELOPE_BYTES);
    this.#pace = pace;
    this.#load = load;
  }

  async append(rows: readonly Row[]): Promise<void> {
    for (const row of rows) {
      this.#pending.push(row);
      this.#pendingBytes += rowBytes(row);
      if (this.#pendingBytes >= this.#rowBytesMax * 2) await this.#cut(this.#rowBytesMax, this.#rowBytesMax);
      await this.#pace.step(rowWork(row));
    }
  }

  /** Takes over a block as it is, unless it is small enough to join the rows that wait. */
  async keep(place: PostingBlock): Promise<void> {
    if (this.#joins(place)) return this.append(await this.#load(place));
    await this.#flush();
    this.#blocks.push(place);
    this.#keptLast++;
  }

  async finish(): Promise<PostingBlock[]> {
    await this.#flush();
    return this.#blocks;
  }

  #joins(place: PostingBlock): boolean {
    return this.#pending.length > 0 && this.#pendingBytes + place.ref.length <= this.#blockBytesMax / 2;
  }

  /** Writes what waits, together with kept blocks before it that are small enough to join. */
  async #flush(): Promise<void> {
    for (; this.#keptLast > 0 && this.#joins(this.#blocks.at(-1)!); this.#keptLast--) {
      const rows = await this.#load(this.#blocks.pop()!);
      this.#pending = [...rows, ...this.#pending];
      this.#pendingBytes += rows.reduce((total, row) => total + rowBytes(row), 0);
    }
    const even = this.#pendingBytes / Math.ceil(this.#pendingBytes / this.#rowBytesMax);
    while (this.#pending.length > 0) await this.#cut(even, 0);
  }

  /** Writes blocks of about `target` bytes from the front of what waits, until at most `rest` bytes are left. */
  async #cut(target: number, rest: number): Promise<void> {
    let start = 0;
    while (start < this.#pending.length && this.#pendingBytes > rest) {
      const { end, bytes } = this.#nextCut(start, target);
      await this.#write(this.#pending.slice(start, end));
      this.#pendingBytes -= bytes;
      start = end;
    }
    this.#pending = this.#pending.slice(start);
  }

  #nextCut(start: number, target: number): { end: number; bytes: number } {
    let bytes = rowBytes(this.#pending[start]!);
    let end = start + 1;
    for (; end < this.#pending.length && bytes < target; end++) {
      const more = rowBytes(this.#pending[end]!);
      if (bytes + more > this.#rowBytesMax) break;
      bytes += more;
    }
    return { end, bytes };
  }

  async #write(rows: readonly Row[]): Promise<void> {
    const ref = await this.#writer.write(encodeRows(rows));
    this.#blocks.push({ firstKey: rows[0]!.key, ref });
    this.#keptLast = 0;
    await this.#pace.pause();
  }
}

function rowWork(row: Row): number {
  return 1 + row.ordinals.length / ORDINALS_PER_ROW;
}

function encodeRows(rows: readonly Row[]): Uint8Array {
  return encodeBlock(
    [
      { type: "utf8", name: "key", values: rows.map((row) => row.key) },
      { type: "u32-list", name: "ordinals", values: rows.map((row) => row.ordinals) },
    ],
    rows.length,
  );
}

/** Key, posting list and their two offsets. */
function rowBytes(row: Row): number {
  return utf8Length(row.key) + row.ordinals.length * 4 + 8;
}

/** Rows and deltas of one stretch of keys merged, or null when no posting list changes. */
async function mergeRows(rows: readonly Row[], deltas: readonly KeyedDelta[], pace: Pace): Promise<Row[] | null> {
  const merged: Row[] = [];
  let changed = false;
  let at = 0;
  for (const delta of deltas) {
    const end = lowerBound(at, rows.length, (row) => rows[row]!.key < delta.key);
    while (at < end) merged.push(rows[at++]!);
    const row = rows[at]?.key === delta.key ? rows[at++]! : { key: delta.key, ordinals: new Uint32Array(0) };
    const ordinals = mergeOrdinals(row.ordinals, delta);
    changed ||= ordinals !== row.ordinals;
    if (ordinals.length > 0) merged.push({ key: row.key, ordinals });
    await pace.step(rowWork(row) + rowWork({ key: row.key, ordinals }));
  }
  if (!changed) return null;
  while (at < rows.length) merged.push(rows[at++]!);
  return merged;
}

/** The list with the delta applied: the very same array when that changes nothing. */
function mergeOrdinals(list: Uint32Array, delta: PostingDelta): Uint32Array {
  const add = ascending(delta.add);
  const remove = ascending(delta.remove);
  const merged = new Uint32Array(list.length + add.length);
  let length = 0;
  let kept = 0;
  for (let i = 0, a = 0, r = 0; i < list.length || a < add.length; ) {
    const added = a < add.length && (i >= list.length || add[a]! <= list[i]!);
    const ordinal = added ? add[a++]! : list[i]!;
    const present = i < list.length && list[i] === ordinal;
    if (present) i++;
    while (r < remove.length && remove[r]! < ordinal) r++;
    if (!added && remove[r] === ordinal) continue;
    merged[length++] = ordinal;
    if (present) kept++;
  }
  return kept === list.length && length === kept ? list : merged.slice(0, length);
}

/** Sorted and without repeats. */
function ascending(ordinals: readonly number[]): Uint32Array {
  if (ordinals.length < 2) return new Uint32Array(ordinals);
  const sorted = new Uint32Array(ordinals).sort();
  let length = 1;
  for (let i = 1; i < sorted.length; i++) if (sorted[i] !== sorted[length - 1]) sorted[length++] = sorted[i]!;
  return sorted.subarray(0, length);
}

/** Deltas by ascending key, sorted in runs that are then merged, so that there is room for ticks. */
async function sortDeltas(deltas: ReadonlyMap<string, PostingDelta>, pace: Pace): Promise<KeyedDelta[]> {
  const keyed = await collectDeltas(deltas, pace);
  let runs: KeyedDelta[][] = [];
  for (let start = 0; start < keyed.length; start += SORT_RUN) {
    runs.push(keyed.slice(start, start + SORT_RUN).sort((a, b) => (a.key < b.key ? -1 : 1)));
    await pace.pause();
  }
  while (runs.length > 1) {
    const merged: KeyedDelta[][] = [];
    for (let i = 0; i < runs.length; i += 2) merged.push(await mergeRuns(runs[i]!, runs[i + 1] ?? [], pace));
    runs = merged;
  }
  return runs[0] ?? [];
}

/** Keys that differ only in lone surrogates are one key, and their deltas one delta. */
async function collectDeltas(deltas: ReadonlyMap<string, PostingDelta>, pace: Pace): Promise<KeyedDelta[]> {
  const byKey = new Map<string, KeyedDelta>();
  for (const [given, { add, remove }] of deltas) {
    const key = wellFormed(given);
    const other = byKey.get(key);
    byKey.set(key, other === undefined ? { key, add, remove } : { key, add: [...other.add, ...add], remove: [...other.remove, ...remove] });
    await pace.step(1);
  }
  return [...byKey.values()];
}

async function mergeRuns(left: readonly KeyedDelta[], right: readonly KeyedDelta[], pace: Pace): Promise<KeyedDelta[]> {
  const merged: KeyedDelta[] = [];
  for (let l = 0, r = 0; l < left.length || r < right.length; ) {
    const fromLeft = r >= right.length || (l < left.length && left[l]!.key < right[r]!.key);
    merged.push(fromLeft ? left[l++]! : right[r++]!);
    if (merged.length % SORT_RUN === 0) await pace.pause();
  }
  return merged;
}

/** Index of the block that would hold the key: the last one whose first key is not above it; -1 when all are above. */
function blockIndex(section: PostingSection, key: string): number {
  return lowerBound(0, section.blocks.length, (i) => section.blocks[i]!.firstKey <= key) - 1;
}

/** The first position in [start, end) at which `below` no longer holds. */
function lowerBound(start: number, end: number, below: (position: number) => boolean): number {
  while (start < end) {
    const middle = (start + end) >>> 1;
    if (below(middle)) start = middle + 1;
    else end = middle;
  }
  return start;
}

/** With the `u` flag the class matches surrogates that are not part of a pair. */
function wellFormed(key: string): string {
  return key.replace(/\p{Surrogate}/gu, "\ufffd");
}
