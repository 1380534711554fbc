/**
 * The client of a tree of components. A client that is given is left as it is. One that is made here is closed a while after the
 * tree has left, so that a tree which leaves and comes back at once, as with StrictMode and hot replacement, finds it open; and a
 * tree which comes back later, as out of a hidden `Activity`, gets another one.
 *
 * Making a client starts nothing, so that a rendering which React throws away leaves nothing behind.
 */
import { createContext, createElement, type ReactElement, type ReactNode, useContext, useEffect, useMemo, useReducer } from "react";
import { TidepoolClient, type TidepoolClientOptions } from "../api/client.js";
import { invalidArgument } from "../core/errors.js";
import { limits } from "../core/limits.js";
import { useKept } from "./use-kept.js";

/** What `TidepoolProvider` takes: a client, or the options of one. */
export interface TidepoolProviderProps {
  /** A client that others close. */
  client?: TidepoolClient;
  /**
   * Options of the client that is made and closed here. Default: those of `TidepoolClient`. Others make another client; functions
   * in them are those of the first rendering.
   */
  options?: Omit<TidepoolClientOptions, "client">;
  /** Who may use it. */
  children?: ReactNode;
}

const Context = createContext<TidepoolClient | undefined>(undefined);

/** When each client that was made here is closed, and `null` once it is. */
const leaving = new WeakMap<TidepoolClient, ReturnType<typeof setTimeout> | null>();

/**
 * Gives the components below it a client. It neither waits nor suspends.
 *
 * @throws `INVALID_ARGUMENT` for a client beside options, and as `new TidepoolClient`.
 */
export function TidepoolProvider({ client, options, children }: TidepoolProviderProps): ReactElement {
  if (client !== undefined && options !== undefined) throw invalidArgument("TidepoolProvider takes a client or options, not both");
  const kept = useKept(options);
  const [generation, renew] = useReducer((count: number) => count + 1, 0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a generation is another client.
  const own = useMemo(() => (client === undefined ? new TidepoolClient(kept) : undefined), [client, kept, generation]);
  useEffect(() => (own === undefined ? undefined : hold(own, renew)), [own]);
  return createElement(Context.Provider, { value: client ?? own }, children);
}

function hold(client: TidepoolClient, renew: () => void): (() => void) | undefined {
  const timer = leaving.get(client);
  if (timer === null) return renew() as undefined;
  clearTimeout(timer);
  return () => {
    const close = (): Promise<void> => {
      leaving.set(client, null);
      return client.close();
    };
    leaving.set(client, setTimeout(close, limits.liveLingerMs));
  };
}

/**
 * The client of the nearest `TidepoolProvider`.
 *
 * @throws `INVALID_ARGUMENT` where there is none.
 */
export function useTidepool(): TidepoolClient {
  const client = useContext(Context);
  if (client === undefined) throw invalidArgument("There is no client here: render the component below a TidepoolProvider");
  return client;
}
