/**
 * The keys of the system database's rows in the catalog: `format` · `tenant/<t>` · `database/<t>/<d>` · `collection/<id>` ·
 * `manifest/<id>` · `staged/<id>` (a manifest in young arenas) · `version/<id>/<n>` (an earlier manifest), names percent-encoded;
 * `requests` (`catalog-requests.ts`); and what `sealed-catalog.ts` keeps of them: `digest/<bucket>` · `spare/<key>`.
 */

export const formatKey = "format";

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

export function stagedKey(id: string): string {
  return `staged/${id}`;
}

export function versionKey(id: string, version: number): string {
  return `version/${id}/${version}`;
}

export function digestKey(bucket: number): string {
  return `digest/${bucket}`;
}

/** Where the second copy of a row stands. */
export function spareKey(key: string): string {
  return `spare/${key}`;
}

/** The name in the key of a tenant, or those in the key of a database. */
export function namesIn(key: string): string[] {
  return key.split("/").slice(1).map(decodeURIComponent);
}

/** The collection's id in the key of its row, its manifest or an earlier one. */
export function idIn(key: string): string {
  return key.split("/")[1]!;
}
