/**
 * Turns of the event loop, shared by all long work of an engine: compactions, graphs, large writes, filters over many
 * records. Whoever has used up a slice of time waits here, and each turn wakes one of them. Messages that come in during a
 * slice run before the next one begins, so a read waits for one slice, however many pieces of work are under way. Of four turns that
 * calls wait for, too, work in the background gets one.
 */
import { limits } from "../limits.js";
import type { Environment } from "../storage.js";

/** What long work awaits between its steps, so that others get their turns. Work that waits for nobody may bring one that does nothing. */
export type Tick = () => Promise<void> | void;

/** Of so many turns one goes to the background, while calls wait. */
const BACKGROUND_SHARE = 4;

export class Turns {
  readonly #environment: Pick<Environment, "now" | "yieldToEventLoop">;
  readonly #calls: (() => void)[] = [];
  readonly #background: (() => void)[] = [];
  #isWaking = false;
  #turn = 0;
  #sliceStart: number;

  constructor(environment: Pick<Environment, "now" | "yieldToEventLoop">) {
    this.#environment = environment;
    this.#sliceStart = environment.now();
  }

  /** Whether it is time to let others have a turn. */
  readonly isSliceOver = (): boolean => this.#environment.now() - this.#sliceStart >= limits.sliceMs;

  /** Says that a message began a slice: a read that is done within it need not wait for anything. */
  begin(): void {
    this.#sliceStart = this.#environment.now();
  }

  /** Long work awaits this between its steps: it goes on at once until the slice is used up. */
  readonly tick = async (): Promise<void> => {
    if (this.isSliceOver()) await this.next();
  };

  /** As `tick`, for work that nobody waits for. */
  readonly backgroundTick = async (): Promise<void> => {
    if (this.isSliceOver()) await this.nextInBackground();
  };

  /** Resolves at the beginning of a slice, after those who wait already. */
  next(): Promise<void> {
    return this.#wait(this.#calls);
  }

  /** As `next`, for work that nobody waits for. */
  nextInBackground(): Promise<void> {
    return this.#wait(this.#background);
  }

  #wait(line: (() => void)[]): Promise<void> {
    return new Promise((resolve) => {
      line.push(resolve);
      if (!this.#isWaking) void this.#wakeAll();
    });
  }

  async #wakeAll(): Promise<void> {
    this.#isWaking = true;
    for (;;) {
      await this.#environment.yieldToEventLoop();
      this.begin();
      this.#takeNext()();
      if (this.#calls.length + this.#background.length === 0) break;
      // This resolves as soon as the slice is over. Going round again lets messages run that came in during it.
      await this.#environment.yieldToEventLoop();
    }
    this.#isWaking = false;
  }

  #takeNext(): () => void {
    const isForBackground = ++this.#turn % BACKGROUND_SHARE === 0 || this.#calls.length === 0;
    return (isForBackground ? this.#background.shift() : undefined) ?? this.#calls.shift()!;
  }
}
