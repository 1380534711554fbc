/**
 * A database as it can be read while another worker has its lease: without a generation, without access handles, and so without
 * being in anybody's way. What it says may be out of date as soon as it is said, and may fail at any time; nothing is written.
 */

import type { ReadableStorage } from "../core/standby.js";
import type { ByteRange } from "../core/storage.js";
import { missing } from "./bytes.js";
import { type EncryptionAsked, encryptedReader } from "./encrypted/find-encryption.js";
import { Database } from "./idb/database.js";
import { IndexedDbBlobStore } from "./idb/indexeddb-blob-store.js";
import { IndexedDbCatalogStore } from "./idb/indexeddb-catalog-store.js";
import { ArenaFile } from "./opfs/arena-file.js";
import { findDirectory, type Snapshot } from "./opfs/file-system.js";
import { readStorageState } from "./storage-kind.js";

/** `null` where there is no database, or one that cannot be read so, as without its key. */
export async function openReadableStorage(asked: EncryptionAsked): Promise<ReadableStorage | null> {
  const { path } = asked;
  const database = await Database.peek(path);
  if (database === null) return null;
  const close = (): void => database.close();
  try {
    const catalog = new IndexedDbCatalogStore(database);
    const kind = await readStorageState(catalog, path);
    const decrypt = await encryptedReader(catalog, asked);
    if (kind === "indexeddb") return decrypt({ catalog, blobs: new IndexedDbBlobStore(database), close });
    const directory = kind === "opfs" ? await findDirectory(path) : null;
    if (directory !== null) return decrypt({ catalog, blobs: new SnapshotBlobs(await ArenaFile.snapshots(directory)), close });
  } catch (error) {
    close();
    throw error;
  }
  close();
  return null;
}

/** Extents in the files of arenas as they were. */
class SnapshotBlobs {
  readonly #arenas: ReadonlyMap<number, Snapshot>;

  constructor(arenas: ReadonlyMap<number, Snapshot>) {
    this.#arenas = arenas;
  }

  read(ranges: readonly ByteRange[]): Promise<Uint8Array[]> {
    return Promise.all(ranges.map((range) => this.#readOne(range)));
  }

  async #readOne({ extent, start, length, into }: ByteRange): Promise<Uint8Array> {
    const snapshot = this.#arenas.get(extent.arena);
    if (snapshot === undefined) throw missing(`Arena ${extent.arena}`);
    const from = extent.offset + start;
    const bytes = new Uint8Array(await snapshot.slice(from, from + length).arrayBuffer());
    if (into === undefined) return bytes;
    into.set(bytes);
    return into.subarray(0, bytes.length);
  }
}
