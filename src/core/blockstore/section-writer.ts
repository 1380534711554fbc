/**
 * Makes a section, that is, the list of a blockfile's blocks, out of rows to write and of entries whose blocks stay as they are;
 * both come in ascending order. What rows and entries are is the blockfile's business.
 *
 * Invariants: the rows of a block take at most `rowBytesMax`, except that a row larger than that has a block to itself; rows and
 * entries keep their order; an entry that is kept is the very same object. Rows that wait take in a neighbouring entry with which
 * they fill at most half a block, be it before or behind them, so that blocks do not fall apart into ever smaller ones.
 */
import type { Tick } from "../base/turns.js";
import type { BlockWriter } from "./blockstore.js";

/** How a blockfile's rows become blocks, and how its blocks become rows again. */
export interface SectionBlocks<Row, Entry> {
  /** About how many bytes the row takes in a block. */
  sizeOf(row: Row): number;
  /** Bytes of the entry's blocks. */
  byteLength(entry: Entry): number;
  read(entry: Entry, tick: Tick): Promise<readonly Row[]>;
  write(rows: readonly Row[], writer: BlockWriter, tick: Tick): Promise<Entry>;
}

export interface SectionSizes {
  blockBytesMax: number;
  /** Less than `blockBytesMax` by what a block holds beside its rows, where that counts. */
  rowBytesMax: number;
  /**
   * As many blocks as this are full before the first is cut. With one, blocks are full and the last one is a rest, which suits
   * rows that come at the end. With two, the last cut is in the middle: a block that overflowed becomes two with room, not a
   * full one and a rest, which suits rows that come anywhere.
   */
  blocksWaiting: 1 | 2;
}

export class SectionWriter<Row, Entry> {
  readonly #blocks: SectionBlocks<Row, Entry>;
  readonly #sizes: SectionSizes;
  readonly #writer: BlockWriter;
  readonly #tick: Tick;
  readonly #entries: Entry[] = [];
  /** How many at the end of `#entries` were kept, not written. */
  #keptLast = 0;
  #rows: Row[] = [];
  /** Bytes of each row that waits, and of all. */
  #rowBytes: number[] = [];
  #bytes = 0;

  constructor(blocks: SectionBlocks<Row, Entry>, sizes: SectionSizes, writer: BlockWriter, tick: Tick) {
    this.#blocks = blocks;
    this.#sizes = sizes;
    this.#writer = writer;
    this.#tick = tick;
  }

  async append(rows: readonly Row[]): Promise<void> {
    const { rowBytesMax, blocksWaiting } = this.#sizes;
    for (const row of rows) {
      const bytes = this.#blocks.sizeOf(row);
      this.#rows.push(row);
      this.#rowBytes.push(bytes);
      this.#bytes += bytes;
      if (this.#bytes >= rowBytesMax * blocksWaiting) await this.#cut(rowBytesMax, rowBytesMax);
    }
  }

  /** Takes over an entry as it is, unless it is small enough to join the rows that wait. */
  async keep(entry: Entry): Promise<void> {
    if (this.#joins(entry)) return this.append(await this.#blocks.read(entry, this.#tick));
    await this.#flush();
    this.#entries.push(entry);
    this.#keptLast++;
  }

  async finish(): Promise<Entry[]> {
    await this.#flush();
    return this.#entries;
  }

  #joins(entry: Entry): boolean {
    return this.#rows.length > 0 && this.#bytes + this.#blocks.byteLength(entry) <= this.#sizes.blockBytesMax / 2;
  }

  /** Writes what waits, together with kept entries before it that are small enough to join. */
  async #flush(): Promise<void> {
    for (; this.#keptLast > 0 && this.#joins(this.#entries.at(-1)!); this.#keptLast--) {
      this.#prepend(await this.#blocks.read(this.#entries.pop()!, this.#tick));
    }
    const even = this.#bytes / Math.ceil(this.#bytes / this.#sizes.rowBytesMax);
    while (this.#rows.length > 0) await this.#cut(even, 0);
  }

  #prepend(rows: readonly Row[]): void {
    const rowBytes = rows.map((row) => this.#blocks.sizeOf(row));
    this.#rows = [...rows, ...this.#rows];
    this.#rowBytes = [...rowBytes, ...this.#rowBytes];
    this.#bytes += rowBytes.reduce((total, bytes) => total + bytes, 0);
  }

  /** Writes blocks of about `target` bytes from the front of what waits, until at most `rest` bytes are left. */
  async #cut(target: number, rest: number): Promise<void> {
    let start = 0;
    while (start < this.#rows.length && this.#bytes > rest) {
      const { end, bytes } = this.#nextCut(start, target);
      await this.#write(this.#rows.slice(start, end));
      this.#bytes -= bytes;
      start = end;
    }
    this.#rows = this.#rows.slice(start);
    this.#rowBytes = this.#rowBytes.slice(start);
  }

  #nextCut(start: number, target: number): { end: number; bytes: number } {
    let bytes = this.#rowBytes[start]!;
    let end = start + 1;
    for (; end < this.#rows.length && bytes < target; end++) {
      const more = this.#rowBytes[end]!;
      if (bytes + more > this.#sizes.rowBytesMax) break;
      bytes += more;
    }
    return { end, bytes };
  }

  async #write(rows: readonly Row[]): Promise<void> {
    this.#entries.push(await this.#blocks.write(rows, this.#writer, this.#tick));
    this.#keptLast = 0;
    await this.#tick();
  }
}
