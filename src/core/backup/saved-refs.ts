/** The blocks that the manifests of a backup name, once each, in the order in which they stand in the file. */
import type { BlockRef } from "../blockstore/blockstore.js";
import { sectionKinds } from "../collection/parts.js";
import { refKey } from "../sysdb/manifest.js";
import type { BackupHead } from "./backup-file.js";

export function* savedRefs({ collections }: Pick<BackupHead, "collections">): Generator<BlockRef, void, undefined> {
  const seen = new Set<string>();
  for (const { manifests } of collections) {
    for (const { sections } of manifests) {
      for (const ref of sectionKinds.refs(sections)) {
        if (seen.has(refKey(ref))) continue;
        seen.add(refKey(ref));
        yield ref;
      }
    }
  }
}
