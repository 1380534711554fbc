/**
 * A directory of a disk, in memory, that keeps what is *live* apart from what is on the *disk*; for tests, never shipped. Node's file
 * system, as far as `src/storage/directory` calls it, leads here for paths below `root`, and to the real one elsewhere.
 *
 * What is modelled: bytes reach the disk with a sync of their file, names that come, go or are exchanged with a sync of the directory.
 * What a loss of power takes of the rest is decided change by change, for writes sector by sector, names and bytes each by itself.
 */
import fs from "node:fs";
import { basename } from "node:path";
import { type Content, type Fate, SimulatedFile } from "./simulated-files.js";

/** How it ends: the process alone; or the power, with all that was not synced gone, or some of it, decided by chance. */
export type DiskEnd = "process" | "power" | "power, torn";
export type DiskImage = ReadonlyMap<string, Content>;

/** Names that come, go (`null`) or are exchanged, at once. */
type NameChange = ReadonlyMap<string, SimulatedFile | null>;

export interface DiskOptions {
  image?: DiskImage;
  /** Before each step: a write, a new length, a sync, a name that comes, goes or is exchanged. */
  beforeStep?(what: string): void;
  /** After each sync. */
  afterSync?(what: string): void;
  /** The code of the error with which this call fails; `null`: it does not. Of a write that fails half is done. */
  fails?(what: string): string | null;
}

type Done = (error: unknown, written: number) => void;
type Patched = { -readonly [K in keyof typeof fs]?: unknown };

const FIRST_HANDLE = 2 ** 30;

export class SimulatedDisk {
  static readonly root = "/simulated-disk";
  readonly #options: DiskOptions;
  readonly #live = new Map<string, SimulatedFile>();
  readonly #durable = new Map<string, SimulatedFile>();
  #unsynced: NameChange[] = [];
  readonly #handles = new Map<number, SimulatedFile | null>();
  #nextHandle = FIRST_HANDLE;

  constructor(options: DiskOptions = {}) {
    this.#options = options;
    for (const [name, content] of options.image ?? []) {
      const file = this.#newFile(content);
      this.#live.set(name, file);
      this.#durable.set(name, file);
    }
  }

  /** What is found when it ends like this now. */
  image(end: DiskEnd, coin: Fate): DiskImage {
    if (end === "process") return new Map([...this.#live].map(([name, { live }]) => [name, live]));
    const fate = end === "power" ? () => false : coin;
    const names = new Map(this.#durable);
    for (const change of this.#unsynced) if (fate()) renamed(names, change);
    return new Map([...names].map(([name, file]) => [name, file.onDisk(fate)]));
  }

  /** Node's file system leads here until what is returned is called. */
  install(): () => void {
    const patched = { ...this.#byPath(), ...this.#byHandle() };
    const real: Patched = {};
    for (const [name, patch] of Object.entries(patched)) {
      const before = (fs as unknown as Record<string, (...given: unknown[]) => unknown>)[name]!;
      (real as Record<string, unknown>)[name] = before;
      (fs as Record<string, unknown>)[name] = (...given: unknown[]) => {
        const [first] = given;
        const isOurs = typeof first === "number" ? first >= FIRST_HANDLE : String(first).startsWith(SimulatedDisk.root);
        return isOurs ? (patch as (...given: unknown[]) => unknown)(...given) : before(...given);
      };
    }
    return () => void Object.assign(fs, real);
  }

  #byPath() {
    return {
      existsSync: (path: string) => path === SimulatedDisk.root || this.#live.has(basename(path)),
      readdirSync: () => [...this.#live.keys()],
      statSync: (path: string) => ({ size: this.#file(path).live.size }),
      openSync: (path: string, flags: string) => this.#open(path, flags),
      renameSync: (from: string, to: string) => {
        const file = this.#file(from);
        this.#step("rename");
        this.#rename(new Map([[basename(from), null], [basename(to), file]])); // biome-ignore format: one line
      },
      unlinkSync: (path: string) => {
        this.#file(path);
        this.#step("unlink");
        this.#rename(new Map([[basename(path), null]]));
      },
    };
  }

  #byHandle() {
    const write = (handle: number, bytes: Uint8Array, from: number, length: number, at: number): number => {
      const file = this.#handles.get(handle)!;
      const done = (part: number): void => file.change({ kind: "write", bytes: bytes.slice(from, from + part), at });
      this.#step("write", () => done(length >> 1));
      done(length);
      return length;
    };
    const sync = (handle: number): undefined => {
      const file = this.#handles.get(handle)!;
      this.#step(file === null ? "sync of the directory" : "sync");
      if (file === null) this.#syncNames();
      else file.flush();
      this.#options.afterSync?.("sync");
    };
    return {
      closeSync: (handle: number) => void this.#handles.delete(handle),
      fstatSync: (handle: number) => ({ size: this.#handles.get(handle)!.live.size }),
      readSync: (handle: number, into: Uint8Array, from: number, length: number, at: number) =>
        this.#handles.get(handle)!.live.read(into.subarray(from, from + length), at),
      ftruncateSync: (handle: number, size: number) => {
        this.#step("truncate");
        this.#handles.get(handle)!.change({ kind: "truncate", size });
      },
      writeSync: write,
      fsyncSync: sync,
      fdatasyncSync: sync,
      write: (handle: number, bytes: Uint8Array, from: number, length: number, at: number, done: Done) =>
        later(() => write(handle, bytes, from, length, at), done),
      fdatasync: (handle: number, done: Done) => later(() => Number(sync(handle)), done),
    };
  }

  #open(path: string, flags: string): number {
    const name = basename(path);
    if (path !== SimulatedDisk.root && !this.#live.has(name)) {
      if (!/[wa]/.test(flags)) throw failure("ENOENT");
      this.#step("new name");
      this.#rename(new Map([[name, this.#newFile()]]));
    } else if (flags === "w" && this.#file(path).live.size > 0) {
      this.#step("truncate");
      this.#file(path).change({ kind: "truncate", size: 0 });
    }
    this.#handles.set(this.#nextHandle, path === SimulatedDisk.root ? null : this.#file(path));
    return this.#nextHandle++;
  }

  #file(path: string): SimulatedFile {
    const file = this.#live.get(basename(path));
    if (file === undefined) throw failure("ENOENT");
    return file;
  }

  #newFile(content?: Content): SimulatedFile {
    return new SimulatedFile({ pass: () => 0, flushed: () => undefined }, content);
  }

  #rename(change: NameChange): void {
    renamed(this.#live, change);
    this.#unsynced.push(change);
  }

  #syncNames(): void {
    for (const change of this.#unsynced) renamed(this.#durable, change);
    this.#unsynced = [];
  }

  /** `inPart`: what is done of a step that fails. */
  #step(what: string, inPart?: () => void): void {
    this.#options.beforeStep?.(what);
    const code = this.#options.fails?.(what) ?? null;
    if (code === null) return;
    inPart?.();
    throw failure(code);
  }
}

function renamed(names: Map<string, SimulatedFile>, change: NameChange): void {
  for (const [name, file] of change) {
    if (file === null) names.delete(name);
    else names.set(name, file);
  }
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

/** As Node does: what comes of it is told after whoever asked has gone on. */
function later(work: () => number, done: Done): void {
  setImmediate(() => {
    try {
      done(null, work());
    } catch (error) {
      done(error, 0);
    }
  });
}
