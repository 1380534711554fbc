/**
 * Ordinals of a collection's live records, and by the fingerprints of their ids, once one is asked for: some 12 bytes a record. The ids
 * themselves are in the memtable and on disk. A fingerprint is shared by one id in a few thousand millions, so what is found here is a
 * candidate, to be compared with the id asked for; what is not found is not there.
 *
 * Hash tables with open addressing, linear probing and pairs of fingerprint and ordinal + 1 (0: free): one while there are few records,
 * then one for each value of some of a fingerprint's lowest bits. Each grows by itself, so none grows long enough to hold up a turn.
 *
 * Invariants: a pair stands at the home of its fingerprint or behind it, with no free place between; homes ascend with fingerprints.
 */
import { Bitmap } from "../base/bitmap.js";

/** Records up to which there is one table, and how many there are beyond. */
const SMALL_MAX = 4096;
const TABLES = 64;
/** Least places of a table, the share of them beyond which it grows, and by how much. */
const PLACES_MIN = 16;
const FULL = 0.75;
const GROWTH = 1.25;
const HASHES = 2 ** 32;

export class IdTable {
  /** Ordinals of live records. Not to be changed from outside. */
  readonly live = new Bitmap();
  #tables = [new PairTable(PLACES_MIN)];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Bytes of memory. */
  get bytes(): number {
    return this.#tables.reduce((bytes, table) => bytes + table.bytes, this.live.words.byteLength);
  }

  /** Takes note of all records that there are. Before anything is asked or changed but `live` their fingerprints have to be told. */
  open(live: Bitmap): void {
    this.live.words = live.words;
    this.#count = live.count();
  }

  /** Makes room for the fingerprints of all that are live, of which none is known from here on: `index` tells them. */
  beginIndex(): void {
    this.#tables = [new PairTable(PLACES_MIN)];
    if (this.#count > SMALL_MAX) this.#divide(this.#count);
    else this.#tables[0]!.reserve(this.#count);
  }

  index(fingerprint: number, ordinal: number): void {
    this.#tableOf(fingerprint).add(fingerprint, ordinal);
  }

  add(fingerprint: number, ordinal: number): void {
    if (this.#count === SMALL_MAX) this.#divide(SMALL_MAX);
    this.index(fingerprint, ordinal);
    this.live.add(ordinal);
    this.#count++;
  }

  /** Takes out a record that is there. */
  delete(fingerprint: number, ordinal: number): void {
    this.#tableOf(fingerprint).delete(fingerprint, ordinal);
    this.live.delete(ordinal);
    this.#count--;
  }

  /** Puts the ordinals of the records whose ids have the fingerprint into `into`; returns how many they are. */
  candidates(fingerprint: number, into: number[]): number {
    return this.#tableOf(fingerprint).candidates(fingerprint, into);
  }

  /** Puts every record under another ordinal. */
  renumber(ordinalOf: (ordinal: number) => number): void {
    this.live.words = Bitmap.of(this.live.toArray().map(ordinalOf)).words;
    for (const table of this.#tables) table.renumber(ordinalOf);
  }

  #tableOf(fingerprint: number): PairTable {
    return this.#tables.length === 1 ? this.#tables[0]! : this.#tables[fingerprint % TABLES]!;
  }

  #divide(expected: number): void {
    if (this.#tables.length > 1) return;
    const [whole] = this.#tables;
    this.#tables = Array.from({ length: TABLES }, () => new PairTable(placesFor(expected / TABLES)));
    whole!.each((fingerprint, ordinal) => this.#tableOf(fingerprint).add(fingerprint, ordinal));
  }
}

function placesFor(count: number): number {
  return Math.max(PLACES_MIN, Math.ceil(count / FULL) + 1);
}

class PairTable {
  #pairs: Uint32Array;
  #count = 0;

  constructor(places: number) {
    this.#pairs = new Uint32Array(2 * places);
  }

  get bytes(): number {
    return this.#pairs.byteLength;
  }

  reserve(count: number): void {
    const places = placesFor(count);
    if (2 * places > this.#pairs.length) this.#moveTo(places);
  }

  add(fingerprint: number, ordinal: number): void {
    const places = this.#pairs.length / 2;
    if (this.#count + 1 > places * FULL) this.#moveTo(Math.ceil(places * GROWTH));
    this.#place(fingerprint, ordinal);
    this.#count++;
  }

  #place(fingerprint: number, ordinal: number): void {
    const pairs = this.#pairs;
    let at = this.#homeOf(fingerprint);
    while (pairs[at + 1] !== 0) at = this.#after(at);
    pairs[at] = fingerprint;
    pairs[at + 1] = ordinal + 1;
  }

  candidates(fingerprint: number, into: number[]): number {
    const pairs = this.#pairs;
    let count = 0;
    for (let at = this.#homeOf(fingerprint); pairs[at + 1] !== 0; at = this.#after(at)) {
      if (pairs[at] === fingerprint) into[count++] = pairs[at + 1]! - 1;
    }
    return count;
  }

  /** Closes the gap with whichever pairs behind it may stand there. */
  delete(fingerprint: number, ordinal: number): void {
    const pairs = this.#pairs;
    let gap = this.#homeOf(fingerprint);
    while (pairs[gap + 1] !== ordinal + 1) gap = this.#after(gap);
    for (let at = this.#after(gap); pairs[at + 1] !== 0; at = this.#after(at)) {
      if (this.#distance(this.#homeOf(pairs[at]!), at) < this.#distance(gap, at)) continue;
      pairs[gap] = pairs[at]!;
      pairs[gap + 1] = pairs[at + 1]!;
      gap = at;
    }
    pairs[gap + 1] = 0;
    this.#count--;
  }

  each(take: (fingerprint: number, ordinal: number) => void): void {
    const pairs = this.#pairs;
    for (let at = 0; at < pairs.length; at += 2) if (pairs[at + 1] !== 0) take(pairs[at]!, pairs[at + 1]! - 1);
  }

  renumber(ordinalOf: (ordinal: number) => number): void {
    const pairs = this.#pairs;
    for (let at = 1; at < pairs.length; at += 2) if (pairs[at] !== 0) pairs[at] = ordinalOf(pairs[at]! - 1) + 1;
  }

  #moveTo(places: number): void {
    const old = this.#pairs;
    this.#pairs = new Uint32Array(2 * places);
    for (let at = 0; at < old.length; at += 2) if (old[at + 1] !== 0) this.#place(old[at]!, old[at + 1]! - 1);
  }

  #homeOf(fingerprint: number): number {
    return 2 * Math.floor((fingerprint / HASHES) * (this.#pairs.length / 2));
  }

  #after(at: number): number {
    return at + 2 === this.#pairs.length ? 0 : at + 2;
  }

  /** Steps from one place on to another. */
  #distance(from: number, to: number): number {
    return to >= from ? to - from : to + this.#pairs.length - from;
  }
}
