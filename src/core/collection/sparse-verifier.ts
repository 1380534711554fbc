/** Verifies the indexes of sparse vectors: each by itself, and with what the records have under its key. */
import { vectorUnder } from "../base/sparse-vector.js";
import { show } from "../errors.js";
import { listKey, listNumber, listOfKey, SPAN } from "../segment/sparse-key.js";
import type { SparseIndex } from "../segment/sparse-section.js";
import { type WeightedList, weightedList, weightedListFormat } from "../segment/weighted-list.js";
import type { SparseVector } from "../types.js";
import { type Inspection, placeOf } from "./inspection.js";

/** How many postings a list has, and a sum of them that two different lists hardly share. */
interface Posted {
  count: number;
  sum: number;
}

export async function verifySparse(indexes: readonly SparseIndex[], inspection: Inspection): Promise<void> {
  for (const index of indexes) {
    const posted = await verifyLists(index, inspection);
    const { deep, tick } = inspection.context;
    if (!deep || !inspection.isWhole || posted === null) continue;
    for await (const { ordinals, payloadAt } of inspection.payloads()) {
      for (let row = 0; row < ordinals.length; row++) {
        const vector = ordinals[row]! < index.upTo ? vectorUnder(index.key, payloadAt(row).metadata) : null;
        if (vector !== null) takeVector(posted, vector, ordinals[row]!, index.key, inspection);
      }
      await tick();
    }
    verifyRest(posted, index.key, inspection);
  }
}

/** What each list has; `null` when it could not all be read, or is not in order. */
async function verifyLists({ key, upTo, postings }: SparseIndex, inspection: Inspection): Promise<Map<number, Posted> | null> {
  const owner = inspection.owner(`sparse vectors of ${show(key)}`);
  const posted = new Map<number, Posted>();
  const before = inspection.findingCount;
  let last = -1;
  if (upTo > inspection.context.nextOrdinal) inspection.find("sparse", show(key), `${owner} cover ${upTo} ordinals, more than there are`);
  for (const { firstKey, ref } of postings.blocks) {
    const block = await inspection.block("sparse", ref, owner);
    if (block === null) continue;
    const [keyAt, listAt] = [block.utf8("key"), weightedListFormat.decode(block)];
    if (keyAt(0) !== firstKey)
      inspection.find("sparse", placeOf(ref), `Block ${placeOf(ref)} of ${owner} does not begin with list ${firstKey}`);
    for (let row = 0; row < block.rows; row++) {
      const list = listOfKey(keyAt(row) ?? "");
      if (!(list > last)) inspection.find("sparse", placeOf(ref), `Row ${row} of block ${placeOf(ref)} of ${owner} is out of order`);
      last = list;
      posted.set(list, verifyList(listAt(row), list, upTo, inspection));
    }
  }
  return inspection.findingCount === before ? posted : null;
}

function verifyList(stored: WeightedList, list: number, upTo: number, inspection: Inspection): Posted {
  const { ordinals, weights } = stored;
  const { live, isWhole, counts } = inspection;
  const posted: Posted = { count: ordinals.length, sum: 0 };
  for (let i = 0; i < ordinals.length; i++) {
    const ordinal = ordinals[i]!;
    const wrong = (i > 0 && ordinal <= ordinals[i - 1]!) || ordinal >= upTo || Math.floor(ordinal / SPAN) !== list % SPAN;
    if (wrong || (isWhole && !live.has(ordinal)))
      inspection.find("sparse", listKey(list), `Ordinal ${ordinal} is out of place in list ${listKey(list)}, or there is no such record`);
    posted.sum = (posted.sum + mixed(ordinal, weights[i]!)) >>> 0;
  }
  const { maxima, least } = weightedList(ordinals, weights);
  const agrees = least === stored.least && maxima.length === stored.maxima.length && maxima.every((max, i) => max === stored.maxima[i]);
  if (!agrees) inspection.find("sparse", listKey(list), `The bounds of list ${listKey(list)} are not those of its weights`);
  counts.postings += ordinals.length;
  return posted;
}

function takeVector(
  posted: Map<number, Posted>,
  { indices, values }: SparseVector,
  ordinal: number,
  key: string,
  inspection: Inspection,
): void {
  for (let i = 0; i < indices.length; i++) {
    const found = posted.get(listNumber(indices[i]!, ordinal));
    if (found === undefined || found.count === 0) {
      const what = `Dimension ${indices[i]} of the sparse vector of ordinal ${ordinal} under ${show(key)}`;
      inspection.find("sparse", `ordinal ${ordinal}`, `${what} is not in its index`);
      continue;
    }
    found.count--;
    found.sum = (found.sum - mixed(ordinal, values[i]!)) >>> 0;
  }
}

function verifyRest(posted: ReadonlyMap<number, Posted>, key: string, inspection: Inspection): void {
  for (const [list, { count, sum }] of posted) {
    if (count === 0 && sum === 0) continue;
    const what = `List ${listKey(list)} of the sparse vectors under ${show(key)}`;
    inspection.find("sparse", listKey(list), `${what} has other records or weights than the records have`);
  }
}

const bits = new DataView(new ArrayBuffer(4));

function mixed(ordinal: number, weight: number): number {
  bits.setFloat32(0, weight);
  return Math.imul(Math.imul(ordinal, 0x9e3779b1) ^ bits.getUint32(0), 0x85ebca6b) >>> 0;
}
