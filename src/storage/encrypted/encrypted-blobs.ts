/**
 * Blobs over a store that sees them encrypted, in chunks, so that a few rows can be read without the whole. A chunk is bound to the blob by
 * a number that is drawn with each write and stands in its extent, hence in the manifest that names it, to its place in the blob, and to
 * the blob's length: what stood there before, or stands elsewhere, does not pass for it. Extents of the store below are longer.
 */
import { TidepoolError } from "../../core/errors.js";
import type { ArenaUsage, BlobStore, ByteRange, Extent, Packing } from "../../core/storage.js";
import { checkRange, extentName } from "../bytes.js";
import { overheadBytes } from "./cipher.js";
import type { DatabaseKeys } from "./database-keys.js";
import type { SecretKeys } from "./secret-keys.js";

/** As long as a page of rows, which is what is read most. */
const chunkBytes = 16 * 1024;
const storedChunkBytes = chunkBytes + overheadBytes;
/** Chunks that are encrypted or decrypted at once. */
const CHUNKS_AT_ONCE = 256;

export class EncryptedBlobReader {
  readonly #store: Pick<BlobStore, "read">;
  readonly #keys: DatabaseKeys;

  constructor(store: Pick<BlobStore, "read">, keys: DatabaseKeys) {
    this.#store = store;
    this.#keys = keys;
  }

  async read(ranges: readonly ByteRange[]): Promise<Uint8Array[]> {
    ranges.forEach(checkRange);
    // A block that is moved meanwhile is another to whoever names it.
    const asked = ranges.map((range) => ({ ...range, extent: { ...range.extent } }));
    const keys = this.#keys.all;
    const stored = await this.#store.read(asked.map(storedRange));
    return Promise.all(asked.map((range, i) => this.#decrypt(range, stored[i]!, keys)));
  }

  /** What is encrypted with a secret that the database has no more is not read. */
  async #decrypt(range: ByteRange, stored: Uint8Array, keys: readonly SecretKeys[]): Promise<Uint8Array> {
    const { extent, start, length, into = new Uint8Array(length) } = range;
    const [first, end] = chunksOf(range);
    const cipher = keys.find(({ version }) => version === (extent.keyVersion ?? 1))?.blobs;
    if (cipher === undefined) throw notAuthentic(range);
    for (let chunk = first; chunk < end; chunk += CHUNKS_AT_ONCE) {
      const decrypted = Array.from({ length: Math.min(CHUNKS_AT_ONCE, end - chunk) }, async (_, i) => {
        const at = (chunk + i - first) * storedChunkBytes;
        const bytes = await cipher.decrypt(stored.subarray(at, at + storedChunkBytes), placeOf(extent, chunk + i));
        if (bytes === null) throw notAuthentic(range);
        const position = (chunk + i) * chunkBytes;
        const part = bytes.subarray(Math.max(0, start - position), Math.max(0, start + length - position));
        into.set(part, Math.max(0, position - start));
      });
      await Promise.all(decrypted);
    }
    return into.subarray(0, length);
  }
}

export class EncryptedBlobs extends EncryptedBlobReader implements BlobStore {
  readonly #store: BlobStore;
  readonly #keys: DatabaseKeys;
  readonly arenas: (() => ArenaUsage[]) | undefined;

  constructor(store: BlobStore, keys: DatabaseKeys) {
    super(store, keys);
    this.#store = store;
    this.#keys = keys;
    this.arenas = store.arenas?.bind(store);
  }

  async retain(extents: Iterable<Extent>, isComplete?: boolean): Promise<void> {
    try {
      await this.#store.retain([...extents].map(storedExtent), isComplete);
    } catch (error) {
      const { code, message, cause, details } = error as Partial<TidepoolError>;
      if (details?.["extents"] === undefined) throw error;
      const unfit = (details["extents"] as Extent[]).map((extent) => ({ ...extent, length: plainLength(extent.length) }));
      throw new TidepoolError(code!, message!, { cause, details: { ...details, extents: unfit } });
    }
  }

  holds(extents: Iterable<Extent>): boolean {
    return this.#store.holds([...extents].map(storedExtent));
  }

  async write(bytes: Uint8Array, makesRoom?: boolean): Promise<Extent> {
    const { encrypted, ...own } = await this.#encrypt(bytes);
    return { ...(await this.#store.write(encrypted, makesRoom)), length: bytes.length, ...own };
  }

  async #encrypt(bytes: Uint8Array): Promise<{ encrypted: Uint8Array } & Pick<Extent, "writeId" | "keyVersion">> {
    const [writeId, { length }, { version: keyVersion, blobs: cipher }] = [newWriteId(), bytes, this.#keys.current];
    const encrypted = new Uint8Array(storedLength(length));
    const count = chunkCount(length);
    for (let first = 0; first < count; first += CHUNKS_AT_ONCE) {
      const chunks = Array.from({ length: Math.min(CHUNKS_AT_ONCE, count - first) }, (_, i) => {
        const chunk = first + i;
        const into = encrypted.subarray(chunk * storedChunkBytes, (chunk + 1) * storedChunkBytes);
        const part = bytes.subarray(chunk * chunkBytes, (chunk + 1) * chunkBytes);
        return cipher.encryptInto(into, part, placeOf({ writeId, length }, chunk));
      });
      await Promise.all(chunks);
    }
    return { encrypted, writeId, ...(keyVersion > 1 && { keyVersion }) };
  }

  flush(): Promise<void> {
    return this.#store.flush();
  }

  release(extents: Iterable<Extent>): Promise<void> {
    return this.#store.release([...extents].map(storedExtent));
  }

  vacuum(erase: boolean, tick: () => Promise<void>): Promise<void> {
    return this.#store.vacuum(erase, tick);
  }

  packing(): Packing | null {
    const packing = this.#store.packing();
    return packing && { isUrgent: packing.isUrgent, isOutside: (extent) => packing.isOutside(storedExtent(extent)), write: this.#copy };
  }

  /** Where bytes were encrypted meanwhile, another may have asked for space: which of it is free is asked for anew. */
  readonly #copy = async (bytes: Uint8Array, extent: Extent): Promise<Extent | null> => {
    const { encrypted, ...own } = await this.#encrypt(bytes);
    const place = await this.#store.packing()?.write(encrypted, storedExtent(extent));
    return place ? { ...place, length: bytes.length, ...own } : null;
  };

  settledAt(): number {
    return this.#store.settledAt();
  }

  usage(): { bytesReserved: number; bytesUsed: number } {
    return this.#store.usage();
  }
}

/** A number of 53 random bits. */
function newWriteId(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return (high! >>> 11) * 2 ** 32 + low!;
}

function placeOf({ writeId, length }: Pick<Extent, "writeId" | "length">, chunk: number): string {
  return `${writeId} ${length} ${chunk}`;
}

function chunkCount(length: number): number {
  return Math.max(1, Math.ceil(length / chunkBytes));
}

/** First chunk that a range touches, and the one after the last. An empty range touches one. */
function chunksOf({ extent, start, length }: ByteRange): [first: number, end: number] {
  const first = Math.min(chunkCount(extent.length) - 1, Math.floor(start / chunkBytes));
  return [first, Math.max(first + 1, Math.ceil((start + length) / chunkBytes))];
}

function storedLength(length: number): number {
  return length + chunkCount(length) * overheadBytes;
}

function plainLength(stored: number): number {
  return stored - Math.ceil(stored / storedChunkBytes) * overheadBytes;
}

function storedExtent({ arena, offset, length }: Extent): Extent {
  return { arena, offset, length: storedLength(length) };
}

function storedRange(range: ByteRange): ByteRange {
  const [first, end] = chunksOf(range);
  const [extent, start] = [storedExtent(range.extent), first * storedChunkBytes];
  return { extent, start, length: Math.min(extent.length, end * storedChunkBytes) - start };
}

function notAuthentic({ extent, start, length }: ByteRange): TidepoolError {
  const message = `Bytes ${start}+${length} of extent ${extentName(extent)} are not those that were encrypted there. Nothing was changed`;
  return new TidepoolError("CORRUPTION", message);
}
