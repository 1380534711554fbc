/**
 * A least-recently-used cache bounded by bytes. A value larger than the whole budget is not kept. Entries stand in a ring, from the one
 * used last back to the one used longest ago: a Map by itself knows such an order only by deleting and adding with each use.
 */
export class ByteCache<K, V> {
  #bytesMax: number;
  readonly #entries = new Map<K, Entry<K, V>>();
  /** Stands between the last and the first, and for nothing. */
  readonly #seam = new Entry<K, V>(undefined as K, undefined as V, 0);
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get bytesMax(): number {
    return this.#bytesMax;
  }

  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    leave(entry);
    this.#join(entry);
    return entry.value;
  }

  set(key: K, value: V, bytes: number): void {
    this.delete(key);
    if (bytes > this.#bytesMax) return;
    const entry = new Entry(key, value, bytes);
    this.#join(entry);
    this.#entries.set(key, entry);
    this.#bytes += bytes;
    this.#evict();
  }

  /** Bounds it anew. */
  resize(bytesMax: number): void {
    this.#bytesMax = bytesMax;
    this.#evict();
  }

  #evict(): void {
    while (this.#bytes > this.#bytesMax) this.delete(this.#seam.after.key);
  }

  clear(): void {
    this.#entries.clear();
    this.#seam.before = this.#seam.after = this.#seam;
    this.#bytes = 0;
  }

  /** Puts an entry, which is in no ring, to the end. */
  #join(entry: Entry<K, V>): void {
    const { before } = this.#seam;
    entry.before = before;
    entry.after = this.#seam;
    before.after = this.#seam.before = entry;
  }

  delete(key: K): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    leave(entry);
    this.#bytes -= entry.bytes;
  }
}

/** What comes after an entry was used later. */
class Entry<K, V> {
  before: Entry<K, V> = this;
  after: Entry<K, V> = this;

  constructor(
    readonly key: K,
    readonly value: V,
    readonly bytes: number,
  ) {}
}

function leave<K, V>({ before, after }: Entry<K, V>): void {
  before.after = after;
  after.before = before;
}
