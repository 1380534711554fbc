/** The entry `tidepool-db/sync`: what `client.sync` loads on demand. Importing it starts nothing. */
export type { Direction } from "./api/sync/merge.js";
export { syncCollections } from "./api/sync/sync-collections.js";
export type { Sync } from "./api/sync/sync-handle.js";
export type {
  CollectionSyncReport,
  SyncAnswer,
  SyncComparison,
  SyncConflict,
  SyncEvents,
  SyncOptions,
  SyncRejection,
  SyncReport,
  SyncResolution,
  SyncStatus,
  SyncWinner,
} from "./api/sync/sync-options.js";
export type { SyncRecord } from "./api/sync/sync-record.js";
