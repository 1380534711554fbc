/**
 * What is told of the database and of its collections: to whoever asks, and to the guard, which measures tenants by it. A collection
 * is not opened for this where anything else knows: the memory of one that was open, or its manifest while the log holds no more.
 */
import type { Availability } from "../base/availability.js";
import type { ByteCache } from "../base/byte-cache.js";
import { checksumBytes } from "../base/checksum.js";
import { memorySum, totalBytes } from "../base/memory-use.js";
import type { BlockStore } from "../blockstore/blockstore.js";
import type { CollectionState } from "../collection/collection-state.js";
import type { CollectionFacts, OpenCollections } from "../collection/open-collections.js";
import type { Compactor } from "../compactor/compactor.js";
import { TidepoolError } from "../errors.js";
import type { VectorKernel } from "../index/vector/vector-kernel.js";
import type { KeyRotation } from "../key-rotation.js";
import type { Log } from "../log/log.js";
import { describeSchema } from "../schema.js";
import type { CoresInfo, EngineInfo } from "../service.js";
import type { Environment } from "../storage.js";
import type { CollectionRow } from "../sysdb/collection-row.js";
import type { Directory } from "../sysdb/directory.js";
import type { Manifests } from "../sysdb/manifests.js";
import type { CollectionInfo } from "../types.js";
import type { GuardFacts, Usage } from "./guard.js";
import type { QuotaWatch } from "./quota-watch.js";

/** Who knows. */
export interface FactsParts {
  /** What stays as it is while the engine is open. */
  fixed: Pick<EngineInfo, "storage" | "durability" | "formatVersion" | "kernel">;
  availability: Availability;
  environment: Pick<Environment, "now">;
  directory: Directory;
  manifests: Manifests;
  collections: OpenCollections;
  log: Pick<Log, "firstDimension" | "hasRecordsAfter">;
  blocks: Pick<BlockStore, "usage" | "arenas" | "cacheBytes">;
  vectorCache: Pick<ByteCache<number, Float32Array>, "bytes">;
  kernel: Pick<VectorKernel, "coderBytes" | "name" | "helpers">;
  compactor: Pick<Compactor, "isBusy" | "unpublishedCount" | "lastError">;
  quota: Pick<QuotaWatch, "read">;
  rotation: Pick<KeyRotation, "info"> | undefined;
  /** The messages of all warnings since opening. */
  warnings: readonly string[];
}

export class Facts {
  readonly #parts: FactsParts;

  constructor(parts: FactsParts) {
    this.#parts = parts;
  }

  async info(): Promise<EngineInfo> {
    const { fixed, directory, collections, blocks, vectorCache, kernel, compactor, warnings } = this.#parts;
    const quota = await this.#parts.quota.read();
    const { rows, records } = await this.#census(() => directory.listCollections());
    // From here on nothing is awaited: all of it is of one moment.
    const facts = [...collections.allFacts()];
    const shared = {
      blockCache: blocks.cacheBytes,
      vectorCache: vectorCache.bytes,
      kernel: kernel.coderBytes + checksumBytes(),
      manifests: this.#parts.manifests.byteLength,
    };
    const memory = memorySum([collections.memory, shared]);
    const sum = (of: (facts: CollectionFacts) => number) => facts.reduce((total, one) => total + of(one), 0);
    return {
      ...fixed,
      collections: rows.length,
      records,
      logRecords: sum(({ logRecords }) => logRecords),
      logBytes: sum(({ logBytes }) => logBytes),
      blockBytesReserved: blocks.usage().bytesReserved,
      blockBytesUsed: blocks.usage().bytesUsed,
      arenas: blocks.arenas(),
      quota,
      memoryBytes: totalBytes(memory),
      memory,
      cores: coresOf(kernel),
      compacting: compactor.isBusy,
      unpublished: compactor.unpublishedCount,
      warnings: [...warnings],
      compactionError: compactor.lastError?.message ?? null,
      keyRotation: this.#parts.rotation?.info ?? null,
    };
  }

  /** A collection's row, plus its dimension as far as anything fixes it. */
  async describe(row: CollectionRow): Promise<CollectionInfo> {
    return infoOf(row, await this.#dimensionOf(row));
  }

  /** One among others: a collection that cannot be read is told without its dimension, and does not hide the rest. */
  async describeIfSound(row: CollectionRow): Promise<CollectionInfo> {
    return infoOf(row, await unlessDamaged(() => this.#dimensionOf(row), null));
  }

  async #dimensionOf(row: CollectionRow): Promise<number | null> {
    const facts = this.#parts.collections.facts(row.id);
    if (facts !== undefined) return facts.dimension;
    const manifest = this.#parts.manifests.latest(row.id);
    return manifest.sections.vectors.dimension ?? this.#parts.log.firstDimension(row, manifest);
  }

  guardFacts(): GuardFacts {
    const { environment, directory } = this.#parts;
    return {
      now: () => environment.now(),
      scopeOf: (collectionId) => (directory.lostIds.includes(collectionId) ? {} : directory.collectionById(collectionId)),
      hasCollection: ({ tenant, database, name }) => directory.findCollection(tenant, database, name) !== null,
      usageOf: (tenant) => this.#usageOf(() => directory.listCollections().filter((row) => row.tenant === tenant)),
      usageOfCollection: (collectionId) => this.#usageOf(() => [directory.collectionById(collectionId)]),
      countAbsent: (collectionId, ids) =>
        this.#using(collectionId, (state) =>
          state.read(async () => {
            const named = new Set(ids);
            return named.size - (await state.records.find(named)).ordinals.size;
          }),
        ),
    };
  }

  /** Blocks that several of the collections share count once. */
  async #usageOf(list: () => CollectionRow[]): Promise<Usage> {
    const { manifests, collections } = this.#parts;
    const { rows, records } = await this.#census(list);
    const logBytes = rows.reduce((bytes, row) => bytes + (collections.facts(row.id)?.logBytes ?? 0), 0);
    const blocks = manifests.latestRefs(rows.map((row) => row.id));
    return { collections: rows.length, records, bytes: blocks.reduce((bytes, ref) => bytes + ref.length, logBytes) };
  }

  /**
   * The collections of a list, and how many records they have, both at the moment when this resolves: whatever has to be read to
   * know is read before, and what came or went meanwhile is looked at again.
   */
  async #census(list: () => CollectionRow[]): Promise<{ rows: CollectionRow[]; records: number }> {
    const read = new Map<string, number | null>();
    const countOf = ({ id }: CollectionRow) => this.#parts.collections.facts(id)?.count ?? read.get(id);
    for (;;) {
      const rows = list().filter((row) => countOf(row) !== null);
      const unknown = rows.filter((row) => countOf(row) === undefined);
      if (unknown.length === 0) return { rows, records: rows.reduce((sum, row) => sum + countOf(row)!, 0) };
      for (const row of unknown) read.set(row.id, await unlessGone(unlessDamaged(() => this.#recordsOf(row), 0)));
    }
  }

  /** Of a collection that was never open. */
  async #recordsOf(row: CollectionRow): Promise<number> {
    const { manifests, log } = this.#parts;
    const manifest = manifests.latest(row.id);
    return (await log.hasRecordsAfter(row.id, manifest.offset)) ? this.#using(row.id, ({ count }) => count) : manifest.count;
  }

  async #using<T>(collectionId: string, body: (state: CollectionState) => Promise<T> | T): Promise<T> {
    this.#parts.availability.check();
    return this.#parts.collections.use(this.#parts.directory.collectionById(collectionId), body);
  }
}

function coresOf({ name, helpers }: FactsParts["kernel"]): CoresInfo {
  if (name === "typescript") return { allowed: 1, helpers: 0, alone: "there is no WebAssembly SIMD" };
  if (helpers === undefined) return { allowed: 1, helpers: 0, alone: "the page is not cross-origin isolated, or has the inline variant" };
  return {
    allowed: helpers.cores,
    helpers: helpers.running,
    alone: helpers.cores > 1 ? helpers.alone : "one core is allowed, or the client is in a worker",
  };
}

/** What is told of a collection whose dimension is known: reads nothing, so it cannot fail. */
export function infoOf(row: CollectionRow, dimension: number | null): CollectionInfo {
  const { sequence: _sequence, root: _root, reembeds: _reembeds, model = 0, ...info } = row;
  return { ...info, model, schema: describeSchema(row.schema, row.configuration), dimension };
}

/** What `ask` tells, or `otherwise` where what it has to read is damaged; whoever uses the collection itself is told. */
async function unlessDamaged<T>(ask: () => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof TidepoolError && error.code === "CORRUPTION") return otherwise;
    throw error;
  }
}

/** `null` where what was asked about has been deleted meanwhile, which is no error for whoever did not name it. */
async function unlessGone<T>(asked: Promise<T>): Promise<T | null> {
  return asked.catch((error: unknown) => {
    if (error instanceof TidepoolError && error.code === "NOT_FOUND") return null;
    throw error;
  });
}
