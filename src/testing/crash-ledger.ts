/**
 * What a run has asked of the engine and heard from it, and so what must be found, and what may be, whenever it ends. For
 * tests, never shipped.
 *
 * The calls of a collection take effect in the order in which they were made. So a collection looks as it did after some
 * call, and that is none before the last one that was acknowledged. A call that was refused has had no effect.
 */
import { TidepoolError } from "../core/errors.js";
import type { EngineService } from "../core/service.js";
import type { Model } from "./model.js";

/** A collection's records; `null` where there is no collection. */
export type State = Model | null;

export interface LedgerCall {
  readonly what: string;
  /** The state that the call leaves. */
  apply(before: State): State;
  /** Makes the call once more, as the same request, of whichever engine has the database open. */
  again(service: EngineService): Promise<unknown>;
  fate: "under way" | "acknowledged" | "refused";
  /** After this call and all before it. */
  after: State;
}

/** What may be found of one collection. */
export interface Expectation {
  readonly name: string;
  /** After the last acknowledged call, and after each call since that may have taken effect. */
  readonly states: readonly State[];
  /** Those calls. */
  readonly unknown: readonly LedgerCall[];
  /** Whatever it has looked like so far: earlier versions do. `null`: nobody knows. */
  readonly history: readonly State[] | null;
}

export class Ledger {
  readonly #calls = new Map<string, LedgerCall[]>();
  readonly #earlier = new Map<string, readonly State[] | null>();
  /** How many calls of each collection are on disk for sure, where an acknowledgement alone does not say so. */
  #durable: Map<string, number> | null = null;
  /** Changes with every call and every answer. */
  version = 0;

  /** Where acknowledged calls may be lost to a loss of power, until `settle` says that they are safe. */
  beginRelaxed(): void {
    this.#durable = new Map();
  }

  settle(): void {
    if (!this.#durable) return;
    for (const [name, calls] of this.#calls) this.#durable.set(name, lastAcknowledged(calls) + 1);
    this.version++;
  }

  async call<T>(
    name: string,
    what: string,
    apply: LedgerCall["apply"],
    service: EngineService,
    make: (service: EngineService) => Promise<T>,
  ): Promise<T> {
    const calls = this.#calls.get(name) ?? [];
    this.#calls.set(name, calls);
    const call: LedgerCall = { what, apply, again: make, fate: "under way", after: apply(calls.at(-1)?.after ?? null) };
    calls.push(call);
    this.version++;
    try {
      const answer = await make(service);
      call.fate = "acknowledged";
      return answer;
    } catch (error) {
      if (!isUnknown(error)) this.#refuse(calls, call);
      throw error;
    } finally {
      this.version++;
    }
  }

  /** A collection that was there from the beginning, and what it looked like before that; `null`: nobody knows. */
  found(name: string, state: State, earlier: readonly State[] | null): void {
    this.#earlier.set(name, earlier);
    this.#durable?.set(name, 1);
    const again = () => Promise.resolve();
    this.#calls.set(name, [{ what: "found", apply: () => state, again, fate: "acknowledged", after: state }]);
  }

  /** As `found`, where the calls that were under way have been tried again: an acknowledgement that may not make them safe. */
  triedAgain({ name, history, states, unknown }: Expectation): void {
    this.found(name, states[0]!, history);
    const tried = unknown.map((call, i): LedgerCall => ({ ...call, fate: "acknowledged", after: states[i + 1]! }));
    this.#calls.get(name)!.push(...tried);
  }

  latest(name: string): State {
    return this.#calls.get(name)?.at(-1)?.after ?? null;
  }

  /** A collection that begins as a copy of another shows what that one looked like, too. */
  copy(from: string, to: string): void {
    const { history } = this.expectations(false).find(({ name }) => name === from)!;
    this.#earlier.set(to, history);
  }

  get isEmpty(): boolean {
    return this.#calls.size === 0;
  }

  /** What a crash now may leave; of the process alone, all that was acknowledged is there. */
  expectations(powerLost: boolean): Expectation[] {
    return [...this.#calls].map(([name, calls]) => {
      const from = powerLost && this.#durable ? (this.#durable.get(name) ?? 0) : lastAcknowledged(calls) + 1;
      const past = [null, ...calls.map(({ after }) => after)];
      const unknown = calls.slice(from).filter(({ fate }) => fate !== "refused");
      const earlier = this.#earlier.get(name);
      const history = earlier === null ? null : [...(earlier ?? []), ...past];
      return { name, history, unknown, states: [past[from]!, ...unknown.map(({ after }) => after)] };
    });
  }

  #refuse(calls: LedgerCall[], call: LedgerCall): void {
    call.fate = "refused";
    let before = calls[calls.indexOf(call) - 1]?.after ?? null;
    for (const each of calls.slice(calls.indexOf(call))) {
      each.after = each.fate === "refused" ? before : each.apply(before);
      before = each.after;
    }
  }
}

function lastAcknowledged(calls: readonly LedgerCall[]): number {
  return calls.findLastIndex(({ fate }) => fate === "acknowledged");
}

/** After a failure that cannot be reasoned about only opening anew tells what became of a call. */
function isUnknown(error: unknown): boolean {
  return error instanceof TidepoolError && error.code === "POISONED";
}
