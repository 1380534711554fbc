/**
 * One arena: a long-lived OPFS file named `arena-<number>-<created at, ms since the epoch>`, opened once. The name is
 * the only thing that a crash can take from it, and only while it is young; the creation time in it says how young.
 * Every byte count is checked: Firefox answers a write over quota by writing nothing and throwing nothing.
 *
 * An arena's number says in which generation it was created: `generation × arenasPerGeneration + n`. So two engines, one of which
 * does not know yet that it has lost the lease, never create one of the same number.
 */
import { TidepoolError } from "../../core/errors.js";
import { storageError } from "../storage-error.js";
import type { Directory, Snapshot, SyncHandle } from "./file-system.js";
import { openSyncHandle } from "./file-system.js";

/** More than one engine can create: at 256 MiB each they would hold 244 TiB. */
export const arenasPerGeneration = 1_000_000;

const namePattern = /^arena-(\d+)-(\d+)$/;

export class ArenaFile {
  readonly number: number;
  readonly createdAtMs: number;
  readonly name: string;
  /** Opens the file's handle. */
  readonly #openHandle: () => Promise<SyncHandle>;
  #handle: SyncHandle;
  #bytes: number;
  #dirty = false;
  #isResized = false;
  /** Why it could not be opened anew. */
  #failure: unknown = null;
  #closed = false;

  private constructor(name: string, number: number, createdAtMs: number, handle: SyncHandle, openHandle: () => Promise<SyncHandle>) {
    this.name = name;
    this.number = number;
    this.createdAtMs = createdAtMs;
    this.#openHandle = openHandle;
    this.#handle = handle;
    this.#bytes = handle.getSize();
  }

  static async create(directory: Directory, number: number, createdAtMs: number): Promise<ArenaFile> {
    return ArenaFile.#open(directory, `arena-${number}-${createdAtMs}`, number, createdAtMs);
  }

  /**
   * Opens all arenas of a directory but those of later generations, ascending by number; when one cannot be opened, none stays
   * open. An arena from the future, which a clock set back leaves behind, counts as created now.
   */
  static async openAll(directory: Directory, nowMs: number, generation: number): Promise<ArenaFile[]> {
    const arenas: ArenaFile[] = [];
    try {
      const found: [name: string, number: number, createdAtMs: number][] = [];
      for await (const name of directory.keys()) {
        const [, number, createdAtMs] = namePattern.exec(name) ?? [];
        if (!number || !createdAtMs || Number(number) >= (generation + 1) * arenasPerGeneration) continue;
        found.push([name, Number(number), Math.min(Number(createdAtMs), nowMs)]);
      }
      // Each is asked of another process, more than once.
      const opened = await Promise.allSettled(found.map((file) => ArenaFile.#open(directory, ...file)));
      for (const one of opened) if (one.status === "fulfilled") arenas.push(one.value);
      const failed = opened.find((one) => one.status === "rejected");
      if (failed !== undefined) throw failed.reason;
      return inOrder(arenas);
    } catch (error) {
      for (const arena of arenas) arena.close();
      throw storageError(error, "open the arenas");
    }
  }

  /** Bytes of all arenas of a directory, without a handle: also where there are no synchronous ones. */
  static async bytesIn(directory: Directory): Promise<number> {
    let bytes = 0;
    try {
      for await (const name of directory.keys()) {
        if (namePattern.test(name)) bytes += (await (await directory.getFileHandle(name)).getFile()).size;
      }
    } catch (error) {
      throw storageError(error, "look for arenas");
    }
    return bytes;
  }

  /** The files of all arenas of a directory as they are now, by number, without a handle. */
  static async snapshots(directory: Directory): Promise<Map<number, Snapshot>> {
    const snapshots = new Map<number, Snapshot>();
    for await (const name of directory.keys()) {
      const [, number] = namePattern.exec(name) ?? [];
      const snapshot = number === undefined ? null : await (await directory.getFileHandle(name)).getFile();
      if (snapshot !== null && snapshot.size > 0) snapshots.set(Number(number), snapshot);
    }
    return snapshots;
  }

  static async #open(directory: Directory, name: string, number: number, createdAtMs: number): Promise<ArenaFile> {
    const openHandle = () => openSyncHandle(directory, name);
    const handle = await openHandle();
    try {
      return new ArenaFile(name, number, createdAtMs, handle, openHandle);
    } catch (error) {
      handle.close();
      throw storageError(error, `open the file ${name}`);
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether its length has changed since its handle was opened: then the browser counts more than the file has. */
  get isMiscounted(): boolean {
    return this.#isResized;
  }

  /** `false` where opening it anew has failed. */
  get isOpen(): boolean {
    return this.#failure === null;
  }

  /** Takes note of what another engine, which is gone, may have grown or cut. */
  measure(): void {
    this.#bytes = this.#try(`measure arena ${this.number}`, () => this.#handle.getSize());
  }

  write(bytes: Uint8Array, at: number): void {
    this.#dirty = true;
    const written = this.#try(`write ${bytes.length} bytes to arena ${this.number} at ${at}`, () => this.#handle.write(bytes, { at }));
    if (written === bytes.length) return;
    const message = `Could not write ${bytes.length} bytes to arena ${this.number} at ${at}: the browser took only ${written} of them`;
    throw new TidepoolError("QUOTA_EXCEEDED", message);
  }

  read(at: number, length: number, into?: Uint8Array): Uint8Array {
    const bytes = into?.subarray(0, length) ?? new Uint8Array(length);
    const read = length === 0 ? 0 : this.#try(`read arena ${this.number} at ${at}`, () => this.#handle.read(bytes, { at }));
    if (read === length) return bytes;
    throw new TidepoolError("CORRUPTION", `Arena ${this.number} ends too early: at offset ${at} it has ${read} of ${length} bytes`);
  }

  resize(bytes: number): void {
    this.#dirty = true;
    this.#isResized = true;
    this.#try(`resize arena ${this.number} from ${this.#bytes} to ${bytes} bytes`, () => this.#handle.truncate(bytes));
    this.#bytes = bytes;
  }

  /** A flush that fails leaves the arena dirty: what it holds must not be relied upon. */
  flush(): void {
    if (!this.#dirty) return;
    this.#try(`flush arena ${this.number}`, () => this.#handle.flush());
    this.#dirty = false;
  }

  /**
   * Opens the file anew, after a flush. Chromium counts what was cut off a file against the origin until its handle is closed, and as
   * a file grows it counts up to twice what the file has: seen were 33.5 MB for 21.
   * Nothing may be asked of the arena meanwhile; when it cannot be opened again, whatever is asked fails until it can.
   */
  async renew(): Promise<void> {
    if (this.isOpen) this.flush();
    this.#handle.close();
    this.#handle = await this.#openHandle().catch((error: unknown) => {
      this.#failure = error;
      throw error;
    });
    this.#failure = null;
    this.#isResized = false;
    // Closed meanwhile, by one who closed the old handle only.
    if (this.#closed) this.#handle.close();
  }

  close(): void {
    this.#closed = true;
    this.#handle.close();
  }

  #try<T>(doing: string, work: () => T): T {
    try {
      if (this.#failure !== null) throw this.#failure;
      return work();
    } catch (error) {
      throw storageError(error, doing);
    }
  }
}

/**
 * Destroying a database empties its arenas before it removes them, and a removal may not reach the disk. So the number of an empty
 * one may have been given out again: it is left aside.
 */
function inOrder(arenas: ArenaFile[]): ArenaFile[] {
  arenas.sort((a, b) => a.number - b.number || b.bytes - a.bytes);
  const isTwin = (arena: ArenaFile, i: number): boolean => arenas[i - 1]?.number === arena.number;
  const twins = arenas.filter(isTwin);
  const other = twins.find(({ bytes }) => bytes > 0);
  if (other) throw new TidepoolError("CORRUPTION", `Arena ${other.number} exists twice`);
  for (const twin of twins) twin.close();
  return arenas.filter((arena) => !twins.includes(arena));
}
