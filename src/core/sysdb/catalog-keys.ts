/**
 * The keys of the system database's rows in the catalog: `format` · `tenant/<t>` · `database/<t>/<d>` · `collection/<id>` ·
 * `manifest/<id>` · `version/<id>/<n>` (an earlier manifest), names percent-encoded.
 */

export function tenantKey(tenant: string): string {
  return `tenant/${encodeURIComponent(tenant)}`;
}

export function databaseKey(tenant: string, database: string): string {
  return `database/${encodeURIComponent(tenant)}/${encodeURIComponent(database)}`;
}

export function collectionKey(id: string): string {
  return `collection/${id}`;
}

export function manifestKey(id: string): string {
  return `manifest/${id}`;
}

export function versionKey(id: string, version: number): string {
  return `version/${id}/${version}`;
}

/** The collection's id in the key of a manifest or of an earlier one. */
export function idIn(key: string): string {
  return key.split("/")[1]!;
}
