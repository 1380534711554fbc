/**
 * Records that are about to be created on a side, noted before: so that after a crash, or an answer that was lost, one that is missing
 * there is told from one that never was there.
 *
 * A side that keeps moments tells whether an id was written since. Where none does, nobody knows: then nothing is deleted, and it is told.
 */
import type { LocalSide } from "./local-side.js";
import { type Base, type Direction, isIntent } from "./merge.js";
import type { RemoteSide } from "./remote-side.js";
import type { SyncWinner } from "./sync-options.js";
import type { SyncState } from "./sync-state.js";

type Digests = ReadonlyMap<string, string>;

/** Both sides' states of some records, by digest. */
export interface BothStates {
  ids: readonly string[];
  local: Digests;
  remote: Digests;
}

/** Of both sides; `null` where one keeps none. */
type Moments = Record<SyncWinner, number | null>;

/** What an intent has come to. */
export interface Outcome {
  /** What both sides have agreed on by it, if they have. */
  base: Base | undefined;
  isTrusted: boolean;
  /** Whose state is to win where it was interrupted: told, since it may be another than the one that was meant. */
  winner: SyncWinner | null;
}

export class Intents {
  readonly #state: SyncState;
  readonly #sides: { local: LocalSide; remote: RemoteSide };
  readonly #isBothWays: boolean;

  constructor(state: SyncState, sides: { local: LocalSide; remote: RemoteSide }, direction: Direction) {
    this.#state = state;
    this.#sides = sides;
    this.#isBothWays = direction === "both";
  }

  /**
   * Notes those of the entries that create something, and, so that a deletion after it is known for one, those that both sides have and
   * have not agreed on before. Returns what to note of the created ones when it is done.
   */
  async note(entries: ReadonlyMap<string, Base | null>, states: BothStates, since: Moments): Promise<Map<string, Base>> {
    const intents = new Map<string, Base>();
    const done = new Map<string, Base>();
    for (const [id, base] of entries) {
      const noted = this.#state.entries.get(id);
      if (base === null || base.mark !== undefined || !(noted === undefined || isIntent(noted))) continue;
      const [local, remote] = [states.local.get(id) ?? null, states.remote.get(id) ?? null];
      if (local === null || remote === null) {
        if (local === remote) continue;
        intents.set(id, { ...base, mark: remote === null ? "sending" : "taking", since });
        done.set(id, { ...base, since });
      } else if (local !== remote && this.#isBothWays) intents.set(id, { local, remote, step: base.step, mark: "apart" });
    }
    if (intents.size > 0) await this.#state.save(intents);
    return done;
  }

  /** What has become of those among the records that an earlier step has noted; the server certainly knows steps up to `trusted`. */
  async outcomes({ ids, local, remote }: BothStates, trusted: number): Promise<Map<string, Outcome>> {
    const outcomes = new Map<string, Outcome>();
    const asked = ids.filter((id) => isOpen(this.#state.entries.get(id), trusted));
    if (asked.length === 0) return outcomes;
    const isWritten = {
      local: await this.#written(
        "local",
        asked.filter((id) => !local.has(id) && remote.has(id)),
      ),
      remote: await this.#written(
        "remote",
        asked.filter((id) => !remote.has(id) && local.has(id)),
      ),
    };
    for (const id of asked) {
      const base = this.#state.entries.get(id)!;
      const [source, target] = base.mark === "sending" ? (["local", "remote"] as const) : (["remote", "local"] as const);
      const states = { local: local.get(id) ?? null, remote: remote.get(id) ?? null };
      outcomes.set(
        id,
        outcomeOf(base, states, { source, target, isWritten: isWritten[states.local === null ? "local" : "remote"].get(id) }),
      );
    }
    return outcomes;
  }

  /** Which of them were written on a side since they were noted; what nobody knows is left out. */
  async #written(side: SyncWinner, ids: readonly string[]): Promise<Map<string, boolean>> {
    const written = new Map<string, boolean>();
    const byToken = new Map<number, string[]>();
    for (const id of ids) {
      const token = this.#state.entries.get(id)!.since![side];
      if (token !== null) byToken.set(token, [...(byToken.get(token) ?? []), id]);
    }
    for (const [token, asked] of byToken) {
      const isUnwritten = (some: readonly string[]): Promise<boolean> => this.#sides[side].isUnwritten([...some], token);
      // No record has this one: where not even that is known of it, the moment is forgotten.
      if (!(await isUnwritten([crypto.randomUUID()]))) continue;
      const found = await writtenOf(asked, isUnwritten);
      for (const id of asked) written.set(id, found.has(id));
    }
    return written;
  }
}

interface Interrupted {
  source: SyncWinner;
  target: SyncWinner;
  isWritten: boolean | undefined;
}

function outcomeOf(base: Base, states: Record<SyncWinner, string | null>, { source, target, isWritten }: Interrupted): Outcome {
  // Both sides had it, so that it was deleted where it is missing, unless that is a server that has gone back.
  if (!isIntent(base)) return { base, isTrusted: states.remote === null && isWritten === true, winner: null };
  const [from, to] = [states[source], states[target]];
  const meant = base.local;
  // What is missing at the source was there: here nothing is lost, but a server may have gone back.
  if (to === meant) return { base, isTrusted: source === "local" || from !== null || isWritten === true, winner: null };
  if (to !== null) return { base: undefined, isTrusted: true, winner: null };
  if (from === null) return { base, isTrusted: true, winner: null };
  // It may be missing since it was deleted, or since it has never come there.
  if (isWritten === true) return { base, isTrusted: true, winner: from === meant ? target : null };
  return { base: undefined, isTrusted: true, winner: isWritten === false ? null : source };
}

/** Whether it may be doubted that what is missing was deleted. */
function isOpen(base: Base | undefined, trusted: number): boolean {
  return isIntent(base) || (base?.since != null && base.step > trusted);
}

/** Halves what was written until each is found: most often all of it was, or nothing. */
async function writtenOf(ids: readonly string[], isUnwritten: (some: readonly string[]) => Promise<boolean>): Promise<Set<string>> {
  if (await isUnwritten(ids)) return new Set();
  if (ids.length === 1) return new Set(ids);
  const middle = ids.length >> 1;
  const [first, second] = [await writtenOf(ids.slice(0, middle), isUnwritten), await writtenOf(ids.slice(middle), isUnwritten)];
  return new Set([...first, ...second]);
}
