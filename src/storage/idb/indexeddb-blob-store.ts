/**
 * Blobs in IndexedDB, for contexts without OPFS access handles. A blob is cut into pieces of 64 KiB keyed
 * `[blob, piece]`, so that a few rows of a 4 MiB block can be read without loading it whole. Its extent is
 * `{ arena: blob, offset: 0, length }`.
 *
 * Every write is a strict transaction of its own, so what was written is durable even before `flush`. Blob numbers only
 * grow while the store is open and start above everything found on opening. Blobs that nobody retains were written by
 * a compaction that never published them; they are deleted on opening, after everything that is retained was found.
 */
import { TidepoolError } from "../../core/errors.js";
import type { BlobStore, ByteRange, Extent } from "../../core/storage.js";
import { checkRange, extentName, missing } from "../bytes.js";
import { notRetainedError } from "../storage-error.js";
import type { Database } from "./database.js";

const pieceBytes = 64 * 1024;

export class IndexedDbBlobStore implements BlobStore {
  readonly #database: Database;
  /** Length of each blob in use; `null` until `retain`. */
  #lengths: Map<number, number> | null = null;
  #nextBlob = 0;

  constructor(database: Database) {
    this.#database = database;
  }

  async retain(extents: Iterable<Extent>): Promise<void> {
    const retained = [...extents];
    const keys = await this.#database.read("blobs", "list the blobs", (transaction) => transaction.objectStore("blobs").getAllKeys());
    const pieces = new Map<number, number>();
    for (const [blob] of keys) pieces.set(blob, (pieces.get(blob) ?? 0) + 1);
    const lengths = retainedLengths(retained, pieces);
    await this.#delete([...pieces.keys()].filter((blob) => !lengths.has(blob)));
    this.#lengths = lengths;
    this.#nextBlob = Math.max(0, ...pieces.keys()) + 1;
  }

  async write(bytes: Uint8Array): Promise<Extent> {
    const lengths = this.#inUse();
    const blob = this.#nextBlob++;
    await this.#database.write(["blobs"], "strict", `write a block of ${bytes.length} bytes`, async (transaction) => {
      const blobs = transaction.objectStore("blobs");
      const pieces = Array.from({ length: pieceCount(bytes.length) }, (_, i) => bytes.slice(i * pieceBytes, (i + 1) * pieceBytes));
      await Promise.all(pieces.map(async (piece, i) => blobs.add(piece, [blob, i])));
    });
    lengths.set(blob, bytes.length);
    return { arena: blob, offset: 0, length: bytes.length };
  }

  async flush(): Promise<void> {
    this.#inUse();
  }

  async read(ranges: readonly ByteRange[]): Promise<Uint8Array[]> {
    return this.#database.read("blobs", "read blocks", async (transaction) => {
      ranges.forEach(checkRange);
      const blobs = transaction.objectStore("blobs");
      const pieces = new Map<number, Map<number, Uint8Array>>();
      const reads = touchedPieces(ranges).flatMap(([blob, numbers]) => {
        const ofBlob = new Map<number, Uint8Array>();
        pieces.set(blob, ofBlob);
        return consecutive(numbers).map(async ([first, last]) => {
          const found = await blobs.getAll(IDBKeyRange.bound([blob, first], [blob, last]));
          // When some are missing it cannot be told which, so then all are; a range that needs one of them says so.
          if (found.length === last - first + 1) found.forEach((piece, i) => ofBlob.set(first + i, piece));
        });
      });
      await Promise.all(reads);
      return ranges.map((range) => assemble(range, pieces.get(range.extent.arena)!));
    });
  }

  async release(extents: Iterable<Extent>): Promise<void> {
    const lengths = this.#inUse();
    const released = [...extents];
    const blobs = new Set(released.map(({ arena }) => arena));
    const wrong = released.find(({ arena, offset, length }) => offset !== 0 || lengths.get(arena) !== length);
    if (wrong || blobs.size < released.length) {
      throw new TidepoolError("INTERNAL", `Extent ${wrong ? extentName(wrong) : "given twice"} is not in use, so it cannot be released`);
    }
    for (const blob of blobs) lengths.delete(blob);
    await this.#delete([...blobs]);
  }

  settledAt(): number {
    return 0;
  }

  usage(): { bytesReserved: number; bytesUsed: number } {
    let bytes = 0;
    for (const length of this.#lengths?.values() ?? []) bytes += length;
    return { bytesReserved: bytes, bytesUsed: bytes };
  }

  #inUse(): Map<number, number> {
    this.#database.assertOpen();
    if (!this.#lengths) throw notRetainedError();
    return this.#lengths;
  }

  /** Relaxed, because nothing depends on it: a blob that survives its deletion is an orphan at the next opening. */
  async #delete(blobs: readonly number[]): Promise<void> {
    if (blobs.length === 0) return;
    await this.#database.write(["blobs"], "relaxed", "delete blocks", async (transaction) => {
      const store = transaction.objectStore("blobs");
      await Promise.all(blobs.map((blob) => store.delete(IDBKeyRange.bound([blob, 0], [blob, Infinity]))));
    });
  }
}

function retainedLengths(extents: readonly Extent[], pieces: ReadonlyMap<number, number>): Map<number, number> {
  const lengths = new Map<number, number>();
  for (const extent of extents) {
    const { arena: blob, offset, length } = extent;
    if (lengths.has(blob)) throw new TidepoolError("CORRUPTION", `Extent ${extentName(extent)} overlaps another extent in use`);
    if (offset !== 0 || pieces.get(blob) !== pieceCount(length)) throw missing(`Extent ${extentName(extent)} or a part of it`);
    lengths.set(blob, length);
  }
  return lengths;
}

function pieceCount(length: number): number {
  return Math.max(1, Math.ceil(length / pieceBytes));
}

/** First and last piece that a range touches; an empty range at the very end counts as touching the last piece. */
function touched({ extent, start, length }: ByteRange): [first: number, last: number] {
  const end = pieceCount(extent.length) - 1;
  const first = Math.min(end, Math.floor(start / pieceBytes));
  return [first, Math.max(first, Math.ceil((start + length) / pieceBytes) - 1)];
}

/** For each blob the pieces that any of the ranges touches, ascending and each once: many rows share a piece. */
function touchedPieces(ranges: readonly ByteRange[]): [blob: number, pieces: number[]][] {
  const pieces = new Map<number, Set<number>>();
  for (const range of ranges) {
    const { arena: blob } = range.extent;
    const ofBlob = pieces.get(blob) ?? new Set();
    pieces.set(blob, ofBlob);
    const [first, last] = touched(range);
    for (let piece = first; piece <= last; piece++) ofBlob.add(piece);
  }
  return [...pieces].map(([blob, ofBlob]) => [blob, [...ofBlob].sort((a, b) => a - b)]);
}

/** Ascending numbers as runs without a gap. */
function consecutive(numbers: readonly number[]): [first: number, last: number][] {
  const runs: [first: number, last: number][] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run?.[1] === number - 1) run[1] = number;
    else runs.push([number, number]);
  }
  return runs;
}

/** Copies the asked bytes out of the pieces they lie in; every piece but a blob's last is full. */
function assemble(range: ByteRange, pieces: ReadonlyMap<number, Uint8Array>): Uint8Array {
  const { extent, start, length } = range;
  const [first, last] = touched(range);
  const bytes = new Uint8Array(length);
  let filled = 0;
  let complete = extent.offset === 0;
  for (let number = first; number <= last; number++) {
    const piece = pieces.get(number);
    complete &&= piece !== undefined;
    const position = number * pieceBytes;
    const part = piece?.subarray(Math.max(0, start - position), Math.max(0, start + length - position)) ?? bytes.subarray(0, 0);
    bytes.set(part, filled);
    filled += part.length;
  }
  if (!complete || filled !== length) throw missing(`A part of bytes ${start}+${length} of extent ${extentName(extent)}`);
  return bytes;
}
