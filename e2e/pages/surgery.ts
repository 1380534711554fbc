/**
 * Reaches behind the package into what a page's origin has stored, to damage it and to undo the damage. Databases must
 * be closed while this changes them. Every change of a byte is its own inverse.
 */

type Store = "catalog" | "log" | "blobs";

const MASK = 0x55;

async function withDatabase<T>(path: string, body: (database: IDBDatabase) => Promise<T>): Promise<T> {
  const database = await settled(indexedDB.open(`tidepool:${path}`));
  try {
    return await body(database);
  } finally {
    database.close();
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** The bytes of a row; `null` when there is none. */
export function readRow(path: string, store: Store, key: IDBValidKey): Promise<number[] | null> {
  return withDatabase(path, async (database) => {
    const value = await settled<Uint8Array | undefined>(database.transaction(store).objectStore(store).get(key));
    return value === undefined ? null : [...value];
  });
}

/** Replaces a row, or deletes it. */
export function writeRow(path: string, store: Store, key: IDBValidKey, bytes: number[] | null): Promise<void> {
  return withDatabase(path, async (database) => {
    const transaction = database.transaction(store, "readwrite");
    if (bytes === null) transaction.objectStore(store).delete(key);
    else transaction.objectStore(store).put(Uint8Array.from(bytes), key);
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
  });
}

export function keysOf(path: string, store: Store): Promise<IDBValidKey[]> {
  return withDatabase(path, (database) => settled(database.transaction(store).objectStore(store).getAllKeys()));
}

export async function flipInRow(path: string, store: Store, key: IDBValidKey, at: number): Promise<void> {
  const bytes = (await readRow(path, store, key))!;
  bytes[at]! ^= MASK;
  await writeRow(path, store, key, bytes);
}

async function folderOf(path: string): Promise<FileSystemDirectoryHandle> {
  const root = await navigator.storage.getDirectory();
  return (await root.getDirectoryHandle("tidepool")).getDirectoryHandle(encodeURIComponent(path).replaceAll(".", "%2E"));
}

async function arenaOf(path: string, arena: number): Promise<FileSystemFileHandle> {
  const folder = await folderOf(path);
  for await (const [name, handle] of folder.entries()) {
    if (name.startsWith(`arena-${arena}-`)) return handle as FileSystemFileHandle;
  }
  throw new Error(`there is no arena ${arena}`);
}

export async function flipInArena(path: string, arena: number, at: number): Promise<void> {
  const handle = await arenaOf(path, arena);
  const [byte] = new Uint8Array(await (await handle.getFile()).slice(at, at + 1).arrayBuffer());
  const writable = await handle.createWritable({ keepExistingData: true });
  await writable.write({ type: "write", position: at, data: Uint8Array.of(byte! ^ MASK) });
  await writable.close();
}

/** Takes an arena's file away, and puts it back under the name that this resolves with. */
export async function hideArena(path: string, arena: number): Promise<string> {
  const handle = (await arenaOf(path, arena)) as FileSystemFileHandle & { move(name: string): Promise<void> };
  const { name } = handle;
  await handle.move(`hidden-${arena}`);
  return name;
}

export async function showArena(path: string, arena: number, name: string): Promise<void> {
  const handle = await (await folderOf(path)).getFileHandle(`hidden-${arena}`);
  await (handle as FileSystemFileHandle & { move(name: string): Promise<void> }).move(name);
}

/** All there is of a database: rows by store, and files with their sizes. */
export async function inventory(path: string): Promise<string[]> {
  const found: string[] = [];
  for (const store of ["catalog", "log", "blobs"] as const) {
    for (const key of await keysOf(path, store)) {
      // Counts the openings, of those that refuse the database, too.
      if (key === "generation") continue;
      const bytes = await readRow(path, store, key);
      const digest = await crypto.subtle.digest("SHA-1", Uint8Array.from(bytes!));
      found.push(`${store} ${JSON.stringify(key)} ${bytes!.length} ${new Uint32Array(digest)[0]}`);
    }
  }
  const root = await navigator.storage.getDirectory();
  const tidepool = await root.getDirectoryHandle("tidepool").catch(() => null);
  const folder = await tidepool?.getDirectoryHandle(encodeURIComponent(path).replaceAll(".", "%2E")).catch(() => null);
  for await (const [name, handle] of folder?.entries() ?? []) {
    found.push(`file ${name} ${(await (handle as FileSystemFileHandle).getFile()).size}`);
  }
  return found.sort();
}

/** What the browser does that drops one of the two places and keeps the other. */
export async function dropStore(path: string, store: "indexeddb" | "opfs"): Promise<void> {
  if (store === "indexeddb") return void (await settled(indexedDB.deleteDatabase(`tidepool:${path}`)));
  const root = await (await navigator.storage.getDirectory()).getDirectoryHandle("tidepool");
  await root.removeEntry((await folderOf(path)).name, { recursive: true });
}

/** Bytes of each arena. */
export async function arenaSizes(path: string): Promise<number[]> {
  const sizes: number[] = [];
  for await (const [name, handle] of (await folderOf(path)).entries()) {
    if (name.startsWith("arena-")) sizes.push((await (handle as FileSystemFileHandle).getFile()).size);
  }
  return sizes;
}
