/**
 * Parts of blocks that are read row by row, such as embeddings, in pages of a fixed size. A page is aligned to the beginning of
 * its block and is kept in the block cache, so rows that lie near one that was read cost no read of their own. Pages that
 * follow each other are read at once, and while there is room in the cache those around a page along with it. What reads very much
 * at a time, as an export does, leaves the cache to others.
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

/** Consecutive pages of one block, to be read at once. */
interface Run<Ref extends Extent> {
  ref: Ref;
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

  /** A copy of each row, in the order given. A row that leaves its block is `CORRUPTION`: stored bytes contradict each other. */
  async read(rows: readonly BlockRows<Ref>[]): Promise<Uint8Array[]> {
    rows.forEach(assertInside);
    const pages = new Map<string, Uint8Array | null>();
    const missing = rows.flatMap((row) => this.#touch(row, pages));
    if (missing.length > 0) await this.#load([...missing, ...this.#around(missing, pages)], pages);
    return rows.map((row) => this.#assemble(row, pages));
  }

  /** Reads what is not there yet of a block's bytes, at once. */
  async fill(rows: BlockRows<Ref>): Promise<void> {
    assertInside(rows);
    const pages = new Map<string, Uint8Array | null>();
    const missing = this.#touch(rows, pages);
    if (missing.length > 0) await this.#load(missing, pages);
  }

  /** Forgets the pages of a block that is released. */
  drop(ref: Ref): void {
    for (let page = 0; page * limits.rowPageBytes < ref.length; page++) this.#cache.delete(this.#key(ref, page));
  }

  /** Enters the pages of a row that are in the cache; returns those that are not, and are not asked for yet. */
  #touch({ extent, start, length }: BlockRows<Ref>, pages: Map<string, Uint8Array | null>): Run<Ref>[] {
    const missing: Run<Ref>[] = [];
    for (let page = pageOf(start); page <= pageOf(start + length - 1); page++) {
      const key = this.#key(extent, page);
      if (pages.has(key)) continue;
      const cached = this.#cache.get(key);
      pages.set(key, cached ?? null);
      if (cached === undefined) missing.push({ ref: extent, first: page, last: page });
    }
    return missing;
  }

  /** Pages around missing ones that are not there either, up to `limits.rowAheadBytes` with each. */
  #around(missing: readonly Run<Ref>[], pages: Map<string, Uint8Array | null>): Run<Ref>[] {
    const most = limits.rowAheadBytes / limits.rowPageBytes;
    const around: Run<Ref>[] = [];
    if (missing.length * most > limits.rowPagesKeptMax || !this.#hasRoomAhead(missing.length * limits.rowAheadBytes)) return around;
    for (const { ref, first: page } of missing) {
      const begin = page - (page % most);
      const end = Math.min(begin + most, pageOf(ref.length - 1) + 1);
      for (let before = page - 1; before >= begin && this.#take(ref, before, pages); before--)
        around.push({ ref, first: before, last: before });
      for (let after = page + 1; after < end && this.#take(ref, after, pages); after++) around.push({ ref, first: after, last: after });
    }
    return around;
  }

  /** Enters a page to be read, unless it is there or is to be read already. */
  #take(ref: Ref, page: number, pages: Map<string, Uint8Array | null>): boolean {
    const key = this.#key(ref, page);
    if (pages.has(key) || this.#cache.get(key) !== undefined) return false;
    pages.set(key, null);
    return true;
  }

  async #load(missing: readonly Run<Ref>[], pages: Map<string, Uint8Array | null>): Promise<void> {
    const runs = joined(missing);
    const found = await this.#blobs.read(runs.map(rangeOf));
    const isKept = missing.length <= limits.rowPagesKeptMax;
    runs.forEach(({ ref, first, last }, r) => {
      for (let page = first; page <= last; page++) {
        const from = (page - first) * limits.rowPageBytes;
        const bytes = found[r]!.subarray(from, from + limits.rowPageBytes);
        pages.set(this.#key(ref, page), bytes);
        // A view of a longer run would keep all of that alive.
        if (isKept) this.#cache.set(this.#key(ref, page), first === last ? bytes : bytes.slice(), bytes.length);
      }
    });
  }

  #assemble({ extent, start, length }: BlockRows<Ref>, pages: ReadonlyMap<string, Uint8Array | null>): Uint8Array {
    const row = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      const page = pageOf(start + at);
      const from = start + at - page * limits.rowPageBytes;
      const part = pages.get(this.#key(extent, page))!.subarray(from, from + length - at);
      row.set(part, at);
      at += part.length;
    }
    return row;
  }

  #key(ref: Ref, page: number): string {
    return `${this.#keyOf(ref)}@${page}`;
  }
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
  const sorted = [...pages].sort((a, b) => a.ref.arena - b.ref.arena || a.ref.offset - b.ref.offset || a.first - b.first);
  const runs: Run<Ref>[] = [];
  for (const page of sorted) {
    const run = runs.at(-1);
    if (run !== undefined && isSame(run.ref, page.ref) && run.last === page.first - 1) run.last = page.last;
    else runs.push({ ...page });
  }
  return runs;
}

function isSame(a: Extent, b: Extent): boolean {
  return a.arena === b.arena && a.offset === b.offset;
}

function rangeOf({ ref, first, last }: Run<Extent>): ByteRange {
  const start = first * limits.rowPageBytes;
  return { extent: ref, start, length: Math.min(ref.length, (last + 1) * limits.rowPageBytes) - start };
}
