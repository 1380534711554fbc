/** Makes one list of rows of others, without their vectors: codes and factors stay as they are, so all must be of one centroid. */
import { codeBytesOf, factorsOf, halfByteOf, listBytesOf, NO_ORDINAL, SUB_BLOCK_ROWS, subBlockBytesOf } from "./list-layout.js";

export interface JoinedPart {
  list: Uint8Array;
  /** The ordinal under which a row goes in, or −1 for none. */
  ordinalOf(ordinal: number): number;
}

/** The rows of the parts, one after the other. */
export function joinLists(paddedDimension: number, parts: readonly JoinedPart[]): Uint8Array<ArrayBuffer> {
  const whole = parts.length === 0 ? 0 : wholeSubBlocks(paddedDimension, parts[0]!);
  const before = whole * SUB_BLOCK_ROWS;
  const kept = parts.flatMap((part, p) => keptRows(paddedDimension, part, p === 0 ? whole : 0));
  const joined = new Uint8Array(listBytesOf(paddedDimension, before + kept.length));
  const stride = subBlockBytesOf(paddedDimension);
  if (whole > 0) joined.set(parts[0]!.list.subarray(0, whole * stride));
  for (let block = whole; block < joined.length / stride; block++) factorsOf(joined, paddedDimension, block).ordinals.fill(NO_ORDINAL);
  kept.forEach((row, at) => putRow(paddedDimension, row, joined, before + at));
  return joined;
}

/** Sub-blocks that stay as they are, from the beginning on. */
function wholeSubBlocks(paddedDimension: number, { list, ordinalOf }: JoinedPart): number {
  const blocks = list.length / subBlockBytesOf(paddedDimension);
  let block = 0;
  while (block < blocks && factorsOf(list, paddedDimension, block).ordinals.every((o) => o !== NO_ORDINAL && ordinalOf(o) === o)) block++;
  return block;
}

/** A row of a list, and the ordinal that it gets. */
interface KeptRow {
  list: Uint8Array;
  at: number;
  ordinal: number;
}

function keptRows(paddedDimension: number, { list, ordinalOf }: JoinedPart, first: number): KeptRow[] {
  const rows: KeptRow[] = [];
  const blocks = list.length / subBlockBytesOf(paddedDimension);
  for (let block = first; block < blocks; block++) {
    const { ordinals } = factorsOf(list, paddedDimension, block);
    for (let place = 0; place < SUB_BLOCK_ROWS; place++) {
      if (ordinals[place] === NO_ORDINAL) continue;
      const ordinal = ordinalOf(ordinals[place]!);
      if (ordinal >= 0) rows.push({ list, at: block * SUB_BLOCK_ROWS + place, ordinal });
    }
  }
  return rows;
}

function putRow(paddedDimension: number, { list, at, ordinal }: KeptRow, joined: Uint8Array, to: number): void {
  const [fromBlock, fromPlace] = [Math.floor(at / SUB_BLOCK_ROWS), at % SUB_BLOCK_ROWS];
  const [toBlock, toPlace] = [Math.floor(to / SUB_BLOCK_ROWS), to % SUB_BLOCK_ROWS];
  copyCodes(paddedDimension, list, fromBlock, halfByteOf(fromPlace), joined, toBlock, halfByteOf(toPlace));
  const from = factorsOf(list, paddedDimension, fromBlock);
  const into = factorsOf(joined, paddedDimension, toBlock);
  into.scales[toPlace] = from.scales[fromPlace]!;
  into.adds[toPlace] = from.adds[fromPlace]!;
  into.ordinals[toPlace] = ordinal;
}

/** The half bytes of a row, one for each four components. Those that it gets are still zero. */
function copyCodes(
  paddedDimension: number,
  list: Uint8Array,
  fromBlock: number,
  fromHalf: number,
  joined: Uint8Array,
  toBlock: number,
  toHalf: number,
): void {
  const stride = subBlockBytesOf(paddedDimension);
  const from = fromBlock * stride + (fromHalf & 15);
  const to = toBlock * stride + (toHalf & 15);
  const right = (fromHalf >> 4) * 4;
  const left = (toHalf >> 4) * 4;
  for (let at = 0; at < codeBytesOf(paddedDimension); at += 16) {
    joined[to + at]! |= ((list[from + at]! >> right) & 15) << left;
  }
}
