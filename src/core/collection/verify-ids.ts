/**
 * Looks for ids that stand twice without keeping them all: bits tell which fingerprints more than one id has, which are few, and only
 * ids of those are kept, for which their blocks are read once more.
 */
import { Bitmap } from "../base/bitmap.js";
import { fingerprintOf } from "../base/fingerprint.js";
import { Block } from "../blockstore/block.js";
import type { OrdinalSection } from "../blockstore/ordinal-blockfile.js";
import { show, TidepoolError } from "../errors.js";
import type { Inspection } from "./inspection.js";

/** Bits for each record, so that about one id in as many has the bit of another. */
const BITS_PER_RECORD = 32;
const BITS_MIN = 2 ** 15;
const BITS_MAX = 2 ** 28;

/** Reads all ids, counts them, and takes note of their ordinals. */
export async function verifyIds(section: OrdinalSection, inspection: Inspection): Promise<void> {
  const { context, counts, live } = inspection;
  const owner = inspection.owner("ids");
  const bits = Math.min(BITS_MAX, Math.max(BITS_MIN, BITS_PER_RECORD * context.count));
  const seen = new Bitmap(bits);
  const repeated = new Set<number>();
  for await (const { parts, ordinals } of inspection.rows("records", section, owner)) {
    for (const id of parts[0]!.utf8Column("id")) {
      const bit = fingerprintOf(id) % bits;
      if (seen.has(bit)) repeated.add(bit);
      seen.add(bit);
    }
    live.addAll(ordinals);
    counts.records += ordinals.length;
  }
  if (repeated.size > 0) await compareIds(section, inspection, (id) => repeated.has(fingerprintOf(id) % bits));
}

/** Compares those ids that may stand twice. */
async function compareIds(section: OrdinalSection, inspection: Inspection, mayBeTwice: (id: string) => boolean): Promise<void> {
  const owner = inspection.owner("ids");
  const seen = new Set<string>();
  for (const { refs } of section) {
    const block = await inspection.context.blocks.readBytes(refs[0]!, owner).then(Block.decode, orNull);
    for (const id of block?.utf8Column("id") ?? []) {
      if (!mayBeTwice(id)) continue;
      if (seen.has(id)) inspection.find("records", id, `Id ${show(id)} stands twice in ${owner}`);
      seen.add(id);
    }
  }
}

/** Of a damaged block it was told when it was read first. */
function orNull(error: unknown): null {
  if (error instanceof TidepoolError && error.code === "CORRUPTION") return null;
  throw error;
}
