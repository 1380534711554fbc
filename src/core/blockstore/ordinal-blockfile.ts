/**
 * Rows by ordinal, in blocks: the blockfile behind the record and the vector segment.
 *
 * A section is the sparse index: for each block its first and last ordinal and where it lies. A block holds rows of
 * strictly ascending ordinals, and blocks do not overlap, so a row is found by two binary searches. Deleted rows are
 * really gone: the block that held them is rewritten without them (the block delta becomes its successor), and blocks
 * that grew small are written together with their neighbours (`section-writer.ts`).
 *
 * One row may be spread over several parallel blocks ("parts") of the same rows, so that what is always resident and
 * what is read row by row lie apart. A format may also derive a block from the rows that lies beside theirs: an index of them, which
 * is not read with them. Sections that were written without get it when they are written next.
 */

import type { Bitmap } from "../base/bitmap.js";
import { lowerBound } from "../base/lower-bound.js";
import { inTurns, type Steps } from "../base/steps.js";
import type { Tick } from "../base/turns.js";
import type { Block } from "./block.js";
import type { BlockRef, BlockStore, BlockWriter } from "./blockstore.js";
import { type SectionBlocks, SectionWriter } from "./section-writer.js";

/** One entry of the sparse index. */
export interface OrdinalEntry {
  first: number;
  last: number;
  rows: number;
  /** One block per part. */
  refs: BlockRef[];
  /** The block beside the rows, if there is one: `null` where there is nothing to say of the rows, absent where none was written. */
  beside?: BlockRef | null;
}

/** The sparse index of one blockfile; ascending, plain JSON. */
export type OrdinalSection = OrdinalEntry[];

/** How rows of one kind become blocks and come back. Part 0 has the column `ordinal`. */
export interface RowFormat<Row> {
  /** About how many bytes the row takes. */
  sizeOf(row: Row): number;
  /** One encoded block per part. */
  encode(ordinals: Uint32Array, rows: readonly Row[]): Uint8Array[];
  decode(parts: readonly Block[]): (row: number) => Row;
  /** Some rows, each another, where that takes less time than each by itself. */
  decodeSome?(parts: readonly Block[], rows: ArrayLike<number>): Row[];
  /** Whether a row is the one given, where that can be told without making the row. */
  same?(parts: readonly Block[]): (row: number, given: Row) => boolean;
  /** The encoded block beside the rows, or `null`. */
  beside?(ordinals: Uint32Array, rows: readonly Row[]): Steps<Uint8Array | null>;
}

/** What changes: rows to write (new, or replacing the row of the same ordinal), and ordinals whose rows go. */
export interface OrdinalChanges<Row> {
  /** Ascending by ordinal. */
  written: readonly NumberedRow<Row>[];
  removed: Bitmap;
}

type NumberedRow<Row> = readonly [ordinal: number, row: Row];

/** Blocks read in one go, and blocks beside those of rows: small ones. */
const READ_AT_ONCE_BYTES = 2 * 1024 * 1024;
const BESIDES_AT_ONCE = 64;

export class OrdinalBlockfile<Row> {
  readonly #store: BlockStore;
  readonly #owner: string;
  readonly #format: RowFormat<Row>;
  readonly #blockBytesMax: number;
  readonly #blocks: SectionBlocks<NumberedRow<Row>, OrdinalEntry> = {
    sizeOf: (row) => this.#format.sizeOf(row[1]),
    byteLength,
    read: (entry) => this.#rows(entry),
    write: (rows, writer, tick) => this.#write(rows, writer, tick),
  };
  /** Accessors of blocks that somebody still holds, most often the block cache. */
  readonly #decoded = new WeakMap<Block, OrdinalRows<Row>>();

  constructor(store: BlockStore, owner: string, format: RowFormat<Row>, blockBytesMax: number) {
    this.#store = store;
    this.#owner = owner;
    this.#format = format;
    this.#blockBytesMax = blockBytesMax;
  }

  /** The section that results; blocks without a change are shared with the old one, the others go to `blocks`. */
  async apply(section: OrdinalSection, changes: OrdinalChanges<Row>, blocks: BlockWriter, tick: Tick): Promise<OrdinalSection> {
    const output = this.#writerTo(blocks, tick);
    let next = 0;
    for (let e = 0; e < section.length; e++) {
      const entry = section[e]!;
      const nextFirst = section[e + 1]?.first ?? Infinity;
      const from = next;
      while (next < changes.written.length && changes.written[next]![0] < nextFirst) next++;
      const written = changes.written.slice(from, next);
      if (this.#isTouched(entry, written, changes.removed, nextFirst === Infinity)) {
        await output.append(await this.#merge(entry, written, changes.removed));
        await tick();
      } else {
        await output.keep(entry);
        await output.append(written);
      }
    }
    await output.append(changes.written.slice(next));
    return this.#completed(await output.finish(), blocks, tick);
  }

  /** All rows anew, under other ordinals in the same order. */
  async renumber(
    section: OrdinalSection,
    ordinalOf: (ordinal: number) => number,
    blocks: BlockWriter,
    tick: Tick,
  ): Promise<OrdinalSection> {
    const output = this.#writerTo(blocks, tick);
    for (const entry of section) {
      const rows = await this.#load(entry);
      await output.append(Array.from(rows.ordinals, (ordinal, row) => [ordinalOf(ordinal), rows.at(row)] as const));
    }
    return output.finish();
  }

  /** What lies beside the rows of an entry; `undefined` where it was not written. */
  async besideOf({ beside }: OrdinalEntry): Promise<Block | null | undefined> {
    return beside == null ? beside : this.#store.read(beside, this.#owner);
  }

  /** Rows of the given ordinals, `null` where there is none. Ordinals ascend. Blocks are read many at a time. */
  async read(section: OrdinalSection, ordinals: ArrayLike<number>): Promise<(Row | null)[]> {
    const out = new Array<Row | null>(ordinals.length).fill(null);
    const take = (run: Run, parts: Block[]): void => this.#take(run, parts, ordinals, out);
    if (!this.#visitCached(section, ordinals, take)) await this.#visit(section, ordinals, take);
    return out;
  }

  /** As `read`, of what is in memory; `null` where a block is not. */
  peek(section: OrdinalSection, ordinals: ArrayLike<number>): (Row | null)[] | null {
    const out = new Array<Row | null>(ordinals.length).fill(null);
    return this.#visitCached(section, ordinals, (run, parts) => this.#take(run, parts, ordinals, out)) ? out : null;
  }

  /** Whether the rows of the given ordinals are these, `null` where there is none. Ordinals ascend, and one may be asked for repeatedly. */
  async compare(section: OrdinalSection, ordinals: ArrayLike<number>, given: readonly Row[]): Promise<(boolean | null)[]> {
    const out = new Array<boolean | null>(ordinals.length).fill(null);
    const take = ({ from, to }: Run, parts: Block[]): void => {
      const rows = this.#rowsIn(parts);
      for (let i = from; i < to; i++) {
        const row = findRow(rows.ordinals, ordinals[i]!);
        if (row >= 0) out[i] = rows.same(row, given[i]!);
      }
    };
    if (!this.#visitCached(section, ordinals, take)) await this.#visit(section, ordinals, take);
    return out;
  }

  async #visit(section: OrdinalSection, ordinals: ArrayLike<number>, take: (run: Run, parts: Block[]) => void): Promise<void> {
    for (const runs of inGroups(runsOf(section, ordinals))) {
      const refs = runs.flatMap(({ entry }) => entry.refs);
      const blocks = refs.length === 0 ? [] : await this.#store.readAll(refs, this.#owner);
      let at = 0;
      for (const run of runs) take(run, blocks.slice(at, (at += run.entry.refs.length)));
    }
  }

  /** Whether all of the blocks are in memory; else it ends at the first that is not. */
  #visitCached(section: OrdinalSection, ordinals: ArrayLike<number>, take: (run: Run, parts: Block[]) => void): boolean {
    for (const run of runsOf(section, ordinals)) {
      const parts = run.entry.refs.map((ref) => this.#store.cached(ref));
      if (parts.includes(undefined)) return false;
      take(run, parts as Block[]);
    }
    return true;
  }

  #take({ from, to }: Run, parts: Block[], ordinals: ArrayLike<number>, out: (Row | null)[]): void {
    const rows = this.#rowsIn(parts);
    // Of each ordinal its row's place among those that are decoded; one that is asked for repeatedly is decoded once.
    const wanted: number[] = [];
    const places: number[] = [];
    for (let i = from; i < to; i++) {
      const row = findRow(rows.ordinals, ordinals[i]!);
      if (row >= 0 && row !== wanted[wanted.length - 1]) wanted.push(row);
      places.push(row < 0 ? -1 : wanted.length - 1);
    }
    const decoded = wanted.length > 1 ? this.#format.decodeSome?.(parts, wanted) : undefined;
    places.forEach((place, i) => {
      if (place >= 0) out[from + i] = decoded === undefined ? rows.at(wanted[place]!) : decoded[place]!;
    });
  }

  /** What lies beside each block, ascending; `undefined` where nothing was written. It is not kept in the cache. */
  async *scanBeside(section: OrdinalSection): AsyncGenerator<{ entry: OrdinalEntry; beside: Block | null | undefined }, void, undefined> {
    for (let from = 0; from < section.length; from += BESIDES_AT_ONCE) {
      const entries = section.slice(from, from + BESIDES_AT_ONCE);
      const refs = entries.flatMap(({ beside }) => beside ?? []);
      const blocks = refs.length === 0 ? [] : await this.#store.readAllOnce(refs, this.#owner);
      let next = 0;
      for (const entry of entries) yield { entry, beside: entry.beside == null ? entry.beside : blocks[next++]! };
    }
  }

  /** All rows, ascending, block by block. */
  async *scan(section: OrdinalSection): AsyncGenerator<{ entry: OrdinalEntry; parts: Block[]; ordinals: Uint32Array }, void, undefined> {
    for (const entry of section) {
      const parts = await this.#readParts(entry);
      yield { entry, parts, ordinals: parts[0]!.u32("ordinal") };
    }
  }

  /**
   * A block must be rewritten when a row of it changes. New ordinals behind the last block's rows join that block while it
   * has room; elsewhere there is no gap to fill, as ordinals are never reused.
   */
  #isTouched(entry: OrdinalEntry, written: readonly NumberedRow<Row>[], removed: Bitmap, isLast: boolean): boolean {
    if (written.length > 0 && written[0]![0] <= entry.last) return true;
    if (isLast && written.length > 0 && byteLength(entry) < this.#blockBytesMax / 2) return true;
    const next = removed.values(entry.first).next();
    return next.done !== true && next.value <= entry.last;
  }

  async #merge(entry: OrdinalEntry, written: readonly NumberedRow<Row>[], removed: Bitmap): Promise<NumberedRow<Row>[]> {
    const rows = await this.#load(entry);
    const merged: NumberedRow<Row>[] = [];
    let w = 0;
    for (let row = 0; row < rows.ordinals.length; row++) {
      const ordinal = rows.ordinals[row]!;
      while (w < written.length && written[w]![0] < ordinal) merged.push(written[w++]!);
      if (w < written.length && written[w]![0] === ordinal) merged.push(written[w++]!);
      else if (!removed.has(ordinal)) merged.push([ordinal, rows.at(row)]);
    }
    while (w < written.length) merged.push(written[w++]!);
    return merged;
  }

  #writerTo(writer: BlockWriter, tick: Tick): SectionWriter<NumberedRow<Row>, OrdinalEntry> {
    const sizes = { blockBytesMax: this.#blockBytesMax, rowBytesMax: this.#blockBytesMax, blocksWaiting: 1 } as const;
    return new SectionWriter(this.#blocks, sizes, writer, tick);
  }

  async #rows(entry: OrdinalEntry): Promise<NumberedRow<Row>[]> {
    const rows = await this.#load(entry);
    return Array.from(rows.ordinals, (ordinal, row) => [ordinal, rows.at(row)] as const);
  }

  async #write(rows: readonly NumberedRow<Row>[], writer: BlockWriter, tick: Tick): Promise<OrdinalEntry> {
    const ordinals = new Uint32Array(rows.length);
    for (let row = 0; row < rows.length; row++) ordinals[row] = rows[row]![0];
    const parts = this.#format.encode(
      ordinals,
      rows.map((row) => row[1]),
    );
    const refs: BlockRef[] = [];
    for (const bytes of parts) {
      await tick();
      refs.push(await writer.write(bytes));
    }
    const entry = { first: ordinals[0]!, last: ordinals[ordinals.length - 1]!, rows: ordinals.length, refs };
    if (this.#format.beside === undefined) return entry;
    const besides = rows.map((row) => row[1]);
    return { ...entry, beside: await this.#writeBeside(this.#format.beside(ordinals, besides), writer, tick) };
  }

  async #writeBeside(steps: Steps<Uint8Array | null>, writer: BlockWriter, tick: Tick): Promise<BlockRef | null> {
    const bytes = await inTurns(steps, tick);
    return bytes === null ? null : writer.write(bytes);
  }

  /** Writes what is missing beside entries that an earlier release wrote. */
  async #completed(section: OrdinalSection, writer: BlockWriter, tick: Tick): Promise<OrdinalSection> {
    const { beside } = this.#format;
    if (beside === undefined) return section;
    const completed: OrdinalSection = [];
    for (const entry of section) {
      if (entry.beside !== undefined) completed.push(entry);
      else {
        const { ordinals, at } = await this.#load(entry);
        const rows = Array.from(ordinals, (_, row) => at(row));
        completed.push({ ...entry, beside: await this.#writeBeside(beside(ordinals, rows), writer, tick) });
        await tick();
      }
    }
    return completed;
  }

  async #load(entry: OrdinalEntry): Promise<OrdinalRows<Row>> {
    return this.#rowsIn(await this.#readParts(entry));
  }

  #rowsIn(parts: Block[]): OrdinalRows<Row> {
    let rows = this.#decoded.get(parts[0]!);
    if (rows === undefined) {
      const at = this.#format.decode(parts);
      rows = new OrdinalRows(parts[0]!.u32("ordinal"), at, this.#format.same?.(parts) ?? ((row, given) => at(row) === given));
      this.#decoded.set(parts[0]!, rows);
    }
    return rows;
  }

  #readParts(entry: OrdinalEntry): Promise<Block[]> {
    return Promise.all(entry.refs.map((ref) => this.#store.read(ref, this.#owner)));
  }
}

/** A decoded block. */
class OrdinalRows<Row> {
  constructor(
    readonly ordinals: Uint32Array,
    readonly at: (row: number) => Row,
    readonly same: (row: number, given: Row) => boolean,
  ) {}
}

/** Ordinals of a list, ascending, that lie in one block: those from `from` up to but without `to`. */
interface Run {
  entry: OrdinalEntry;
  from: number;
  to: number;
}

function* runsOf(section: OrdinalSection, ordinals: ArrayLike<number>): Generator<Run, void, undefined> {
  for (let from = 0, to = 0; from < ordinals.length; from = to) {
    const entry = findEntry(section, ordinals[from]!, (range) => range);
    const last = entry?.last ?? ordinals[from]!;
    to = from + 1;
    while (to < ordinals.length && ordinals[to]! <= last) to++;
    if (entry !== null) yield { entry, from, to };
  }
}

function* inGroups(runs: Iterable<Run>): Generator<Run[], void, undefined> {
  let group: Run[] = [];
  let bytes = 0;
  for (const run of runs) {
    group.push(run);
    bytes += byteLength(run.entry);
    if (bytes < READ_AT_ONCE_BYTES) continue;
    yield group;
    group = [];
    bytes = 0;
  }
  yield group;
}

function byteLength(entry: OrdinalEntry): number {
  return entry.refs.reduce((sum, ref) => sum + ref.length, 0);
}

/** The blocks of a section. */
export function ordinalRefs(section: OrdinalSection): BlockRef[] {
  return section.flatMap(({ refs, beside }) => (beside == null ? refs : [...refs, beside]));
}

/** Whether a block has a row for each ordinal from its first to its last, so that it is known which without reading it. */
export function isGapless({ first, last, rows }: OrdinalEntry): boolean {
  return last - first + 1 === rows;
}

/** Of things with ascending ranges the one whose range contains the ordinal, or null. */
export function findEntry<Item>(
  items: readonly Item[],
  ordinal: number,
  rangeOf: (item: Item) => Pick<OrdinalEntry, "first" | "last">,
): Item | null {
  const item = items[lowerBound(0, items.length, (i) => rangeOf(items[i]!).first <= ordinal) - 1];
  return item !== undefined && ordinal <= rangeOf(item).last ? item : null;
}

/** The row of an ordinal in a block's ordinals, or −1. Blocks without holes answer without a search. */
export function findRow(ordinals: Uint32Array, ordinal: number): number {
  const first = ordinals[0] ?? 0;
  if (ordinals[ordinal - first] === ordinal) return ordinal - first;
  const row = lowerBound(0, ordinals.length, (at) => ordinals[at]! < ordinal);
  return ordinals[row] === ordinal ? row : -1;
}
