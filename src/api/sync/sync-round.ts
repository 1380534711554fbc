/**
 * One round for one collection: what may differ is found, both sides are read again, and what has to be is written where it is missing.
 *
 * Invariants:
 * - What is decided is decided of records that were just read. Here, and on servers with conditional commits, they are only written
 *   where nobody has written them since; where somebody has, they are read again.
 * - What both sides agree on is noted when the side that was changed has acknowledged it. So a crash leaves too little noted, never too
 *   much, and what is found again is found to be done. What is about to be created is noted before, so that where it is missing later it
 *   is known that it may have been there.
 * - A conflict is told before it is resolved.
 * - The step's mark is written to the server after all that the step has written there.
 */
import { TidepoolError } from "../../core/errors.js";
import type { Space } from "../../core/types.js";
import { Candidates } from "./candidates.js";
import { Intents, type Outcome } from "./intents.js";
import type { Change, LocalSide, ReadAt } from "./local-side.js";
import { type Base, type Direction, decide } from "./merge.js";
import type { RemoteSide, StepMark } from "./remote-side.js";
import { isWinner, type Resolver } from "./resolver.js";
import type { CollectionSyncReport, SyncComparison, SyncConflict, SyncWinner } from "./sync-options.js";
import { bytesOf, digestOf, digestsOf, isSameRecord, mustReplace, type SyncRecord } from "./sync-record.js";
import type { SyncState } from "./sync-state.js";

/** Records that are read and written at once. */
const CHUNK_RECORDS = 300;
/** Bytes that are written at once, about. */
const GROUP_BYTES = 2 * 1024 * 1024;
/** How often records are read again that others were faster to write. */
const PASSES_MAX = 20;
/** Records that the other side refuses, one by one, before it counts as a failure of the whole. */
const REJECTED_MAX = 100;
/** What is refused of a record, and may be accepted of the others. */
const OF_ONE_RECORD = ["INVALID_ARGUMENT", "LIMIT_EXCEEDED"];

export interface RoundParts {
  local: LocalSide;
  remote: RemoteSide;
  state: SyncState;
  mark: StepMark;
  direction: Direction;
  revisionKey: string | undefined;
  resolver: Resolver;
  signal: AbortSignal;
  onComparison(comparison: SyncComparison): void;
}

/** What a round is to look at. */
export interface RoundScope {
  left: ReadonlySet<string>;
  isFirst: boolean;
  looksThere: boolean;
}

/** Both states of the records of a chunk. */
interface Chunk {
  ids: string[];
  here: ReadAt;
  there: ReadAt;
  /** Digests of both. */
  local: Map<string, string>;
  remote: Map<string, string>;
  /** What has become of what an earlier step was about to create. */
  outcomes: Map<string, Outcome>;
}

/** What becomes of a chunk. */
interface Plan {
  push: Change;
  pull: Change;
  /** What is noted when all that concerns the record is done. */
  entries: Map<string, Base | null>;
}

export class SyncRound {
  readonly #parts: RoundParts;
  readonly #space: Space;
  readonly #intents: Intents;
  #step = 0;
  /** What the server certainly knows: steps up to this. */
  #trusted = 0;
  #hasNoted = false;
  readonly report: CollectionSyncReport;
  /** Records whose state has to be looked at again in the next round. */
  readonly left = new Set<string>();

  constructor(parts: RoundParts) {
    this.#parts = parts;
    const { local, remote, state, direction } = parts;
    this.#intents = new Intents(state, { local, remote }, direction);
    const spaces = [local.info, remote.info].map(({ configuration }) => configuration.hnsw.space);
    this.#space = spaces.includes("cosine") ? "cosine" : spaces[0]!;
    const counts = { pushed: 0, pulled: 0, deletedRemote: 0, deletedLocal: 0, conflicts: 0 };
    this.report = { collection: local.info.name, ...counts, rejected: [] };
  }

  /**
   * `left` are ids that an earlier round could not be done with; `isFirst`: it is a sync's first round. Unless it `looksThere` only what
   * has changed here is looked at.
   */
  async run({ left, isFirst, looksThere }: RoundScope): Promise<void> {
    const { state, mark, remote } = this.#parts;
    this.#trusted = await mark.read();
    const latest = state.latestStep;
    this.#step = Math.max(state.cursors.step, this.#trusted, latest) + 1;
    const isRestored = latest > this.#trusted;
    const candidates = new Candidates({ ...this.#parts, space: this.#space, isFirst, isRestored, looksThere });
    const cursors = await candidates.find(left);
    await this.#settleAll(candidates);
    const { step } = this.#hasNoted || isRestored ? await this.#writeMark() : state.cursors;
    // Whoever finds exactly this number has found no other's write: their own are counted in.
    const operations = cursors.operations === null ? null : cursors.operations + remote.added;
    const next = { ...state.cursors, ...cursors, operations, step };
    if (JSON.stringify(next) !== JSON.stringify(state.cursors)) await state.saveCursors(next);
  }

  async #writeMark(): Promise<{ step: number }> {
    await this.#parts.mark.write(this.#step);
    return { step: this.#step };
  }

  async #settleAll(candidates: Candidates): Promise<void> {
    let ids = [...candidates.ids];
    for (let pass = 1; ids.length > 0; pass++) {
      if (pass > PASSES_MAX) throw new TidepoolError("CONFLICT", `Records of [${this.report.collection}] are written faster than synced`);
      const again: string[] = [];
      for (let at = 0; at < ids.length; at += CHUNK_RECORDS) {
        this.#parts.signal.throwIfAborted();
        again.push(...(await this.#settle(ids.slice(at, at + CHUNK_RECORDS), candidates)));
      }
      ids = again;
    }
  }

  /** Returns the ids that have to be read again. */
  async #settle(ids: string[], candidates: Candidates): Promise<string[]> {
    const chunk = await this.#read(ids, candidates);
    if (chunk === null) return [];
    const plan: Plan = { push: { upserts: [], deletes: [] }, pull: { upserts: [], deletes: [] }, entries: new Map() };
    for (const id of chunk.ids) await this.#plan(id, chunk, plan);
    const intents = await this.#intents.note(plan.entries, chunk, { local: chunk.here.token, remote: chunk.there.token });
    const again = [...(await this.#write("remote", plan.push, chunk.there)), ...(await this.#write("local", plan.pull, chunk.here))];
    for (const id of [...again, ...this.left]) {
      // What was not done is forgotten as if it had not been meant.
      if (intents.delete(id)) plan.entries.set(id, null);
      else plan.entries.delete(id);
    }
    await this.#note(new Map([...plan.entries, ...intents]));
    return again;
  }

  /** `null`: nothing of it differs from what is noted. */
  async #read(ids: string[], candidates: Candidates): Promise<Chunk | null> {
    const { local, remote, state } = this.#parts;
    const here = await local.read(ids);
    const digests = await digestsOf(here.records, this.#space);
    const asked = ids.filter((id) => {
      const base = state.entries.get(id);
      return candidates.isDoubted(id) || base?.mark !== undefined || (base?.local ?? null) !== (digests.get(id) ?? null);
    });
    if (asked.length === 0) return null;
    const there = await remote.read(asked);
    const states = { ids: asked, local: digests, remote: await digestsOf(there.records, this.#space) };
    return { ...states, here, there, outcomes: await this.#intents.outcomes(states, this.#trusted) };
  }

  async #plan(id: string, chunk: Chunk, plan: Plan): Promise<void> {
    const { state, direction } = this.#parts;
    const outcome = chunk.outcomes.get(id);
    const base = outcome === undefined ? state.entries.get(id) : outcome.base;
    const local = chunk.local.get(id) ?? null;
    const remote = chunk.remote.get(id) ?? null;
    const [here, there] = [chunk.here.records.get(id), chunk.there.records.get(id)];
    const isTrusted = outcome?.isTrusted ?? (base === undefined || base.step <= this.#trusted || base.step === this.#step);
    const isSame = local === remote || isSameRecord(here, there, this.#space);
    const decision = decide({ base, isTrusted, local, remote, isSame, direction });
    if (decision === "settle") plan.entries.set(id, local === null ? null : this.#entry(local, remote));
    const isDoubtful = outcome?.winner != null && decision !== "leave";
    if (isDoubtful) return this.#resolve(id, "interrupted", chunk, plan);
    if (decision === "push") this.#take(plan, id, "local", here, local);
    if (decision === "pull") this.#take(plan, id, "remote", there, remote);
    if (decision === "conflict") await this.#resolve(id, "changed", chunk, plan);
    if (decision === "restored") await this.#resolve(id, decision, chunk, plan);
  }

  /** The state of one side is to be that of the other. */
  #take(plan: Plan, id: string, from: SyncWinner, record: SyncRecord | undefined, digest: string | null): void {
    const change = from === "local" ? plan.push : plan.pull;
    if (record === undefined) change.deletes.push(id);
    else change.upserts.push(record);
    plan.entries.set(id, digest === null ? null : this.#entry(digest, digest));
  }

  async #resolve(id: string, reason: SyncConflict["reason"], chunk: Chunk, plan: Plan): Promise<void> {
    const { direction, resolver } = this.#parts;
    const [local, remote] = [chunk.here.records.get(id) ?? null, chunk.there.records.get(id) ?? null];
    const decided = chunk.outcomes.get(id)?.winner ?? null;
    const digests = { local: chunk.local.get(id) ?? "", remote: chunk.remote.get(id) ?? "" };
    const winner = await resolver.resolve({ collection: this.report.collection, id, local, remote, reason }, digests, decided);
    this.report.conflicts++;
    const wins = isWinner(winner) ? winner : null;
    const record = wins === null ? (winner as SyncRecord) : ((wins === "local" ? local : remote) ?? undefined);
    const digest = record === undefined ? null : await digestOf(record, this.#space);
    if (wins !== "remote" && direction !== "pull") this.#take(plan, id, "local", record, digest);
    if (wins !== "local" && direction !== "push") this.#take(plan, id, "remote", record, digest);
    const isApart = direction !== "both" && wins !== (direction === "push" ? "local" : "remote");
    if (!isApart) return;
    const kept = wins === null ? digest : null;
    const [here, there] = [chunk.local.get(id) ?? null, chunk.remote.get(id) ?? null];
    const entry = this.#entry(direction === "pull" ? (kept ?? here) : here, direction === "push" ? (kept ?? there) : there);
    plan.entries.set(id, { ...entry, mark: "apart" });
  }

  #entry(local: string | null, remote: string | null): Base {
    return { local, remote, step: this.#step };
  }

  async #note(entries: ReadonlyMap<string, Base | null>): Promise<void> {
    if (entries.size === 0) return;
    this.#hasNoted = true;
    await this.#parts.state.save(entries);
  }

  // ---- writing a side

  /** Returns the ids that somebody else was faster to write. */
  async #write(side: SyncWinner, change: Change, readAt: ReadAt): Promise<string[]> {
    const replaced = change.upserts.filter((record) => mustReplace(readAt.records.get(record.id), record));
    const plain = change.upserts.filter((record) => !replaced.includes(record));
    const again = await this.#replace(side, replaced, readAt);
    for (const upserts of groupsOf(plain)) again.push(...(await this.#commit(side, { upserts, deletes: [] }, readAt)));
    if (change.deletes.length > 0) again.push(...(await this.#commit(side, { upserts: [], deletes: change.deletes }, readAt)));
    return again;
  }

  /** What no write can make of what is there is deleted first. Until it is written anew, that it is missing is no deletion. */
  async #replace(side: SyncWinner, records: SyncRecord[], readAt: ReadAt): Promise<string[]> {
    if (records.length === 0) return [];
    const { state, local, remote } = this.#parts;
    const replacing = records.map(({ id }): [string, Base] => {
      const { mark: _, ...base } = state.entries.get(id) ?? this.#entry(null, null);
      return [id, { ...base, mark: "replacing" }];
    });
    await this.#note(new Map(replacing));
    const ids = records.map(({ id }) => id);
    const [target, counted] = [side === "local" ? local : remote, { ...this.report }];
    const again = await this.#commit(side, { upserts: [], deletes: ids }, readAt);
    // They are not gone, but replaced.
    Object.assign(this.report, { deletedLocal: counted.deletedLocal, deletedRemote: counted.deletedRemote });
    const anew = await target.read(ids.filter((id) => !again.includes(id)));
    again.push(...anew.records.keys());
    for (const upserts of groupsOf(records.filter(({ id }) => !again.includes(id)))) {
      again.push(...(await this.#commit(side, { upserts, deletes: [] }, anew)));
    }
    return again;
  }

  async #commit(side: SyncWinner, change: Change, readAt: ReadAt): Promise<string[]> {
    const ids = [...change.upserts.map(({ id }) => id), ...change.deletes];
    try {
      await (side === "local" ? this.#parts.local : this.#parts.remote).commit(change, readAt);
    } catch (error) {
      if (!(error instanceof TidepoolError)) throw error;
      if (error.code === "CONFLICT" || error.code === "STALE_READ") return ids;
      if (!OF_ONE_RECORD.includes(error.code)) throw error;
      return this.#inParts(side, change, readAt, error);
    }
    const { report } = this;
    if (side === "remote")
      Object.assign(report, { pushed: report.pushed + change.upserts.length, deletedRemote: report.deletedRemote + change.deletes.length });
    else
      Object.assign(report, { pulled: report.pulled + change.upserts.length, deletedLocal: report.deletedLocal + change.deletes.length });
    return [];
  }

  /** One record must not keep back all others. */
  async #inParts(side: SyncWinner, { upserts, deletes }: Change, readAt: ReadAt, error: TidepoolError): Promise<string[]> {
    const ids = [...upserts.map(({ id }) => id), ...deletes];
    if (ids.length === 1) {
      this.left.add(ids[0]!);
      if (this.report.rejected.push({ id: ids[0]!, side, error }) > REJECTED_MAX) throw error;
      return [];
    }
    const again: string[] = [];
    for (const isFirstHalf of [true, false]) {
      const halfOf = <T>(all: T[]): T[] => (isFirstHalf ? all.slice(0, all.length >> 1) : all.slice(all.length >> 1));
      const half = { upserts: halfOf(upserts), deletes: halfOf(deletes) };
      if (half.upserts.length + half.deletes.length > 0) again.push(...(await this.#commit(side, half, readAt)));
    }
    return again;
  }
}

function* groupsOf(records: readonly SyncRecord[]): Generator<SyncRecord[], void, undefined> {
  let group: SyncRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const more = bytesOf(record);
    if (group.length > 0 && bytes + more > GROUP_BYTES) {
      yield group;
      [group, bytes] = [[], 0];
    }
    group.push(record);
    bytes += more;
  }
  if (group.length > 0) yield group;
}
