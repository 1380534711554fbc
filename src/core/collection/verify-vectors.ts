/** Compares the rows of vectors with the records, and graphs and inverted lists, which are made of them, with the rows. */

import { Bitmap } from "../base/bitmap.js";
import { crc32, crc32OfRows } from "../base/checksum.js";
import { inTurns } from "../base/steps.js";
import { Block } from "../blockstore/block.js";
import type { BlockPart, BlockRef } from "../blockstore/blockstore.js";
import type { OrdinalSection } from "../blockstore/ordinal-blockfile.js";
import { damageOf, PIECE_ORDINALS, type SnapshotPiece } from "../index/vector/graph-snapshot.js";
import { type QuantizedRows, quantizeRows } from "../index/vector/quantize.js";
import { fingerprintOfRow } from "../index/vector/reference-kernel.js";
import { NO_LIST } from "../index/vector/spann/inverted-lists.js";
import { ordinalsOf } from "../index/vector/spann/list-layout.js";
import { paddedDimensionOf } from "../index/vector/spann/rotation.js";
import { type GraphSection, loadGraph } from "../segment/graph.js";
import { type ListsSection, readDirectory, readMap } from "../segment/list-blocks.js";
import { quantizedRows } from "../segment/vector.js";
import { type Inspection, type InspectionContext, placeOf } from "./inspection.js";

/** By ordinal, the fingerprint of a row; only of those that are `found`. */
export interface Prints {
  readonly found: Bitmap;
  readonly of: Uint32Array;
}

/** Each record has a vector; its codes are those of its embedding, and the checksum beside them, too. */
export async function verifyRows(
  rows: OrdinalSection,
  dimension: number,
  inspection: Inspection,
  wantsPrints: boolean,
  hasCodes: boolean,
): Promise<Prints | null> {
  const owner = inspection.owner("vectors");
  const { deep, nextOrdinal } = inspection.context;
  const found = new Bitmap();
  const prints = wantsPrints && deep ? { found, of: new Uint32Array(nextOrdinal) } : null;
  const before = inspection.findingCount;
  for await (const { ordinals, parts } of inspection.rows("vectors", rows, owner)) {
    found.addAll(ordinals);
    if (prints !== null) takePrints(prints.of, ordinals, quantizedRows(parts[0]!), dimension);
    inspection.counts.vectors += ordinals.length;
    const wrong = damageOfVectors(parts, dimension, inspection.context, hasCodes);
    if (wrong !== null)
      inspection.find("vectors", owner, `The vector of ordinal ${ordinals[wrong]} of ${owner} is not what its codes or checksum tell`);
  }
  if (!inspection.isWhole || inspection.findingCount > before) return null;
  const { inside, outside } = found.countAgainst(inspection.live);
  if (outside === 0 && inside === inspection.counts.records) return prints;
  const message = `${inside} of ${inspection.counts.records} records have a vector in ${owner}, and ${outside} vectors have no record`;
  inspection.find("vectors", owner, message);
  return null;
}

function takePrints(prints: Uint32Array, ordinals: Uint32Array, { codes, slopes, intercepts }: QuantizedRows, dimension: number): void {
  for (let row = 0; row < ordinals.length; row++) {
    prints[ordinals[row]!] = fingerprintOfRow(codes.subarray(row * dimension, (row + 1) * dimension), slopes[row]!, intercepts[row]!);
  }
}

/** The first row that is not as it should be. */
function damageOfVectors(
  [codeBlock, embeddingBlock]: readonly Block[],
  dimension: number,
  context: InspectionContext,
  hasCodes: boolean,
): number | null {
  const embeddings = embeddingBlock!.fixedF32("embedding");
  const checksums = codeBlock!.u32("crc");
  const sums = crc32OfRows(embeddings, dimension);
  const wrong = checksums.findIndex((checksum, row) => sums[row] !== checksum);
  if (wrong >= 0 || !context.deep || !hasCodes) return wrong < 0 ? null : wrong;
  const stored = quantizedRows(codeBlock!);
  const made = quantizeRows(context.row.configuration.hnsw.space, dimension, embeddings);
  const code = stored.codes.findIndex((value, at) => value !== made.codes[at]);
  if (code >= 0) return Math.floor(code / dimension);
  const number = (["slopes", "intercepts", "errors"] as const).map((of) =>
    stored[of].findIndex((value, row) => !Object.is(value, made[of][row])),
  );
  return number.find((row) => row >= 0) ?? null;
}

/** The graph can be walked, and its nodes are of the rows, but for as many as have changed since it was saved. */
export async function verifyGraph(graph: GraphSection, prints: Prints | null, inspection: Inspection): Promise<void> {
  const { blocks, tick } = inspection.context;
  const owner = inspection.owner("graph");
  const snapshot = await inspection.attempt("graph", owner, () => loadGraph(blocks, graph, owner, tick));
  if (snapshot === null) return;
  inspection.counts.blocks += graph.pieces.length;
  const damage = await inTurns(damageOf(snapshot, graph, graph.seed), tick);
  if (damage !== null) return inspection.find("graph", owner, `The graph of ${owner} cannot be walked: ${damage}`);
  if (prints === null || graph.changed === undefined) return;
  let others = 0;
  for (const [i, piece] of snapshot.pieces.entries()) {
    await tick();
    others += countOthers(piece, i * PIECE_ORDINALS, prints);
  }
  if (others <= graph.changed) return;
  inspection.find("graph", owner, `${others} nodes of ${owner} are of no vector there is, and ${graph.changed} vectors changed since`);
}

/** Nodes of a piece that are not of the row that has their ordinal. */
function countOthers({ heights, fingerprints }: SnapshotPiece, first: number, { found, of }: Prints): number {
  let others = 0;
  for (let i = 0; i < heights.length; i++) {
    if (heights[i]! > 0 && !(found.has(first + i) && of[first + i] === fingerprints[i])) others++;
  }
  return others;
}

/** Lists can be read, and each row that the map has in a list is there. */
export async function verifyLists(section: ListsSection, dimension: number, inspection: Inspection): Promise<void> {
  const owner = inspection.owner("lists");
  await inspection.attempt("lists", owner, async () => {
    const { blocks, tick } = inspection.context;
    const read = async (ref: BlockRef): Promise<Block> => Block.decode(await blocks.readBytes(ref, owner));
    const directory = await readDirectory(section, read);
    const slotOf = new Uint32Array(inspection.context.nextOrdinal).fill(NO_LIST);
    for await (const [first, slots] of readMap(section.map, read, tick)) {
      slotOf.set(slots.subarray(0, Math.max(0, slotOf.length - first)), Math.min(first, slotOf.length));
    }
    for (const ref of section.centroids) await blocks.readBytes(ref, owner);
    for (const ref of section.blocks) await takeListed(ref, directory, slotOf, dimension, inspection);
    inspection.counts.blocks += section.map.length + section.centroids.length + 1;
    let missing = 0;
    for (const ordinal of inspection.live.values()) if ((slotOf[ordinal] ?? NO_LIST) !== NO_LIST) missing++;
    if (missing > 0) inspection.find("lists", owner, `${missing} rows of ${owner} are not in the lists that they should be in`);
  });
}

/** Takes the rows of a block's lists that are in the right one out of `slotOf`. */
async function takeListed(
  ref: BlockRef,
  directory: ReadonlyMap<number, BlockPart>,
  slotOf: Uint32Array,
  dimension: number,
  inspection: Inspection,
): Promise<void> {
  const owner = inspection.owner("lists");
  const bytes = await inspection.attempt("lists", placeOf(ref), () => inspection.context.blocks.readBytes(ref, owner));
  inspection.counts.blocks++;
  for (const [slot, place] of directory) {
    if (place.ref !== ref) continue;
    // What cannot be read is found once, as a block.
    const list = bytes?.slice(place.start, place.start + place.length);
    if (list !== undefined && crc32(list) !== place.crc32)
      inspection.find("lists", placeOf(ref), `List ${slot} of ${owner} fails its checksum`);
    else if (list !== undefined) for (const ordinal of ordinalsOf(list, paddedDimensionOf(dimension))) takeRow(ordinal, slot, slotOf);
    else slotOf.forEach((other, ordinal) => other === slot && takeRow(ordinal, slot, slotOf));
  }
}

function takeRow(ordinal: number, slot: number, slotOf: Uint32Array): void {
  if (slotOf[ordinal] === slot) slotOf[ordinal] = NO_LIST;
}
