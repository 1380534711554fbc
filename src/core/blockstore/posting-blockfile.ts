/**
 * An ordered blockfile from string keys to values of one format: posting lists, of bare ordinals or with whatever a format lays
 * out beside them.
 *
 *   section := { blocks: [{ firstKey, ref }] }        the sparse index, plain JSON, part of a manifest
 *   block   := Arrow columns  key: utf8,  and those of the format        one row a key
 *
 * Invariants: keys ascend strictly, by UTF-16 code units, within a block and from block to block; `firstKey` is the key of
 * the block's first row; no value is the format's `empty` one; no block is empty. An encoded block is at most `blockBytesMax`
 * long, except that a value that does not fit stands alone in a block of its own, however large: a key is never spread over
 * rows. A rewritten block takes in the neighbours with which it fills at most half a block, and one that overflows is cut in
 * the middle, so that blocks stay about half full (`section-writer.ts`). Keys are stored as UTF-8, so a lone surrogate in a key
 * counts as U+FFFD, when writing and when asking.
 *
 * Values handed out are views into immutable blocks: do not write to them.
 */
import { lowerBound } from "../base/lower-bound.js";
import { Pace } from "../base/pace.js";
import { sortedInTurns } from "../base/sorted.js";
import type { Tick } from "../base/turns.js";
import { wellFormed } from "../base/well-formed.js";
import { TidepoolError } from "../errors.js";
import { limits } from "../limits.js";
import type { Block } from "./block.js";
import type { BlockRef, BlockStore, BlockWriter } from "./blockstore.js";
import { type SectionBlocks, SectionWriter } from "./section-writer.js";
import { utf8Length } from "./utf8.js";

export interface PostingBlock {
  firstKey: string;
  ref: BlockRef;
}

export interface PostingSection {
  blocks: PostingBlock[];
}

/** How the values of one kind lie in blocks, and how they change. */
export interface ValueFormat<Value, Delta> {
  /** The value of a key that is not there. */
  readonly empty: Value;
  /** About how many bytes the value takes in a block. */
  sizeOf(value: Value): number;
  /** An encoded block with a row for each key, which stands in the column `key`. */
  encode(keys: readonly string[], values: readonly Value[]): Uint8Array;
  /** The value of a row; with `end`, the values of the rows up to but without `end`, one after another, as one value. */
  decode(block: Block): (row: number, end?: number) => Value;
  /** The value with the delta applied: the very same when that changes nothing, and `empty` itself when nothing is left. */
  merge(value: Value, delta: Delta): Value;
  /** Two deltas of one key as one. */
  join(first: Delta, second: Delta): Delta;
  /** The value with other ordinals in the same order. */
  renumber(value: Value, ordinalOf: (ordinal: number) => number): Value;
}

interface Row<Value> {
  key: string;
  value: Value;
}

interface KeyedDelta<Delta> {
  key: string;
  delta: Delta;
}

/** More than the messages and the padding of a block of few columns take. */
const ENVELOPE_BYTES = 1024;
/** Work between two ticks: rows, plus one for every so many bytes of values. */
const TICK_ROWS = 256;
const BYTES_PER_ROW = 256;

/** The blocks of a section; those of an old section that are not in the new one can be released. */
export function postingRefs(section: PostingSection): BlockRef[] {
  return section.blocks.map((block) => block.ref);
}

export class PostingBlockfile<Value, Delta> {
  readonly #store: BlockStore;
  readonly #owner: string;
  readonly #format: ValueFormat<Value, Delta>;
  readonly #blockBytesMax: number;
  readonly #blocks: SectionBlocks<Row<Value>, PostingBlock> = {
    sizeOf: (row) => this.#sizeOf(row),
    byteLength: (place) => place.ref.length,
    read: (place, tick) => this.#rows(place, new Pace(tick, TICK_ROWS)),
    write: (rows, writer) => this.#write(rows, writer),
  };

  /** `owner` names collection and segment in errors. */
  constructor(store: BlockStore, owner: string, format: ValueFormat<Value, Delta>, blockBytesMax: number = limits.postingBlockBytes) {
    this.#store = store;
    this.#owner = owner;
    this.#format = format;
    this.#blockBytesMax = blockBytesMax;
  }

  /** The value of a key, the format's `empty` one when the key is absent. */
  async lookup(section: PostingSection, key: string): Promise<Value> {
    const wanted = wellFormed(key);
    const place = section.blocks[blockIndex(section, wanted)];
    if (place === undefined) return this.#format.empty;
    const rows = await this.#open(place);
    const row = rows.lowerBound(wanted);
    return row < rows.count && rows.key(row) === wanted ? rows.values(row) : this.#format.empty;
  }

  /** Rows with keys from `from` up to but without `to`, ascending, one run per block. */
  async *range(section: PostingSection, from: string, to: string): AsyncGenerator<PostingRun<Value>, void, undefined> {
    const start = wellFormed(from);
    const end = wellFormed(to);
    for (const place of blocksWithin(section, start, end)) {
      const rows = await this.#open(place);
      const run = new PostingRun(rows, rows.lowerBound(start), rows.lowerBound(end));
      if (run.first < run.end) yield run;
    }
  }

  /** How many blocks `range` reads. */
  countBlocks(section: PostingSection, from: string, to: string): number {
    return blocksWithin(section, wellFormed(from), wellFormed(to)).length;
  }

  /**
   * A new section with the deltas applied. Only blocks that a delta falls into are read, and neighbours small enough to join
   * them; blocks in which nothing changes keep their reference, the others go to `blocks`. When it fails, the old section is
   * as good as before.
   */
  async apply(
    section: PostingSection,
    deltas: ReadonlyMap<string, Delta>,
    blocks: BlockWriter,
    tick: Tick = () => {},
  ): Promise<PostingSection> {
    const pace = new Pace(tick, TICK_ROWS);
    const output = this.#writerTo(blocks, pace);
    await this.#merge(section, await this.#sortDeltas(deltas, pace), output, pace);
    return { blocks: await output.finish() };
  }

  /** All values anew, with other ordinals in the same order. */
  async renumber(
    section: PostingSection,
    ordinalOf: (ordinal: number) => number,
    blocks: BlockWriter,
    tick: Tick = () => {},
  ): Promise<PostingSection> {
    const pace = new Pace(tick, TICK_ROWS);
    const output = this.#writerTo(blocks, pace);
    for (const place of section.blocks) {
      const rows = await this.#rows(place, pace);
      await output.append(rows.map(({ key, value }) => ({ key, value: this.#format.renumber(value, ordinalOf) })));
    }
    return { blocks: await output.finish() };
  }

  /** A section of these rows, in runs whose keys ascend from one to the next. */
  async build(runs: AsyncIterable<readonly Row<Value>[]>, blocks: BlockWriter, tick: Tick = () => {}): Promise<PostingSection> {
    const pace = new Pace(tick, TICK_ROWS);
    const output = this.#writerTo(blocks, pace);
    for await (const rows of runs) {
      await output.append([...rows]);
      await pace.pause();
    }
    return { blocks: await output.finish() };
  }

  #writerTo(writer: BlockWriter, pace: Pace): SectionWriter<Row<Value>, PostingBlock> {
    const rowBytesMax = Math.max(1, this.#blockBytesMax - ENVELOPE_BYTES);
    const sizes = { blockBytesMax: this.#blockBytesMax, rowBytesMax, blocksWaiting: 2 } as const;
    return new SectionWriter(this.#blocks, sizes, writer, () => pace.pause());
  }

  /** Key and value, and the key's offset. */
  #sizeOf({ key, value }: Row<Value>): number {
    return utf8Length(key) + 4 + this.#format.sizeOf(value);
  }

  async #write(rows: readonly Row<Value>[], writer: BlockWriter): Promise<PostingBlock> {
    const bytes = this.#format.encode(
      rows.map((row) => row.key),
      rows.map((row) => row.value),
    );
    return { firstKey: rows[0]!.key, ref: await writer.write(bytes) };
  }

  async #merge(
    section: PostingSection,
    deltas: readonly KeyedDelta<Delta>[],
    output: SectionWriter<Row<Value>, PostingBlock>,
    pace: Pace,
  ): Promise<void> {
    let next = 0;
    for (let i = 0; i < section.blocks.length; i++) {
      const place = section.blocks[i]!;
      const start = next;
      const end = section.blocks[i + 1]?.firstKey;
      next = end === undefined ? deltas.length : lowerBound(start, deltas.length, (at) => deltas[at]!.key < end);
      const rows = next === start ? null : await this.#mergeRows(await this.#rows(place, pace), deltas.slice(start, next), pace);
      if (rows === null) await output.keep(place);
      else await output.append(rows);
    }
    if (section.blocks.length === 0) await output.append((await this.#mergeRows([], deltas, pace)) ?? []);
  }

  /** Rows and deltas of one stretch of keys merged, or null when no value changes. */
  async #mergeRows(rows: readonly Row<Value>[], deltas: readonly KeyedDelta<Delta>[], pace: Pace): Promise<Row<Value>[] | null> {
    const { empty } = this.#format;
    const merged: Row<Value>[] = [];
    let changed = false;
    let at = 0;
    for (const { key, delta } of deltas) {
      const end = lowerBound(at, rows.length, (row) => rows[row]!.key < key);
      while (at < end) merged.push(rows[at++]!);
      const before = rows[at]?.key === key ? rows[at++]!.value : empty;
      const value = this.#format.merge(before, delta);
      changed ||= value !== before;
      if (value !== empty) merged.push({ key, value });
      await pace.step(this.#workOf(before) + this.#workOf(value));
    }
    if (!changed) return null;
    while (at < rows.length) merged.push(rows[at++]!);
    return merged;
  }

  /** All rows of a block, their order checked. */
  async #rows(place: PostingBlock, pace: Pace): Promise<Row<Value>[]> {
    const stored = await this.#open(place);
    const rows: Row<Value>[] = [];
    for (let row = 0; row < stored.count; row++) {
      const key = stored.key(row);
      const ordered = row === 0 ? key === place.firstKey : key > rows[row - 1]!.key;
      if (!ordered) throw this.#outOfOrder(place.ref, row);
      const value = stored.values(row);
      rows.push({ key, value });
      await pace.step(this.#workOf(value));
    }
    return rows;
  }

  async #open({ ref }: PostingBlock): Promise<PostingRows<Value>> {
    const block = await this.#store.read(ref, this.#owner);
    return new PostingRows(block, this.#format.decode(block));
  }

  #workOf(value: Value): number {
    return 1 + this.#format.sizeOf(value) / BYTES_PER_ROW;
  }

  /** Deltas by ascending key. */
  async #sortDeltas(deltas: ReadonlyMap<string, Delta>, pace: Pace): Promise<KeyedDelta<Delta>[]> {
    return sortedInTurns(await this.#collectDeltas(deltas, pace), byKey, () => pace.pause());
  }

  /** Keys that differ only in lone surrogates are one key, and their deltas one delta. */
  async #collectDeltas(deltas: ReadonlyMap<string, Delta>, pace: Pace): Promise<KeyedDelta<Delta>[]> {
    const byKey = new Map<string, KeyedDelta<Delta>>();
    for (const [given, delta] of deltas) {
      const key = wellFormed(given);
      const other = byKey.get(key);
      byKey.set(key, { key, delta: other === undefined ? delta : this.#format.join(other.delta, delta) });
      await pace.step(1);
    }
    return [...byKey.values()];
  }

  #outOfOrder(ref: BlockRef, row: number): TidepoolError {
    const place = `${ref.arena}:${ref.offset}+${ref.length}`;
    return new TidepoolError("CORRUPTION", `Block ${place} of ${this.#owner} has a key out of order in row ${row}`);
  }
}

/** The rows of a block, decoded one by one when asked for. */
class PostingRows<Value> {
  readonly count: number;
  readonly key: (row: number) => string;
  readonly values: (row: number, end?: number) => Value;

  constructor(block: Block, values: (row: number, end?: number) => Value) {
    const key = block.utf8("key");
    this.count = block.rows;
    this.key = (row) => key(row) ?? "";
    this.values = values;
  }

  /** First row whose key is not below `key`. */
  lowerBound(key: string): number {
    return lowerBound(0, this.count, (row) => this.key(row) < key);
  }
}

/** Neighbouring rows of one block. */
export class PostingRun<Value> {
  readonly #rows: PostingRows<Value>;

  constructor(
    rows: PostingRows<Value>,
    readonly first: number,
    readonly end: number,
  ) {
    this.#rows = rows;
  }

  /** The values of all its keys one after another, as one: a range over many keys reads them without looking at a key. */
  get values(): Value {
    return this.#rows.values(this.first, this.end);
  }

  *[Symbol.iterator](): Generator<[key: string, value: Value], void, undefined> {
    for (let row = this.first; row < this.end; row++) yield [this.#rows.key(row), this.#rows.values(row)];
  }
}

function byKey(a: { key: string }, b: { key: string }): number {
  return a.key < b.key ? -1 : Number(a.key > b.key);
}

/** Index of the block that would hold the key: the last one whose first key is not above it; -1 when all are above. */
function blockIndex(section: PostingSection, key: string): number {
  return lowerBound(0, section.blocks.length, (i) => section.blocks[i]!.firstKey <= key) - 1;
}

/** The blocks that may have keys from `from` up to but without `to`. */
function blocksWithin(section: PostingSection, from: string, to: string): PostingBlock[] {
  const start = Math.max(0, blockIndex(section, from));
  return section.blocks.slice(
    start,
    lowerBound(start, section.blocks.length, (i) => section.blocks[i]!.firstKey < to),
  );
}
