/**
 * Another key for a database, and a new secret under it. The row with the secrets says what is left to do (`key-row.ts`), so whoever
 * opens the database next goes on where this one was interrupted:
 *
 * 1. One transaction encrypts the secret with the new key of the user's. From here on the former key opens nothing.
 * 2. One transaction makes a new secret and encrypts all rows of the catalog with it. What is written from here on is encrypted with it.
 * 3. Records of the log are encrypted anew where they are, a slice after the other, and blocks are copied, some at a time, as the packer
 *    copies them (`core/compactor/packer.ts`). Both are read all the while: a record is tried with both secrets, and a block has with its
 *    place in the manifest which of them it is.
 * 4. Once no record and no block is left, no work is under way whose blocks nobody names yet, and free space is overwritten, one
 *    transaction takes the former secret away. What is still encrypted with it, such as what somebody puts back, is damage from then on.
 *
 * A damaged row, manifest or block keeps 2, 3 or 4 from coming to an end, since it may be repaired as long as the former secret is there.
 */
import { TidepoolError } from "../../core/errors.js";
import type {
  KeyRotation,
  KeyRotationInfo,
  RotatedBatch,
  RotatedBlock,
  RotateKeyRequest,
  RotateKeyResponse,
  RotationParts,
} from "../../core/key-rotation.js";
import type { EncryptedParts } from "./encrypted-parts.js";
import { destroyFormer, renew, rewrap, tidied } from "./key-changes.js";
import { renewLog } from "./renew-log.js";

/** Bytes of blocks that are copied at once. */
const COPIED_BYTES = 8 * 1024 * 1024;
/** How long what cannot go on now is left alone, and what has failed. */
const WAIT_MS = 1000;
const RETRY_MS = 60_000;

/** Blocks that have been copied, and that no manifest names yet. */
interface Copied {
  batch: RotatedBatch;
  copies: Map<RotatedBlock, RotatedBlock>;
}

export class Rotation implements KeyRotation {
  readonly #parts: EncryptedParts;
  #engine: RotationParts | null = null;
  #isRunning = false;
  #isStopped = false;
  #error: KeyRotationInfo["error"] = null;
  /** Ends the wait before the next step. */
  #wake: () => void = () => undefined;
  readonly #waiting = new Set<() => void>();
  // Of what is under way in this opening.
  /** Collections of whose logs nothing is left. */
  readonly #logs = new Set<string>();
  /** Batches that may have blocks of the former secret in them. */
  #batches: readonly RotatedBatch[] = [];
  #copied: Copied | null = null;
  #isErased = false;

  constructor(parts: EncryptedParts) {
    this.#parts = parts;
  }

  get info(): KeyRotationInfo | null {
    if (this.#engine === null || !this.#parts.keys.isUnderWay) return null;
    const refs = this.#engine.sysdb.manifests.blockRefs();
    const total = bytesOf(refs);
    const isBegun = this.#parts.keys.former !== null;
    return { done: isBegun ? total - bytesOf(this.#left()) : 0, total, error: this.#error };
  }

  begin(engine: RotationParts): void {
    this.#engine = engine;
    this.#goOn();
  }

  async rotate({ key, reencrypt }: RotateKeyRequest, requestId: string | undefined): Promise<RotateKeyResponse> {
    if (typeof reencrypt !== "boolean") throw new TidepoolError("INVALID_ARGUMENT", "reencrypt must be true or false");
    const { changes, keys, storage } = this.#parts;
    await changes.run(() => rewrap(storage.catalog, keys, { key, reencrypt }, requestId));
    this.#error = null;
    this.#wake();
    this.#goOn();
    return { keyRotation: this.info };
  }

  async next(): Promise<KeyRotationInfo | null> {
    if (this.#parts.keys.isUnderWay && this.#engine !== null) {
      const { environment } = this.#engine;
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
        environment.schedule(resolve, WAIT_MS);
      });
    }
    return this.info;
  }

  stop(): void {
    this.#isStopped = true;
    this.#wake();
  }

  // ---- one step after the other

  #goOn(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#run().finally(() => {
      this.#isRunning = false;
      // What was asked for as it came to its end.
      if (!this.#isStopped && this.#parts.keys.isUnderWay) this.#goOn();
    });
  }

  async #run(): Promise<void> {
    while (!this.#isStopped && this.#parts.keys.isUnderWay) {
      const waitMs = await this.#step().catch((error: TidepoolError) => this.#failed(error));
      for (const resolve of this.#waiting) resolve();
      this.#waiting.clear();
      if (waitMs > 0 && !this.#isStopped) await this.#sleep(waitMs);
    }
  }

  async #sleep(waitMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#engine!.environment.schedule(resolve, waitMs);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }

  /** How long to wait. What is locked, as by an export, will not be; who has lost the database goes on no more. */
  #failed({ code, message }: TidepoolError): number {
    if (code === "LOCKED") return WAIT_MS;
    this.#isStopped ||= code === "CLOSED" || code === "LEASE_LOST" || code === "POISONED";
    this.#error = { code: code ?? "INTERNAL", message };
    return RETRY_MS;
  }

  /** Does a piece; resolves to how long to wait before the next. */
  async #step(): Promise<number> {
    const { changes, keys, storage, catalog } = this.#parts;
    if (keys.row.isUntidy) {
      await storage.catalog.rewrite?.();
      await changes.run(() => tidied(storage.catalog, keys));
    } else if (keys.former === null) {
      await changes.run(() => renew(storage.catalog, keys, catalog));
      this.#batches = [...this.#engine!.blocks.openBatches];
      this.#logs.clear();
      this.#isErased = false;
    } else if (!(await this.#renewLog())) {
      const waitMs = await this.#renewBlocks();
      this.#error = null;
      return waitMs;
    }
    return 0;
  }

  /** Encrypts the next log anew; `false` when none is left. A fork that comes meanwhile has as much of the former secret as its source. */
  async #renewLog(): Promise<boolean> {
    const { directory } = this.#engine!.sysdb;
    const ids = [...directory.everyCollection().map(({ id }) => id), ...directory.lostIds];
    const id = ids.find((one) => !this.#logs.has(one));
    if (id === undefined) return false;
    for (let after: number | null = 0; after !== null; ) {
      if (this.#isStopped) return true;
      after = await renewLog(this.#parts, id, after);
      await this.#engine!.tick();
    }
    this.#logs.add(id);
    return true;
  }

  // ---- blocks

  /** Blocks that are encrypted with the former secret. */
  #left(): RotatedBlock[] {
    const { version } = this.#parts.keys.current;
    return this.#engine!.sysdb.manifests.blockRefs().filter((ref) => (ref.keyVersion ?? 1) !== version);
  }

  /** Free space is overwritten before the last look: what comes to be free after it is of the new secret. */
  async #renewBlocks(): Promise<number> {
    const { blocks, compactor, tick } = this.#engine!;
    let waitMs = WAIT_MS;
    let isLast = false;
    await compactor.alone(async () => {
      isLast = this.#copied === null && this.#left().length === 0 && !this.#batches.some((batch) => blocks.openBatches.has(batch));
      if (!isLast) waitMs = await this.#moveSome();
      else if (this.#isErased) await this.#parts.changes.run(() => destroyFormer(this.#parts.storage.catalog, this.#parts.keys));
    });
    if (!isLast) return waitMs;
    if (!this.#isErased) await blocks.vacuum(true, tick);
    this.#isErased = true;
    return 0;
  }

  /** A manifest names a copy once its arena is old enough. */
  async #moveSome(): Promise<number> {
    const { blocks, environment } = this.#engine!;
    const left = this.#left();
    if (this.#copied === null && left.length === 0) return WAIT_MS;
    this.#copied ??= await this.#copy(left);
    const settlesInMs = blocks.settledAt() - environment.now();
    if (settlesInMs > 0) return settlesInMs;
    await this.#move(this.#copied);
    return 0;
  }

  /** Those that are damaged are left; where there are no others, rejects with what is wrong with the first. */
  async #copy(left: readonly RotatedBlock[]): Promise<Copied> {
    const { blocks, compactor } = this.#engine!;
    const batch = blocks.begin();
    const copies = new Map<RotatedBlock, RotatedBlock>();
    let damage: unknown = null;
    try {
      for (const ref of left) {
        const at = { ...ref };
        const copy = await this.#copyBlock(ref, batch).catch((error: TidepoolError) => {
          if (error.code !== "CORRUPTION") throw error;
          damage ??= error;
        });
        if (copy !== undefined) copies.set(at, copy);
        if (bytesOf(copies.keys()) >= COPIED_BYTES) break;
      }
      if (copies.size === 0) throw damage;
      await compactor.flush(batch);
    } catch (error) {
      await batch.giveBack();
      throw error;
    }
    return { batch, copies };
  }

  async #copyBlock(ref: RotatedBlock, batch: RotatedBatch): Promise<RotatedBlock> {
    await this.#engine!.tick();
    if (this.#isStopped) throw new TidepoolError("CLOSED", "The database is closed.");
    return batch.write(await this.#engine!.blocks.readBytes(ref, "the database, which is encrypted anew,"));
  }

  /** Of blocks that went meanwhile, and in whose places others may lie, the copies are of no use. */
  async #move({ batch, copies }: Copied): Promise<void> {
    const { blocks, collections, sysdb } = this.#engine!;
    this.#copied = null;
    const writeIds = new Map(sysdb.manifests.blockRefs().map((ref) => [placeOf(ref), ref.writeId]));
    const isThere = (ref: RotatedBlock): boolean => writeIds.get(placeOf(ref)) === ref.writeId;
    const [kept, gone] = [[...copies].filter(([ref]) => isThere(ref)), [...copies].filter(([ref]) => !isThere(ref))];
    try {
      const free = await sysdb.manifests.move(new Map(kept));
      batch.publish();
      await collections.afterReaders();
      await blocks.release([...free, ...gone.map(([, copy]) => copy)]);
    } catch (error) {
      await batch.giveBack();
      throw error;
    }
  }
}

/** A block in use is known by its place. */
function placeOf({ arena, offset }: RotatedBlock): string {
  return `${arena}:${offset}`;
}

function bytesOf(refs: Iterable<RotatedBlock>): number {
  let bytes = 0;
  for (const { length } of refs) bytes += length;
  return bytes;
}
