/**
 * The part of the Origin Private File System that Tidepool uses. The synchronous handle exists only in dedicated workers,
 * so TypeScript's DOM library does not know it. The interfaces are as small as the use, which lets tests in Node replace
 * the browser's file system by one that fails on demand.
 */
import { invalidArgument, show, TidepoolError } from "../../core/errors.js";
import { limits } from "../../core/limits.js";
import { bounded } from "../bounded.js";
import { isRefusal, nameOf, refused, storageError } from "../storage-error.js";

export interface SyncHandle {
  read(into: Uint8Array, options: { at: number }): number;
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  getSize(): number;
  flush(): void;
  close(): void;
}

/** A file as it was when it was asked for. Reading it fails, in some browsers, once somebody has written to the file. */
export interface Snapshot {
  readonly size: number;
  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

export interface File {
  getFile(): Promise<Snapshot>;
  createSyncAccessHandle?(options?: { mode?: "readwrite-unsafe" }): Promise<SyncHandle>;
}

export interface Directory {
  getFileHandle(name: string, options?: { create?: boolean }): Promise<File>;
  getDirectoryHandle(name: string, options?: { create?: boolean }): Promise<Directory>;
  removeEntry(name: string, options?: { recursive?: boolean }): Promise<void>;
  keys(): AsyncIterable<string>;
}

const rootName = "tidepool";

/** The directory of the database at this path, created when there is none. */
export async function openDirectory(path: string): Promise<Directory> {
  const tidepool = await tidepoolDirectory();
  const name = directoryName(path);
  return bounded(tidepool.getDirectoryHandle(name, { create: true }), `open the directory ${rootName}/${name}`).catch((error: unknown) => {
    throw storageError(error, `open the directory ${rootName}/${name}`);
  });
}

/** The directory of the database at this path, `null` when there is none or no file system to hold it. Creates nothing. */
export async function findDirectory(path: string): Promise<Directory | null> {
  const root = await findRoot();
  if (root === null) return null;
  const found = root.getDirectoryHandle(rootName).then((tidepool) => tidepool.getDirectoryHandle(directoryName(path)));
  try {
    return await bounded(found, `look for the directory ${rootName}/${path}`);
  } catch (error) {
    if (nameOf(error) === "NotFoundError") return null;
    throw storageError(error, `look for the directory ${rootName}/${path}`);
  }
}

/** Deletes that directory with all its files; all handles must be closed. */
export async function removeDirectory(path: string): Promise<void> {
  const tidepool = await tidepoolDirectory();
  await tidepool.removeEntry(directoryName(path), { recursive: true }).catch((error: unknown) => {
    if (nameOf(error) !== "NotFoundError") throw storageError(error, `delete the directory ${rootName}/${directoryName(path)}`);
  });
}

/**
 * Rejects with `NOT_SUPPORTED` unless synchronous access handles really work here. Only trying tells: some browsers
 * declare the method and reject every call, others once had handles whose methods were asynchronous.
 */
export async function probeSyncHandles(path: string): Promise<void> {
  const directory = await openDirectory(path);
  const name = "probe";
  const handle = await openSyncHandle(directory, name);
  try {
    const size: unknown = handle.getSize();
    if (typeof size !== "number") throw unsupported("its access handles are not synchronous");
  } catch (error) {
    throw storageError(error, `try the file ${name}`);
  } finally {
    handle.close();
  }
  await directory.removeEntry(name).catch((error: unknown) => {
    throw storageError(error, `remove the file ${name}`);
  });
}

/**
 * Opens a file for synchronous access, creating it when there is none. Where the browser knows the mode "readwrite-unsafe", others
 * may have it open too, such as a frozen tab that lost the lease: who writes where is then our own business (`opfs-blob-store.ts`).
 * Elsewhere one handle keeps all others out. The handles of a tab that has just gone are
 * released up to 0.2 s later than its Web Lock, so a file that is in use is asked for again until `lockWaitMs` are over.
 */
export async function openSyncHandle(directory: Directory, name: string): Promise<SyncHandle> {
  for (let waitedMs = 0, delayMs = 10; ; waitedMs += delayMs, delayMs *= 2) {
    try {
      return await createSyncHandle(directory, name);
    } catch (error) {
      const mapped = storageError(error, `open the file ${name}`);
      if (mapped.code !== "LOCKED" || waitedMs + delayMs > limits.lockWaitMs) throw mapped;
    }
    await new Promise((resolve) => setTimeout(resolve, delayMs));
  }
}

async function createSyncHandle(directory: Directory, name: string): Promise<SyncHandle> {
  const file = await bounded(directory.getFileHandle(name, { create: true }), `open the file ${name}`);
  if (!file.createSyncAccessHandle) throw unsupported("it has no synchronous access handles here; dedicated workers may have them");
  return openedInTime(file.createSyncAccessHandle({ mode: "readwrite-unsafe" }), `open the file ${name}`);
}

/** A handle that comes too late is closed: it would keep others out of the file. */
function openedInTime(opening: Promise<SyncHandle>, doing: string): Promise<SyncHandle> {
  let isLate = false;
  const late = (handle: SyncHandle): void => {
    if (isLate) handle.close();
  };
  opening.then(late, () => undefined);
  return bounded(opening, doing).catch((error: unknown) => {
    isLate = true;
    throw error;
  });
}

async function tidepoolDirectory(): Promise<Directory> {
  const root = await rootDirectory();
  try {
    return await bounded(root.getDirectoryHandle(rootName, { create: true }), "open the origin private file system");
  } catch (error) {
    throw storageError(error, "open the origin private file system");
  }
}

/** Where the browser refuses it there is no file system, and so nothing in it. */
async function findRoot(): Promise<Directory | null> {
  return rootDirectory().catch((error: unknown) => {
    if (error instanceof TidepoolError && error.code === "NOT_SUPPORTED") return null;
    throw error;
  });
}

async function rootDirectory(): Promise<Directory> {
  const manager = storageManager();
  if (!manager?.getDirectory) throw unsupported("there is no navigator.storage.getDirectory");
  try {
    return await bounded(manager.getDirectory(), "open the origin private file system");
  } catch (error) {
    if (isRefusal(error)) throw refused("the origin private file system", error);
    throw storageError(error, "open the origin private file system");
  }
}

function storageManager(): { getDirectory?(): Promise<Directory> } | undefined {
  return (globalThis as { navigator?: { storage?: { getDirectory?(): Promise<Directory> } } }).navigator?.storage;
}

/** Whether a file that was there is gone. Browsers have several names for that: what fails for another reason is looked for again. */
export async function isGone(directory: Directory, name: string): Promise<boolean> {
  const look = (): Promise<unknown> =>
    bounded(directory.getFileHandle(name), `look for the file ${name}`).then(
      () => null,
      (error: unknown) => error,
    );
  const failure = await look();
  return failure !== null && (nameOf(failure) === "NotFoundError" || (await look()) !== null);
}

/** A path may contain anything; a name in the file system may not contain slashes or be made of dots alone. */
function directoryName(path: string): string {
  if (path === "") throw invalidArgument(`path must not be empty, got ${show(path)}`);
  try {
    return encodeURIComponent(path).replaceAll(".", "%2E");
  } catch {
    throw invalidArgument(`path must be well-formed Unicode, got ${show(path)}`);
  }
}

function unsupported(why: string): TidepoolError {
  return new TidepoolError("NOT_SUPPORTED", `The origin private file system cannot be used: ${why}`);
}
