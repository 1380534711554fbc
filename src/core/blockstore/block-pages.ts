/**
 * Parts of blocks that are read row by row, such as embeddings, in pages of a fixed size. A page is aligned to the beginning of
 * its block and is kept in the block cache, so rows that lie near one that was read cost no read of their own. Pages that
 * follow each other are read at once, and while there is room in the cache those around a page along with it. What reads very much
 * at a time, as an export does, leaves the cache to others. Where rows are so many that hardly any lies near another that is asked for,
 * they are better read by themselves.
 */
import type { ByteCache } from "../base/byte-cache.js";
import { TidepoolError } from "../errors.js";
import { limits } from "../limits.js";
import type { BlobStore, ByteRange, Extent } from "../storage.js";

/** Bytes of a block; `start` counts from the block's beginning. */
export interface BlockRows<Ref extends Extent> {
  extent: Ref;
  start: number;
  length: number;
}

/** How rows that are not in memory are read. */
export type RowReading = "pages" | "rows";

/** A block while rows of it are read. */
interface TouchedBlock<Ref extends Extent> {
  /** Where it was when reading began: blocks may be moved meanwhile. */
  ref: Ref;
  key: string;
  /** Its pages as far as they are asked for; `null`: to be read. */
  pages: Map<number, Uint8Array | null>;
}

/** Consecutive pages of one block, to be read at once. */
interface Run<Ref extends Extent> {
  block: TouchedBlock<Ref>;
  first: number;
  last: number;
}

export class BlockPages<Ref extends Extent> {
  readonly #blobs: Pick<BlobStore, "read">;
  readonly #cache: ByteCache<string, Uint8Array>;
  readonly #keyOf: (ref: Ref) => string;
  readonly #hasRoomAhead: (bytes: number) => boolean;

  /** `hasRoomAhead`: whether the cache has room for so many bytes that nobody has asked for yet. */
  constructor(
    blobs: Pick<BlobStore, "read">,
    cache: ByteCache<string, Uint8Array>,
    keyOf: (ref: Ref) => string,
    hasRoomAhead: (bytes: number) => boolean,
  ) {
    this.#blobs = blobs;
    this.#cache = cache;
    this.#hasRoomAhead = hasRoomAhead;
    this.#keyOf = keyOf;
  }

  /**
   * Puts the rows into `into`, one after the other. A row that leaves its block is `CORRUPTION`: stored bytes contradict each other.
   * Rows of one block have the same object for it.
   */
  async read(rows: readonly BlockRows<Ref>[], into: Uint8Array, reading: RowReading = "pages"): Promise<void> {
    rows.forEach(assertInside);
    if (reading === "rows") return this.#readApart(rows, into);
    const blocks = new Map<Ref, TouchedBlock<Ref>>();
    const missing = rows.flatMap((row) => this.#touch(row, blocks));
    if (missing.length > 0) await this.#load([...missing, ...this.#around(missing)]);
    let at = 0;
    for (const row of rows) {
      assemble(row, blocks.get(row.extent)!, into, at);
      at += row.length;
    }
  }

  /** Reads what is not there yet of a block's bytes, at once. */
  async fill(rows: BlockRows<Ref>): Promise<void> {
    assertInside(rows);
    const missing = this.#touch(rows, new Map());
    if (missing.length > 0) await this.#load(missing);
  }

  /** Forgets the pages of a block that is released. */
  drop(ref: Ref): void {
    const key = this.#keyOf(ref);
    for (let page = 0; page * limits.rowPageBytes < ref.length; page++) this.#cache.delete(keyOfPage(key, page));
  }

  /** Enters the pages of a row that are in the cache; returns those that are not, and are not asked for yet. */
  #touch({ extent, start, length }: BlockRows<Ref>, blocks: Map<Ref, TouchedBlock<Ref>>): Run<Ref>[] {
    const block = blocks.get(extent) ?? { ref: { ...extent }, key: this.#keyOf(extent), pages: new Map() };
    blocks.set(extent, block);
    const missing: Run<Ref>[] = [];
    for (let page = pageOf(start); page <= pageOf(start + length - 1); page++) {
      if (block.pages.has(page)) continue;
      const cached = this.#cache.get(keyOfPage(block.key, page));
      block.pages.set(page, cached ?? null);
      if (cached === undefined) missing.push({ block, first: page, last: page });
    }
    return missing;
  }

  /** Pages around missing ones that are not there either, up to `limits.rowAheadBytes` with each. */
  #around(missing: readonly Run<Ref>[]): Run<Ref>[] {
    const most = limits.rowAheadBytes / limits.rowPageBytes;
    const around: Run<Ref>[] = [];
    if (missing.length * most > limits.rowPagesKeptMax || !this.#hasRoomAhead(missing.length * limits.rowAheadBytes)) return around;
    for (const { block, first: page } of missing) {
      const begin = page - (page % most);
      const end = Math.min(begin + most, pageOf(block.ref.length - 1) + 1);
      for (let before = page - 1; before >= begin && this.#take(block, before); before--)
        around.push({ block, first: before, last: before });
      for (let after = page + 1; after < end && this.#take(block, after); after++) around.push({ block, first: after, last: after });
    }
    return around;
  }

  /** Enters a page to be read, unless it is there or is to be read already. */
  #take({ key, pages }: TouchedBlock<Ref>, page: number): boolean {
    if (pages.has(page) || this.#cache.get(keyOfPage(key, page)) !== undefined) return false;
    pages.set(page, null);
    return true;
  }

  async #load(missing: readonly Run<Ref>[]): Promise<void> {
    const runs = joined(missing);
    const found = await this.#blobs.read(runs.map(rangeOf));
    const isKept = missing.length <= limits.rowPagesKeptMax;
    runs.forEach(({ block, first, last }, r) => {
      for (let page = first; page <= last; page++) {
        const from = (page - first) * limits.rowPageBytes;
        const bytes = found[r]!.subarray(from, from + limits.rowPageBytes);
        block.pages.set(page, bytes);
        // A view of a longer run would keep all of that alive.
        if (isKept) this.#cache.set(keyOfPage(block.key, page), first === last ? bytes : bytes.slice(), bytes.length);
      }
    });
  }

  /** Rows are read by themselves, such as follow each other at once: what is in memory of them is not worth looking for. */
  async #readApart(rows: readonly BlockRows<Ref>[], into: Uint8Array): Promise<void> {
    const ranges: (ByteRange & { into: Uint8Array })[] = [];
    let last: BlockRows<Ref> | null = null;
    let at = 0;
    for (const row of rows) {
      const range = ranges[ranges.length - 1];
      if (range !== undefined && last!.extent === row.extent && last!.start + last!.length === row.start) {
        range.length += row.length;
        range.into = new Uint8Array(into.buffer, range.into.byteOffset, range.length);
      } else {
        // Blocks may be moved meanwhile.
        ranges.push({ extent: { ...row.extent }, start: row.start, length: row.length, into: into.subarray(at, at + row.length) });
      }
      at += row.length;
      last = row;
    }
    const found = await this.#blobs.read(ranges);
    found.forEach((bytes, r) => {
      const place = ranges[r]!.into;
      if (bytes.buffer !== place.buffer) place.set(bytes);
    });
  }
}

function assemble({ start, length }: BlockRows<Extent>, { pages }: TouchedBlock<Extent>, into: Uint8Array, first: number): void {
  for (let at = 0; at < length; ) {
    const page = pageOf(start + at);
    const from = start + at - page * limits.rowPageBytes;
    const part = pages.get(page)!.subarray(from, from + length - at);
    into.set(part, first + at);
    at += part.length;
  }
}

function keyOfPage(key: string, page: number): string {
  return `${key}@${page}`;
}

function assertInside({ extent, start, length }: BlockRows<Extent>): void {
  if (start >= 0 && length >= 0 && start + length <= extent.length) return;
  const block = `${extent.arena}:${extent.offset}+${extent.length}`;
  throw new TidepoolError("CORRUPTION", `Bytes ${start}+${length} lie outside block ${block}. Nothing was changed.`);
}

function pageOf(at: number): number {
  return Math.floor(at / limits.rowPageBytes);
}

/** Pages that follow each other in one block, as one. */
function joined<Ref extends Extent>(pages: readonly Run<Ref>[]): Run<Ref>[] {
  const sorted = [...pages].sort(
    ({ block: { ref: a }, first }, { block: { ref: b }, first: other }) => a.arena - b.arena || a.offset - b.offset || first - other,
  );
  const runs: Run<Ref>[] = [];
  for (const page of sorted) {
    const run = runs.at(-1);
    if (run !== undefined && run.block === page.block && run.last === page.first - 1) run.last = page.last;
    else runs.push({ ...page });
  }
  return runs;
}

function rangeOf({ block: { ref }, first, last }: Run<Extent>): ByteRange {
  const start = first * limits.rowPageBytes;
  return { extent: ref, start, length: Math.min(ref.length, (last + 1) * limits.rowPageBytes) - start };
}
