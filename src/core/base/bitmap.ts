/** A growable set of ordinals, one bit each. Filters are bitmaps; the vector kernel reads their words directly. */
export class Bitmap {
  /** 32 ordinals per word, lowest bit first. Longer than needed; words past the last member are 0. */
  words: Uint32Array;

  constructor(capacity = 0) {
    this.words = new Uint32Array(wordCount(capacity));
  }

  static of(ordinals: Iterable<number>): Bitmap {
    const bitmap = new Bitmap();
    for (const ordinal of ordinals) bitmap.add(ordinal);
    return bitmap;
  }

  clone(): Bitmap {
    const copy = new Bitmap();
    copy.words = this.words.slice();
    return copy;
  }

  add(ordinal: number): void {
    const word = ordinal >>> 5;
    if (word >= this.words.length) this.#grow(word + 1);
    this.words[word]! |= 1 << (ordinal & 31);
  }

  delete(ordinal: number): void {
    const word = ordinal >>> 5;
    if (word < this.words.length) this.words[word]! &= ~(1 << (ordinal & 31));
  }

  has(ordinal: number): boolean {
    const word = ordinal >>> 5;
    return word < this.words.length && ((this.words[word]! >>> (ordinal & 31)) & 1) === 1;
  }

  /** Adds every ordinal of a sorted or unsorted list. */
  addAll(ordinals: ArrayLike<number>): void {
    // Of a sorted list the last is the largest, so there is room for all at once.
    const last = ordinals.length === 0 ? 0 : ordinals[ordinals.length - 1]! >>> 5;
    if (last >= this.words.length) this.#grow(last + 1);
    for (let i = 0; i < ordinals.length; i++) this.add(ordinals[i]!);
  }

  /** Adds the ordinals from `from` up to but without `to`. */
  addRange(from: number, to: number): void {
    if (to <= from) return;
    const last = (to - 1) >>> 5;
    if (last >= this.words.length) this.#grow(last + 1);
    for (let word = from >>> 5; word <= last; word++) {
      const [start, count] = [Math.max(0, from - 32 * word), Math.min(32, to - 32 * word)];
      this.words[word]! |= (-1 >>> (32 - (count - start))) << start;
    }
  }

  /** Whether any member is in [from, to). */
  hasAny(from: number, to: number): boolean {
    const next = this.values(from).next();
    return next.done !== true && next.value < to;
  }

  /** Keeps members that are also in `other`. */
  intersect(other: Bitmap): this {
    const shared = Math.min(this.words.length, other.words.length);
    for (let i = 0; i < shared; i++) this.words[i]! &= other.words[i]!;
    this.words.fill(0, shared);
    return this;
  }

  /** Adds the members of `other`. */
  union(other: Bitmap): this {
    if (other.words.length > this.words.length) this.#grow(other.words.length);
    for (let i = 0; i < other.words.length; i++) this.words[i]! |= other.words[i]!;
    return this;
  }

  /** Removes the members of `other`. */
  subtract(other: Bitmap): this {
    const shared = Math.min(this.words.length, other.words.length);
    for (let i = 0; i < shared; i++) this.words[i]! &= ~other.words[i]!;
    return this;
  }

  /** Number of members. */
  count(): number {
    return countBits(this.words);
  }

  /** Whether both have the same members. */
  equals(other: Bitmap): boolean {
    const [short, long] = this.words.length < other.words.length ? [this.words, other.words] : [other.words, this.words];
    for (let i = 0; i < short.length; i++) if (short[i] !== long[i]) return false;
    for (let i = short.length; i < long.length; i++) if (long[i] !== 0) return false;
    return true;
  }

  /** Whether all members of `other` are members. */
  includes(other: Bitmap): boolean {
    const { words } = this;
    for (let i = 0; i < other.words.length; i++) if ((other.words[i]! & ~(words[i] ?? 0)) !== 0) return false;
    return true;
  }

  /** Lets the memory behind the last member go. */
  trim(): this {
    let end = this.words.length;
    while (end > 0 && this.words[end - 1] === 0) end--;
    if (end < this.words.length) this.words = this.words.slice(0, end);
    return this;
  }

  /** How many members are in `other`, and how many are not. */
  countAgainst(other: Bitmap): { inside: number; outside: number } {
    let inside = 0;
    let outside = 0;
    for (let i = 0; i < this.words.length; i++) {
      const word = this.words[i]!;
      const shared = word & (other.words[i] ?? 0);
      inside += popcount(shared);
      if (shared >>> 0 !== word) outside += popcount(word ^ shared);
    }
    return { inside, outside };
  }

  /** Members in ascending order, from `from` on. */
  *values(from = 0): Generator<number, void, undefined> {
    let mask = -1 << (from & 31);
    for (let i = from >>> 5; i < this.words.length; i++) {
      let word = this.words[i]! & mask;
      mask = -1;
      while (word !== 0) {
        const low = word & -word;
        yield i * 32 + (31 - Math.clz32(low));
        word ^= low;
      }
    }
  }

  /** Members in ascending order as an array. */
  toArray(): Uint32Array {
    const out = new Uint32Array(this.count());
    let n = 0;
    for (let i = 0; i < this.words.length; i++) {
      for (let word = this.words[i]!; word !== 0; word &= word - 1) out[n++] = i * 32 + (31 - Math.clz32(word & -word));
    }
    return out;
  }

  #grow(words: number): void {
    const grown = new Uint32Array(Math.max(words, this.words.length * 2));
    grown.set(this.words);
    this.words = grown;
  }
}

/** How many bits of the words are 1. */
export function countBits(words: Uint32Array): number {
  let total = 0;
  for (let i = 0; i < words.length; i++) total += popcount(words[i]!);
  return total;
}

function wordCount(capacity: number): number {
  return (capacity + 31) >>> 5;
}

function popcount(word: number): number {
  word -= (word >>> 1) & 0x55555555;
  word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
  return Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
