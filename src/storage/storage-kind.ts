/**
 * The catalog row that says where a database's blocks lie, or that the database is being destroyed. It is written when the
 * database is created, before any block is, and replaced before the first block is deleted; so blocks without this row are
 * what is left of a database whose catalog the browser has dropped.
 */
import { show, TidepoolError } from "../core/errors.js";
import type { CatalogStore } from "../core/storage.js";

export type PersistentKind = "opfs" | "indexeddb";
export type StorageState = PersistentKind | "destroying";

/** Holds `{"kind":"opfs"}`, `{"kind":"indexeddb"}` or `{"kind":"destroying"}`. */
export const storageKey = "storage";

const states: readonly StorageState[] = ["opfs", "indexeddb", "destroying"];

/** `null` when there is no database yet, or none any more. */
export async function readStorageState(catalog: CatalogStore, path: string): Promise<StorageState | null> {
  const bytes = await catalog.get(storageKey);
  if (!bytes) return null;
  const text = new TextDecoder().decode(bytes);
  const state = states.find((known) => text === encode(known));
  if (!state) throw new TidepoolError("CORRUPTION", `The database "${path}" does not say where its blocks lie: ${show(text)}`);
  return state;
}

/** Says where the blocks of a new database will lie. */
export function recordKind(catalog: CatalogStore, kind: PersistentKind): Promise<void> {
  return catalog.commit({ expect: new Map([[storageKey, null]]), put: row(kind) });
}

/** From now on there is no way back: whoever opens the database finishes its destruction. */
export function recordDestruction(catalog: CatalogStore): Promise<void> {
  return catalog.commit({ put: row("destroying"), makesRoom: true });
}

function row(state: StorageState): Map<string, Uint8Array> {
  return new Map([[storageKey, new TextEncoder().encode(encode(state))]]);
}

function encode(kind: StorageState): string {
  return JSON.stringify({ kind });
}
