/**
 * Databases of format version 1, where no row was bound to its key, none had a spare, there was no digest of the catalog, and a
 * manifest spelled out the insides of every section. Opening one writes all rows anew in one transaction.
 */

import { firstLink } from "../base/log-chain.js";
import type { Sections } from "../collection/parts.js";
import type { CatalogStore } from "../storage.js";
import { formatKey, idIn } from "./catalog-keys.js";
import type { Manifest } from "./manifest.js";
import { decodeUnboundRow, encodeRow } from "./row.js";
import { SealedCatalog } from "./sealed-catalog.js";

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
  graph: Sections["vectors"]["graph"];
}

/**
 * Writes the rows of format 1, and this row `format` with them, as the present format has them. A damaged one stays as it is, and
 * is told as such by the digest from then on.
 */
export async function raiseFromFormat1(catalog: CatalogStore, before: Uint8Array, format: object): Promise<void> {
  const put = new Map([[formatKey, encodeRow(formatKey, format)]]);
  for (const [key, bytes] of await catalog.list("")) {
    if (SealedCatalog.seals(key)) put.set(key, raisedRow(key, bytes));
  }
  await SealedCatalog.empty(catalog).commit({ expect: new Map([[formatKey, before]]), put });
}

function raisedRow(key: string, bytes: Uint8Array): Uint8Array {
  const row = decodedOrNull(key, bytes);
  if (row === null) return bytes;
  const isManifest = key.startsWith("manifest/") || key.startsWith("version/");
  return encodeRow(key, isManifest ? fromFormat1(idIn(key), row as ManifestOfFormat1) : row);
}

/** `null` for a damaged row. */
function decodedOrNull(key: string, bytes: Uint8Array): unknown {
  try {
    return decodeUnboundRow(key, bytes);
  } catch {
    return null;
  }
}

function fromFormat1(id: string, row: ManifestOfFormat1): Manifest {
  const { version, offset, nextOrdinal, count, dimension, hasDocuments, ids, payload, vectors, metadata, graph } = row;
  return {
    version,
    offset,
    link: firstLink(id),
    nextOrdinal,
    count,
    requests: [],
    sections: {
      records: { ids, payload },
      vectors: { dimension, rows: vectors, graph },
      metadata,
      sparse: { indexes: [] },
      // A snapshot of the text index is not read: segments are made of the records.
      text: { segments: hasDocuments ? null : [] },
    },
  };
}
