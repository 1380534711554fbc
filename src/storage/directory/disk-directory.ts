/**
 * A directory of the disk, in which the arenas of `src/storage/opfs` lie as they do in a browser. Here a name can be made durable, and is
 * before anybody hears of it: the directory is synced whenever a file in it comes or goes. So no arena is ever too young.
 */
import fs from "node:fs";
import { dirname, join } from "node:path";
import { TidepoolError } from "../../core/errors.js";
import type { Directory, File, Snapshot, SyncHandle } from "../opfs/file-system.js";
import { codeOf, diskError, onDisk } from "./disk-error.js";

export class DiskDirectory implements Directory {
  constructor(readonly path: string) {}

  async getFileHandle(name: string, { create = false } = {}): Promise<File> {
    const path = join(this.path, name);
    if (!fs.existsSync(path)) {
      if (!create) throw new DOMException(`There is no file ${path}`, "NotFoundError");
      onDisk(`create the file ${path}`, () => fs.closeSync(fs.openSync(path, "a+")));
      try {
        syncDirectory(this.path);
      } catch (error) {
        // One that is found counts as durable.
        removeFile(path);
        throw error;
      }
    }
    return new DiskFile(path);
  }

  async getDirectoryHandle(name: string): Promise<Directory> {
    return new DiskDirectory(join(this.path, name));
  }

  async removeEntry(name: string): Promise<void> {
    removeFile(join(this.path, name));
    syncDirectory(this.path);
  }

  async *keys(): AsyncIterable<string> {
    yield* onDisk(`list the directory ${this.path}`, () => fs.readdirSync(this.path));
  }
}

/** Makes names that have come or gone durable. Windows syncs no directories: its file systems keep a journal of names themselves. */
export function syncDirectory(path: string): void {
  if (process.platform === "win32") return;
  onDisk(`sync the directory ${path}`, () => {
    const handle = fs.openSync(path, "r");
    try {
      fs.fsyncSync(handle);
    } finally {
      fs.closeSync(handle);
    }
  });
}

/** Makes a directory, and those above it that are missing, durably. */
export function makeDirectory(path: string): void {
  const first = onDisk(`create the directory ${path}`, () => fs.mkdirSync(path, { recursive: true }));
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) syncDirectory(dirname(made));
}

/** A file that is not there any more is no failure. */
export function removeFile(path: string): void {
  try {
    fs.unlinkSync(path);
  } catch (error) {
    if (!["ENOENT", "ENOTDIR"].includes(codeOf(error))) throw diskError(error, `remove the file ${path}`);
  }
}

class DiskFile implements File {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async getFile(): Promise<Snapshot> {
    const path = this.#path;
    const { size } = onDisk(`look at the file ${path}`, () => fs.statSync(path));
    return { size, slice: (start, end) => ({ arrayBuffer: () => readSlice(path, start, end) }) };
  }

  async createSyncAccessHandle(): Promise<SyncHandle> {
    return new DiskHandle(this.#path);
  }
}

async function readSlice(path: string, start: number, end: number): Promise<ArrayBuffer> {
  const handle = new DiskHandle(path);
  try {
    const bytes = new Uint8Array(end - start);
    return bytes.buffer.slice(0, handle.read(bytes, { at: start }));
  } finally {
    handle.close();
  }
}

/** A file that is open. All calls are synchronous, as those of a browser's access handles are. */
export class DiskHandle implements SyncHandle {
  readonly #path: string;
  #handle: number | null;

  constructor(path: string) {
    this.#path = path;
    this.#handle = onDisk(`open the file ${path}`, () => fs.openSync(path, "r+"));
  }

  /** As many bytes as there are. */
  read(into: Uint8Array, { at }: { at: number }): number {
    return this.#with("read", (handle) => {
      let done = 0;
      while (done < into.length) {
        const read = fs.readSync(handle, into, done, into.length - done, at + done);
        if (read === 0) break;
        done += read;
      }
      return done;
    });
  }

  write(bytes: Uint8Array, { at }: { at: number }): number {
    return this.#with("write", (handle) => {
      for (let done = 0; done < bytes.length; ) done += fs.writeSync(handle, bytes, done, bytes.length - done, at + done);
      return bytes.length;
    });
  }

  truncate(size: number): void {
    this.#with("resize", (handle) => fs.ftruncateSync(handle, size));
  }

  getSize(): number {
    return this.#with("look at", (handle) => fs.fstatSync(handle).size);
  }

  flush(): void {
    this.#with("sync", (handle) => fs.fdatasyncSync(handle));
  }

  /** Writes and syncs without holding up whoever reads. */
  async writeDurably(bytes: Uint8Array, at: number, sync: boolean): Promise<void> {
    const handle = this.#open();
    await finished(`write the file ${this.#path}`, (done) => writeAll(handle, bytes, at, done));
    if (sync) await finished(`sync the file ${this.#path}`, (done) => fs.fdatasync(handle, done));
  }

  close(): void {
    if (this.#handle !== null) fs.closeSync(this.#handle);
    this.#handle = null;
  }

  #open(): number {
    if (this.#handle === null) throw new TidepoolError("CLOSED", `The file ${this.#path} is closed`);
    return this.#handle;
  }

  #with<T>(what: string, work: (handle: number) => T): T {
    return onDisk(`${what} the file ${this.#path}`, () => work(this.#open()));
  }
}

type Done = (error?: Error | null) => void;

function finished(doing: string, begin: (done: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => begin((error) => (error ? reject(diskError(error, doing)) : resolve())));
}

function writeAll(handle: number, bytes: Uint8Array, at: number, done: Done): void {
  fs.write(handle, bytes, 0, bytes.length, at, (error, written) => {
    if (error !== null || written === bytes.length) done(error);
    else writeAll(handle, bytes.subarray(written), at + written, done);
  });
}
