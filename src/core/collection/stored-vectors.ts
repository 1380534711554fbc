/**
 * The rows of a collection's vectors on disk: reads all codes when it is opened, where an index needs them, and single embeddings on
 * demand, from their place. Each embedding is checked against its own CRC-32, which stands in the block of codes and stays in memory. Of
 * codes that no index needs a block is read when one of its rows is first asked for.
 */

import { crc32OfRows } from "../base/checksum.js";
import type { Tick } from "../base/turns.js";
import { Block } from "../blockstore/block.js";
import type { BlockRows, RowReading } from "../blockstore/block-pages.js";
import type { BlockRef, BlockStore } from "../blockstore/blockstore.js";
import { findEntry, findRow, isGapless, type OrdinalEntry, type OrdinalSection } from "../blockstore/ordinal-blockfile.js";
import { TidepoolError } from "../errors.js";
import { limits } from "../limits.js";

/** Where the rows of one embeddings block lie; the resident part of the vector segment beside the codes. */
interface RowDirectory {
  readonly entry: OrdinalEntry;
  /** `null` until it is read. */
  rows: RowsOfBlock | null;
}

interface RowsOfBlock {
  /** `null` where there is no gap. */
  ordinals: Uint32Array | null;
  checksums: Uint32Array;
  valuesAt: number;
}

/** Of blocks of codes that are read at once. */
const CODES_AT_ONCE_BYTES = 2 * 1024 * 1024;

/** Whose rows a block has. */
export interface BlockOrdinals {
  readonly first: number;
  readonly last: number;
  /** `null` where there is no gap. */
  readonly ordinals: Uint32Array | null;
}

interface RowPlace {
  range: BlockRows<BlockRef>;
  checksum: number;
}

export class StoredVectors {
  readonly #store: BlockStore;
  readonly #owner: string;
  readonly #dimension: number;
  readonly #hasCodes: () => boolean;
  #directories: RowDirectory[] = [];
  #rows = 0;
  /** How much of each block was read ahead, or tried to. */
  readonly #readAhead = new WeakMap<OrdinalEntry, number>();

  /** `hasCodes`: whether an index has the codes of all rows in memory. Then rows have the block cache mostly to themselves. */
  constructor(store: BlockStore, owner: string, dimension: number, hasCodes: () => boolean = () => true) {
    this.#hasCodes = hasCodes;
    this.#store = store;
    this.#owner = owner;
    this.#dimension = dimension;
  }

  /** Bytes of memory held. */
  get bytes(): number {
    return this.#directories.reduce((bytes, { rows }) => bytes + (rows === null ? 0 : bytesOf(rows)), 0);
  }

  /** Tells what finds vectors of every block, with its codes where it was to be read, and keeps what single reads need, for `install`. */
  async open(section: OrdinalSection, visit: (rows: BlockOrdinals, codes: Block | null) => void, tick: Tick): Promise<RowDirectory[]> {
    const directories: RowDirectory[] = [];
    for await (const { entry, block } of this.#readCodes(section)) {
      const directory = directoryOf(entry, block);
      visit(ordinalsIn(directory), block);
      directories.push(directory);
      await tick();
    }
    return directories;
  }

  /** The directories of a section that shares most of its blocks with the present one. */
  async prepare(section: OrdinalSection, tick: Tick): Promise<RowDirectory[]> {
    const known = new Map(this.#directories.map((directory) => [directory.entry, directory]));
    for await (const { entry, block } of this.#readCodes(section.filter((entry) => !known.has(entry)))) {
      known.set(entry, directoryOf(entry, block));
      await tick();
    }
    return section.map((entry) => known.get(entry)!);
  }

  install(directories: RowDirectory[]): void {
    this.#directories = directories;
    this.#rows = directories.reduce((rows, { entry }) => rows + entry.rows, 0);
  }

  /** Reads the rows of the section that is installed now, also when another one is. */
  frozen(): Pick<StoredVectors, "read"> {
    return this.over(this.#directories);
  }

  /** Reads the rows of these directories, whichever are installed. */
  over(directories: RowDirectory[]): Pick<StoredVectors, "read"> {
    const other = new StoredVectors(this.#store, this.#owner, this.#dimension, this.#hasCodes);
    other.install(directories);
    return other;
  }

  /** Embeddings of ordinals that the segment holds, row-major, in the order given: in `into`, where there is one. */
  async read(ordinals: ArrayLike<number>, into: Float32Array = new Float32Array(ordinals.length * this.#dimension)): Promise<Float32Array> {
    const places = await this.#locate(ordinals);
    const rows = into.subarray(0, ordinals.length * this.#dimension);
    await this.#store.readRows(
      places.map(({ range }) => range),
      new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength),
      this.#reading,
    );
    const sums = crc32OfRows(rows, this.#dimension);
    const wrong = places.findIndex(({ checksum }, i) => sums[i] !== checksum);
    if (wrong >= 0) throw this.#damaged(places[wrong]!.range.extent, ordinals[wrong]!);
    return into;
  }

  /** Of all rows, block by block. */
  *ordinals(): Generator<BlockOrdinals, void, undefined> {
    for (const directory of this.#directories) yield ordinalsIn(directory);
  }

  /** Whether there are blocks that could be read ahead. */
  get isBehind(): boolean {
    return this.#next !== undefined;
  }

  /** Reads some more rows into the block cache, where there is room for them beside what was asked for. */
  async readAhead(): Promise<void> {
    const next = this.#next;
    if (next === undefined) return;
    const start = this.#readAhead.get(next.entry) ?? 0;
    const extent = next.entry.refs[1]!;
    const length = Math.min(limits.rowReadingBytes, extent.length - start);
    this.#readAhead.set(next.entry, start + length);
    await this.#store.readAhead({ extent, start, length });
  }

  get #next(): RowDirectory | undefined {
    if (!this.#store.hasRoomAhead(limits.rowReadingBytes)) return undefined;
    return this.#directories.find(({ entry }) => (this.#readAhead.get(entry) ?? 0) < entry.refs[1]!.length);
  }

  /** Rows by themselves where what is read with them is hardly ever asked for, and takes room that others need. */
  get #reading(): RowReading {
    return this.isAskedAgain ? "pages" : "rows";
  }

  /** Whether there are so few rows, or so much room, that what is read is worth keeping. */
  get isAskedAgain(): boolean {
    return this.#hasCodes() || this.#store.couldHold(4 * this.#dimension * this.#rows);
  }

  async #locate(ordinals: ArrayLike<number>): Promise<RowPlace[]> {
    const directories: RowDirectory[] = [];
    for (let i = 0; i < ordinals.length; i++) directories.push(this.#directoryOf(ordinals[i]!, directories[i - 1]));
    await this.#readRows(directories);
    return directories.map((directory, i) => this.#placeOf(directory, ordinals[i]!));
  }

  /** `likely`: where the ordinal before was. */
  #directoryOf(ordinal: number, likely: RowDirectory | undefined): RowDirectory {
    if (likely !== undefined && ordinal >= likely.entry.first && ordinal <= likely.entry.last) return likely;
    return findEntry(this.#directories, ordinal, ({ entry }) => entry) ?? this.#absent(ordinal);
  }

  #placeOf({ entry, rows }: RowDirectory, ordinal: number): RowPlace {
    const { ordinals, valuesAt, checksums } = rows!;
    const row = ordinals === null ? ordinal - entry.first : findRow(ordinals, ordinal);
    if (row < 0) this.#absent(ordinal);
    const length = this.#dimension * 4;
    return { range: { extent: entry.refs[1]!, start: valuesAt + row * length, length }, checksum: checksums[row]! };
  }

  #absent(ordinal: number): never {
    throw new TidepoolError("INTERNAL", `Ordinal ${ordinal} is not in the vector segment of ${this.#owner}.`);
  }

  /** Reads of these blocks what was not read yet. */
  async #readRows(directories: readonly RowDirectory[]): Promise<void> {
    if (!directories.some(({ rows }) => rows === null)) return;
    const unread = [...new Set(directories.filter(({ rows }) => rows === null))];
    for (let from = 0, to: number; from < unread.length; from = to) {
      let bytes = 0;
      for (to = from; to < unread.length && (to === from || bytes < CODES_AT_ONCE_BYTES); to++) bytes += codesOf(unread[to]!.entry).length;
      const some = unread.slice(from, to);
      const blocks = await this.#store.readAllOnce(
        some.map(({ entry }) => codesOf(entry)),
        this.#owner,
      );
      for (const [i, directory] of some.entries()) directory.rows ??= rowsOf(directory.entry, blocks[i]!);
    }
  }

  /** The codes of one entry after the other, where they are needed; each block is good until the next one is read. */
  async *#readCodes(section: OrdinalSection): AsyncGenerator<{ entry: OrdinalEntry; block: Block | null }, void, undefined> {
    const isRead = (entry: OrdinalEntry): boolean => this.#hasCodes() || !isGapless(entry);
    const buffer = new Uint8Array(section.filter(isRead).reduce((max, entry) => Math.max(max, codesOf(entry).length), 0));
    for (const entry of section) {
      const bytes = isRead(entry) ? await this.#store.readBytes(codesOf(entry), this.#owner, buffer) : null;
      yield { entry, block: bytes && Block.decode(bytes) };
    }
  }

  #damaged(ref: BlockRef, ordinal: number): TidepoolError {
    return new TidepoolError(
      "CORRUPTION",
      `The embedding of ordinal ${ordinal} in block ${ref.arena}:` +
        `${ref.offset}+${ref.length} of ${this.#owner} fails its checksum. Nothing was changed.`,
    );
  }
}

function codesOf({ refs }: OrdinalEntry): BlockRef {
  return refs[0]!;
}

function directoryOf(entry: OrdinalEntry, block: Block | null): RowDirectory {
  return { entry, rows: block && rowsOf(entry, block) };
}

/** Copies, so that the codes block itself can be collected. */
function rowsOf(entry: OrdinalEntry, block: Block): RowsOfBlock {
  return {
    ordinals: isGapless(entry) ? null : block.u32("ordinal").slice(),
    checksums: block.u32("crc").slice(),
    valuesAt: Number(block.metadata.get("valuesAt")),
  };
}

function bytesOf({ ordinals, checksums }: RowsOfBlock): number {
  return checksums.byteLength + (ordinals?.byteLength ?? 0);
}

function ordinalsIn({ entry: { first, last }, rows }: RowDirectory): BlockOrdinals {
  return { first, last, ordinals: rows?.ordinals ?? null };
}
