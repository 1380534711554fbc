/**
 * A database in memory, for tests and for callers that ask for it by name. It lives as long as the thread that holds it, in
 * a browser the worker, in tests the process: until then, closing and opening the same name again finds everything as it
 * was, and storages opened under one name at the same time share it.
 */
import { TidepoolError } from "../../core/errors.js";
import type { BlobStore, ByteRange, Extent, Storage } from "../../core/storage.js";
import { checkRange, extentName, missing, ownBytes } from "../bytes.js";
import { closedError, notRetainedError } from "../storage-error.js";
import { refuse, type Unfit } from "../unfit-extents.js";
import { MemoryRows } from "./memory-rows.js";

interface MemoryDatabase {
  rows: MemoryRows;
  /** Numbers of blobs are never used twice. */
  blobs: Map<number, Uint8Array>;
  nextBlob: number;
}

const databases = new Map<string | undefined, MemoryDatabase>();

/** Without a name it is nobody else's. */
export async function openMemoryStorage(name?: string): Promise<Storage> {
  const database = databases.get(name) ?? { rows: new MemoryRows(), blobs: new Map(), nextBlob: 0 };
  if (name !== undefined) databases.set(name, database);
  return memoryStorage(name, database);
}

function memoryStorage(name: string | undefined, database: MemoryDatabase): Storage {
  const { rows, blobs } = database;
  let closed = false;
  const whileOpen = <T>(work: () => T): T => {
    if (closed) throw closedError();
    return work();
  };
  return {
    kind: "memory",
    log: {
      append: async (entries, tails, _, replaces) => whileOpen(() => rows.append(entries, tails, replaces)),
      tail: async (collectionId) => whileOpen(() => rows.tail(collectionId)),
      read: async (collectionId, after, bytesMax) => whileOpen(() => rows.read(collectionId, after, bytesMax)),
    },
    catalog: {
      get: async (key) => whileOpen(() => rows.get(key)),
      list: async (prefix) => whileOpen(() => rows.list(prefix)),
      commit: async (transaction) => whileOpen(() => rows.commit(transaction)),
    },
    blobs: new MemoryBlobStore(database, whileOpen),
    close: async () => {
      closed = true;
    },
    destroy: async () =>
      whileOpen(() => {
        rows.clear();
        blobs.clear();
        databases.delete(name);
        closed = true;
      }),
  };
}

/** Blobs under their numbers. A released blob is gone at once, so a read after release fails instead of going unnoticed. */
class MemoryBlobStore implements BlobStore {
  readonly #database: MemoryDatabase;
  readonly #whileOpen: <T>(work: () => T) => T;
  #retained = false;

  constructor(database: MemoryDatabase, whileOpen: <T>(work: () => T) => T) {
    this.#database = database;
    this.#whileOpen = whileOpen;
  }

  async retain(extents: Iterable<Extent>, isComplete = true): Promise<void> {
    this.#whileOpen(() => {
      const blobs = new Set<number>();
      const unfit: Unfit[] = [];
      for (const extent of extents) {
        if (blobs.has(extent.arena)) unfit.push({ extent, why: "overlaps another extent in use" });
        else if (!this.#holds(extent)) unfit.push({ extent, why: "is missing" });
        blobs.add(extent.arena);
      }
      refuse(unfit);
      if (isComplete) for (const blob of this.#database.blobs.keys()) if (!blobs.has(blob)) this.#database.blobs.delete(blob);
      this.#retained = true;
    });
  }

  async write(bytes: Uint8Array): Promise<Extent> {
    return this.#afterRetain(() => {
      const blob = this.#database.nextBlob++;
      this.#database.blobs.set(blob, ownBytes(bytes));
      return { arena: blob, offset: 0, length: bytes.length };
    });
  }

  async flush(): Promise<void> {
    this.#afterRetain(() => {});
  }

  async read(ranges: readonly ByteRange[]): Promise<Uint8Array[]> {
    return this.#whileOpen(() =>
      ranges.map((range) => {
        checkRange(range);
        if (!this.#holds(range.extent)) throw missing(`Extent ${extentName(range.extent)}`);
        return this.#database.blobs.get(range.extent.arena)!.slice(range.start, range.start + range.length);
      }),
    );
  }

  async release(extents: Iterable<Extent>): Promise<void> {
    this.#afterRetain(() => {
      const released = [...extents];
      const seen = new Set<number>();
      const wrong = released.find((extent) => !this.#holds(extent) || seen.size === seen.add(extent.arena).size);
      if (wrong) throw new TidepoolError("INTERNAL", `Extent ${extentName(wrong)} is not in use, so it cannot be released`);
      for (const { arena } of released) this.#database.blobs.delete(arena);
    });
  }

  holds(extents: Iterable<Extent>): boolean {
    return [...extents].every((extent) => this.#holds(extent));
  }

  /** What is released is gone. */
  async vacuum(): Promise<void> {}

  /** What is not used is not reserved. */
  packing(): null {
    return null;
  }

  settledAt(): number {
    return 0;
  }

  usage(): { bytesReserved: number; bytesUsed: number } {
    let bytes = 0;
    for (const blob of this.#database.blobs.values()) bytes += blob.length;
    return { bytesReserved: bytes, bytesUsed: bytes };
  }

  #holds({ arena, offset, length }: Extent): boolean {
    return offset === 0 && this.#database.blobs.get(arena)?.length === length;
  }

  #afterRetain<T>(work: () => T): T {
    return this.#whileOpen(() => {
      if (!this.#retained) throw notRetainedError();
      return work();
    });
  }
}
