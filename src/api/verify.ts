/** Verifies and repairs a whole database from the page: a call for the catalog, then one for each collection. */
import { invalidArgument, show, TidepoolError } from "../core/errors.js";
import type { Progress } from "../core/events.js";
import { validateFunction } from "../core/gateway/validate/values.js";
import type { CollectionReport, Finding, RepairedCollection } from "../core/service.js";
import { readCallLimits } from "./call-limits.js";
import type { Connection } from "./connection.js";
import { readArguments, readObject } from "./read-arguments.js";

/** Options of `client.verify`. */
export interface VerifyOptions {
  /** Compares also each index with the records, and codes with embeddings. Takes several times as long. Default `false`. */
  deep?: boolean;
  /** Told after each collection, and some fifty times within it. Must not throw. */
  onProgress?: (progress: VerifyProgress) => void;
  /** Ends it at once; the call rejects with `ABORTED`. Nothing is changed by it in any case. */
  signal?: AbortSignal;
}

/** How far `client.verify` is. */
export interface VerifyProgress {
  /** Collections that are done. */
  done: number;
  /** Collections in all. */
  total: number;
  /** Part of the collections that has been read, from 0 to 1, each of them counting alike. */
  share: number;
  /** What was found in the collection that was done just now; `null` while one is being read. */
  collection: CollectionReport | null;
}

/** What `client.verify` found. */
export interface VerifyReport {
  /** Whether there are no findings at all. */
  isSound: boolean;
  /** Rows of the catalog that were read. */
  rows: number;
  /** What is wrong with the catalog, and with what its manifests say of each other. */
  findings: Finding[];
  /** One report for each collection of the path, in order of creation, whatever tenant and database it belongs to. */
  collections: CollectionReport[];
  /** Ids of collections whose row is lost with its second copy, so that nobody knows their names. They have findings, but no report. */
  lost: string[];
}

/**
 * Asks for the catalog, then for one collection after the other.
 *
 * @internal
 */
export async function verify(connection: Connection, options: VerifyOptions): Promise<VerifyReport> {
  const { deep = false, onProgress, signal } = readArguments("verify", () => readOptions(options));
  const { rows, findings, collections: all, lost } = await connection.call("verifyCatalog");
  const collections: CollectionReport[] = [];
  const total = all.length;
  const tell = (done: number, within: number, collection: CollectionReport | null): void => {
    if (!signal?.aborted) onProgress?.({ done, total, share: (done + within) / total, collection });
  };
  for (const [done, { id }] of all.entries()) {
    if (signal?.aborted) throw new TidepoolError("ABORTED", "Verifying was aborted", { cause: signal.reason });
    const limits = { signal, onProgress: ({ bytes, totalBytes }: Progress) => tell(done, bytes / totalBytes, null) };
    const report = await unlessDeleted(connection.call("verifyCollection", { collectionId: id, deep }, limits));
    if (report !== null) collections.push(report);
    tell(done + 1, 0, report);
  }
  const isSound = findings.length === 0 && collections.every((collection) => collection.isSound);
  return { isSound, rows, findings, collections, lost };
}

function readOptions(options: VerifyOptions): VerifyOptions {
  const { deep, onProgress, signal } = readObject(options, "verify", "deep onProgress signal");
  if (deep !== undefined && typeof deep !== "boolean") throw invalidArgument(`deep must be true or false, got ${show(deep)}`);
  if (onProgress !== undefined) validateFunction(onProgress, "onProgress");
  return { deep, onProgress, ...readCallLimits({ signal }) };
}

/** `null` where the collection was deleted meanwhile. */
async function unlessDeleted<T>(asked: Promise<T>): Promise<T | null> {
  return asked.catch((error: unknown) => {
    if (error instanceof TidepoolError && error.code === "NOT_FOUND") return null;
    throw error;
  });
}

/** What `client.repair` did. */
export interface RepairReport {
  /** What was wrong. */
  before: VerifyReport;
  /** Names of tenants whose rows were lost, and which have new ones; their resource names are gone. */
  tenants: string[];
  /** Databases whose rows were lost, and which have new ones, with new ids. */
  databases: {
    /** The tenant that it belongs to. */
    tenant: string;
    /** Its name. */
    name: string;
  }[];
  /** The collections that were damaged, as they are now; those that were sound were left alone. */
  collections: RepairedCollection[];
}

/**
 * Verifies, and has what is damaged repaired.
 *
 * @internal
 */
export async function repair(connection: Connection, options: VerifyOptions): Promise<RepairReport> {
  const given = readArguments("repair", () => ({ deep: true, ...readObject(options, "repair", "deep onProgress signal") }));
  if (connection.remote) throw new TidepoolError("NOT_SUPPORTED", "No Chroma server has repair", { details: { call: "repair" } });
  const before = await verify(connection, given);
  const scopes = before.findings.length > 0 ? await connection.call("repairCatalog") : { tenants: [], databases: [] };
  const damaged = before.collections.filter(({ isSound }) => !isSound).map(({ id }) => id);
  const collections: RepairedCollection[] = [];
  for (const collectionId of [...damaged, ...before.lost]) {
    const repaired = await unlessDeleted(connection.call("repairCollection", { collectionId }));
    if (repaired !== null) collections.push(repaired);
  }
  return { before, ...scopes, collections };
}
