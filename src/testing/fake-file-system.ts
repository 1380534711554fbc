/**
 * The Origin Private File System in memory, for tests in Node, never shipped. It behaves like the browsers' where
 * Tidepool depends on it: one handle per file (or several), writes beyond a quota throw (Chromium) or take nothing (Firefox), a
 * closed handle refuses everything. It counts open handles and flushes. It does not model power loss.
 */
import type { Directory, File, SyncHandle } from "../storage/opfs/file-system.js";

export class FakeFile implements File {
  bytes = new Uint8Array(0);
  openHandles = 0;
  flushes = 0;
  /** Set to let the next opening, or every flush, fail with this. */
  openError: Error | null = null;
  flushError: Error | null = null;

  constructor(readonly directory: FakeDirectory) {}

  async getFile(): Promise<Blob> {
    return new Blob([this.bytes]);
  }

  async createSyncAccessHandle(): Promise<SyncHandle> {
    if (this.openError) throw this.openError;
    if (this.openHandles > 0 && !this.directory.sharesHandles) throw new DOMException("in use", "NoModificationAllowedError");
    this.openHandles++;
    return new FakeHandle(this);
  }
}

export class FakeDirectory implements Directory {
  readonly files = new Map<string, FakeFile>();
  readonly directories = new Map<string, FakeDirectory>();
  /** Bytes that all files together may take. */
  quotaBytes = Infinity;
  /** Over quota: Chromium throws, Firefox answers that it wrote nothing. */
  quotaStyle: "throw" | "zero" = "throw";
  /** Whether several may have a file open, as with Chromium's mode "readwrite-unsafe". */
  sharesHandles = false;

  async getFileHandle(name: string, options?: { create?: boolean }): Promise<File> {
    return entry(this.files, name, options, () => new FakeFile(this));
  }

  async getDirectoryHandle(name: string, options?: { create?: boolean }): Promise<Directory> {
    const create = (): FakeDirectory => Object.assign(new FakeDirectory(), { sharesHandles: this.sharesHandles });
    return entry(this.directories, name, options, create);
  }

  async removeEntry(name: string): Promise<void> {
    if (!this.files.delete(name) && !this.directories.delete(name)) throw new DOMException("none", "NotFoundError");
  }

  async *keys(): AsyncIterable<string> {
    yield* [...this.files.keys(), ...this.directories.keys()];
  }

  get bytes(): number {
    return [...this.files.values()].reduce((sum, file) => sum + file.bytes.length, 0);
  }

  get openHandles(): number {
    return [...this.files.values()].reduce((sum, file) => sum + file.openHandles, 0);
  }
}

class FakeHandle implements SyncHandle {
  readonly #file: FakeFile;
  #closed = false;

  constructor(file: FakeFile) {
    this.#file = file;
  }

  read(into: Uint8Array, { at }: { at: number }): number {
    this.#assertOpen();
    const part = this.#file.bytes.subarray(at, at + into.length);
    into.set(part);
    return part.length;
  }

  write(bytes: Uint8Array, { at }: { at: number }): number {
    this.#assertOpen();
    const end = at + bytes.length;
    if (end > this.#file.bytes.length && !this.#fits(end)) {
      if (this.#file.directory.quotaStyle === "zero") return 0;
      throw new DOMException("full", "QuotaExceededError");
    }
    if (end > this.#file.bytes.length) this.#resize(end);
    this.#file.bytes.set(bytes, at);
    return bytes.length;
  }

  truncate(size: number): void {
    this.#assertOpen();
    if (!this.#fits(size)) throw new DOMException("full", "QuotaExceededError");
    this.#resize(size);
  }

  getSize(): number {
    this.#assertOpen();
    return this.#file.bytes.length;
  }

  flush(): void {
    this.#assertOpen();
    if (this.#file.flushError) throw this.#file.flushError;
    this.#file.flushes++;
  }

  close(): void {
    if (!this.#closed) this.#file.openHandles--;
    this.#closed = true;
  }

  #fits(size: number): boolean {
    const { directory, bytes } = this.#file;
    return size <= bytes.length || directory.bytes - bytes.length + size <= directory.quotaBytes;
  }

  #resize(size: number): void {
    const bytes = new Uint8Array(size);
    bytes.set(this.#file.bytes.subarray(0, size));
    this.#file.bytes = bytes;
  }

  #assertOpen(): void {
    if (this.#closed) throw new DOMException("closed", "InvalidStateError");
  }
}

function entry<T>(entries: Map<string, T>, name: string, options: { create?: boolean } | undefined, create: () => T): T {
  if (name === "" || name === "." || name === ".." || name.includes("/")) throw new TypeError(`Name is not allowed: ${name}`);
  if (!entries.has(name)) {
    if (!options?.create) throw new DOMException("none", "NotFoundError");
    entries.set(name, create());
  }
  return entries.get(name)!;
}

/** Lets `navigator.storage` lead to this root, as in a worker with OPFS; `null` takes OPFS away. */
export function installFakeFileSystem(root: FakeDirectory | null): void {
  const storage = root ? { getDirectory: async () => root } : {};
  Object.defineProperty(globalThis, "navigator", { value: { storage }, configurable: true });
}
