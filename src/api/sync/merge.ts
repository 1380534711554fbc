/**
 * What becomes of one record: the state that both sides agreed on last, the one here and the one there. Knows no store and no clock, so
 * that every case can be tried.
 *
 * A state is a digest, or `null` for no record.
 */

/** What both sides had when they were last in agreement. */
export interface Base {
  /** Digest of the record here; `null`: there was none. */
  local: string | null;
  /** Digest of the record there, which may show the same record otherwise. */
  remote: string | null;
  /** Number of the step in which that was found out: servers that know less have gone back to an earlier state. */
  step: number;
  /**
   * "replacing": the record is being deleted and written anew, so that it may be missing means nothing. "apart": both sides were left as
   * they differ, since the direction allows nothing else. "sending", "taking": the record was about to be created there, or here; whether
   * it was is not known.
   */
  mark?: "replacing" | "apart" | "sending" | "taking";
  /** Of what was created: the moments of both sides before that; `null` where a side keeps none. */
  since?: { local: number | null; remote: number | null };
}

/** Whether it is not what both sides have agreed on, but what they were about to. */
export function isIntent(base: Base | undefined): boolean {
  return base?.mark === "sending" || base?.mark === "taking";
}

/** Which way changes go: to the server, from it, or both. */
export type Direction = "push" | "pull" | "both";

export interface Situation {
  base: Base | undefined;
  /** Whether the server certainly still knows what it knew then. */
  isTrusted: boolean;
  local: string | null;
  remote: string | null;
  /** Whether both sides have the same record, or none. */
  isSame: boolean;
  direction: Direction;
}

export type Decision =
  /** Nothing to be done or noted. */
  | "leave"
  /** They agree: to be noted. */
  | "settle"
  | "push"
  | "pull"
  /** Both have changed. */
  | "conflict"
  /** The server lacks what it had, or has something else, and may have gone back to an earlier state. */
  | "restored";

export function decide(situation: Situation): Decision {
  const { base, local, remote, isSame, direction } = situation;
  if (isSame) return isAsNoted(base, local, remote) ? "leave" : "settle";
  const wanted = base === undefined ? withoutBase(local, remote) : fromBase(base, situation);
  const isAgainst = (wanted === "push" && direction === "pull") || (wanted === "pull" && direction === "push");
  return isAgainst ? "leave" : wanted;
}

function isAsNoted(base: Base | undefined, local: string | null, remote: string | null): boolean {
  if (base === undefined) return local === null && remote === null;
  return local !== null && base.local === local && base.remote === remote && base.mark === undefined;
}

/** They have never agreed on it, so that nothing can have been deleted. */
function withoutBase(local: string | null, remote: string | null): Decision {
  if (local === null) return "pull";
  return remote === null ? "push" : "conflict";
}

function fromBase(base: Base, { isTrusted, local, remote, direction }: Situation): Decision {
  if (base.mark === "replacing" && local === null) return "pull";
  if (base.mark === "replacing" && remote === null) return "push";
  const isChangedHere = local !== base.local;
  const isChangedThere = remote !== base.remote;
  if (!isChangedHere && !isChangedThere) return base.mark === "apart" && direction === "both" ? "conflict" : "leave";
  if (!isChangedThere) return "push";
  if (!isTrusted) return "restored";
  return isChangedHere ? "conflict" : "pull";
}
