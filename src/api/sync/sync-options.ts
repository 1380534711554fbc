/** What a sync is asked for, checked, and what it tells. */
import { invalidArgument, show, type TidepoolError } from "../../core/errors.js";
import { validateArray, validateAtLeast, validateName, validateText } from "../../core/gateway/validate/values.js";
import { limits } from "../../core/limits.js";
import { readObject } from "../read-arguments.js";
import { type RemoteOptions, readRemote } from "../remote/remote-options.js";
import type { Direction } from "./merge.js";
import { MARKS } from "./remote-side.js";
import type { SyncRecord } from "./sync-record.js";

/** Which of two states of a record is to be that of both sides. */
export type SyncWinner = "local" | "remote";

/** A record that was changed on both sides since they last agreed, or that a server has lost. */
export interface SyncConflict {
  /** The collection's name. */
  collection: string;
  /** The record's id. */
  id: string;
  /** The record here; `null`: it was deleted. */
  local: SyncRecord | null;
  /** The record on the server; `null`: it was deleted. */
  remote: SyncRecord | null;
  /**
   * "changed": both sides have changed it; "restored": the server has gone back to an earlier state, or may have; "interrupted": it was
   * being created on the side where it is missing when a crash, or a lost answer, ended that. It is deleted where that side tells that it
   * was there, and else created again, whatever the rule is.
   */
  reason: "changed" | "restored" | "interrupted";
}

/** A conflict and what became of it. What has lost is told here, and nowhere else. */
export interface SyncResolution extends SyncConflict {
  /** Whose state both sides get; "merged": that which the function has made. */
  winner: SyncWinner | "merged";
}

/** What a function may answer to a conflict: whose state wins, or what both are to have in the place of theirs. */
export type SyncAnswer = SyncWinner | Partial<Omit<SyncRecord, "id">>;

/** Arguments of `client.sync`. */
export interface SyncOptions {
  /** The Chroma server, with its tenant and database, as for a client with `remote`. */
  remote: RemoteOptions;
  /** Names of the collections, at least one; they have the same names on both sides. One that is missing on a side is created there. */
  collections: string[];
  /** "push": changes here go to the server; "pull": changes there come here; "both", the default. */
  direction?: Direction;
  /**
   * What becomes of a record that both sides have changed: "local" or "remote" wins, or the one whose value under `revisionKey` is higher,
   * "newest"; or a function decides. Default "local".
   */
  conflict?: SyncWinner | "newest" | ((conflict: SyncConflict) => SyncAnswer | Promise<SyncAnswer>);
  /**
   * A metadata key with a number that every writer raises with each change, such as a hybrid clock. With it changes on the server are
   * found without reading all of it, and "newest" is known. A change that does not raise it is found when a sync starts.
   */
  revisionKey?: string;
  /** Milliseconds between two looks at the server, more or less, at least 100. Default 30,000; `null`: only `now()` syncs. */
  intervalMs?: number | null;
  /** Seals all but the ids before it leaves: the server then only stores. An AES-GCM key that may encrypt and decrypt. */
  encryption?: {
    /** The application's to keep: without it nobody opens what is sealed. */
    key: CryptoKey;
  };
}

/** A record that a side has refused. */
export interface SyncRejection {
  /** Its id. */
  id: string;
  /** The side that has refused it. */
  side: SyncWinner;
  /** Why. */
  error: TidepoolError;
}

/** What was done for one collection. */
export interface CollectionSyncReport {
  /** The collection's name. */
  collection: string;
  /** Records that were written to the server. */
  pushed: number;
  /** Records that were written here. */
  pulled: number;
  /** Records that were deleted on the server. */
  deletedRemote: number;
  /** Records that were deleted here. */
  deletedLocal: number;
  /** Conflicts that were resolved. */
  conflicts: number;
  /** Records that the other side has refused, and why; they stay as they are. */
  rejected: SyncRejection[];
}

/** What one round has done. */
export interface SyncReport {
  /** By collection, in the order of the argument. */
  collections: CollectionSyncReport[];
}

/** All records of a side are read and compared, since what has changed there is not known. */
export interface SyncComparison {
  /** The collection's name. */
  collection: string;
  /** Which side is read. */
  side: SyncWinner;
  /**
   * "first": they were never compared; "log": the log does not tell any more what has changed here; "restored": the server has gone
   * back to an earlier state, or the last round was interrupted; "unknown": the server does not tell what has changed.
   */
  reason: "first" | "log" | "restored" | "unknown";
}

/** What a sync is doing. */
export interface SyncStatus {
  /**
   * "standby": another tab syncs these collections, and this one takes over when that goes; "syncing"; "idle": all is done, as far as is
   * known; "waiting": the last round has failed, and another comes at `retryAt`; "offline"; "paused"; "stopped".
   */
  state: "standby" | "syncing" | "idle" | "waiting" | "offline" | "paused" | "stopped";
  /** Why the last round has failed; `null` where it has not. */
  error: TidepoolError | null;
  /** When the next try begins, in ms since the epoch; `null` where none waits. */
  retryAt: number | null;
}

/** What `sync.on` tells of, by the name of the event. */
export interface SyncEvents {
  /** The state has changed. */
  status: SyncStatus;
  /** A conflict is being resolved; told again where that was interrupted. */
  conflict: SyncResolution;
  /** A whole side is read. */
  comparison: SyncComparison;
  /** A round has ended well. */
  round: SyncReport;
}

/**
 * The options with their defaults.
 *
 * @internal
 */
export interface Asked {
  remote: ReturnType<typeof readRemote>;
  collections: string[];
  direction: Direction;
  conflict: NonNullable<SyncOptions["conflict"]>;
  revisionKey: string | undefined;
  intervalMs: number | null;
  key: CryptoKey | undefined;
}

/**
 * The names of the arguments, for `readObject`.
 *
 * @internal
 */
export const SYNC_FIELDS = "remote collections direction conflict revisionKey intervalMs encryption";
const DIRECTIONS = ["push", "pull", "both"];
const WINNERS = ["local", "remote", "newest"];
const INTERVAL_MS = 30_000;

/** @internal */
export function readSync(options: SyncOptions): Asked {
  const given = readObject(options, "sync", SYNC_FIELDS);
  const { remote, direction = "both", conflict = "local", revisionKey, intervalMs = INTERVAL_MS, encryption } = given;
  if (typeof remote !== "object" || remote === null) throw invalidArgument(`remote must be the options of a server, got ${show(remote)}`);
  if (!DIRECTIONS.includes(direction)) throw invalidArgument(`direction must be one of ${DIRECTIONS.join(", ")}, got ${show(direction)}`);
  if (typeof conflict !== "function" && !WINNERS.includes(conflict)) {
    throw invalidArgument(`conflict must be one of ${WINNERS.join(", ")} or a function, got ${show(conflict)}`);
  }
  if (revisionKey !== undefined) validateText(revisionKey, "revisionKey");
  if (conflict === "newest" && revisionKey === undefined) throw invalidArgument('conflict "newest" needs a revisionKey');
  if (intervalMs !== null) validateAtLeast(intervalMs, 100, "intervalMs");
  if (intervalMs !== null && intervalMs > limits.timeoutMsMax)
    throw invalidArgument(`intervalMs must be at most ${limits.timeoutMsMax}, got ${intervalMs}`);
  const collections = readNames(given.collections);
  return { remote: readRemote(remote), collections, direction, conflict, revisionKey, intervalMs, key: readKey(encryption) };
}

function readNames(names: unknown): string[] {
  validateArray(names, "collections");
  if (names.length === 0) throw invalidArgument("collections must name at least one collection");
  for (const [i, name] of names.entries()) {
    validateName(name, `collections[${i}]`);
    if (name === MARKS) throw invalidArgument(`collections[${i}] must not be "${MARKS}", which syncs keep for themselves`);
  }
  const known = names as string[];
  const twice = known.find((name, i) => known.indexOf(name) !== i);
  if (twice !== undefined) throw invalidArgument(`collections names ${show(twice)} twice`);
  return [...known];
}

function readKey(encryption: SyncOptions["encryption"]): CryptoKey | undefined {
  if (encryption === undefined) return undefined;
  const { key } = readObject(encryption, "sync with encryption", "key");
  const usages = ["encrypt", "decrypt"] as const;
  const isFit = key instanceof CryptoKey && key.algorithm.name === "AES-GCM" && usages.every((usage) => key.usages.includes(usage));
  if (!isFit) throw invalidArgument(`encryption.key must be an AES-GCM CryptoKey that may encrypt and decrypt, got ${show(key)}`);
  return key;
}
