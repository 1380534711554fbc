/**
 * The blocks of a database that is published, once each, in the order in which they lie best for those who read it over a network: of
 * each collection what opening it reads, then ids, which every answer has, the indexes, documents, and vectors, which are most of it.
 */
import type { BlockRef } from "../blockstore/blockstore.js";
import { type Sections, sectionKinds } from "../collection/parts.js";
import type { PublishedBlock } from "../service.js";
import { refKey } from "../sysdb/manifest.js";
import type { BackupHead } from "./backup-file.js";

export function publishedBlocks({ collections }: Pick<BackupHead, "collections">): PublishedBlock[] {
  const blocks = new Map<string, PublishedBlock>();
  const put = (refs: Iterable<BlockRef>, opens: boolean): void => {
    for (const ref of refs) if (!blocks.has(refKey(ref))) blocks.set(refKey(ref), { ref, opens });
  };
  for (const { manifests } of collections) {
    for (const { sections } of manifests) {
      put(opening(sections), true);
      put(orderly(sections), false);
    }
  }
  return [...blocks.values()];
}

function* opening({ records, vectors: { rows, graph, lists } }: Sections): Generator<BlockRef, void, undefined> {
  for (const { beside } of records.ids) if (beside != null) yield beside;
  for (const { refs } of rows) yield refs[0]!;
  if (graph !== null) yield* graph.pieces;
  if (lists === undefined) return;
  yield lists.directory;
  yield* lists.centroids;
  yield* lists.map;
}

/** All of them. */
function* orderly(sections: Sections): Generator<BlockRef, void, undefined> {
  const { ids, payload } = sections.records;
  const vectors = sections.vectors.rows.map(({ refs }) => refs[1]!);
  const last = new Set([...payload.flatMap(({ refs, beside }) => [...refs, beside]), ...vectors]);
  for (const { refs } of ids) yield* refs;
  for (const ref of sectionKinds.refs(sections)) if (!last.has(ref)) yield ref;
  for (const { beside } of payload) if (beside != null) yield beside;
  for (const { refs } of payload) yield* refs;
  yield* vectors;
}
