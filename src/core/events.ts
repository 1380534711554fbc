/**
 * What the engine tells without being asked: the worker sends it to every session that has the database open, and
 * `client.on` hands it to whoever listens in the page.
 */
import type { TidepoolWarning } from "./service.js";

/** How much of what the browser grants this origin is used, told when it comes near. */
export interface QuotaEvent {
  /** Bytes that this origin stores, as the browser estimates them. */
  usageBytes: number;
  /** Bytes that it may store. */
  quotaBytes: number;
}

/** What happened to records, or to the collection itself. */
export type ChangeKind = "add" | "update" | "upsert" | "delete" | "create" | "modify" | "drop";

/** A collection was changed, by whatever client of the database. It is durable and visible when it is told. */
export interface Change {
  /** "add", "update", "upsert" and "delete" concern records; "create", "modify" and "drop" the collection itself. */
  kind: ChangeKind;
  /** The tenant whose collection it is. */
  tenant: string;
  /** The database in which it lies. */
  database: string;
  /** The collection's id, which stays when it is renamed. */
  collectionId: string;
  /** The collection's name, after the change. */
  collection: string;
  /** Records that the request named; 0 where the collection itself was changed. */
  count: number;
  /** Their ids; `null` where there are more than 100 (`changeIdsMax`): read the collection again then. */
  ids: string[] | null;
}

/** How far a call is that takes long; told to whoever made it. */
export interface Progress {
  /** Bytes that it has read. */
  bytes: number;
  /** Bytes that it will have read. */
  totalBytes: number;
}

/** Results that a client watches and that may have changed. */
export interface LiveEvent {
  /** The client whose watches they are. */
  clientId: string;
  /** Their names, as the client has given them. */
  watches: string[];
}

/** What the engine tells, by type. */
export interface EngineEvents {
  warning: TidepoolWarning;
  quota: QuotaEvent;
  /** With the id of the request that it came from; `null` where that had none. */
  change: Change & { requestId: string | null };
  /** With the id of the call. */
  progress: Progress & { requestId: string };
  live: LiveEvent;
}

/** Takes what the engine tells. It must not throw. */
export type Tell = <T extends keyof EngineEvents>(type: T, event: EngineEvents[T]) => void;
