/**
 * One verification of what is on disk of a collection: reads past all caches, gathers what is found, and never throws for damage.
 * It needs no open collection, so that one that cannot be opened is verified, too. Parts are verified in the order of `parts.ts`: what the
 * records say is what the indexes are compared with.
 */
import { Bitmap } from "../base/bitmap.js";
import type { Tick } from "../base/turns.js";
import { Block } from "../blockstore/block.js";
import type { BlockRef, BlockStore } from "../blockstore/blockstore.js";
import type { OrdinalEntry } from "../blockstore/ordinal-blockfile.js";
import { TidepoolError } from "../errors.js";
import type { LoadStem } from "../index/text/analyzer.js";
import { limits } from "../limits.js";
import type { IndexPolicy } from "../schema.js";
import type { Payload } from "../segment/record.js";
import type { Finding, VerifiedCounts } from "../service.js";
import type { CollectionRow } from "../sysdb/collection-row.js";

export interface InspectionContext {
  /** Takes a turn before each block. */
  blocks: Pick<BlockStore, "readBytes">;
  row: CollectionRow;
  indexes: IndexPolicy;
  /** Whether indexes are compared with records. */
  deep: boolean;
  /** One past the largest ordinal in the sections. */
  nextOrdinal: number;
  /** Records that the manifest counts. */
  count: number;
  tick: Tick;
  loadStem: LoadStem;
}

export class Inspection {
  readonly context: InspectionContext;
  /** The first ones; `findingCount` counts all. */
  readonly findings: Finding[] = [];
  findingCount = 0;
  readonly counts: VerifiedCounts = { logRecords: 0, blocks: 0, bytes: 0, records: 0, vectors: 0, postings: 0, documents: 0 };
  /** Ordinals of the records. */
  readonly live = new Bitmap();
  /** Whether all of the records could be read: nothing is compared with what is known in part. */
  isWhole = true;
  /** The records' payloads, block by block. */
  payloads: () => AsyncGenerator<{ ordinals: Uint32Array; payloadAt: (row: number) => Payload }, void, undefined> = async function* () {};

  constructor(context: InspectionContext) {
    this.context = context;
  }

  /** Names collection and segment in findings. */
  owner(segment: string): string {
    return `collection "${this.context.row.name}" (${segment})`;
  }

  find(kind: Finding["kind"], place: string, message: string): void {
    this.findingCount++;
    if (this.findings.length < limits.findingsMax) this.findings.push({ kind, place, message });
  }

  /** Takes back the findings after the first so many. */
  forget(after: number): void {
    this.findings.length = Math.min(this.findings.length, after);
    this.findingCount = after;
  }

  /** What `work` returns; `null` when it met damage, which is then a finding. */
  async attempt<T>(kind: Finding["kind"], place: string, work: () => Promise<T>): Promise<T | null> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof TidepoolError) || error.code !== "CORRUPTION") throw error;
      this.find(kind, place, error.message);
      return null;
    }
  }

  /** A block, its checksum verified; `null` when it cannot be read, which is then a finding. */
  async block(kind: Finding["kind"], ref: BlockRef, owner: string): Promise<Block | null> {
    const bytes = await this.attempt(kind, placeOf(ref), () => this.context.blocks.readBytes(ref, owner));
    if (bytes === null) return null;
    this.counts.blocks++;
    this.counts.bytes += bytes.length;
    return Block.decode(bytes);
  }

  /** Blocks of rows by ordinal, those that can be read: their ordinals are as the section says. `isWhole` is false once one is not. */
  async *rows(
    kind: Finding["kind"],
    section: readonly OrdinalEntry[],
    owner: string,
  ): AsyncGenerator<{ parts: Block[]; ordinals: Uint32Array }, void, undefined> {
    let previous = -1;
    for (const entry of section) {
      const parts: (Block | null)[] = [];
      for (const ref of entry.refs) parts.push(await this.block(kind, ref, owner));
      if (parts.includes(null)) {
        if (kind === "records") this.isWhole = false;
        continue;
      }
      const ordinals = parts[0]!.u32("ordinal");
      const wrong = this.#wrongOrdinals(ordinals, entry, previous);
      if (wrong !== null) this.find(kind, placeOf(entry.refs[0]!), `Block ${placeOf(entry.refs[0]!)} of ${owner} ${wrong}`);
      previous = entry.last;
      yield { parts: parts as Block[], ordinals };
    }
  }

  #wrongOrdinals(ordinals: Uint32Array, { first, last, rows }: OrdinalEntry, previous: number): string | null {
    if (ordinals.length !== rows) return `has ${ordinals.length} rows instead of ${rows}`;
    if (ordinals[0] !== first || ordinals[ordinals.length - 1] !== last) return `does not hold ordinals ${first} to ${last}`;
    if (first <= previous) return `begins with ordinal ${first}, which does not follow ${previous}`;
    for (let row = 1; row < ordinals.length; row++)
      if (ordinals[row]! <= ordinals[row - 1]!) return `has ordinals out of order in row ${row}`;
    return last < this.context.nextOrdinal ? null : `has ordinal ${last}, and the manifest knows those below ${this.context.nextOrdinal}`;
  }
}

/** A block as places are shown. */
export function placeOf({ arena, offset, length }: BlockRef): string {
  return `${arena}:${offset}+${length}`;
}
