/**
 * The rows of a collection's vectors on disk: reads all codes when it is opened, and single embeddings on demand, from
 * their place. Each embedding is checked against its own CRC-32, which stands in the block of codes and stays in memory.
 */

import { crc32 } from "../base/checksum.js";
import type { Tick } from "../base/turns.js";
import { Block } from "../blockstore/block.js";
import type { BlockRows, RowReading } from "../blockstore/block-pages.js";
import type { BlockRef, BlockStore } from "../blockstore/blockstore.js";
import { findEntry, findRow, type OrdinalEntry, type OrdinalSection } from "../blockstore/ordinal-blockfile.js";
import { TidepoolError } from "../errors.js";
import { limits } from "../limits.js";

/** Where the rows of one embeddings block lie; the resident part of the vector segment beside the codes. */
interface RowDirectory {
  entry: OrdinalEntry;
  ordinals: Uint32Array;
  checksums: Uint32Array;
  valuesAt: number;
}

interface RowPlace {
  range: BlockRows<BlockRef>;
  checksum: number;
}

export class StoredVectors {
  readonly #store: BlockStore;
  readonly #owner: string;
  readonly #dimension: number;
  readonly #hasRoom: () => boolean;
  #directories: RowDirectory[] = [];
  #rows = 0;
  /** How much of each block was read ahead, or tried to. */
  readonly #readAhead = new WeakMap<OrdinalEntry, number>();

  /** `hasRoom`: whether rows have the block cache mostly to themselves. */
  constructor(store: BlockStore, owner: string, dimension: number, hasRoom: () => boolean = () => true) {
    this.#hasRoom = hasRoom;
    this.#store = store;
    this.#owner = owner;
    this.#dimension = dimension;
  }

  /** Bytes of memory held. */
  get bytes(): number {
    return 8 * this.#rows;
  }

  /** Reads the codes of every block, for what finds vectors by them, and keeps what single reads need. Call `install` with the result. */
  async open(section: OrdinalSection, visit: (ordinals: Uint32Array, codes: Block) => void, tick: Tick): Promise<RowDirectory[]> {
    const directories: RowDirectory[] = [];
    for await (const { entry, block } of this.#readCodes(section)) {
      visit(block.u32("ordinal"), block);
      directories.push(directoryOf(entry, block));
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
    const other = new StoredVectors(this.#store, this.#owner, this.#dimension, this.#hasRoom);
    other.install(directories);
    return other;
  }

  /** Embeddings of ordinals that the segment holds, row-major, in the order given: in `into`, where there is one. */
  async read(ordinals: ArrayLike<number>, into: Float32Array = new Float32Array(ordinals.length * this.#dimension)): Promise<Float32Array> {
    const places = this.#locate(ordinals);
    const width = this.#dimension * 4;
    const bytes = new Uint8Array(into.buffer, into.byteOffset, ordinals.length * width);
    await this.#store.readRows(
      places.map(({ range }) => range),
      bytes,
      this.#reading,
    );
    for (const [i, { range, checksum }] of places.entries()) {
      if (crc32(bytes.subarray(i * width, (i + 1) * width)) !== checksum) throw this.#damaged(range.extent, ordinals[i]!);
    }
    return into;
  }

  /** Of all rows, block by block. */
  *ordinals(): Generator<Uint32Array, void, undefined> {
    for (const { ordinals } of this.#directories) yield ordinals;
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
    return this.#hasRoom() || this.#store.couldHold(4 * this.#dimension * this.#rows);
  }

  #locate(ordinals: ArrayLike<number>): RowPlace[] {
    const width = this.#dimension * 4;
    const places: RowPlace[] = [];
    let directory: RowDirectory | null = null;
    for (let i = 0; i < ordinals.length; i++) {
      const ordinal = ordinals[i]!;
      if (directory === null || ordinal < directory.entry.first || ordinal > directory.entry.last) {
        directory = findEntry(this.#directories, ordinal, ({ entry }) => entry);
      }
      const row = directory === null ? -1 : findRow(directory.ordinals, ordinal);
      if (directory === null || row < 0) {
        throw new TidepoolError("INTERNAL", `Ordinal ${ordinal} is not in the vector segment of ${this.#owner}.`);
      }
      const range = { extent: directory.entry.refs[1]!, start: directory.valuesAt + row * width, length: width };
      places.push({ range, checksum: directory.checksums[row]! });
    }
    return places;
  }

  /** The codes of one entry after the other; each block is good until the next one is read. */
  async *#readCodes(section: OrdinalSection): AsyncGenerator<{ entry: OrdinalEntry; block: Block }, void, undefined> {
    const buffer = new Uint8Array(section.reduce((max, { refs }) => Math.max(max, refs[0]!.length), 0));
    for (const entry of section) yield { entry, block: Block.decode(await this.#store.readBytes(entry.refs[0]!, this.#owner, buffer)) };
  }

  #damaged(ref: BlockRef, ordinal: number): TidepoolError {
    return new TidepoolError(
      "CORRUPTION",
      `The embedding of ordinal ${ordinal} in block ${ref.arena}:` +
        `${ref.offset}+${ref.length} of ${this.#owner} fails its checksum. Nothing was changed.`,
    );
  }
}

/** Copies, so that the codes block itself can be collected. */
function directoryOf(entry: OrdinalEntry, block: Block): RowDirectory {
  return {
    entry,
    ordinals: block.u32("ordinal").slice(),
    checksums: block.u32("crc").slice(),
    valuesAt: Number(block.metadata.get("valuesAt")),
  };
}
