/** A collection of the tree's client, made where it is missing, as a state that a component can render. */
import { useMemo, useSyncExternalStore } from "react";
import type { CreateCollectionArguments, TidepoolClient } from "../api/client.js";
import type { Collection } from "../api/collection.js";
import type { TidepoolError } from "../core/errors.js";
import type { Metadata, MetadataOf } from "../core/types.js";
import { useTidepool } from "./provider.js";
import { SharedStores } from "./shared-stores.js";
import { Snapshots } from "./snapshots.js";
import { useKept } from "./use-kept.js";

/** A collection on its way, there, or out of reach. */
export interface CollectionState<TMeta extends MetadataOf<TMeta> = Metadata> {
  /** `undefined` until it is there. */
  readonly collection: Collection<TMeta> | undefined;
  /** Why it is not there, `undefined` where nothing is wrong. */
  readonly error: TidepoolError | undefined;
  /** Whether it is still on its way. */
  readonly isLoading: boolean;
  /** Asks again, such as after an error. */
  refresh(): Promise<void>;
}

const stores = new SharedStores();

/**
 * As `client.getOrCreateCollection`, once for all components whose arguments say the same: they have one collection object.
 *
 * @param args - A name, or the arguments of `getOrCreateCollection`.
 * @typeParam TMeta - Shape of the records' metadata.
 */
export function useCollection<TMeta extends MetadataOf<TMeta> = Metadata>(
  args: string | CreateCollectionArguments,
): CollectionState<TMeta> {
  const client = useTidepool();
  const kept = useKept(args);
  const store = useMemo(() => {
    const given = typeof kept === "string" ? { name: kept } : kept;
    return stores.of(client, given, () => new CollectionStore<TMeta>(client, given));
  }, [client, kept]);
  return useSyncExternalStore(store.subscribe, store.getSnapshot, store.getSnapshot);
}

class CollectionStore<TMeta extends MetadataOf<TMeta>> {
  readonly #client: TidepoolClient;
  readonly #args: CreateCollectionArguments;
  readonly #states: Snapshots<CollectionState<TMeta>>;
  #hasAsked = false;

  constructor(client: TidepoolClient, args: CreateCollectionArguments) {
    this.#client = client;
    this.#args = args;
    this.#states = new Snapshots({ collection: undefined, error: undefined, isLoading: true, refresh: () => this.#ask() });
  }

  readonly getSnapshot = (): CollectionState<TMeta> => this.#states.getSnapshot();

  readonly subscribe = (run: () => void): (() => void) => {
    if (!this.#hasAsked) void this.#ask();
    return this.#states.subscribe(run);
  };

  async #ask(): Promise<void> {
    this.#hasAsked = true;
    try {
      const collection = await this.#client.getOrCreateCollection<TMeta>(this.#args);
      this.#states.set({ collection, error: undefined, isLoading: false });
    } catch (error) {
      // Whoever comes next asks again.
      this.#hasAsked = false;
      this.#states.set({ error: error as TidepoolError, isLoading: false });
    }
  }
}
