/**
 * How the contexts of one origin find the one that runs the engine of a path: words on a `BroadcastChannel`, which reaches every
 * kind of context. Whoever looks for the holder asks "who"; the holder answers, and says so unasked when it begins to serve.
 * A guest that cannot be given a port of its own is relayed: it gets a channel that only the two of them use.
 *
 * Anybody of the origin may send here, so what is no word is passed over.
 */

/** Who asks gives the id of the guest for which a relay is to be opened, or `null`: it only wants to know. */
export interface Who {
  type: "who";
  guest: string | null;
}

/** The holder: its presence lock, its release, whether it is done opening, and the guest for which a relay is open now. */
export interface Serving {
  type: "serving";
  host: string;
  release: string;
  ready: boolean;
  guest: string | null;
}

/** The holder: it has changed the catalog, which whoever stands by may read again. */
export interface Changed {
  type: "changed";
}

export type Word = Who | Serving | Changed;

/** Of the channel on which the holder of a path is found. */
export const rendezvousOf = (path: string): string => `tidepool:${path}`;

/** Of the channel between a holder and one guest. */
export const relayOf = (host: string, guest: string): string => `tidepool-relay:${host}:${guest}`;

/** Of the lock that a guest's context holds while it lives. */
export const guestLockOf = (guest: string): string => `tidepool-client:${guest}`;

/** What was said, if it was a word. */
export function asWord(data: unknown): Word | null {
  const { type, guest, host, release, ready } = Object(data) as Record<string, unknown>;
  if (type === "changed") return { type };
  if (guest !== null && !isId(guest)) return null;
  if (type === "who") return { type, guest };
  if (type !== "serving" || !isId(host) || !isId(release)) return null;
  return { type, host, release, ready: ready === true, guest };
}

export function isId(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= 100;
}
