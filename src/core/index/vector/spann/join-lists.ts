/**
 * Makes one list of rows of others, without their vectors: codes and factors stay as they are, so all must be of one centroid.
 *
 * Rows of the first list stay in their places, and others take the places of those that have gone: what is written anew with each batch
 * is mostly copied in one piece. Where that would leave more than a sub-block of places empty the rows are moved up.
 */
import { codeBytesOf, factorsOf, halfByteOf, listBytesOf, NO_ORDINAL, SUB_BLOCK_ROWS, subBlockBytesOf } from "./list-layout.js";

export interface JoinedPart {
  list: Uint8Array;
  /** The ordinal under which a row goes in, or −1 for none. */
  ordinalOf(ordinal: number): number;
}

/** The rows of the parts. */
export function joinLists(paddedDimension: number, parts: readonly JoinedPart[]): Uint8Array<ArrayBuffer> {
  const ordinals = parts.map((part) => ordinalsIn(paddedDimension, part));
  const count = ordinals.reduce((sum, some) => sum + some.reduce((rows, ordinal) => (ordinal === NO_ORDINAL ? rows : rows + 1), 0), 0);
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
  const blocks = list.length / subBlockBytesOf(paddedDimension);
  const found = new Uint32Array(blocks * SUB_BLOCK_ROWS).fill(NO_ORDINAL);
  for (let block = 0; block < blocks; block++) {
    const { ordinals } = factorsOf(list, paddedDimension, block);
    for (let place = 0; place < SUB_BLOCK_ROWS; place++) {
      const ordinal = ordinals[place] === NO_ORDINAL ? -1 : ordinalOf(ordinals[place]!);
      if (ordinal >= 0) found[block * SUB_BLOCK_ROWS + place] = ordinal;
    }
  }
  return found;
}

class JoinedList {
  readonly list: Uint8Array<ArrayBuffer>;
  readonly #paddedDimension: number;
  readonly #taken: Uint32Array;
  #next = 0;

  constructor(paddedDimension: number, bytes: number) {
    this.#paddedDimension = paddedDimension;
    this.list = new Uint8Array(bytes);
    const blocks = bytes / subBlockBytesOf(paddedDimension);
    this.#taken = new Uint32Array(blocks * SUB_BLOCK_ROWS).fill(NO_ORDINAL);
    this.#putOrdinals();
  }

  /** Begins with all of a list. */
  keep(list: Uint8Array, ordinals: Uint32Array): void {
    this.list.set(list);
    this.#taken.set(ordinals);
    this.#putOrdinals();
  }

  add(list: Uint8Array, ordinals: Uint32Array): void {
    for (let at = 0; at < ordinals.length; at++) {
      if (ordinals[at] === NO_ORDINAL) continue;
      while (this.#taken[this.#next] !== NO_ORDINAL) this.#next++;
      this.#taken[this.#next] = ordinals[at]!;
      this.#putRow(list, at, ordinals[at]!, this.#next);
    }
  }

  #putOrdinals(): void {
    for (let first = 0; first < this.#taken.length; first += SUB_BLOCK_ROWS) {
      const { ordinals } = factorsOf(this.list, this.#paddedDimension, first / SUB_BLOCK_ROWS);
      ordinals.set(this.#taken.subarray(first, first + SUB_BLOCK_ROWS));
    }
  }

  #putRow(list: Uint8Array, at: number, ordinal: number, to: number): void {
    const [fromBlock, fromPlace] = [Math.floor(at / SUB_BLOCK_ROWS), at % SUB_BLOCK_ROWS];
    const [toBlock, toPlace] = [Math.floor(to / SUB_BLOCK_ROWS), to % SUB_BLOCK_ROWS];
    this.#copyCodes(list, fromBlock, halfByteOf(fromPlace), toBlock, halfByteOf(toPlace));
    const from = factorsOf(list, this.#paddedDimension, fromBlock);
    const into = factorsOf(this.list, this.#paddedDimension, toBlock);
    into.scales[toPlace] = from.scales[fromPlace]!;
    into.adds[toPlace] = from.adds[fromPlace]!;
    into.ordinals[toPlace] = ordinal;
  }

  /** The half bytes of a row, one for each four components. */
  #copyCodes(from: Uint8Array, fromBlock: number, fromHalf: number, toBlock: number, toHalf: number): void {
    const into = this.list;
    const stride = subBlockBytesOf(this.#paddedDimension);
    const fromAt = fromBlock * stride + (fromHalf & 15);
    const toAt = toBlock * stride + (toHalf & 15);
    const right = (fromHalf >> 4) * 4;
    const left = (toHalf >> 4) * 4;
    const others = 0xf0 >> left;
    for (let at = 0; at < codeBytesOf(this.#paddedDimension); at += 16) {
      into[toAt + at] = (into[toAt + at]! & others) | (((from[fromAt + at]! >> right) & 15) << left);
    }
  }
}
