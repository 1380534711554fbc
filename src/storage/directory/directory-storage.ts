/**
 * A database in a directory of the disk, for Node: log and catalog in a journal, blocks in arenas, which are those of OPFS over files that
 * can be synced by name. Whoever opens it has the directory's lock (`directory-lock.ts`), so there is nobody else.
 *
 * A crash leaves at most a frame of the journal that was not acknowledged, a draft of a new one, and space in arenas that no manifest
 * names: opening cuts off the first, removes the second, and the third is free by itself.
 */
import fs from "node:fs";
import { join } from "node:path";
import { TidepoolError } from "../../core/errors.js";
import type { OriginQuota } from "../../core/service.js";
import type { Durability, Storage } from "../../core/storage.js";
import { type ArenaClaim, type ArenaLimits, defaultArenaLimits, OpfsBlobStore } from "../opfs/opfs-blob-store.js";
import { closedError } from "../storage-error.js";
import { DiskDirectory, removeFile, syncDirectory } from "./disk-directory.js";
import { onDisk } from "./disk-error.js";
import { Journal, type JournalOptions, journalsIn } from "./journal.js";

export interface DirectoryOptions {
  durability: Durability;
  now(): number;
  /** Told once when the storage cannot be used any more, and why. */
  lost(error: TidepoolError): void;
  /** Tests use small arenas and journals. */
  arenaLimits?: Omit<ArenaLimits, "arenaSettleMs">;
  deadBytesMin?: JournalOptions["deadBytesMin"];
}

/** Beside the files of a database that is being destroyed. */
const DESTROYING = "destroying";
const ownFiles = /^(?:journal-(?:\d+|draft)|arena-\d+-\d+)$/;

/** Opens the database in this directory, which is there and locked; where there is none, one is begun. */
export async function openDirectoryStorage(directory: string, options: DirectoryOptions): Promise<Storage> {
  // A crash may have come between a name and its sync: what is found from here on stays.
  syncDirectory(directory);
  if (fs.existsSync(join(directory, DESTROYING))) destroyFiles(directory);
  refuseOrphans(directory);
  const journal = Journal.open(directory, options);
  try {
    const { arenaLimits = defaultArenaLimits } = options;
    const cleared = (): TidepoolError => tellLost(filesGone(directory, "its files"), options);
    const missing = (arenas: readonly number[]): TidepoolError => filesGone(directory, `arena ${arenas.join(", ")}`, { arenas });
    const claim: ArenaClaim = { generation: 0, predecessors: null, confirm: async () => undefined, cleared, missing };
    const disk = new DiskDirectory(directory);
    const blobs = await OpfsBlobStore.open(disk, options.now, { ...arenaLimits, arenaSettleMs: 0 }, claim);
    return directoryStorage(directory, journal, blobs);
  } catch (error) {
    await journal.close();
    throw error;
  }
}

function directoryStorage(directory: string, journal: Journal, blobs: OpfsBlobStore): Storage {
  let closing: Promise<unknown> | null = null;
  const close = async (): Promise<void> => {
    await (closing ??= Promise.all([journal.close(), blobs.close()]));
  };
  return {
    kind: "directory",
    log: journal.log,
    catalog: journal.catalog,
    blobs,
    close,
    destroy: async () => {
      if (closing !== null) throw closedError();
      await close();
      destroyFiles(directory);
    },
  };
}

function filesGone(directory: string, what: string, details: Record<string, unknown> = {}): TidepoolError {
  const message = `${directory} has lost ${what}, in which blocks of the database lie. Nothing was changed`;
  return new TidepoolError("CORRUPTION", message, { details: { directory, ...details } });
}

function tellLost(error: TidepoolError, { lost }: DirectoryOptions): TidepoolError {
  lost(error);
  return error;
}

/** Arenas with bytes and without a journal are no new database. */
function refuseOrphans(directory: string): void {
  if (journalsIn(directory).length > 0) return;
  const names = fs.readdirSync(directory).filter((name) => name.startsWith("arena-"));
  if (names.every((name) => fs.statSync(join(directory, name)).size === 0)) return;
  throw new TidepoolError("CORRUPTION", `${directory} has blocks of a database but no journal, without which nobody can read them`, {
    details: { directory },
  });
}

/** From the first step on there is no way back: whoever opens the directory next goes on. */
function destroyFiles(directory: string): void {
  const marker = join(directory, DESTROYING);
  onDisk(`destroy the database in ${directory}`, () => fs.closeSync(fs.openSync(marker, "w")));
  syncDirectory(directory);
  for (const name of fs.readdirSync(directory)) if (ownFiles.test(name)) removeFile(join(directory, name));
  syncDirectory(directory);
  removeFile(marker);
  syncDirectory(directory);
}

/** What this database takes, and how much that can become on this disk. */
export async function readDiskQuota(directory: string): Promise<OriginQuota | null> {
  const [names, disk] = await Promise.all([fs.promises.readdir(directory), fs.promises.statfs(directory)]);
  const own = names.filter((name) => ownFiles.test(name));
  const sizes = await Promise.all(own.map((name) => sizeOf(join(directory, name))));
  const usageBytes = sizes.reduce((sum, size) => sum + size, 0);
  return { usageBytes, quotaBytes: usageBytes + disk.bavail * disk.bsize, persisted: true };
}

/** 0 where it is gone meanwhile. */
async function sizeOf(path: string): Promise<number> {
  return fs.promises.stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
