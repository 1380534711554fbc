/**
 * Reembedding: a collection's documents are embedded by another function, in the page that asks for it, while all goes on with the old
 * vectors; when every record has its new one, they take the old ones' place in one moment (`model-swap.ts`).
 *
 * What is made is gathered in a collection that nobody sees (`reembeds` of its row), by ordinary durable writes. It is made by the first
 * call and goes with the swap, when it is given up, or with its collection. So all that holds of collections holds of it: it is
 * compacted, verified and repaired, and goes on after whatever happened to whoever worked on it. Who begins again takes over from whoever
 * worked on it before. Forks and backups are without it.
 */
import type { Tick } from "../base/turns.js";
import type { BlockStore } from "../blockstore/blockstore.js";
import { untilSettled } from "../blockstore/settled.js";
import type { Applied } from "../collection/applied-listeners.js";
import type { CollectionState } from "../collection/collection-state.js";
import type { OpenCollections } from "../collection/open-collections.js";
import type { Writer } from "../collection/writer.js";
import { show, TidepoolError } from "../errors.js";
import type { ReembeddingBatch, ReembeddingBegun, WriteReembeddingRequest } from "../service.js";
import type { Environment } from "../storage.js";
import type { CollectionRow } from "../sysdb/collection-row.js";
import type { SysDb } from "../sysdb/sysdb.js";
import type { CollectionConfiguration, EmbeddingFunctionConfiguration } from "../types.js";
import type { ModelSwap } from "./model-swap.js";
import { checkDocuments, documentsAt, first, Reembedding } from "./reembedding.js";

export interface ReembedderParts {
  sysdb: SysDb;
  collections: Pick<OpenCollections, "use" | "useToChange">;
  writer: Pick<Writer, "write" | "delete">;
  swap: Pick<ModelSwap, "swap">;
  blocks: Pick<BlockStore, "settledAt">;
  environment: Pick<Environment, "now" | "randomId" | "schedule">;
  tick: Tick;
}

interface Run {
  readonly id: string;
  readonly gathering: CollectionRow;
  readonly work: Reembedding;
}

/** Gathered records looked at in one go. */
const PRUNED_AT_ONCE = 256;

export class Reembedder {
  readonly #parts: ReembedderParts;
  /** By the collection that is reembedded; one each. */
  readonly #runs = new Map<string, Run>();

  constructor(parts: ReembedderParts) {
    this.#parts = parts;
  }

  /** Takes note of what was written. */
  note(applied: Applied): void {
    this.#runs.get(applied.state.row.id)?.work.note(applied);
  }

  /** Rejects where a record has no document. */
  check(row: CollectionRow): Promise<void> {
    return this.#parts.collections.use(row, (state) => checkDocuments(state, this.#parts.tick));
  }

  /** For a caller that lets nobody else change the system database. `goesOn`: only if there is something to go on with. */
  async begin(row: CollectionRow, configuration: CollectionConfiguration, goesOn: boolean): Promise<ReembeddingBegun> {
    const { sysdb, environment } = this.#parts;
    const known = sysdb.directory.gatheringFor(row.id);
    if (known === undefined && goesOn) throw notUnderWay(row);
    if (known !== undefined) refuseOther(row, known, configuration);
    const gathering = known ?? (await this.#create(row, configuration));
    const run: Run = { id: environment.randomId(), gathering, work: new Reembedding() };
    this.#runs.set(row.id, run);
    return { reembedding: run.id, isResumed: known !== undefined };
  }

  #create({ id, name, tenant, database }: CollectionRow, configuration: CollectionConfiguration): Promise<CollectionRow> {
    const { sysdb, environment } = this.#parts;
    const fields = { tenant, database, metadata: null, configuration, reembeds: id };
    return sysdb.createCollection({ ...fields, id: environment.randomId(), name: `${name} (reembedding)` });
  }

  read(row: CollectionRow, reembedding: string, limit: number): Promise<ReembeddingBatch> {
    const { collections, tick } = this.#parts;
    const { gathering, work } = this.#runOf(row, reembedding);
    return collections.use(row, (state) => collections.use(gathering, (gathered) => work.take(state, gathered, limit, tick)));
  }

  /** Resolves once the embeddings are durable. */
  async write(row: CollectionRow, { reembedding, ids, digests, embeddings }: WriteReembeddingRequest): Promise<void> {
    const { collections, writer } = this.#parts;
    const { gathering, work } = this.#runOf(row, reembedding);
    const records = { ids, embeddings, documents: null, metadatas: null, uris: digests };
    await collections.useToChange(gathering, (gathered) =>
      writer.write(gathered, { collectionId: gathering.id, operation: "upsert", records }),
    );
    work.settle(ids, digests);
  }

  /** Waits for what need not be waited for by those who write, or change the system database. */
  prepareToEnd(): Promise<void> {
    return untilSettled(this.#parts);
  }

  /** For a caller that lets nobody else change the system database. `null` where records are left to be embedded. */
  async end(row: CollectionRow, reembedding: string, requestId?: string): Promise<CollectionRow | null> {
    const { gathering, work } = this.#runOf(row, reembedding);
    const next = await this.#parts.swap.swap(row.id, gathering, (state) => work.isComplete(state), requestId);
    if (next !== null) this.forget(row.id);
    return next;
  }

  /** Nobody works on it any more. */
  forget(id: string): void {
    this.#runs.delete(id);
  }

  #runOf(row: CollectionRow, reembedding: string): Run {
    const run = this.#runs.get(row.id);
    if (run?.id === reembedding) return run;
    if (run !== undefined) throw new TidepoolError("CONFLICT", `Another call of reembed has gone on with collection [${row.name}]`);
    throw new TidepoolError("STALE_READ", `The reembedding of collection [${row.name}] is not known any more: call reembed again`);
  }

  /** Leaves nothing of what was gathered that was made of a document which is not there any more. */
  async prune(gathering: CollectionRow): Promise<void> {
    const { sysdb, collections } = this.#parts;
    const row = sysdb.directory.collectionById(gathering.reembeds!);
    await collections.use(row, (state) =>
      collections.useToChange(gathering, async (gathered) => {
        for (let from = 0; ; ) {
          const ordinals = first(gathered.records.live, PRUNED_AT_ONCE, from);
          if (ordinals.length === 0) return;
          from = ordinals.at(-1)! + 1;
          await this.#pruneSome(state, gathered, ordinals);
        }
      }),
    );
  }

  async #pruneSome(state: CollectionState, gathered: CollectionState, ordinals: Uint32Array): Promise<void> {
    const kept = await gathered.read(async () => {
      const payloads = await gathered.records.payloads([...ordinals]);
      return (await gathered.records.ids(ordinals)).map((id, i) => ({ id, digest: payloads[i]!.uri }));
    });
    const present = await state.read(async () => {
      const { ordinals: found } = await state.records.find(kept.map(({ id }) => id));
      return documentsAt(state, Uint32Array.from(found.values()), this.#parts.tick);
    });
    const digests = new Map(present.map(({ id, digest }) => [id, digest]));
    const ids = kept.filter(({ id, digest }) => digests.get(id) !== digest).map(({ id }) => id);
    if (ids.length > 0) await this.#parts.writer.delete(gathered, { collectionId: gathered.row.id, ids });
  }
}

function refuseOther(row: CollectionRow, known: CollectionRow, { hnsw, embedding_function }: CollectionConfiguration): void {
  const { configuration } = known;
  if (JSON.stringify([configuration.hnsw.space, configuration.embedding_function]) === JSON.stringify([hnsw.space, embedding_function])) {
    return;
  }
  throw new TidepoolError(
    "ALREADY_EXISTS",
    `Collection [${row.name}] is being reembedded by ${functionOf(configuration.embedding_function)} already, in ` +
      `${configuration.hnsw.space} space: call reembed with that function to go on, or reembed({ giveUp: true }) to begin with another`,
  );
}

function functionOf(fn: EmbeddingFunctionConfiguration | null): string {
  return fn === null ? "no function" : `${show(fn.name)} with the configuration ${show(fn.config)}`;
}

function notUnderWay({ name }: CollectionRow): TidepoolError {
  return new TidepoolError("CONFLICT", `The reembedding of collection [${name}] was ended or given up elsewhere`);
}
