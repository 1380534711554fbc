/**
 * An origin private file system in memory that keeps what is *live* apart from what is on the *disk*, for tests, never shipped.
 *
 * What is modelled, as counted in Chromium with strace:
 * - `write` and `truncate` of an access handle are live at once and on disk after that file's `flush`. What a loss of power
 *   takes of the unflushed ones is decided change by change, for writes sector by sector (4 KiB), also over older bytes.
 * - Nothing syncs the creation or removal of a name. It reaches the disk by itself after `settleMs`; a loss of power before
 *   that may take it back, each name by itself, so that removed files return and new ones are gone with what was flushed to them.
 *
 * Bytes are kept in sectors that are never changed, only replaced, so that images of a file system share them.
 */
import type { Directory, File, SyncHandle } from "../storage/opfs/file-system.js";

export const sectorBytes = 4096;

/** Decides the fate of one change that is not on disk yet: whether it gets there. */
export type Fate = () => boolean;

/** Calls to the file system, as faults and crashes tell them apart. */
export type FileCall =
  | "read"
  | "write"
  | "truncate"
  | "flush"
  | "getSize"
  | "createSyncAccessHandle"
  | "getFileHandle"
  | "getDirectoryHandle"
  | "removeEntry"
  | "keys";

/** Who hears of every call. */
export interface Gate {
  /** Before it takes effect; throws where the call is to fail. Returns how many bytes a transfer may carry. */
  pass(call: FileCall, changes: boolean, bytes?: number): number;
  /** When a flush has taken effect. */
  flushed(): void;
}

/** The bytes of a file at one moment. */
export class Content {
  constructor(
    readonly size = 0,
    readonly sectors: ReadonlyMap<number, Uint8Array> = new Map(),
  ) {}

  read(into: Uint8Array, at: number): number {
    const length = Math.max(0, Math.min(into.length, this.size - at));
    for (let done = 0; done < length; ) {
      const [sector, start] = [Math.floor((at + done) / sectorBytes), (at + done) % sectorBytes];
      const count = Math.min(sectorBytes - start, length - done);
      const bytes = this.sectors.get(sector);
      if (bytes) into.set(bytes.subarray(start, start + count), done);
      else into.fill(0, done, done + count);
      done += count;
    }
    return length;
  }

  /** With these bytes written, as far as the sectors that they lie in reach the disk. */
  written(bytes: Uint8Array, at: number, reaches: (sector: number) => boolean = () => true): Content {
    const sectors = new Map(this.sectors);
    let size = this.size;
    for (let done = 0; done < bytes.length; ) {
      const [sector, start] = [Math.floor((at + done) / sectorBytes), (at + done) % sectorBytes];
      const count = Math.min(sectorBytes - start, bytes.length - done);
      if (reaches(sector)) {
        const replaced = sectors.get(sector)?.slice() ?? new Uint8Array(sectorBytes);
        replaced.set(bytes.subarray(done, done + count), start);
        sectors.set(sector, replaced);
        size = Math.max(size, at + done + count);
      }
      done += count;
    }
    return new Content(size, sectors);
  }

  truncated(size: number): Content {
    const sectors = new Map([...this.sectors].filter(([sector]) => sector * sectorBytes < size));
    const [last, kept] = [Math.floor(size / sectorBytes), size % sectorBytes];
    const tail = sectors.get(last);
    if (tail && kept > 0) sectors.set(last, tail.slice().fill(0, kept));
    return new Content(size, sectors);
  }
}

type Change = { kind: "write"; bytes: Uint8Array; at: number } | { kind: "truncate"; size: number };

export class SimulatedFile implements File {
  openHandles = 0;
  live: Content;
  #durable: Content;
  #unflushed: Change[] = [];

  constructor(
    readonly gate: Gate,
    content = new Content(),
  ) {
    this.live = content;
    this.#durable = content;
  }

  /** Whether the disk may differ from what is live. */
  get isDirty(): boolean {
    return this.#unflushed.length > 0;
  }

  async getFile(): Promise<Blob> {
    const bytes = new Uint8Array(this.live.size);
    this.live.read(bytes, 0);
    return new Blob([bytes]);
  }

  async createSyncAccessHandle(options?: { mode?: "readwrite-unsafe" }): Promise<SyncHandle> {
    this.gate.pass("createSyncAccessHandle", false);
    if (this.openHandles > 0 && options?.mode === undefined) throw new DOMException("in use", "NoModificationAllowedError");
    this.openHandles++;
    return new SimulatedHandle(this);
  }

  change(change: Change): void {
    this.live = applied(this.live, change);
    this.#unflushed.push(change);
  }

  flush(): void {
    this.#durable = this.live;
    this.#unflushed = [];
    this.gate.flushed();
  }

  /** What is found after a loss of power. */
  onDisk(fate: Fate): Content {
    return this.#unflushed.reduce((content, change) => {
      if (change.kind === "write") return content.written(change.bytes, change.at, fate);
      return fate() ? applied(content, change) : content;
    }, this.#durable);
  }
}

function applied(content: Content, change: Change): Content {
  return change.kind === "write" ? content.written(change.bytes, change.at) : content.truncated(change.size);
}

class SimulatedHandle implements SyncHandle {
  readonly #file: SimulatedFile;
  #closed = false;

  constructor(file: SimulatedFile) {
    this.#file = file;
  }

  read(into: Uint8Array, { at }: { at: number }): number {
    const bytes = this.#pass("read", false, into.length);
    return this.#file.live.read(into.subarray(0, bytes), at);
  }

  write(bytes: Uint8Array, { at }: { at: number }): number {
    const taken = bytes.slice(0, this.#pass("write", true, bytes.length));
    if (taken.length > 0) this.#file.change({ kind: "write", bytes: taken, at });
    return taken.length;
  }

  truncate(size: number): void {
    this.#pass("truncate", true);
    this.#file.change({ kind: "truncate", size });
  }

  getSize(): number {
    this.#pass("getSize", false);
    return this.#file.live.size;
  }

  flush(): void {
    this.#pass("flush", true);
    this.#file.flush();
  }

  close(): void {
    if (!this.#closed) this.#file.openHandles--;
    this.#closed = true;
  }

  #pass(call: FileCall, changes: boolean, bytes = 0): number {
    if (this.#closed) throw new DOMException("closed", "InvalidStateError");
    return this.#file.gate.pass(call, changes, bytes);
  }
}

type Node = SimulatedFile | SimulatedDirectory;

/** A name that came or went and may not be on disk yet. */
interface NameChange {
  name: string;
  /** `null`: the name was removed. */
  node: Node | null;
  atMs: number;
}

export class SimulatedDirectory implements Directory {
  readonly live = new Map<string, Node>();
  readonly #durable = new Map<string, Node>();
  #unsettled: NameChange[] = [];

  constructor(
    readonly gate: Gate,
    readonly now: () => number,
    readonly settleMs: number,
  ) {}

  async getFileHandle(name: string, options?: { create?: boolean }): Promise<File> {
    this.gate.pass("getFileHandle", options?.create === true && !this.live.has(name));
    const node = this.#entry(name, options, () => new SimulatedFile(this.gate));
    if (node instanceof SimulatedFile) return node;
    throw new DOMException("a directory", "TypeMismatchError");
  }

  async getDirectoryHandle(name: string, options?: { create?: boolean }): Promise<Directory> {
    this.gate.pass("getDirectoryHandle", options?.create === true && !this.live.has(name));
    const node = this.#entry(name, options, () => new SimulatedDirectory(this.gate, this.now, this.settleMs));
    if (node instanceof SimulatedDirectory) return node;
    throw new DOMException("a file", "TypeMismatchError");
  }

  async removeEntry(name: string): Promise<void> {
    this.gate.pass("removeEntry", true);
    const node = this.live.get(name);
    if (!node) throw new DOMException("none", "NotFoundError");
    if (node instanceof SimulatedDirectory) for (const child of [...node.live.keys()]) node.#change(child, null);
    else if (node.openHandles > 0) throw new DOMException("in use", "NoModificationAllowedError");
    this.#change(name, null);
  }

  async *keys(): AsyncIterable<string> {
    this.gate.pass("keys", false);
    yield* [...this.live.keys()];
  }

  /** All files below this directory. */
  *files(): Iterable<SimulatedFile> {
    for (const node of this.live.values()) {
      if (node instanceof SimulatedFile) yield node;
      else yield* node.files();
    }
  }

  /** Whether the disk may lack a name, or have one that is gone. */
  isUnsettled(): boolean {
    this.#settle();
    if (this.#unsettled.length > 0) return true;
    return [...this.live.values()].some((node) => node instanceof SimulatedDirectory && node.isUnsettled());
  }

  /** The names and bytes found after a loss of power. */
  onDisk(fate: Fate): Image {
    this.#settle();
    const names = new Map(this.#durable);
    for (const { name, node } of this.#unsettled) {
      if (!fate()) continue;
      if (node === null) names.delete(name);
      else names.set(name, node);
    }
    return new Map([...names].map(([name, node]) => [name, node.onDisk(fate)]));
  }

  /** The names and bytes found after the end of the process alone. */
  inMemory(): Image {
    return new Map([...this.live].map(([name, node]) => [name, node instanceof SimulatedFile ? node.live : node.inMemory()]));
  }

  /** Fills an empty directory; what is in it is on disk. */
  restore(image: Image): this {
    for (const [name, found] of image) {
      const node =
        found instanceof Content
          ? new SimulatedFile(this.gate, found)
          : new SimulatedDirectory(this.gate, this.now, this.settleMs).restore(found);
      this.live.set(name, node);
      this.#durable.set(name, node);
    }
    return this;
  }

  #entry(name: string, options: { create?: boolean } | undefined, create: () => Node): Node {
    if (!this.live.has(name)) {
      if (!options?.create) throw new DOMException("none", "NotFoundError");
      this.#change(name, create());
    }
    return this.live.get(name)!;
  }

  #change(name: string, node: Node | null): void {
    if (node === null) this.live.delete(name);
    else this.live.set(name, node);
    this.#unsettled.push({ name, node, atMs: this.now() });
  }

  #settle(): void {
    const settledMs = this.now() - this.settleMs;
    for (const { name, node } of this.#unsettled.filter(({ atMs }) => atMs <= settledMs)) {
      if (node === null) this.#durable.delete(name);
      else this.#durable.set(name, node);
    }
    this.#unsettled = this.#unsettled.filter(({ atMs }) => atMs > settledMs);
  }
}

/** A directory's names, each with the bytes of a file or the names of a directory. */
export type Image = Map<string, Content | Image>;
