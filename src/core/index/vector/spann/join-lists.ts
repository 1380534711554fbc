/**
 * Makes one list of rows of others, without their vectors: codes and factors stay as they are, so all must be of one centroid.
 *
 * Rows of the first list stay in their places, and others take the places of those that have gone: what is written anew with each batch
 * is mostly copied in one piece. Where that would leave more than a sub-block of places empty the rows are moved up.
 */
import { codeBytesOf, halfByteOf, listBytesOf, NO_ORDINAL, placesOf, SUB_BLOCK_ROWS, subBlockBytesOf } from "./list-layout.js";

export interface JoinedPart {
  list: Uint8Array;
  /** The ordinal under which a row goes in, or −1 for none; `null`: all rows go in under their own. */
  ordinalOf: ((ordinal: number) => number) | null;
}

/** The rows of the parts. */
export function joinLists(paddedDimension: number, parts: readonly JoinedPart[]): Uint8Array<ArrayBuffer> {
  const ordinals = parts.map((part) => ordinalsIn(paddedDimension, part));
  const count = ordinals.reduce((sum, some) => sum + rowsAmong(some), 0);
  const packedBytes = listBytesOf(paddedDimension, count);
  const firstBytes = parts[0]?.list.length ?? 0;
  const isKept = firstBytes <= packedBytes + subBlockBytesOf(paddedDimension);
  const joined = new JoinedList(paddedDimension, isKept ? Math.max(firstBytes, packedBytes) : packedBytes);
  if (isKept && parts.length > 0) joined.keep(parts[0]!.list, ordinals[0]!);
  for (let p = isKept ? 1 : 0; p < parts.length; p++) joined.add(parts[p]!.list, ordinals[p]!);
  return joined.list;
}

/** For each place of a list the ordinal under which its row goes in, `NO_ORDINAL` for none. */
function ordinalsIn(paddedDimension: number, { list, ordinalOf }: JoinedPart): Uint32Array {
  const found = placesOf(list, paddedDimension);
  if (ordinalOf === null) return found;
  for (let place = 0; place < found.length; place++) {
    const ordinal = found[place] === NO_ORDINAL ? -1 : ordinalOf(found[place]!);
    found[place] = ordinal >= 0 ? ordinal : NO_ORDINAL;
  }
  return found;
}

function rowsAmong(ordinals: Uint32Array): number {
  let rows = 0;
  for (let place = 0; place < ordinals.length; place++) if (ordinals[place] !== NO_ORDINAL) rows++;
  return rows;
}

class JoinedList {
  readonly list: Uint8Array<ArrayBuffer>;
  readonly #words: Uint32Array;
  /** Bytes of a sub-block, and of its codes. */
  readonly #stride: number;
  readonly #codeBytes: number;
  readonly #taken: Uint32Array;
  #next = 0;

  constructor(paddedDimension: number, bytes: number) {
    this.list = new Uint8Array(bytes);
    this.#words = new Uint32Array(this.list.buffer);
    this.#stride = subBlockBytesOf(paddedDimension);
    this.#codeBytes = codeBytesOf(paddedDimension);
    this.#taken = new Uint32Array((bytes / this.#stride) * SUB_BLOCK_ROWS).fill(NO_ORDINAL);
    this.#putOrdinals();
  }

  /** Begins with all of a list. */
  keep(list: Uint8Array, ordinals: Uint32Array): void {
    this.list.set(list);
    this.#taken.set(ordinals);
    this.#putOrdinals();
  }

  add(list: Uint8Array, ordinals: Uint32Array): void {
    const words = new Uint32Array(list.buffer, list.byteOffset, list.length / 4);
    for (let at = 0; at < ordinals.length; at++) {
      if (ordinals[at] === NO_ORDINAL) continue;
      while (this.#taken[this.#next] !== NO_ORDINAL) this.#next++;
      this.#taken[this.#next] = ordinals[at]!;
      this.#putRow(list, words, at, ordinals[at]!, this.#next);
    }
  }

  #putOrdinals(): void {
    for (let first = 0, end = this.#stride / 4; first < this.#taken.length; first += SUB_BLOCK_ROWS, end += this.#stride / 4) {
      this.#words.set(this.#taken.subarray(first, first + SUB_BLOCK_ROWS), end - SUB_BLOCK_ROWS);
    }
  }

  #putRow(list: Uint8Array, words: Uint32Array, at: number, ordinal: number, to: number): void {
    const [fromBlock, fromPlace] = [Math.floor(at / SUB_BLOCK_ROWS) * this.#stride, at % SUB_BLOCK_ROWS];
    const [toBlock, toPlace] = [Math.floor(to / SUB_BLOCK_ROWS) * this.#stride, to % SUB_BLOCK_ROWS];
    this.#copyCodes(list, fromBlock, halfByteOf(fromPlace), toBlock, halfByteOf(toPlace));
    const from = (fromBlock + this.#codeBytes) / 4 + fromPlace;
    const into = (toBlock + this.#codeBytes) / 4 + toPlace;
    // Scale, what is added, and the ordinal.
    this.#words[into] = words[from]!;
    this.#words[into + SUB_BLOCK_ROWS] = words[from + SUB_BLOCK_ROWS]!;
    this.#words[into + 2 * SUB_BLOCK_ROWS] = ordinal;
  }

  /** The half bytes of a row, one for each four components. */
  #copyCodes(from: Uint8Array, fromBlock: number, fromHalf: number, toBlock: number, toHalf: number): void {
    const into = this.list;
    const fromAt = fromBlock + (fromHalf & 15);
    const toAt = toBlock + (toHalf & 15);
    const right = (fromHalf >> 4) * 4;
    const left = (toHalf >> 4) * 4;
    const others = 0xf0 >> left;
    for (let at = 0; at < this.#codeBytes; at += 16) {
      into[toAt + at] = (into[toAt + at]! & others) | (((from[fromAt + at]! >> right) & 15) << left);
    }
  }
}
