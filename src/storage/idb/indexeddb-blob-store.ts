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
      const blobs = transaction.objectStore("blobs");
      return Promise.all(
        ranges.map(async (range) => {
          checkRange(range);
          return assemble(range, await blobs.getAll(pieceRange(range)));
        }),
      );
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

function pieceRange(range: ByteRange): IDBKeyRange {
  const [first, last] = touched(range);
  return IDBKeyRange.bound([range.extent.arena, first], [range.extent.arena, last]);
}

/** Copies the asked bytes out of the pieces they lie in; every piece but a blob's last is full. */
function assemble(range: ByteRange, pieces: readonly Uint8Array[]): Uint8Array {
  const { extent, start, length } = range;
  const [first, last] = touched(range);
  const bytes = new Uint8Array(length);
  let filled = 0;
  pieces.forEach((piece, i) => {
    const position = (first + i) * pieceBytes;
    const part = piece.subarray(Math.max(0, start - position), Math.max(0, start + length - position));
    bytes.set(part, filled);
    filled += part.length;
  });
  const complete = pieces.length === last - first + 1 && filled === length && extent.offset === 0;
  if (!complete) throw missing(`A part of bytes ${start}+${length} of extent ${extentName(extent)}`);
  return bytes;
}
