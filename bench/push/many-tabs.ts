/**
 * Many tabs that push to one server, simulated event by event: no clock, no network, the waits that the package itself computes. Each
 * tab changes something now and then, gathers, and makes a round of some requests, one after the other. The server answers so many at
 * a time, lets others queue up to a bound, and refuses the rest with 503; while it is down it refuses all.
 */
import { type BackOff, backOffMs, GATHER_MS, REQUEST_ATTEMPTS_MAX, requestBackOff, roundBackOff } from "../../src/api/remote/back-off.js";
import { randomFrom } from "../../tools/random.js";
import { quantile } from "../statistics.js";

export interface Setting {
  tabs: number;
  /** Mean time between two changes of a tab. */
  changeEveryMs: number;
  requestsPerRound: number;
  /** Requests that the server works on at once, and how long each takes it. */
  workers: number;
  serviceMs: number;
  queueMax: number;
  down: readonly [fromMs: number, toMs: number];
  untilMs: number;
  /** How those who were refused wait. */
  waits: Waits;
}

export interface Waits {
  request: BackOff;
  round: BackOff;
  /** Whether half of a wait is by chance. */
  byChance: boolean;
}

export const ours: Waits = { request: requestBackOff, round: roundBackOff, byChance: true };

export interface Outcome {
  rounds: number;
  requests: number;
  /** Of requests that came while the server was up. */
  refusedShare: number;
  /** Most requests that came within one second once the server was back, in multiples of what the server can answer in one. */
  peak: number;
  /** From the server's return until no tab is left whose last round failed; `null`: not before the end. */
  drainedAfterMs: number | null;
  /** How long changes waited until they were pushed, of those made after the server's return. */
  waitMs: { p50: number; p99: number };
}

interface Tab {
  /** When the oldest change that is not pushed was made. */
  dirtySince: number | null;
  /** What the round under way pushes. */
  pushing: number | null;
  isBusy: boolean;
  requestsLeft: number;
  attempt: number;
  failures: number;
}

/** Events by time; equal times in the order in which they came. */
class Agenda {
  readonly #heap: { at: number; order: number; run: () => void }[] = [];
  #order = 0;
  now = 0;

  after(ms: number, run: () => void): void {
    const heap = this.#heap;
    let i = heap.push({ at: this.now + ms, order: this.#order++, run }) - 1;
    for (let parent = (i - 1) >> 1; i > 0 && this.#isBefore(i, parent); i = parent, parent = (i - 1) >> 1) this.#swap(i, parent);
  }

  /** Runs what is due until `end`. */
  run(end: number): void {
    for (let next = this.#take(end); next !== null; next = this.#take(end)) {
      this.now = next.at;
      next.run();
    }
  }

  #take(end: number): { at: number; run: () => void } | null {
    const heap = this.#heap;
    if (heap.length === 0 || heap[0]!.at > end) return null;
    this.#swap(0, heap.length - 1);
    const first = heap.pop()!;
    for (let i = 0; ; ) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) if (child < heap.length && this.#isBefore(child, least)) least = child;
      if (least === i) return first;
      this.#swap(i, least);
      i = least;
    }
  }

  #isBefore(i: number, j: number): boolean {
    const [a, b] = [this.#heap[i]!, this.#heap[j]!];
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  #swap(i: number, j: number): void {
    [this.#heap[i], this.#heap[j]] = [this.#heap[j]!, this.#heap[i]!];
  }
}

export function simulate(setting: Setting): Outcome {
  return new Simulation(setting).run();
}

class Simulation {
  readonly #setting: Setting;
  readonly #random = randomFrom(7);
  readonly #agenda = new Agenda();
  readonly #queue: Tab[] = [];
  readonly #counts = { rounds: 0, requests: 0, whileUp: 0, refused: 0 };
  /** Requests by the second in which they came, since the server is back. */
  readonly #arrivals = new Map<number, number>();
  readonly #waited: number[] = [];
  #working = 0;
  /** Tabs whose last round failed. */
  #behind = 0;
  #drainedAt: number | null = null;

  constructor(setting: Setting) {
    this.#setting = setting;
  }

  run(): Outcome {
    const { tabs, changeEveryMs, untilMs, workers, serviceMs, down } = this.#setting;
    for (let i = 0; i < tabs; i++) {
      const tab: Tab = { dirtySince: null, pushing: null, isBusy: false, requestsLeft: 0, attempt: 1, failures: 0 };
      this.#agenda.after(this.#random() * changeEveryMs, () => this.#change(tab));
    }
    this.#agenda.run(untilMs);
    const waitMs = (share: number): number => Math.round(quantile(this.#waited, share));
    const { rounds, requests, whileUp, refused } = this.#counts;
    return {
      rounds,
      requests,
      refusedShare: refused / whileUp,
      peak: Math.max(...this.#arrivals.values()) / ((workers * 1000) / serviceMs),
      drainedAfterMs: this.#drainedAt === null ? null : Math.round(this.#drainedAt - down[1]),
      waitMs: { p50: waitMs(0.5), p99: waitMs(0.99) },
    };
  }

  get #isUp(): boolean {
    const [from, to] = this.#setting.down;
    return this.#agenda.now < from || this.#agenda.now >= to;
  }

  get #isBack(): boolean {
    return this.#agenda.now >= this.#setting.down[1];
  }

  // ---- a tab

  #change(tab: Tab): void {
    tab.dirtySince ??= this.#agenda.now;
    // While it waits after a failure, what is new waits, too.
    if (!tab.isBusy) this.#gather(tab);
    this.#agenda.after(-Math.log(1 - this.#random()) * this.#setting.changeEveryMs, () => this.#change(tab));
  }

  #gather(tab: Tab): void {
    tab.isBusy = true;
    this.#agenda.after(GATHER_MS, () => this.#begin(tab));
  }

  #begin(tab: Tab): void {
    tab.pushing ??= tab.dirtySince;
    tab.dirtySince = null;
    tab.requestsLeft = this.#setting.requestsPerRound;
    tab.attempt = 1;
    this.#ask(tab);
  }

  #onRefusal(tab: Tab): void {
    const { request, round } = this.#setting.waits;
    if (this.#isUp) this.#counts.refused++;
    if (tab.attempt < REQUEST_ATTEMPTS_MAX) {
      this.#agenda.after(this.#waitOf(request, tab.attempt++), () => this.#ask(tab));
      return;
    }
    if (tab.failures++ === 0) this.#behind++;
    this.#agenda.after(this.#waitOf(round, tab.failures), () => this.#begin(tab));
  }

  #onAnswer(tab: Tab): void {
    tab.attempt = 1;
    if (--tab.requestsLeft > 0) this.#ask(tab);
    else this.#onRoundEnd(tab);
  }

  #onRoundEnd(tab: Tab): void {
    const { now } = this.#agenda;
    this.#counts.rounds++;
    if (this.#isBack && tab.pushing !== null && tab.pushing >= this.#setting.down[1]) this.#waited.push(now - tab.pushing);
    if (tab.failures > 0 && --this.#behind === 0 && this.#isBack) this.#drainedAt ??= now;
    tab.failures = 0;
    tab.pushing = null;
    tab.isBusy = false;
    if (tab.dirtySince !== null) this.#gather(tab);
  }

  #waitOf(backOff: BackOff, failures: number): number {
    return backOffMs(backOff, failures, this.#setting.waits.byChance ? this.#random() : 1);
  }

  // ---- the server

  #ask(tab: Tab): void {
    const second = Math.floor(this.#agenda.now / 1000);
    this.#counts.requests++;
    if (this.#isBack) this.#arrivals.set(second, (this.#arrivals.get(second) ?? 0) + 1);
    if (!this.#isUp) return this.#onRefusal(tab);
    this.#counts.whileUp++;
    if (this.#working < this.#setting.workers) this.#serve(tab);
    else if (this.#queue.length < this.#setting.queueMax) this.#queue.push(tab);
    else this.#onRefusal(tab);
  }

  #serve(tab: Tab): void {
    this.#working++;
    this.#agenda.after(this.#setting.serviceMs, () => {
      this.#working--;
      if (this.#isUp) this.#onAnswer(tab);
      else this.#onRefusal(tab);
      while (this.#working < this.#setting.workers && this.#queue.length > 0) this.#serve(this.#queue.shift()!);
    });
  }
}
