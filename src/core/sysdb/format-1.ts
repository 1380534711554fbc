/**
 * Manifests as they were in format version 1, where a manifest spelled out the insides of every section: read, and never
 * written any more.
 */

import type { Sections } from "../collection/parts.js";
import type { TextSnapshot } from "../segment/text-section.js";
import type { Manifest } from "./manifest.js";

interface ManifestOfFormat1 {
  version: number;
  offset: number;
  dimension: number | null;
  nextOrdinal: number;
  count: number;
  hasDocuments: boolean;
  ids: Sections["records"]["ids"];
  payload: Sections["records"]["payload"];
  vectors: Sections["vectors"]["rows"];
  metadata: Sections["metadata"];
  text: TextSnapshot | null;
  graph: Sections["vectors"]["graph"];
}

/** The manifest of a row, of whichever format. */
export function toManifest(row: Manifest | ManifestOfFormat1): Manifest {
  return "sections" in row ? row : fromFormat1(row);
}

function fromFormat1(row: ManifestOfFormat1): Manifest {
  const { version, offset, nextOrdinal, count, dimension, hasDocuments, ids, payload, vectors, metadata, text, graph } = row;
  return {
    version,
    offset,
    nextOrdinal,
    count,
    requests: [],
    sections: {
      records: { ids, payload },
      vectors: { dimension, rows: vectors, graph },
      metadata,
      text: { hasDocuments, snapshot: text },
    },
  };
}
