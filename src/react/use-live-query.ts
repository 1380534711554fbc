/**
 * Results of a read, kept up to date while a component shows them, in a store that outlives a second mount. Components that show one
 * read of one collection share it.
 */
import { useMemo, useState, useSyncExternalStore } from "react";
import type { Collection } from "../api/collection.js";
import { type LiveSnapshot, type LiveStore, liveStore } from "../api/live/live-store.js";
import type { LiveRead, LiveReads, LiveResults } from "../api/live/subscribe.js";
import type { SearchLike } from "../api/search/search.js";
import type { SearchResult } from "../api/search/search-result.js";
import type { Metadata, MetadataOf } from "../core/types.js";
import { SharedStores } from "./shared-stores.js";
import { useKept } from "./use-kept.js";

/** The results of a read as they are now, or why they are not there. */
export interface LiveState<R> extends LiveSnapshot<R> {
  /** Asks again at once; what comes of it is rendered. */
  refresh(): Promise<void>;
}

/** What a component without a collection or a read sees; nothing changes it. */
function still(isLoading: boolean): LiveStore<never> {
  const snapshot = { results: undefined, update: undefined, error: undefined, isLoading };
  return { getSnapshot: () => snapshot, subscribe: () => () => undefined, refresh: async () => undefined };
}

const stores = new SharedStores();
const LOADING = still(true);
const IDLE = still(false);

/**
 * The results of a read, rendered again whenever a write of any tab has changed them. Another read of another value begins anew, without
 * results. It does not suspend, and throws nothing: errors are in the state. However many components show one read of one collection,
 * it is asked once.
 *
 * @param collection - Of `useCollection`, or any other. While it is `undefined` the state is loading.
 * @param read - As of `collection.subscribe`, compared by value; `null` or `undefined` asks nothing.
 */
export function useLiveQuery<K extends keyof LiveReads, TMeta extends MetadataOf<TMeta> = Metadata>(
  collection: Collection<TMeta> | null | undefined,
  read: LiveRead<K, TMeta> | null | undefined,
): LiveState<LiveResults<TMeta>[K]> {
  const kept = useKept(read);
  const store = useMemo((): LiveStore<LiveResults<TMeta>[K]> => {
    if (!kept) return IDLE;
    return collection ? stores.of(collection, kept, () => liveStore(collection, kept)) : LOADING;
  }, [collection, kept]);
  const snapshot = useSyncExternalStore(store.subscribe, store.getSnapshot, store.getSnapshot);
  return useMemo(() => ({ ...snapshot, refresh: store.refresh }), [snapshot, store]);
}

/**
 * The results of searches, live as those of {@link useLiveQuery}. While another search of the same collection is on its way the
 * results of the one before stay, with `isLoading`: what is typed does not blank the page.
 *
 * @param collection - Of `useCollection`, or any other. While it is `undefined` the state is loading.
 * @param search - As of `collection.search`, compared by value; `null` or `undefined` asks nothing.
 */
export function useLiveSearch<TMeta extends MetadataOf<TMeta> = Metadata>(
  collection: Collection<TMeta> | null | undefined,
  search: SearchLike | SearchLike[] | null | undefined,
): LiveState<SearchResult<TMeta>> {
  const state = useLiveQuery<"search", TMeta>(collection, search ? { search } : null);
  const [before, keep] = useState({ collection, results: state.results });
  const isOver = !search || before.collection !== collection;
  const results = state.results ?? (isOver || !state.isLoading ? undefined : before.results);
  if (before.results !== results || before.collection !== collection) keep({ collection, results });
  return results === state.results ? state : { ...state, results };
}
