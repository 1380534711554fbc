/**
 * All that an origin keeps, file system and IndexedDB, under one eye, for tests, never shipped: what would be found if power
 * or process ended at this moment, and every call to the platform failing on demand. Real storage code runs over it.
 *
 * A **step** is a change of what is kept: a write, truncation or flush of a file, a name that comes or goes, a transaction.
 * `beforeStep` and `afterSync` are the moments at which a crash makes a difference: all that a crash between two steps
 * leaves is also what one just before the later step leaves. A **call** is anything asked of the platform, reads too; calls
 * are counted from 1 in the order in which they come.
 */
import { type FileCall, type Image as FilesImage, type Gate, SimulatedDirectory } from "./simulated-files.js";
import { type RowsCall, type RowsImage, SimulatedRows } from "./simulated-rows.js";

export type Call = FileCall | RowsCall;

/** What the next process finds. */
export interface OriginImage {
  readonly files: FilesImage;
  readonly rows: RowsImage;
}

/**
 * How it ends: the process alone; or the power, with all that was not synced gone, or some of it, decided by a seed.
 */
export type End = "process" | "power" | "power, torn";

/** What goes wrong in one call: an exception by its name, or a transfer of which only so much is done. */
export type Failure = { readonly exception: string } | { readonly share: number };

export interface OriginOptions {
  image?: OriginImage;
  now(): number;
  /** Age at which a name in the file system is on disk without anybody having synced it. */
  settleMs: number;
  /** Let this call fail, counted from 1. */
  fail?: { readonly at: number; readonly failure: Failure };
  beforeStep?(what: string): void;
  /** After a step that makes something durable, before whoever asked for it knows. */
  afterSync?(what: Sync): void;
}

export type Sync = "flush" | "commit" | "strict commit";

export const emptyImage: OriginImage = { files: new Map(), rows: new Map() };

export class SimulatedOrigin {
  /** Every call so far, by what it was. */
  readonly calls: Call[] = [];
  readonly #options: OriginOptions;
  readonly #root: SimulatedDirectory;
  readonly #rows: SimulatedRows;
  #syncs = 0;
  #changes = 0;

  private constructor(options: OriginOptions) {
    this.#options = options;
    const { image = emptyImage, now, settleMs } = options;
    const gate: Gate = {
      pass: (call, changes, bytes = 0) => this.#passFile(call, changes, bytes),
      flushed: () => this.#synced("flush"),
    };
    this.#root = new SimulatedDirectory(gate, now, settleMs).restore(image.files);
    this.#rows = new SimulatedRows(
      image.rows,
      (call) => this.#exception(call),
      () => this.#step("commit"),
      (strict) => this.#synced(strict ? "strict commit" : "commit"),
    );
  }

  /** Becomes what `navigator.storage` and `indexedDB` lead to. */
  static async install(options: OriginOptions): Promise<SimulatedOrigin> {
    const origin = new SimulatedOrigin(options);
    globalThis.indexedDB = await origin.#rows.factory();
    Object.defineProperty(globalThis, "navigator", { value: { storage: { getDirectory: async () => origin.#root } }, configurable: true });
    return origin;
  }

  /** Says whether two ends of this kind, one now and one then, may leave different things. */
  stateOf(end: End): string {
    return `${end === "power" ? this.#syncs : this.#changes} at ${this.#options.now()}`;
  }

  /** Whether a torn loss of power may leave something else than either of the others. */
  get isTorn(): boolean {
    if (this.#rows.states.length > 1 || this.#root.isUnsettled()) return true;
    for (const file of this.#root.files()) if (file.isDirty) return true;
    return false;
  }

  /** What is found when it ends like this now; `coin` decides what of the unsynced is. */
  image(end: End, coin: () => boolean): OriginImage {
    const { states } = this.#rows;
    if (end === "process") return { files: this.#root.inMemory(), rows: states.at(-1)! };
    if (end === "power") return { files: this.#root.onDisk(() => false), rows: states[0]! };
    return { files: this.#root.onDisk(coin), rows: states.find((_, i) => i === states.length - 1 || coin())! };
  }

  #passFile(call: FileCall, changes: boolean, bytes: number): number {
    const failure = this.#failure(call);
    if (failure && "exception" in failure) throw new DOMException("injected", failure.exception);
    if (changes) this.#step(call);
    return failure ? Math.floor(bytes * failure.share) : bytes;
  }

  #exception(call: RowsCall): DOMException | null {
    const failure = this.#failure(call);
    if (!failure) return null;
    if ("exception" in failure) return new DOMException("injected", failure.exception);
    throw new Error(`A ${call} cannot be done in part`);
  }

  #failure(call: Call): Failure | null {
    this.calls.push(call);
    const { fail } = this.#options;
    return fail?.at === this.calls.length ? fail.failure : null;
  }

  #step(what: string): void {
    this.#options.beforeStep?.(what);
    this.#changes++;
  }

  #synced(what: Sync): void {
    this.#syncs++;
    this.#changes++;
    this.#options.afterSync?.(what);
  }
}
