/**
 * Room that is kept for making room. A row beside the blobs takes `reserveBytes`; when the browser grants no more, work that makes
 * room (deletes, dropping collections, publishing what frees blocks) gives the row up and is tried once more. It is put back after
 * the next write that succeeds, if there is room by then. Browsers reckon with less than small rows take, and may have let more be
 * stored than they grant before they refuse: the reserve is as large as what was seen.
 *
 * One large value does it: browsers keep those in files of their own, whose space returns at once. Deleting small rows frees
 * nothing before the browser tidies up, and a value that is replaced needs room before it gives any.
 */
import { limits } from "../../core/limits.js";
import type { Durability } from "../../core/storage.js";
import { isQuota } from "../storage-error.js";

/** Below the keys of all blobs. */
const reserveKey: [blob: number, piece: number] = [-1, 0];

/** What it needs of the object store of the blobs. */
interface Rows {
  getKey(key: [number, number]): Promise<unknown>;
  put(value: Uint8Array<ArrayBuffer>, key: [number, number]): Promise<unknown>;
  delete(key: [number, number]): Promise<void>;
}

/** Runs the body in one transaction. */
type Transact = <T>(durability: Durability, doing: string, body: (rows: Rows) => Promise<T>) => Promise<T>;

export class Reserve {
  readonly #transact: Transact;
  /** Whether it may be missing, and there may be room for it. */
  #isDue = true;
  #isMissing = true;

  constructor(transact: Transact) {
    this.#transact = transact;
  }

  get isDue(): boolean {
    return this.#isDue;
  }

  /** Runs work that makes room: once more without the reserve, when there is none for it. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    const value = await this.#try(work);
    this.#isDue ||= this.#isMissing;
    return value;
  }

  async #try<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!isQuota(error) || !(await this.#give())) throw error;
      this.#isMissing = true;
      return await patiently(work);
    }
  }

  /**
   * Puts the reserve in its place, if it is not there. The write that this follows is durable whatever becomes of it, and what
   * is wrong with the storage meets the next write as well: so a failure is told to nobody.
   */
  async keep(whenFree: (work: () => Promise<void>) => Promise<void>): Promise<void> {
    this.#isDue = false;
    await whenFree(() => this.#put()).then(
      () => (this.#isMissing = false),
      () => undefined,
    );
  }

  #put(): Promise<void> {
    return this.#transact("relaxed", "keep a reserve", async (rows) => {
      if ((await rows.getKey(reserveKey)) === undefined) await rows.put(new Uint8Array(limits.reserveBytes), reserveKey);
    });
  }

  /** Whether there was anything to give. */
  #give(): Promise<boolean> {
    return this.#transact("strict", "give up the reserve", async (rows) => {
      const isKept = (await rows.getKey(reserveKey)) !== undefined;
      if (isKept) await rows.delete(reserveKey);
      return isKept;
    });
  }
}

/** Chromium deletes the file of a large value a moment after its row. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (const delayMs of [20, 100, 400]) {
    try {
      return await work();
    } catch (error) {
      if (!isQuota(error)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, delayMs));
  }
  return work();
}
