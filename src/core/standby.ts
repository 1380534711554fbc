/**
 * What a worker does while it waits for the lease: it opens the collections ahead as the catalog has them, over a view of the
 * storage that can only be read, and again when the holder says that the catalog has changed. `Engine.open` goes on from there.
 */
import { ByteCache } from "./base/byte-cache.js";
import { Turns } from "./base/turns.js";
import { BlockStore } from "./blockstore/blockstore.js";
import { CollectionsAhead, type Openable } from "./collection/collections-ahead.js";
import { sectionKinds } from "./collection/parts.js";
import { type LoadStem, noStemmers } from "./index/text/analyzer.js";
import type { VectorKernel } from "./index/vector/vector-kernel.js";
import { limits } from "./limits.js";
import { LogRetention } from "./log/log-retention.js";
import { memorySharesOf } from "./memory-shares.js";
import type { OpenOptions } from "./service.js";
import type { BlobStore, CatalogStore, Environment } from "./storage.js";
import { SysDb } from "./sysdb/sysdb.js";

/** Storage that another engine writes to. */
export interface ReadableStorage {
  catalog: CatalogStore;
  blobs: Pick<BlobStore, "read">;
  close(): void;
}

export interface StandbyParts {
  /** `null` where there is nothing to read. Asked anew each time: nothing stays open that would be in the holder's way. */
  open(): Promise<ReadableStorage | null>;
  kernel: Promise<VectorKernel>;
  environment: Environment;
  /** As for `Engine.open`. */
  loadStem?: LoadStem;
  options: OpenOptions;
}

export class Standby {
  readonly #parts: StandbyParts;
  readonly #turns: Turns;
  readonly #blocks: BlockStore;
  #ahead: CollectionsAhead | undefined;
  #isOver = false;
  #hasLooked = false;
  #isDue = false;
  #isRunning = false;

  constructor(parts: StandbyParts) {
    this.#parts = parts;
    this.#turns = new Turns(parts.environment);
    this.#blocks = new BlockStore(null, memorySharesOf(parts.options).caches(0, 0).blocks);
  }

  /** What is opened so far. */
  get ahead(): CollectionsAhead | undefined {
    return this.#ahead;
  }

  /** The catalog may have changed: reads it again, soon, and the first time at once. */
  refresh(): void {
    this.#isDue = true;
    if (this.#isRunning || this.#isOver) return;
    this.#isRunning = true;
    this.#parts.environment.schedule(() => void this.#update(), this.#hasLooked ? limits.aheadDelayMs : 0);
    this.#hasLooked = true;
  }

  /** The lease is there. The collection that is being opened goes on, from where the engine reads; no other is begun. */
  stop(): void {
    this.#isOver = true;
  }

  /** What cannot be read now, since it changes meanwhile or is damaged, is opened in the ordinary way, which tells what is wrong. */
  async #update(): Promise<void> {
    this.#isDue = false;
    const storage = this.#isOver ? null : await this.#parts.open().catch(() => null);
    if (storage !== null) await this.#read(storage).catch(() => undefined);
    storage?.close();
    this.#isRunning = false;
    if (this.#isDue) this.refresh();
  }

  async #read(storage: ReadableStorage): Promise<void> {
    const { graph, lists } = memorySharesOf(this.#parts.options);
    this.#ahead ??= new CollectionsAhead(this.#blocks, {
      kernel: await this.#parts.kernel,
      createApproximate: undefined,
      loadStem: this.#parts.loadStem ?? noStemmers,
      vectorCache: new ByteCache(0),
      flatRowsMax: undefined,
      graphBytesMax: graph,
      buildBytesMax: 0,
      listBytesMax: lists,
      lists: undefined,
      deadOrdinalsMax: () => Infinity,
    });
    const collections = await this.#published(storage);
    if (this.#isOver) return;
    this.#blocks.readFrom(storage.blobs);
    await this.#ahead.update(collections, this.#turns.tick, () => this.#isOver);
  }

  async #published({ catalog }: ReadableStorage): Promise<Openable[]> {
    const { retainVersions = 1 } = this.#parts.options;
    const found = await SysDb.peek(catalog, { sections: sectionKinds, retention: new LogRetention(), retainVersions });
    return found?.directory.listCollections().map((row) => ({ row, manifest: found.manifests.latest(row.id) })) ?? [];
  }
}
