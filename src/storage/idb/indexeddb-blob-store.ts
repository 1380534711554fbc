/**
 * Blobs in IndexedDB, for contexts without OPFS access handles. A blob is cut into pieces of 16 KiB keyed
 * `[blob, piece]`, so that a few rows of a 4 MiB block can be read without loading it whole. Its extent is
 * `{ arena: blob, offset: 0, length }`. Blobs of earlier releases have pieces of 64 KiB, and are told by how many they have:
 * Chromium keeps values of that size in files of their own, where a read of fifteen takes five times as long.
 *
 * Every write is a strict transaction of its own, so what was written is durable even before `flush`. Blob numbers only
 * grow while the store is open and start above everything found on opening. Blobs that nobody retains were written by
 * a compaction that never published them; they are deleted on opening, after everything that is retained was found.
 */
import { TidepoolError } from "../../core/errors.js";
import type { BlobStore, ByteRange, Extent } from "../../core/storage.js";
import { checkRange, extentName, missing, storedBytes } from "../bytes.js";
import { notRetainedError } from "../storage-error.js";
import { refuse, type Unfit } from "../unfit-extents.js";
import type { Database, Transaction } from "./database.js";

const newPieceBytes = 16 * 1024;
/** Of blobs that earlier releases wrote. */
const oldPieceBytes = 64 * 1024;

/** A blob in use. */
interface Blob {
  length: number;
  pieceBytes: number;
}

export class IndexedDbBlobStore implements BlobStore {
  readonly #database: Database;
  /** The blobs in use, by number; `null` until `retain`. */
  #blobs: Map<number, Blob> | null = null;
  #nextBlob = 0;

  constructor(database: Database) {
    this.#database = database;
  }

  async retain(extents: Iterable<Extent>, isComplete = true): Promise<void> {
    const retained = [...extents];
    const keys = await this.#database.read("blobs", "list the blobs", (transaction) =>
      transaction.objectStore("blobs").getAllKeys(IDBKeyRange.lowerBound([0])),
    );
    const pieces = new Map<number, number>();
    for (const [blob] of keys) pieces.set(blob, (pieces.get(blob) ?? 0) + 1);
    const blobs = retainedBlobs(retained, pieces);
    if (isComplete) await this.#delete([...pieces.keys()].filter((blob) => !blobs.has(blob)));
    this.#blobs = blobs;
    this.#nextBlob = Math.max(0, ...pieces.keys()) + 1;
  }

  async write(bytes: Uint8Array, makesRoom = false): Promise<Extent> {
    const inUse = this.#inUse();
    const blob = this.#nextBlob++;
    const add = async (transaction: Transaction<"readwrite">): Promise<void> => {
      const blobs = transaction.objectStore("blobs");
      const pieces = Array.from({ length: pieceCount(bytes.length, newPieceBytes) }, (_, i) =>
        bytes.slice(i * newPieceBytes, (i + 1) * newPieceBytes),
      );
      await Promise.all(pieces.map(async (piece, i) => blobs.add(piece, [blob, i])));
    };
    await this.#database.write(["blobs"], "strict", `write a block of ${bytes.length} bytes`, add, makesRoom);
    inUse.set(blob, { length: bytes.length, pieceBytes: newPieceBytes });
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
      const reads = touchedPieces(ranges, (range) => this.#pieceBytesOf(range)).flatMap(([blob, numbers]) => {
        const ofBlob = new Map<number, Uint8Array>();
        pieces.set(blob, ofBlob);
        return consecutive(numbers).map(async ([first, last]) => {
          const found = await blobs.getAll(IDBKeyRange.bound([blob, first], [blob, last]));
          // When some are missing it cannot be told which, so then all are; a range that needs one of them says so.
          if (found.length === last - first + 1) found.forEach((piece, i) => ofBlob.set(first + i, storedBytes(piece)));
        });
      });
      await Promise.all(reads);
      return ranges.map((range) => assemble(range, this.#pieceBytesOf(range), pieces.get(range.extent.arena)!));
    });
  }

  async release(extents: Iterable<Extent>): Promise<void> {
    const inUse = this.#inUse();
    const released = [...extents];
    const blobs = new Set(released.map(({ arena }) => arena));
    const wrong = released.find(({ arena, offset, length }) => offset !== 0 || inUse.get(arena)?.length !== length);
    if (wrong || blobs.size < released.length) {
      throw new TidepoolError("INTERNAL", `Extent ${wrong ? extentName(wrong) : "given twice"} is not in use, so it cannot be released`);
    }
    for (const blob of blobs) inUse.delete(blob);
    await this.#delete([...blobs]);
  }

  /** Nothing is ever staged here: all is durable from the start. */
  holds(): boolean {
    return true;
  }

  /** Deleted rows are the browser's: no page can overwrite them. */
  async vacuum(): Promise<void> {
    this.#database.assertOpen();
  }

  /** What is not used is not reserved. */
  packing(): null {
    return null;
  }

  settledAt(): number {
    return 0;
  }

  usage(): { bytesReserved: number; bytesUsed: number } {
    let bytes = 0;
    for (const { length } of this.#blobs?.values() ?? []) bytes += length;
    return { bytesReserved: bytes, bytesUsed: bytes };
  }

  #inUse(): Map<number, Blob> {
    this.#database.assertOpen();
    if (!this.#blobs) throw notRetainedError();
    return this.#blobs;
  }

  /** What is asked for before `retain`, or is not in use, is found missing whatever its pieces would be. */
  #pieceBytesOf({ extent }: ByteRange): number {
    return this.#blobs?.get(extent.arena)?.pieceBytes ?? newPieceBytes;
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

function retainedBlobs(extents: readonly Extent[], pieces: ReadonlyMap<number, number>): Map<number, Blob> {
  const blobs = new Map<number, Blob>();
  const unfit: Unfit[] = [];
  for (const extent of extents) {
    const { arena: blob, offset, length } = extent;
    const pieceBytes = [newPieceBytes, oldPieceBytes].find((size) => pieces.get(blob) === pieceCount(length, size));
    if (blobs.has(blob)) unfit.push({ extent, why: "overlaps another extent in use" });
    else if (offset !== 0 || pieceBytes === undefined) unfit.push({ extent, why: "or a part of it is missing" });
    else blobs.set(blob, { length, pieceBytes });
  }
  refuse(unfit);
  return blobs;
}

function pieceCount(length: number, pieceBytes: number): number {
  return Math.max(1, Math.ceil(length / pieceBytes));
}

/** First and last piece that a range touches; an empty range at the very end counts as touching the last piece. */
function touched({ extent, start, length }: ByteRange, pieceBytes: number): [first: number, last: number] {
  const end = pieceCount(extent.length, pieceBytes) - 1;
  const first = Math.min(end, Math.floor(start / pieceBytes));
  return [first, Math.max(first, Math.ceil((start + length) / pieceBytes) - 1)];
}

/** For each blob the pieces that any of the ranges touches, ascending and each once: many rows share a piece. */
function touchedPieces(ranges: readonly ByteRange[], pieceBytesOf: (range: ByteRange) => number): [blob: number, pieces: number[]][] {
  const pieces = new Map<number, Set<number>>();
  for (const range of ranges) {
    const { arena: blob } = range.extent;
    const ofBlob = pieces.get(blob) ?? new Set();
    pieces.set(blob, ofBlob);
    const [first, last] = touched(range, pieceBytesOf(range));
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
function assemble(range: ByteRange, pieceBytes: number, pieces: ReadonlyMap<number, Uint8Array>): Uint8Array {
  const { extent, start, length } = range;
  const [first, last] = touched(range, pieceBytes);
  const bytes = new Uint8Array(length);
  let filled = 0;
  let complete = extent.offset === 0;
  for (let number = first; number <= last; number++) {
    const piece = pieces.get(number);
    complete &&= piece !== undefined;
    const position = number * pieceBytes;
    const part =
      piece?.subarray(Math.max(0, start - position), Math.min(pieceBytes, Math.max(0, start + length - position))) ?? bytes.subarray(0, 0);
    bytes.set(part, filled);
    filled += part.length;
  }
  if (!complete || filled !== length) throw missing(`A part of bytes ${start}+${length} of extent ${extentName(extent)}`);
  return bytes;
}
