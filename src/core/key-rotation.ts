/**
 * Giving an encrypted database another key. First the secret that the keys of the database come from is encrypted with the new key of the
 * user's instead of the former, in one transaction. Then, in the background, there is a new secret, and everything is encrypted with it
 * anew: the storage knows what and how (`src/storage/encrypted/rotation.ts`), and does it by the parts of the engine below.
 */
import type { ErrorCode } from "./errors.js";

/** How far everything is encrypted anew after a key was rotated. */
export interface KeyRotationInfo {
  /** Bytes of blocks that are. */
  done: number;
  /** Bytes of all blocks. */
  total: number;
  /** What it stumbled over; `null`: nothing. It tries again after a minute, and with the next opening. */
  error: {
    /** As of a `TidepoolError`. */
    code: ErrorCode;
    /** What has happened, in words. */
    message: string;
  } | null;
}

/** Another key for an encrypted database. */
export interface RotateKeyRequest {
  /** A `CryptoKey`, as for opening it. */
  key: object;
  /** Whether everything is encrypted anew with a new secret. Else only the secret is, with the new key. */
  reencrypt: boolean;
}

/** What rotating a key has begun; `null`: nothing is left to do. */
export interface RotateKeyResponse {
  keyRotation: KeyRotationInfo | null;
}

/** A block as manifests name it. */
export interface RotatedBlock {
  arena: number;
  offset: number;
  length: number;
  writeId?: number;
  keyVersion?: number;
  crc32: number;
}

/** Blocks that are written and that no manifest names yet. */
export interface RotatedBatch {
  write(bytes: Uint8Array): Promise<RotatedBlock>;
  publish(): void;
  giveBack(): Promise<void>;
}

/** What of the engine the storage encrypts anew by. */
export interface RotationParts {
  sysdb: {
    directory: { everyCollection(): readonly { id: string }[]; readonly lostIds: readonly string[] };
    manifests: {
      blockRefs(): RotatedBlock[];
      move(copies: ReadonlyMap<RotatedBlock, RotatedBlock>): Promise<RotatedBlock[]>;
    };
  };
  blocks: {
    begin(): RotatedBatch;
    readonly openBatches: ReadonlySet<RotatedBatch>;
    readBytes(ref: RotatedBlock, owner: string): Promise<Uint8Array>;
    release(refs: Iterable<RotatedBlock>): Promise<void>;
    settledAt(): number;
    vacuum(erase: boolean, tick: RotationParts["tick"]): Promise<void>;
  };
  collections: { afterReaders(): Promise<void> };
  compactor: { alone(work: () => Promise<void>): Promise<boolean>; flush(batch: RotatedBatch): Promise<void> };
  environment: { now(): number; schedule(callback: () => void, delayMs: number): () => void };
  tick(): Promise<void> | void;
}

/** How a storage that encrypts is given another key. */
export interface KeyRotation {
  /** What is under way; `null`: nothing. */
  readonly info: KeyRotationInfo | null;
  /** The engine is open: goes on with what was begun in an earlier opening. */
  begin(parts: RotationParts): void;
  /** From when this resolves on the new key opens the database, and no other does. A request that comes once more is answered as before. */
  rotate(request: RotateKeyRequest, requestId: string | undefined): Promise<RotateKeyResponse>;
  /** Resolves when it has gone on, or after a second at most. */
  next(): Promise<KeyRotationInfo | null>;
  /** Nothing goes on after this. */
  stop(): void;
}
