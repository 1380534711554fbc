/**
 * An origin with so many bytes and no more, for tests in Node: IndexedDB and the file system share them, as in browsers. Rows
 * that are deleted, and what is cut off files, give their bytes back at once. A write that finds no room throws, which aborts its
 * transaction; deleting always works.
 */
import { FakeDirectory } from "./fake-file-system.js";

export class FullOrigin {
  /** Bytes that may be stored. */
  quotaBytes = Infinity;
  readonly root = new FakeDirectory();
  readonly #rows = new Map<string, number>();
  readonly #restore: () => void;

  constructor() {
    const origin = this;
    const { put, add, delete: remove, clear } = IDBObjectStore.prototype;
    IDBObjectStore.prototype.put = function (value: unknown, key?: IDBValidKey) {
      origin.#take(this, key!, value);
      return put.call(this, value, key);
    };
    IDBObjectStore.prototype.add = function (value: unknown, key?: IDBValidKey) {
      origin.#take(this, key!, value);
      return add.call(this, value, key);
    };
    IDBObjectStore.prototype.delete = function (key) {
      const range = key instanceof IDBKeyRange ? key : IDBKeyRange.only(key);
      origin.#drop(this, (row) => range.includes(row));
      return remove.call(this, key);
    };
    IDBObjectStore.prototype.clear = function () {
      origin.#drop(this, () => true);
      return clear.call(this);
    };
    this.#restore = () => Object.assign(IDBObjectStore.prototype, { put, add, delete: remove, clear });
  }

  /** Undoes what the constructor did to IndexedDB. */
  end(): void {
    this.#restore();
  }

  /** What all files and rows take. */
  get usedBytes(): number {
    let bytes = filesIn(this.root);
    for (const row of this.#rows.values()) bytes += row;
    return bytes;
  }

  /** From now on no file of this directory takes more than what is left. */
  watch(directory: FakeDirectory): void {
    Object.defineProperty(directory, "quotaBytes", {
      get: () => this.quotaBytes - this.usedBytes + directory.bytes,
      set: () => undefined,
      configurable: true,
    });
  }

  #take(store: IDBObjectStore, key: IDBValidKey, value: unknown): void {
    const place = placeOf(store, key);
    const before = this.#rows.get(place);
    const bytes = 100 + (value as Uint8Array).byteLength;
    // A browser looks for room for all that is written, also where it replaces something.
    if (this.usedBytes + bytes > this.quotaBytes) throw new DOMException("full", "QuotaExceededError");
    this.#rows.set(place, bytes);
    store.transaction.addEventListener("abort", () => (before === undefined ? this.#rows.delete(place) : this.#rows.set(place, before)));
  }

  #drop(store: IDBObjectStore, isGone: (key: IDBValidKey) => boolean): void {
    for (const [place, bytes] of [...this.#rows]) {
      const [database, name, key] = JSON.parse(place) as [string, string, IDBValidKey];
      if (database !== store.transaction.db.name || name !== store.name || !isGone(key)) continue;
      this.#rows.delete(place);
      store.transaction.addEventListener("abort", () => this.#rows.set(place, bytes));
    }
  }
}

function placeOf(store: IDBObjectStore, key: IDBValidKey): string {
  return JSON.stringify([store.transaction.db.name, store.name, key]);
}

function filesIn(directory: FakeDirectory): number {
  let { bytes } = directory;
  for (const inner of directory.directories.values()) bytes += filesIn(inner);
  return bytes;
}
