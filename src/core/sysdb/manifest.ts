/**
 * A manifest names the blocks of one version of one collection. It is the only place where references to blocks are
 * kept. Publishing one (a compare-and-set in the catalog that also truncates the log) is a compaction's only commit point;
 * a fork commits a manifest too, together with a copy of the log after it.
 *
 * What the sections say is the business of the collection's parts; here it is only asked which blocks they name.
 *
 * Invariants: a manifest names only flushed blocks; `offset` is the last log record that its segments contain, and the
 * log is never truncated past it; ordinals in its blocks are below `nextOrdinal`. It never changes but for the places of blocks that
 * are moved.
 */

import { firstLink } from "../base/log-chain.js";
import type { BlockRef } from "../blockstore/blockstore.js";
import type { AppliedRequest } from "../collection/applied-requests.js";
import type { Sections } from "../collection/parts.js";
import type { CollectionRow } from "./collection-row.js";

export interface Manifest {
  version: number;
  offset: number;
  /** Link of the log record at `offset`, which the next one continues: head of `base/log-chain.ts`. */
  link: number;
  nextOrdinal: number;
  /** Live records in the segments. */
  count: number;
  /** The latest requests of log records up to `offset`, the oldest first. */
  requests: AppliedRequest[];
  /** Of an earlier version, from before its collection was reembedded: what the vectors in it were made under. */
  madeUnder?: MadeUnder;
  sections: Sections;
}

/** What vectors depend on. */
export type MadeUnder = Required<Pick<CollectionRow, "configuration" | "model">>;

/** What the system database has to know of sections. */
export interface SectionKinds {
  empty(): Sections;
  /** Every block that any of the sections names. */
  refs(sections: Sections): Iterable<BlockRef>;
}

export function emptyManifest(sections: Sections, id: string): Manifest {
  return { version: 0, offset: 0, link: firstLink(id), nextOrdinal: 0, count: 0, requests: [], sections };
}

/** Blocks that any of the manifests names and none of the `kept` does, once each. */
export function refsOnlyIn(kinds: SectionKinds, manifests: readonly Manifest[], kept: readonly Manifest[]): BlockRef[] {
  const refsOf = ({ sections }: Manifest): BlockRef[] => [...kinds.refs(sections)];
  const keptKeys = new Set(kept.flatMap((manifest) => refsOf(manifest).map(refKey)));
  const refs = new Map<string, BlockRef>();
  for (const manifest of manifests) {
    for (const ref of refsOf(manifest)) if (!keptKeys.has(refKey(ref))) refs.set(refKey(ref), ref);
  }
  return [...refs.values()];
}

/** Has the manifest name other places of blocks, by their present ones (`refKey`); whoever shares a reference follows. */
export function moveRefs(kinds: SectionKinds, { sections }: Manifest, places: ReadonlyMap<string, BlockRef>): void {
  for (const ref of kinds.refs(sections)) {
    const place = places.get(refKey(ref));
    if (place === undefined) continue;
    // A backup may come from where blocks are encrypted, to where they are not.
    delete ref.writeId;
    delete ref.keyVersion;
    Object.assign(ref, place);
  }
}

/** A block in use is known by its place. */
export function refKey(ref: BlockRef): string {
  return `${ref.arena}:${ref.offset}`;
}
