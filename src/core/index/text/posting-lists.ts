/**
 * Lists of positions and frequencies that grow at their ends, all of them in a few large arrays: most are short, and an array for each
 * would be larger than what is in it, and slower to find.
 *
 * A list is a chain of runs, each twice as long as the one before up to `RUN_MAX` postings. A run is u32: position and frequency in
 * turn, and behind them where the next run begins. Places are counted over all pages; a run is on one page.
 */
import type { Bitmap } from "../../base/bitmap.js";
import { noPostings, type Postings } from "./text-reader.js";

const PAGE_BITS = 16;
const PAGE = 1 << PAGE_BITS;
const PAGE_MIN = 1024;
const RUN_MAX = 64;
const BYTES_PER_LIST = 4 * 5;

export class PostingLists {
  readonly #pages = [new Uint32Array(PAGE_MIN)];
  /** What of the last page is not given to any list. */
  #end = 0;
  /** For each list: where it begins, where its last posting stands, how long that run is, how much of it is free, and all it has. */
  #firsts = new Uint32Array(64);
  #lasts = new Uint32Array(64);
  #runs = new Uint8Array(64);
  #free = new Uint8Array(64);
  #counts = new Uint32Array(64);
  count = 0;

  /** Bytes of memory held: those given to lists, and some for each. */
  get bytes(): number {
    return this.#end * 4 + this.count * BYTES_PER_LIST;
  }

  /** The number of a new list. */
  add(): number {
    if (this.count === this.#firsts.length) this.#grow();
    return this.count++;
  }

  /** One occurrence more at a position, the last one of the list or one behind it. */
  increment(list: number, position: number): void {
    const last = this.#lasts[list]!;
    if (this.#counts[list]! > 0) {
      const page = this.#pages[last >>> PAGE_BITS]!;
      if (page[last & (PAGE - 1)] === position) {
        page[(last & (PAGE - 1)) + 1]!++;
        return;
      }
    }
    const at = this.#free[list]! > 0 ? last + 2 : this.#newRun(list, last);
    const page = this.#pages[at >>> PAGE_BITS]!;
    page[at & (PAGE - 1)] = position;
    page[(at & (PAGE - 1)) + 1] = 1;
    this.#lasts[list] = at;
    this.#free[list]!--;
    this.#counts[list]!++;
  }

  /** Those of the positions below `end` that are not hidden. */
  read(list: number, hidden: Bitmap, end: number): Postings {
    const total = this.#counts[list]!;
    if (total === 0) return noPostings;
    const [positions, frequencies] = [new Uint32Array(total), new Float32Array(total)];
    let shown = 0;
    for (const { page, start, stop } of this.#runsOf(list)) {
      for (let at = start; at < stop; at += 2) {
        const position = page[at]!;
        if (position >= end || hidden.has(position)) continue;
        positions[shown] = position;
        frequencies[shown++] = page[at + 1]!;
      }
    }
    return { positions: positions.subarray(0, shown), frequencies: frequencies.subarray(0, shown) };
  }

  /** Adds to the frequencies of documents so much for each of theirs; returns how many postings were passed. */
  addTo({ positions, frequencies }: Postings, list: number, share: number): number {
    let [passed, at] = [0, 0];
    for (const { page, start, stop } of this.#runsOf(list)) {
      for (let from = start; from < stop; from += 2, passed++) {
        const position = page[from]!;
        while (at < positions.length && positions[at]! < position) at++;
        if (at === positions.length) return passed;
        if (positions[at] === position) frequencies[at]! += share * page[from + 1]!;
      }
    }
    return passed;
  }

  /** Where the runs of a list stand, in which page. */
  *#runsOf(list: number): Generator<{ page: Uint32Array; start: number; stop: number }, void, undefined> {
    let left = this.#counts[list]!;
    for (let run = 1, place = this.#firsts[list]!; left > 0; run = Math.min(RUN_MAX, run * 2)) {
      const page = this.#pages[place >>> PAGE_BITS]!;
      const start = place & (PAGE - 1);
      yield { page, start, stop: start + 2 * Math.min(run, left) };
      left -= run;
      place = page[start + 2 * run]!;
    }
  }

  /** Where another run begins, which the list goes on with. */
  #newRun(list: number, last: number): number {
    const run = Math.min(RUN_MAX, this.#runs[list]! * 2 || 1);
    const at = this.#room(2 * run + 1);
    if (this.#counts[list] === 0) this.#firsts[list] = at;
    else this.#pages[last >>> PAGE_BITS]![(last & (PAGE - 1)) + 2] = at;
    this.#runs[list] = this.#free[list] = run;
    return at;
  }

  /** The first page grows until it is as large as all others are. */
  #room(length: number): number {
    const pages = this.#pages;
    const last = pages.length - 1;
    if (this.#end + length > last * PAGE + pages[last]!.length) {
      if (pages[last]!.length < PAGE) pages[0] = doubled(pages[0]!);
      else {
        this.#end = pages.length * PAGE;
        pages.push(new Uint32Array(PAGE));
      }
    }
    const at = this.#end;
    this.#end += length;
    return at;
  }

  #grow(): void {
    this.#firsts = doubled(this.#firsts);
    this.#lasts = doubled(this.#lasts);
    this.#runs = doubled(this.#runs);
    this.#free = doubled(this.#free);
    this.#counts = doubled(this.#counts);
  }
}

function doubled<A extends Uint8Array | Uint32Array>(values: A): A {
  const out = new (values.constructor as new (length: number) => A)(values.length * 2);
  out.set(values);
  return out;
}
