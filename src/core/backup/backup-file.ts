/**
 * The file of a backup: parts, each bound to all before it.
 *
 *   file    := head block* entries* seal
 *   part    := magic:u32 kind:u32 length:u32 check:u32 payload sum:u32       little-endian; `length` is that of the payload
 *   check   := crc32( magic kind length ), going on from the sum of the part before; at the beginning from 0
 *   sum     := crc32( payload ), going on from `check`
 *   head    := JSON: `BackupHead`
 *   block   := a block's bytes; blocks come in the order in which the manifests of the head first name them
 *   entries := collection:u32 log record      what the segments of that collection of the head do not have yet, in order
 *   seal    := JSON: { parts }, the number of parts before it; nothing follows
 *
 * So a part that is changed, missing, moved or taken from another backup breaks the chain, and a file that was cut has no seal.
 * Blocks and log records are as the database has them, so `formatVersion` says which releases read them.
 */

import { crc32 } from "../base/checksum.js";
import { concat } from "../base/concat.js";
import type { LogPlace } from "../base/log-chain.js";
import { TidepoolError } from "../errors.js";
import { limits } from "../limits.js";
import type { CollectionRow } from "../sysdb/collection-row.js";
import type { DatabaseRow, TenantRow } from "../sysdb/directory.js";
import type { Manifest } from "../sysdb/manifest.js";

/** Version of the file's own form. */
export const BACKUP_VERSION = 1;

/** A collection in a backup. */
export interface SavedCollection {
  row: CollectionRow;
  /** Oldest first: earlier versions, where they were asked for, and the one that the entries lie over. */
  manifests: Manifest[];
  /** The place of the last log record that the entries have. */
  applied: LogPlace;
  requests: Manifest["requests"];
  /** Records, those of the entries included. */
  count: number;
}

/** What a backup has, beside blocks and entries. */
export interface BackupHead {
  backupVersion: number;
  formatVersion: number;
  /** Milliseconds since the epoch. */
  createdAt: number;
  tenants: TenantRow[];
  databases: DatabaseRow[];
  /** In order of creation. */
  collections: SavedCollection[];
}

export type PartKind = "head" | "block" | "entries" | "seal";

const KINDS: readonly PartKind[] = ["head", "block", "entries", "seal"];
/** "TPBK" */
const MAGIC = 0x4b425054;
const HEADER_BYTES = 16;
const SUM_BYTES = 4;

/** Frames parts, one after the other. */
export class PartWriter {
  #sum = 0;
  /** Parts so far. */
  count = 0;

  /** The bytes of a part: what stands before and after the payload, and that. */
  frame(kind: PartKind, payload: Uint8Array): Uint8Array[] {
    const header = new Uint8Array(HEADER_BYTES);
    const view = new DataView(header.buffer);
    view.setUint32(0, MAGIC, true);
    view.setUint32(4, KINDS.indexOf(kind), true);
    view.setUint32(8, payload.length, true);
    const check = crc32(header.subarray(0, 12), this.#sum);
    view.setUint32(12, check, true);
    this.#sum = crc32(payload, check);
    this.count++;
    const sum = new Uint8Array(SUM_BYTES);
    new DataView(sum.buffer).setUint32(0, this.#sum, true);
    return [header, payload, sum];
  }
}

export interface Part {
  kind: PartKind;
  payload: Uint8Array;
}

/** Takes a file apart that comes in pieces of any size. */
export class PartReader {
  readonly #pieces: Uint8Array[] = [];
  /** Bytes in the pieces. */
  #waiting = 0;
  #sum = 0;
  #offset = 0;
  /** Of the part that is being read, once its header is there. */
  #header: { kind: PartKind; length: number; check: number } | null = null;
  /** Parts that were read. */
  count = 0;

  /** Bytes that were given so far. */
  get received(): number {
    return this.#offset + this.#waiting;
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#waiting += bytes.length;
  }

  /** The next part, `null` until all of it is there. */
  next(): Part | null {
    this.#header ??= this.#readHeader();
    if (this.#header === null || this.#waiting < this.#header.length + SUM_BYTES) return null;
    const { kind, length, check } = this.#header;
    const payload = this.#take(length);
    const sum = this.#u32(this.#take(SUM_BYTES), 0);
    this.#sum = crc32(payload, check);
    if (sum !== this.#sum) throw this.#damaged("fails its checksum");
    this.#header = null;
    this.count++;
    return { kind, payload };
  }

  /** Whether anything is left that makes no part. */
  get isBetweenParts(): boolean {
    return this.#waiting === 0 && this.#header === null;
  }

  #readHeader(): { kind: PartKind; length: number; check: number } | null {
    if (this.#waiting < HEADER_BYTES) return null;
    const header = this.#take(HEADER_BYTES);
    if (this.#u32(header, 0) !== MAGIC) throw this.#damaged(this.count === 0 ? "is not one of a Tidepool backup" : "does not begin as one");
    const check = this.#u32(header, 12);
    if (crc32(header.subarray(0, 12), this.#sum) !== check) throw this.#damaged("does not follow what comes before it");
    const kind = KINDS[this.#u32(header, 4)];
    const length = this.#u32(header, 8);
    if (kind === undefined || length > limits.backupPartBytesMax) throw this.#damaged(`is of no known kind, or too long (${length} bytes)`);
    return { kind, length, check };
  }

  #u32(bytes: Uint8Array, at: number): number {
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(at, true);
  }

  /** The next bytes, which are there; of one piece where they are in one. */
  #take(length: number): Uint8Array {
    const parts: Uint8Array[] = [];
    for (let missing = length; missing > 0; ) {
      const piece = this.#pieces[0]!;
      const part = piece.subarray(0, missing);
      parts.push(part);
      missing -= part.length;
      if (part.length === piece.length) this.#pieces.shift();
      else this.#pieces[0] = piece.subarray(part.length);
    }
    this.#waiting -= length;
    this.#offset += length;
    return parts.length === 1 ? parts[0]! : concat(Uint8Array, parts);
  }

  #damaged(what: string): TidepoolError {
    return damagedBackup(`part ${this.count}, which ends or begins near byte ${this.#offset}, ${what}`);
  }
}

export function damagedBackup(what: string, cause?: unknown): TidepoolError {
  return new TidepoolError("CORRUPTION", `The backup cannot be used: ${what}. Nothing was restored`, { cause });
}
