/** The pairs of collections of a sync, and one round of all of them. */
import { TidepoolError } from "../../core/errors.js";
import type { Scope } from "../../core/service.js";
import { type LocalCalls, LocalSide } from "./local-side.js";
import { RemoteSide, type ServerCalls, StepMark } from "./remote-side.js";
import { Resolver } from "./resolver.js";
import { KeySealer, unsealed } from "./sealer.js";
import type { Asked, CollectionSyncReport, SyncEvents, SyncReport } from "./sync-options.js";
import { SyncRound } from "./sync-round.js";
import { dropOrphans, SyncState } from "./sync-state.js";

export interface PairParts {
  calls: LocalCalls;
  scope: Scope;
  server: ServerCalls;
  asked: Asked;
  signal: AbortSignal;
  tell<T extends "conflict" | "comparison">(type: T, event: SyncEvents[T]): void;
}

/** What is kept of a pair between rounds. */
interface Known {
  localId: string;
  remoteId: string;
  state: SyncState;
  mark: StepMark;
  left: ReadonlySet<string>;
  isFirst: boolean;
}

export class SyncPairs {
  readonly #parts: PairParts;
  readonly #known = new Map<string, Known>();
  #isSwept = false;

  constructor(parts: PairParts) {
    this.#parts = parts;
  }

  /** One collection that fails does not keep back the others: the first failure is told when all have had their turn. */
  async round(looksThere: boolean): Promise<SyncReport> {
    if (!this.#isSwept) await dropOrphans(this.#parts.calls);
    this.#isSwept = true;
    const collections: CollectionSyncReport[] = [];
    const errors: unknown[] = [];
    for (const name of this.#parts.asked.collections) {
      this.#parts.signal.throwIfAborted();
      await this.#one(name, looksThere).then(
        (report) => collections.push(report),
        (error) => errors.push(error),
      );
    }
    if (errors.length > 0) throw errors[0];
    return { collections };
  }

  /** Forgets what both sides have agreed on. */
  async forget(): Promise<void> {
    for (const { state } of this.#known.values()) await state.forget();
    this.#known.clear();
  }

  async #one(name: string, looksThere: boolean): Promise<CollectionSyncReport> {
    const { asked, signal } = this.#parts;
    const [local, remote] = await this.#sides(name);
    const known = await this.#knownOf(name, local, remote);
    const resolver = new Resolver(asked, (resolution) => this.#parts.tell("conflict", resolution));
    const { direction, revisionKey } = asked;
    const onComparison = (comparison: SyncEvents["comparison"]): void => this.#parts.tell("comparison", comparison);
    const round = new SyncRound({ local, remote, ...known, direction, revisionKey, resolver, signal, onComparison });
    try {
      await round.run({ left: known.left, isFirst: known.isFirst, looksThere });
      known.left = round.left;
      known.isFirst &&= !looksThere;
      return round.report;
    } catch (error) {
      known.left = new Set([...known.left, ...round.left]);
      throw error;
    }
  }

  /** Both, of which one may have to be made. */
  async #sides(name: string): Promise<[LocalSide, RemoteSide]> {
    const { calls, scope, server, asked } = this.#parts;
    const sealer = asked.key === undefined ? unsealed : new KeySealer(asked.key);
    const [local, remote] = [await LocalSide.find(calls, scope, name), await RemoteSide.find(server, name, sealer)];
    if (local !== null && remote !== null) return [local, remote];
    if (local !== null && asked.direction !== "pull") return [local, await RemoteSide.create(server, name, local.info, sealer)];
    if (remote !== null && asked.direction !== "push") {
      return [await LocalSide.create(calls, scope, name, await sealer.described(remote.info)), remote];
    }
    const where = local === null && remote === null ? "on neither side" : local === null ? "not here, to be pushed" : "not on the server";
    throw new TidepoolError("NOT_FOUND", `Collection [${name}] is ${where}`);
  }

  async #knownOf(name: string, local: LocalSide, remote: RemoteSide): Promise<Known> {
    const found = this.#known.get(name);
    if (found?.localId === local.info.id && found.remoteId === remote.info.id) return found;
    const { calls, server, asked } = this.#parts;
    const { tenant, database } = remote.info;
    const state = await SyncState.open(calls, { local: local.info, target: [asked.remote.url, tenant, database, name] });
    const mark = new StepMark(server, remote.info.id, state.cursors.device);
    const known = { localId: local.info.id, remoteId: remote.info.id, state, mark, left: new Set<string>(), isFirst: true };
    this.#known.set(name, known);
    return known;
  }
}
