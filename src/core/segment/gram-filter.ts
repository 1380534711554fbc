/**
 * Which grams (`grams.ts`) the documents in a block of records may have: a block beside each of theirs, by which filters on text tell
 * the documents that cannot match. Neighbouring documents share a filter, a group of about `GROUP_UNITS`, since a filter of many
 * grams says more per byte and what a group holds is quickly tested.
 *
 *   block  := Arrow, one row, the columns
 *     first: the ordinal with which each group begins     bits: the length of each group's filter
 *     words: the filters one after the other, each from a word of its own, lowest bit first
 *   filter := two bits for each gram, at ⌊hash × length / 2^20⌋ and, the hash mixed once more, there; and so some for several
 *
 * There is none where no document has a gram. Derived from the rows of its block, and written with them.
 */
import { concat } from "../base/concat.js";
import type { Steps } from "../base/steps.js";
import { type Block, encodeBlock } from "../blockstore/block.js";
import { eachGram, GRAM_BITS, type GramProbe } from "./grams.js";

/** UTF-16 units after which a group ends, and bits of a filter for each of its grams. */
const GROUP_UNITS = 2048;
const BITS_PER_GRAM = 6;
/** Least length of a filter: with a few bits, most of what is looked for would be found by chance. */
const WORDS_MIN = 16;
/** Units between two steps. */
const STEP_UNITS = 65_536;

interface Group {
  first: number;
  units: number;
  words: Uint32Array;
}

/** The block beside rows with these documents; `null` for none. Documents longer than a group have one to themselves. */
export function* gramFilterOf(ordinals: Uint32Array, documents: readonly (string | null)[]): Steps<Uint8Array | null> {
  const gathered = new GatheredGrams();
  const groups: Group[] = [];
  let open: Omit<Group, "words"> = { first: 0, units: 0 };
  const close = (next: number): void => {
    if (open.units > 0) groups.push({ ...open, words: gathered.take() });
    open = { first: next, units: 0 };
  };
  for (let row = 0; row < ordinals.length; row++) {
    const document = documents[row] ?? "";
    const isNext = open.units === 0 || open.units + document.length > GROUP_UNITS;
    if (isNext) close(ordinals[row]!);
    yield* gathered.add(document);
    open.units += document.length;
  }
  close(0);
  return groups.every(({ words }) => words.length === 0) ? null : encode(groups);
}

/** Calls `take` with the ordinals, from and up to, of each group that may satisfy the probe. `end`: one past the block's last ordinal. */
export function eachCandidate(block: Block, end: number, probe: GramProbe, take: (from: number, to: number) => void): void {
  const { first, filterAt } = decode(block);
  for (let group = 0; group < first.length; group++) {
    if (maySatisfy(filterAt(group), probe)) take(first[group]!, first[group + 1] ?? end);
  }
}

/** Whether the filter of the ordinal's group knows all grams of its document. */
export function* knowsGrams(block: Block, ordinal: number, document: string): Steps<boolean> {
  const { first, filterAt } = decode(block);
  const filter = filterAt(first.findLastIndex((begin) => begin <= ordinal));
  let isKnown = true;
  for (let from = 0; isKnown && from < document.length; from += STEP_UNITS) {
    if (from > 0) yield;
    eachGram(document, from, from + STEP_UNITS, (gram) => {
      isKnown &&= mayHave(filter, gram);
    });
  }
  return isKnown;
}

/** Distinct grams of some documents. */
class GatheredGrams {
  /** A bit for each gram. */
  readonly #seen = new Uint32Array(1 << (GRAM_BITS - 5));
  readonly #grams: number[] = [];

  *add(document: string): Steps<void> {
    const [seen, grams] = [this.#seen, this.#grams];
    const note = (gram: number): void => {
      const bit = 1 << (gram & 31);
      if ((seen[gram >>> 5]! & bit) !== 0) return;
      seen[gram >>> 5]! |= bit;
      grams.push(gram);
    };
    for (let from = 0; from < document.length; from += STEP_UNITS) {
      if (from > 0) yield;
      eachGram(document, from, from + STEP_UNITS, note);
    }
  }

  /** Their filter; forgets them. */
  take(): Uint32Array {
    if (this.#grams.length === 0) return new Uint32Array(0);
    const words = new Uint32Array(Math.max(WORDS_MIN, Math.ceil((this.#grams.length * BITS_PER_GRAM) / 32)));
    for (const gram of this.#grams) {
      this.#seen[gram >>> 5] = 0;
      set(words, gram);
      set(words, mixed(gram));
    }
    this.#grams.length = 0;
    return words;
  }
}

function encode(groups: readonly Group[]): Uint8Array {
  const column = (name: string, values: Uint32Array) => ({ type: "u32-list", name, values: [values] }) as const;
  return encodeBlock(
    [
      column(
        "first",
        Uint32Array.from(groups, ({ first }) => first),
      ),
      column(
        "bits",
        Uint32Array.from(groups, (group) => group.words.length * 32),
      ),
      column(
        "words",
        concat(
          Uint32Array,
          groups.map(({ words }) => words),
        ),
      ),
    ],
    1,
  );
}

function decode(block: Block): { first: Uint32Array; filterAt(group: number): Uint32Array } {
  const [first, bits, words] = ["first", "bits", "words"].map((name) => block.u32List(name)(0)) as [Uint32Array, Uint32Array, Uint32Array];
  const starts = new Uint32Array(bits.length + 1);
  for (let group = 0; group < bits.length; group++) starts[group + 1] = starts[group]! + (bits[group]! >>> 5);
  return { first, filterAt: (group) => words.subarray(starts[group], starts[group + 1]) };
}

function maySatisfy(filter: Uint32Array, probe: GramProbe): boolean {
  if (probe.kind === "grams") return probe.grams.every((gram) => mayHave(filter, gram));
  return probe.kind === "all" ? probe.of.every((part) => maySatisfy(filter, part)) : probe.of.some((part) => maySatisfy(filter, part));
}

function mayHave(filter: Uint32Array, gram: number): boolean {
  return filter.length > 0 && isSet(filter, gram) && isSet(filter, mixed(gram));
}

function set(filter: Uint32Array, hash: number): void {
  const bit = bitOf(hash, filter.length * 32);
  filter[bit >>> 5]! |= 1 << (bit & 31);
}

function isSet(filter: Uint32Array, hash: number): boolean {
  const bit = bitOf(hash, filter.length * 32);
  return ((filter[bit >>> 5]! >>> (bit & 31)) & 1) === 1;
}

function bitOf(hash: number, length: number): number {
  return Math.floor((hash * length) / (1 << GRAM_BITS));
}

/** Another hash of the gram. */
function mixed(gram: number): number {
  return Math.imul(gram, 0x9e3779b1) >>> (32 - GRAM_BITS);
}
