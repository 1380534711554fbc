/**
 * Stores that components share: those which ask their client or collection for what says the same have one, so that it is asked once,
 * and all of them show the same. A store is shared while somebody is subscribed to it, and from its making on until the first one is,
 * for components that are rendered together; whoever comes after the last one has left gets a new one.
 *
 * A rendering that React throws away leaves nothing behind: a store that nobody is subscribed to is held by its components alone.
 */
import { isSame } from "./use-kept.js";

/** What is shared. */
interface Subscribable {
  subscribe: (run: never) => () => void;
}

interface Entry {
  value: unknown;
  store: WeakRef<Subscribable>;
}

/** Gives the store of a value's owner for the value, made where there is none. */
export class SharedStores {
  readonly #entries = new WeakMap<object, Set<Entry>>();

  of<S extends Subscribable>(owner: object, value: unknown, make: () => S): S {
    const entries = this.#entries.get(owner) ?? new Set();
    this.#entries.set(owner, entries);
    for (const entry of entries) {
      const store = entry.store.deref();
      if (store === undefined) entries.delete(entry);
      else if (isSame(entry.value, value)) return store as S;
    }
    return shared(make(), value, entries);
  }
}

/** The store, which is among the entries now, and whenever somebody is subscribed to it. */
function shared<S extends Subscribable>(store: S, value: unknown, entries: Set<Entry>): S {
  let subscribers = 0;
  const subscribe: Subscribable["subscribe"] = (run) => {
    const off = store.subscribe(run);
    entries.add(entry);
    subscribers++;
    return () => {
      off();
      if (--subscribers === 0) entries.delete(entry);
    };
  };
  const counted = { ...store, subscribe };
  const entry: Entry = { value, store: new WeakRef(counted) };
  entries.add(entry);
  return counted;
}
