/**
 * A manifest names the blocks of one version of one collection. It is the only place where references to blocks are
 * kept. Publishing one (a compare-and-set in the catalog that also truncates the log) is a compaction's only commit point;
 * a fork commits a manifest too, together with a copy of the log after it.
 *
 * Invariants: a manifest names only flushed blocks; `offset` is the last log record that its segments contain, and the
 * log is never truncated past it; ordinals in its blocks are below `nextOrdinal`.
 */
import type { BlockRef } from "../blockstore/blockstore.js";
import type { OrdinalSection } from "../blockstore/ordinal-blockfile.js";
import type { MetadataSection } from "../collection/metadata.js";
import type { TextSection } from "../collection/text.js";
import type { GraphSection } from "../segment/graph.js";

export interface Manifest {
  version: number;
  offset: number;
  dimension: number | null;
  nextOrdinal: number;
  /** Live records in the segments. */
  count: number;
  /** Whether any record ever had a document. */
  hasDocuments: boolean;
  /** ordinal → id. */
  ids: OrdinalSection;
  /** ordinal → document, uri, metadata. */
  payload: OrdinalSection;
  /** ordinal → codes, embedding. */
  vectors: OrdinalSection;
  metadata: MetadataSection;
  text: TextSection | null;
  /** The vector index's graph, as of some earlier moment. */
  graph: GraphSection | null;
}

export function emptyManifest(): Manifest {
  return {
    version: 0,
    offset: 0,
    dimension: null,
    nextOrdinal: 0,
    count: 0,
    hasDocuments: false,
    ids: [],
    payload: [],
    vectors: [],
    metadata: { postings: { blocks: [] } },
    text: null,
    graph: null,
  };
}

/** Blocks that any of the manifests names and none of the `kept` does, once each. */
export function refsOnlyIn(manifests: readonly Manifest[], kept: readonly Manifest[]): BlockRef[] {
  const keptKeys = new Set(kept.flatMap((manifest) => [...manifestRefs(manifest)].map(refKey)));
  const refs = new Map<string, BlockRef>();
  for (const manifest of manifests) {
    for (const ref of manifestRefs(manifest)) if (!keptKeys.has(refKey(ref))) refs.set(refKey(ref), ref);
  }
  return [...refs.values()];
}

function* manifestRefs(manifest: Manifest): Generator<BlockRef, void, undefined> {
  for (const section of [manifest.ids, manifest.payload, manifest.vectors]) {
    for (const entry of section) yield* entry.refs;
  }
  for (const block of manifest.metadata.postings.blocks) yield block.ref;
  if (manifest.text !== null) yield* manifest.text.blocks;
  if (manifest.graph !== null) yield* manifest.graph.pieces;
}

function refKey(ref: BlockRef): string {
  return `${ref.arena}:${ref.offset}`;
}
