/**
 * Which records may differ between both sides: what each side tells of its changes, and where it cannot tell, what differs from the
 * states that are noted. It may be too many, and is never too few of what was written before the look.
 */
import type { Space } from "../../core/types.js";
import type { LocalSide } from "./local-side.js";
import { type Base, type Direction, isIntent } from "./merge.js";
import type { RemoteSide } from "./remote-side.js";
import type { SyncComparison } from "./sync-options.js";
import { digestsOf, type Records } from "./sync-record.js";
import type { Cursors, SyncState } from "./sync-state.js";

/** Below every revision. */
const REVISION_MIN = Number.MIN_SAFE_INTEGER;

export interface CandidateParts {
  local: LocalSide;
  remote: RemoteSide;
  state: SyncState;
  direction: Direction;
  revisionKey: string | undefined;
  signal: AbortSignal;
  onComparison(comparison: SyncComparison): void;
  space: Space;
  /** Whether this is a sync's first round, in which what a writer did not tell is found. */
  isFirst: boolean;
  /** Whether the server may have gone back. */
  isRestored: boolean;
  /** Whether to look for what has changed there. */
  looksThere: boolean;
}

export class Candidates {
  readonly #parts: CandidateParts;
  readonly #doubted = new Set<string>();
  readonly #written = new Set<string>();

  constructor(parts: CandidateParts) {
    this.#parts = parts;
  }

  get ids(): Set<string> {
    return new Set([...this.#doubted, ...this.#written]);
  }

  /** Whether the other side has to be asked, though nothing has changed here. */
  isDoubted(id: string): boolean {
    return this.#doubted.has(id);
  }

  /** Looks at both sides. Returns the cursors of the moment before the look, for when all that it found is settled. */
  async find(left: ReadonlySet<string>): Promise<Omit<Cursors, "device" | "step">> {
    const { state } = this.#parts;
    for (const id of left) this.#doubted.add(id);
    for (const [id, base] of state.entries) if (this.#isOpen(base)) this.#doubted.add(id);
    const local = await this.#findHere();
    return { local, ...(await this.#findThere()) };
  }

  #isOpen(base: Base): boolean {
    return base.mark === "replacing" || isIntent(base) || (base.mark === "apart" && this.#parts.direction === "both");
  }

  async #findHere(): Promise<number | null> {
    const { local, state, direction } = this.#parts;
    // What has changed here is left alone by a pull, but where it has changed there, too: then both are read anyway.
    if (direction === "pull") return null;
    const { ids, next } = await local.changed(state.cursors.local);
    for (const id of ids ?? []) this.#written.add(id);
    if (ids !== null) return next;
    this.#tell("local", state.cursors.local === null ? "first" : "log");
    await this.#compare(local.pages(this.#parts.signal), (id) => state.entries.get(id)?.local ?? null, "local");
    return next;
  }

  async #findThere(): Promise<Pick<Cursors, "operations" | "revision">> {
    const { remote, state, isRestored, isFirst } = this.#parts;
    const { operations, revision } = state.cursors;
    if (!isRestored && !this.#looksThere) return { operations, revision };
    // Before the look: what comes in meanwhile is found by the next one.
    const now = await remote.operations();
    // Once, in the beginning, neither this number nor revisions are relied on: a server that was set back may have come to it again.
    if (!isRestored && !isFirst && now !== null && now === operations) return { operations, revision };
    if (!isRestored && !isFirst && revision !== null && this.#canAskForRevisions) {
      return { operations: now, revision: await this.#findRevised(revision) };
    }
    this.#tell("remote", isRestored ? "restored" : state.entries.size === 0 ? "first" : "unknown");
    const highest = await this.#compare(remote.pages(), (id) => state.entries.get(id)?.remote ?? null, "remote");
    return { operations: now, revision: this.#parts.revisionKey === undefined ? null : Math.max(highest, revision ?? REVISION_MIN) };
  }

  /** What only goes there is compared with what is there when it goes. */
  get #looksThere(): boolean {
    return this.#parts.looksThere && this.#parts.direction !== "push";
  }

  get #canAskForRevisions(): boolean {
    return this.#parts.revisionKey !== undefined && this.#parts.remote.hasMetadata;
  }

  /** What was written with a higher revision, and what is there no more, or was never seen. Returns the highest revision. */
  async #findRevised(revision: number): Promise<number> {
    const { remote, state, revisionKey, space } = this.#parts;
    let highest = revision;
    let seen = [...state.entries.values()].filter((base) => base.remote !== null).length;
    for await (const records of remote.pages({ [revisionKey!]: { $gt: revision } })) {
      highest = Math.max(highest, this.#highest(records));
      for (const [id, digest] of await digestsOf(records, space)) {
        const known = state.entries.get(id)?.remote ?? null;
        if (known === null) seen++;
        if (known !== digest) this.#doubted.add(id);
      }
    }
    if ((await remote.count()) !== seen) await this.#findByIds();
    return highest;
  }

  async #findByIds(): Promise<void> {
    const { remote, state } = this.#parts;
    const missing = new Set([...state.entries].filter(([, base]) => base.remote !== null).map(([id]) => id));
    for await (const ids of remote.ids()) {
      for (const id of ids) {
        if (!missing.delete(id) && (state.entries.get(id)?.remote ?? null) === null) this.#doubted.add(id);
      }
    }
    for (const id of missing) this.#doubted.add(id);
  }

  /** All records of a side that are not as noted, and those that are noted and not there. Returns the highest revision. */
  async #compare(pages: AsyncIterable<Records>, notedOf: (id: string) => string | null, side: "local" | "remote"): Promise<number> {
    const { state, space, signal } = this.#parts;
    const missing = new Set([...state.entries].filter(([, base]) => base[side] !== null).map(([id]) => id));
    let highest = -Infinity;
    for await (const records of pages) {
      signal.throwIfAborted();
      highest = Math.max(highest, this.#highest(records));
      for (const [id, digest] of await digestsOf(records, space)) {
        missing.delete(id);
        if (notedOf(id) !== digest) this.#doubted.add(id);
      }
    }
    for (const id of missing) this.#doubted.add(id);
    return highest;
  }

  #highest(records: Records): number {
    const { revisionKey } = this.#parts;
    if (revisionKey === undefined) return -Infinity;
    const revisions = [...records.values()].map(({ metadata }) => metadata?.[revisionKey]).filter((value) => typeof value === "number");
    return revisions.reduce((most, value) => Math.max(most, value), -Infinity);
  }

  #tell(side: SyncComparison["side"], reason: SyncComparison["reason"]): void {
    this.#parts.onComparison({ collection: this.#parts.local.info.name, side, reason });
  }
}
