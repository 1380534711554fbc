/** Writes of a component: how far they have come, and why one failed. What is under way goes on when the component leaves. */
import { useMemo, useSyncExternalStore } from "react";
import type { Collection } from "../api/collection.js";
import type { Progress } from "../api/write.js";
import type { UpsertArguments } from "../api/write-arguments.js";
import { invalidArgument, type TidepoolError } from "../core/errors.js";
import type { Metadata, MetadataOf } from "../core/types.js";
import { Snapshots } from "./snapshots.js";

/** How far the writes of a component have come. */
export interface IngestState {
  /** Whether any is under way. */
  readonly isIngesting: boolean;
  /** Records acknowledged, of the writes since there was last none under way. */
  readonly done: number;
  /** Records of these writes. */
  readonly total: number;
  /** Why the latest that failed did, `undefined` where none of these has. `details.acknowledged` says how many records stay. */
  readonly error: TidepoolError | undefined;
}

/** The arguments of `ingest`: those of `collection.upsert`, without what the state tells and `abort` does. */
export type IngestArguments<TMeta extends MetadataOf<TMeta> = Metadata> = Omit<UpsertArguments<TMeta>, "signal" | "onProgress">;

/** Writes, and how far they have come. */
export interface Ingest<TMeta extends MetadataOf<TMeta> = Metadata> extends IngestState {
  /** Upserts records. Resolves to whether all are written, and rejects never: `error` says why they are not. */
  ingest(records: IngestArguments<TMeta>): Promise<boolean>;
  /** Stops the writes that are under way between two batches; their error is `ABORTED`. */
  abort(): void;
}

/**
 * Writes into a collection with progress. One function each for all renderings, so that they can be dependencies.
 *
 * @param collection - Of `useCollection`, or any other. While it is `undefined`, writing is an error.
 */
export function useIngest<TMeta extends MetadataOf<TMeta> = Metadata>(collection: Collection<TMeta> | null | undefined): Ingest<TMeta> {
  const writer = useMemo(() => new Ingester<TMeta>(collection ?? undefined), [collection]);
  return useSyncExternalStore(writer.states.subscribe, writer.states.getSnapshot, writer.states.getSnapshot);
}

class Ingester<TMeta extends MetadataOf<TMeta>> {
  readonly #collection: Collection<TMeta> | undefined;
  /** Of all writes since there was last none under way. */
  #runs: Pick<Progress, "done" | "total">[] = [];
  #pending = 0;
  #aborting = new AbortController();
  readonly states: Snapshots<Ingest<TMeta>>;

  constructor(collection: Collection<TMeta> | undefined) {
    this.#collection = collection;
    const ingest = (records: IngestArguments<TMeta>): Promise<boolean> => this.#ingest(records);
    const abort = (): void => this.#aborting.abort();
    this.states = new Snapshots({ isIngesting: false, done: 0, total: 0, error: undefined, ingest, abort });
  }

  async #ingest(records: IngestArguments<TMeta>): Promise<boolean> {
    if (this.#pending++ === 0) this.#begin();
    const run = { done: 0, total: 0 };
    this.#runs.push(run);
    try {
      await this.#upsert(records, run);
      return true;
    } catch (error) {
      this.states.set({ error: error as TidepoolError });
      return false;
    } finally {
      this.#pending--;
      this.#tell();
    }
  }

  #begin(): void {
    this.#runs = [];
    this.#aborting = new AbortController();
    this.states.set({ error: undefined });
  }

  async #upsert(records: IngestArguments<TMeta>, run: Pick<Progress, "done" | "total">): Promise<void> {
    if (this.#collection === undefined) throw invalidArgument("useIngest has no collection yet: wait until useCollection has one");
    const onProgress = ({ done, total }: Progress): void => {
      Object.assign(run, { done, total });
      this.#tell();
    };
    const writing = this.#collection.upsert({ ...records, signal: this.#aborting.signal, onProgress } as UpsertArguments<TMeta>);
    run.total = records.ids.length;
    this.#tell();
    await writing;
  }

  #tell(): void {
    const sum = (of: "done" | "total"): number => this.#runs.reduce((total, run) => total + run[of], 0);
    this.states.set({ isIngesting: this.#pending > 0, done: sum("done"), total: sum("total") });
  }
}
