/**
 * Puts the gathered embeddings in place of a collection's own, in one transaction with its configuration and with the end of what
 * gathered them. Reads go on with the old vectors meanwhile, and writes wait. So a crash leaves the one or the other, whole.
 *
 * The records are compacted first, so that a manifest has all of them; only its section of vectors is made anew. The log is given up
 * with it, and goes on one offset beyond its end: what was read before the swap is stale for a transaction.
 */
import { Bitmap } from "../base/bitmap.js";
import type { Tick } from "../base/turns.js";
import type { BlockRef, BlockStore, BlockWriter } from "../blockstore/blockstore.js";
import { untilSettled } from "../blockstore/settled.js";
import type { CollectionState } from "../collection/collection-state.js";
import type { OpenCollections } from "../collection/open-collections.js";
import type { Entry } from "../collection/part.js";
import { type Sections, sectionKinds } from "../collection/parts.js";
import type { Compactor, Paused } from "../compactor/compactor.js";
import { TidepoolError } from "../errors.js";
import { limits } from "../limits.js";
import type { VectorRow } from "../segment/vector.js";
import type { Environment } from "../storage.js";
import type { CollectionRow } from "../sysdb/collection-row.js";
import type { Manifest } from "../sysdb/manifest.js";
import type { SysDb } from "../sysdb/sysdb.js";
import { first } from "./reembedding.js";

export interface ModelSwapParts {
  sysdb: SysDb;
  collections: Pick<OpenCollections, "use" | "whileUnchanged" | "replace" | "forget">;
  compactor: Pick<Compactor, "compact" | "pause" | "resume">;
  blocks: BlockStore;
  environment: Pick<Environment, "now" | "schedule">;
  tick: Tick;
  /** Gives back the space of blocks that nobody names any more; never rejects, since the swap is durable by then. */
  free(refs: readonly BlockRef[], collection: string): Promise<void>;
}

type VectorsSection = Sections["vectors"];

interface Swapped {
  row: CollectionRow;
  /** Blocks that no manifest names any more. */
  garbage: readonly BlockRef[];
}

export class ModelSwap {
  readonly #parts: ModelSwapParts;

  constructor(parts: ModelSwapParts) {
    this.#parts = parts;
  }

  /** Resolves with the collection's row as it is then; `null` where it turns out that something is missing. */
  async swap(id: string, gathering: CollectionRow, isComplete: (state: CollectionState) => boolean, requestId?: string) {
    const { collections, free } = this.#parts;
    const swapped = await collections.whileUnchanged(id, () =>
      collections.whileUnchanged(gathering.id, () => this.#swapUnchanged(id, gathering, isComplete, requestId)),
    );
    if (swapped === null) return null;
    await swapped.unused;
    collections.forget(gathering.id);
    await free(swapped.garbage, swapped.row.name);
    return swapped.row;
  }

  async #swapUnchanged(id: string, gathering: CollectionRow, isComplete: (state: CollectionState) => boolean, requestId?: string) {
    const { sysdb, collections, compactor } = this.#parts;
    const before = sysdb.directory.collectionInUse(id);
    const isReady = await collections.use(before, async (state) => {
      if (!isComplete(state)) return false;
      await compactor.compact(state);
      return true;
    });
    if (!isReady) return null;
    const paused = [await compactor.pause(id), await compactor.pause(gathering.id)];
    let isReplaced = false;
    try {
      const swapped = await collections.use(before, (state) =>
        collections.use(gathering, (gathered) => this.#build(state, gathered, paused, requestId)),
      );
      isReplaced = true;
      return { ...swapped, unused: Promise.all([id, gathering.id].map((one) => collections.replace(one))) };
    } finally {
      for (const one of paused) compactor.resume(one, isReplaced);
    }
  }

  /** From new blocks to the commit. */
  async #build(state: CollectionState, gathered: CollectionState, paused: readonly Paused[], requestId?: string): Promise<Swapped> {
    const { sysdb, blocks } = this.#parts;
    if (state.records.entries().length > 0 || state.log.records > 0) {
      throw new TidepoolError("INTERNAL", `Collection "${state.row.name}" was written to while its vectors were exchanged`);
    }
    const row = rowAfter(state.row, gathered.row);
    const batch = blocks.begin();
    try {
      const sections = await this.#vectors(state, gathered, row, batch);
      const manifests = sections.map((vectors) => this.#manifestOf(state, vectors));
      const next = manifests.pop()!;
      await batch.flush();
      await untilSettled(this.#parts);
      const skipped = [...manifests, ...paused.flatMap(({ unpublished }) => unpublished)];
      const garbage = await sysdb.reembed(row, next, gathered.row.id, skipped, requestId);
      batch.publish();
      return { row, garbage };
    } catch (error) {
      await batch.giveBack();
      throw error;
    }
  }

  #manifestOf({ manifest, applied, requests }: CollectionState, vectors: VectorsSection): Manifest {
    const { offset, link } = applied;
    const { madeUnder: _, ...kept } = manifest;
    return {
      ...kept,
      version: manifest.version + 1,
      offset: offset + 1,
      link,
      requests: requests.list(),
      sections: { ...manifest.sections, vectors },
    };
  }

  /** The section of the new vectors, as it grew: the last one is whole. */
  async #vectors(state: CollectionState, gathered: CollectionState, row: CollectionRow, writer: BlockWriter): Promise<VectorsSection[]> {
    const { tick } = this.#parts;
    const vectors = state.vectorsApart(row);
    const sections: VectorsSection[] = [sectionKinds.empty().vectors];
    try {
      for (let from = 0; ; ) {
        const ordinals = first(state.records.live, limits.batchRecordsSent, from);
        if (ordinals.length === 0) return sections;
        from = ordinals.at(-1)! + 1;
        const rows = await gatheredRows(state, gathered, ordinals);
        vectors.apply({ written: rows.map(([ordinal, vector]) => [ordinal, { ...NO_FIELDS, vector }, ""]), deleted: [] });
        await tick();
        const { section, install } = await vectors.compact({ ...NO_CHANGES, entries: entriesOf(rows) }, writer, tick);
        install();
        sections.push(section);
        await tick();
      }
    } finally {
      vectors.dispose();
    }
  }
}

const NO_FIELDS = { document: undefined, uri: undefined, metadata: undefined };
const NO_CHANGES = { payloads: [], removed: new Bitmap(), nextOrdinal: 0 };

/** What a compaction of vectors looks at: ids are not among it. */
function entriesOf(rows: readonly (readonly [number, VectorRow])[]): Entry[] {
  return rows.map(([ordinal, vector]) => [ordinal, { kind: "patch", id: "", vector, ...NO_FIELDS }]);
}

/** What was gathered for these records. */
async function gatheredRows(state: CollectionState, gathered: CollectionState, ordinals: Uint32Array): Promise<[number, VectorRow][]> {
  const ids = await state.read(() => state.records.ids(ordinals));
  return gathered.read(async () => {
    const found = (await gathered.records.find(ids)).ordinals;
    const from = ids.map((id) => found.get(id));
    if (from.includes(undefined)) throw new TidepoolError("INTERNAL", `What was gathered for "${state.row.name}" lacks a record`);
    const dimension = gathered.dimension!;
    const values = await gathered.vectors.embeddings(from as number[]);
    const records = { ids: [], documents: null, metadatas: null, uris: null, embeddings: { dimension, values, present: null } };
    const quantized = gathered.vectors.quantize(records)!;
    return Array.from(ordinals, (ordinal, at) => {
      return [ordinal, { embedding: values.subarray(at * dimension, (at + 1) * dimension), quantized, at }];
    });
  });
}

/** The collection as it goes on: with the space and the function of what gathered for it. */
function rowAfter(row: CollectionRow, { configuration: { hnsw, embedding_function } }: CollectionRow): CollectionRow {
  const configuration = { ...row.configuration, embedding_function, hnsw: { ...row.configuration.hnsw, space: hnsw.space } };
  return { ...row, configuration, model: (row.model ?? 0) + 1 };
}
