/**
 * A text as what stands between blanks and the like, and what is known of such stretches: they come again in every document, and to
 * analyze one costs many times as much as to find it.
 *
 * A **stretch** has whatever may change how its characters are read: it begins and ends where an ASCII character stands that is no
 * letter, digit or joiner. No normal form goes across one, and no word does, so the tokens of a text are those of its stretches. A
 * stretch is cut from the text only where it is new, and then it is analyzed as any text is.
 */

const [SEPARATOR, WORD, JOINER] = [0, 1, 2];
/** What ASCII characters are. All others belong to stretches. */
const KINDS = Uint8Array.from({ length: 128 }, (_, unit) => {
  const character = String.fromCharCode(unit);
  if (/[A-Za-z0-9]/.test(character)) return WORD;
  return "_.'-".includes(character) ? JOINER : SEPARATOR;
});
const HASH_START = 0x811c9dc5 | 0;
const HASH_FACTOR = 0x01000193;

/** The stretches of a text from left to right: `next` tells whether there is another, which the fields are then of. */
export class Stretches {
  readonly #text: string;
  start = 0;
  /** Exclusive. */
  end = 0;
  hash = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Joiners at either end join nothing, and are left out. */
  next(): boolean {
    const text = this.#text;
    const { length } = text;
    let at = this.end;
    for (; at < length; at++) {
      const unit = text.charCodeAt(at);
      if (unit >= 128 || KINDS[unit] === WORD) break;
    }
    if (at === length) return false;
    this.start = at;
    let hash = HASH_START;
    for (; at < length; at++) {
      const unit = text.charCodeAt(at);
      const kind = unit < 128 ? KINDS[unit] : WORD;
      if (kind === SEPARATOR) break;
      hash = Math.imul(hash ^ unit, HASH_FACTOR);
      if (kind === JOINER) continue;
      this.end = at + 1;
      this.hash = hash;
    }
    return true;
  }
}

/** Longer stretches seldom come again. */
const LENGTH_MAX = 24;
/** After so many it begins anew: those that come often are back soon. */
const COUNT_MAX = 32_768;
/** Numbers of about so many bytes for each, and its characters. */
const BYTES_PER_STRETCH = 60;

/** Stretches by their characters, and some numbers for each. */
export class KnownStretches {
  /** By hash: one more than which stretch; 0 where there is none. At most half is taken. */
  #table = new Uint32Array(256);
  #hashes = new Int32Array(128);
  /** Where the characters of each end, and its numbers. */
  #unitEnds = new Uint32Array(128);
  #numberEnds = new Uint32Array(128);
  #units = new Uint16Array(1024);
  #numbers = new Uint32Array(512);
  #count = 0;

  /** Bytes of memory held: estimated. */
  get bytes(): number {
    return this.#count * BYTES_PER_STRETCH;
  }

  /** The numbers of all; those of each lie between its `first` and its `end`. */
  get numbers(): Uint32Array {
    return this.#numbers;
  }

  first(which: number): number {
    return which === 0 ? 0 : this.#numberEnds[which - 1]!;
  }

  end(which: number): number {
    return this.#numberEnds[which]!;
  }

  /** Which one it is; -1 where it is not known. */
  find(text: string, { start, end, hash }: Stretches): number {
    const table = this.#table;
    const mask = table.length - 1;
    for (let slot = slotOf(hash) & mask; ; slot = (slot + 1) & mask) {
      const which = table[slot]! - 1;
      if (which < 0 || (this.#hashes[which] === hash && this.#is(which, text, start, end))) return which;
    }
  }

  /** Takes one that is not known, unless it is too long. */
  add(text: string, { start, end, hash }: Stretches, numbers: readonly number[]): void {
    if (end - start > LENGTH_MAX) return;
    if (this.#count === COUNT_MAX) this.#forget();
    if (this.#count * 2 === this.#table.length) this.#grow();
    const which = this.#count++;
    let unit = which === 0 ? 0 : this.#unitEnds[which - 1]!;
    this.#units = withRoom(this.#units, unit + LENGTH_MAX, Uint16Array);
    for (let i = start; i < end; i++) this.#units[unit++] = text.charCodeAt(i);
    this.#unitEnds[which] = unit;
    const first = this.first(which);
    this.#numbers = withRoom(this.#numbers, first + numbers.length, Uint32Array);
    this.#numbers.set(numbers, first);
    this.#numberEnds[which] = first + numbers.length;
    this.#hashes[which] = hash;
    this.#place(which);
  }

  #is(which: number, text: string, start: number, end: number): boolean {
    const first = which === 0 ? 0 : this.#unitEnds[which - 1]!;
    if (this.#unitEnds[which]! - first !== end - start) return false;
    const units = this.#units;
    for (let i = start; i < end; i++) if (units[first + i - start] !== text.charCodeAt(i)) return false;
    return true;
  }

  #place(which: number): void {
    const mask = this.#table.length - 1;
    let slot = slotOf(this.#hashes[which]!) & mask;
    while (this.#table[slot] !== 0) slot = (slot + 1) & mask;
    this.#table[slot] = which + 1;
  }

  #grow(): void {
    this.#table = new Uint32Array(this.#table.length * 2);
    this.#hashes = withRoom(this.#hashes, this.#count + 1, Int32Array);
    this.#unitEnds = withRoom(this.#unitEnds, this.#count + 1, Uint32Array);
    this.#numberEnds = withRoom(this.#numberEnds, this.#count + 1, Uint32Array);
    for (let which = 0; which < this.#count; which++) this.#place(which);
  }

  #forget(): void {
    this.#table.fill(0);
    this.#count = 0;
  }
}

/** Words that differ in their last letters have hashes that differ in their upper bits. */
function slotOf(hash: number): number {
  return hash ^ (hash >>> 15);
}

function withRoom<A extends Uint16Array | Int32Array | Uint32Array>(values: A, length: number, type: new (length: number) => A): A {
  if (length <= values.length) return values;
  const out = new type(Math.max(length, values.length * 2));
  out.set(values);
  return out;
}
