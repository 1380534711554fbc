/**
 * One database of `npm run torture`: its lanes, what they heard, and how long it was unreachable. Every tab works on it with lanes of
 * its own.
 */
import type { TidepoolClientOptions } from "tidepool-db";
import { target } from "../../tools/browser/target.js";
import type { Reading } from "../pages/torture.js";
import { Lane } from "./lane.js";
import type { Tab } from "./torture-tab.js";

const lanesPerTab = 2;

export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Nothing came within ${ms} ms: ${what}`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** What was found to be wrong, and what was refused. */
export interface Findings {
  lost: string[];
  wrong: string[];
  note(refused: string): void;
}

export class Tortured {
  readonly lanes: readonly Lane[];
  /** Set while operations are wanted. */
  #working = false;
  /** Ends when the lanes of a tab do. */
  readonly #under = new Map<Tab, Promise<unknown>>();
  /** Called with the tab and the moment at which an operation began that is acknowledged. */
  #onAcknowledged: (tab: Tab, begun: number) => void = () => {};

  constructor(
    readonly options: TidepoolClientOptions & { path: string },
    private readonly findings: Findings,
    /** After this an operation counts as one that never settles. */
    private readonly settlesInMs: number,
    tabs: number,
    random: () => number,
  ) {
    this.lanes = Array.from({ length: tabs * lanesPerTab }, (_, number) => new Lane(number, random));
  }

  get acknowledged(): number {
    return this.lanes.reduce((sum, lane) => sum + lane.acknowledged, 0);
  }

  /** Every tab works on it, until `rest`. */
  work(tabs: readonly Tab[]): void {
    this.#working = true;
    this.#under.clear();
    tabs.forEach((tab, i) => {
      const mine = this.lanes.slice(i * lanesPerTab, (i + 1) * lanesPerTab);
      this.#under.set(tab, Promise.all(mine.map((lane) => this.#run(tab, lane))));
    });
  }

  async rest(): Promise<void> {
    this.#working = false;
    await Promise.all(this.#under.values());
  }

  /** Resolves after so many acknowledgements, or when there can be no more. */
  async untilAcknowledged(operations: number): Promise<void> {
    let left = operations;
    const enough = new Promise<void>((resolve) => {
      this.#onAcknowledged = () => {
        if (--left <= 0) resolve();
      };
    });
    if (operations > 0) await Promise.race([enough, Promise.all(this.#under.values())]);
  }

  /** How long it takes from now until an operation is acknowledged that the tab began later; `null` where none comes any more. */
  async untilServed(tab: Tab): Promise<number | null> {
    const struck = performance.now();
    const served = new Promise<number>((resolve) => {
      this.#onAcknowledged = (by, begun) => {
        if (by === tab && begun >= struck) resolve(performance.now() - struck);
      };
    });
    return Promise.race([served, this.#under.get(tab)!.then(() => null)]);
  }

  /** Carries out operations of a lane until it is time to rest or one of them fails. */
  async #run(tab: Tab, lane: Lane): Promise<void> {
    while (this.#working && tab.alive) {
      const operation = lane.next();
      const begun = performance.now();
      lane.begin(operation);
      try {
        await within(this.settlesInMs, `${operation.kind} in ${this.options.path}`, tab.call("perform", this.options.path, operation));
      } catch (error) {
        this.#noteRefusal(tab, error);
        return;
      }
      lane.acknowledge(operation);
      this.#onAcknowledged(tab, begun);
    }
  }

  /**
   * Only what ends with its page, or is closed by hand, may be refused; and where access handles are exclusive, what would need the
   * files of an engine that is silent.
   */
  #noteRefusal(tab: Tab, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    const code = /\b([A-Z]+_[A-Z_]+|CLOSED|LOCKED|POISONED|INTERNAL|CORRUPTION)\b/.exec(message)?.[1] ?? "the page went away";
    this.findings.note(tab.alive ? `${code} in a tab that stays` : code);
    const isExcused = !tab.alive || (target === "firefox" && code === "LOCKED" && this.options.storage === "opfs");
    if (!isExcused || message.startsWith("Nothing came")) this.findings.wrong.push(message);
  }

  async compare(tab: Tab, fault: string): Promise<void> {
    const numbers = this.lanes.map(({ number }) => number);
    const reading: Reading = await within(this.settlesInMs, `reading ${this.options.path}`, tab.call("read", this.options.path, numbers));
    const say = (what: string): string => `${fault}, ${this.options.path}: ${what}`;
    this.findings.wrong.push(...reading.problems.map(say));
    for (const lane of this.lanes) {
      const { lost, wrong } = lane.compare(reading.found);
      this.findings.lost.push(...lost.map(say));
      this.findings.wrong.push(...wrong.map(say));
    }
  }
}
