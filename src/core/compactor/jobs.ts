/**
 * One queue for all work that can wait until nobody writes: compactions, graphs, snapshots of indexes. A kind of work is an
 * `IdleJob`; the queue knows when it may begin, on which collection, and in which order.
 *
 * A job begins when there has been no write for as long as it asks for, or before that where it is urgent. A write, to
 * whichever collection, has all jobs wait anew; a piece that has begun goes on to its end. Between two writes a job is done
 * at most once on each collection, so what failed is not tried again before somebody writes.
 *
 * Work that writes blocks is done one piece at a time, and what somebody asked for (`run`) goes before idle jobs that have
 * not begun. Nothing that is asked for is lost: it waits for whatever is under way, on its collection too, and what has begun
 * already answers no request that comes later. What it leaves to do is looked for when it has ended. Jobs that only build in
 * memory take turns beside it, one piece at a time as well. A collection that is dropped or closed is left alone, and once the
 * queue is halted nothing begins.
 */
import { Serial } from "../base/serial.js";
import type { Environment } from "../storage.js";

/** A kind of idle work, for collections of any state. */
export interface IdleJob<State> {
  /** Milliseconds without a write after which it may begin. */
  readonly idleMs: number;
  /** Of jobs that may begin, the one with the lowest number does. */
  readonly priority: number;
  /** Whether it writes blocks. If not, it builds in memory, a slice at a time. */
  readonly writesBlocks: boolean;
  /**
   * Whether a collection on which it is due counts as busy, also while the job still waits. The wait of such a job begins anew
   * when a collection is opened, too.
   */
  readonly isAwaited: boolean;
  isDue(state: State): boolean;
  /** Whether a due job is not to wait for writes to end. Asked from time to time, at the latest after `idleMs`. */
  isUrgent?(state: State): boolean;
  /**
   * Does a piece, ending early once `isOver` says so, and resolves to whether that was all. Whoever has to know why it fails
   * is told by the job itself.
   */
  run(state: State, isOver: () => boolean): Promise<boolean>;
}

export interface JobsParts<State> {
  environment: Pick<Environment, "now" | "schedule">;
  /** Open collections. */
  states(): Iterable<State>;
  jobs: readonly IdleJob<State>[];
}

/** What becomes of a job between two writes. */
interface Pass<State extends object> {
  readonly since: number;
  readonly tried: WeakSet<State>;
}

interface Entry<State extends object> {
  readonly job: IdleJob<State>;
  /** `null`: there is nothing to do before the next write. */
  pass: Pass<State> | null;
}

/** Work that somebody asked for. */
interface Asked {
  readonly run: Promise<void>;
  /** Whether each of those who asked still wants it. */
  readonly wanted: (() => boolean)[];
}

/** What an idle job is to do next. */
interface Piece<State extends object> {
  readonly job: IdleJob<State>;
  readonly pass: Pass<State>;
  readonly state: State;
}

export class Jobs<State extends { readonly dropped: boolean; readonly closed: boolean }> {
  readonly #parts: JobsParts<State>;
  readonly #writing: Lane<State>;
  readonly #building: Lane<State>;
  /** What somebody asked for and has not begun. */
  readonly #asked = new Map<State, Asked>();
  #timer: { at: number; cancel: () => void } | null = null;
  #stopped = false;

  constructor(parts: JobsParts<State>) {
    this.#parts = parts;
    this.#writing = new Lane(parts.jobs.filter(({ writesBlocks }) => writesBlocks));
    this.#building = new Lane(parts.jobs.filter(({ writesBlocks }) => !writesBlocks));
  }

  get #lanes(): Lane<State>[] {
    return [this.#writing, this.#building];
  }

  /** Whether work is under way, or awaited. */
  get isBusy(): boolean {
    if (this.#lanes.some((lane) => lane.isBusy)) return true;
    for (const state of this.#parts.states()) if (this.#isAwaited(state)) return true;
    return false;
  }

  /** Whether work on the collection is under way, or awaited. */
  isAtWorkOn(state: State): boolean {
    return this.#lanes.some((lane) => lane.has(state)) || this.#isAwaited(state);
  }

  /** Called after every applied write: all jobs wait from now on. */
  noteWrite(): void {
    this.#note(() => true);
  }

  /** Called when awaited jobs may be due for another reason than a write, such as an opened collection. */
  noteStale(): void {
    this.#note(({ isAwaited }) => isAwaited);
  }

  /** Called when a job may be due for another reason than a write. */
  noteDue(job: IdleJob<State>): void {
    this.#note((other) => other === job);
  }

  /**
   * The work of a collection that writes blocks, as soon as the pieces before it are done. Whoever asks before it has begun
   * shares it; whoever asks later has it done once more. When it could begin and none of those who asked wants it any more, it
   * is left out.
   */
  run(state: State, work: () => Promise<void>, isWanted: () => boolean = always): Promise<void> {
    const asked = this.#asked.get(state) ?? this.#ask(state, work);
    asked.wanted.push(isWanted);
    return asked.run;
  }

  /** Work that writes blocks of whichever collections, while no other does. */
  alone(work: () => Promise<void>): Promise<void> {
    const run = this.#writing.run(null, work);
    void unwatched(run).then(() => this.#proceed());
    return run;
  }

  /** Resolves when what is under way on the collection, or on whichever, has ended, well or badly. */
  async ended(state: State | undefined): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.ended(state)));
  }

  /** Nothing begins any more, and what is under way is told to end. */
  halt(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Halts; resolves when what was under way has ended. */
  async stop(): Promise<void> {
    this.halt();
    await Promise.all(this.#lanes.map((lane) => lane.idle()));
  }

  #ask(state: State, work: () => Promise<void>): Asked {
    const wanted: (() => boolean)[] = [];
    const run = this.#enter(this.#writing, state, async () => {
      this.#asked.delete(state);
      if (!wanted.some((isWanted) => isWanted())) return;
      await work();
      this.#noteResult();
    });
    const asked: Asked = { run, wanted };
    this.#asked.set(state, asked);
    return asked;
  }

  /** What was looked for in vain may be due by what was done since. */
  #noteResult(): void {
    const since = this.#parts.environment.now();
    for (const { entries } of this.#lanes) for (const entry of entries) entry.pass ??= { since, tried: new WeakSet() };
  }

  #isOver(state: State): boolean {
    return this.#stopped || state.dropped || state.closed;
  }

  #isDue({ job, pass }: Entry<State>, state: State): boolean {
    return pass !== null && !pass.tried.has(state) && !this.#isOver(state) && job.isDue(state);
  }

  #isAwaited(state: State): boolean {
    return this.#lanes.some((lane) => lane.entries.some((entry) => entry.job.isAwaited && this.#isDue(entry, state)));
  }

  // ---- when

  #note(concerns: (job: IdleJob<State>) => boolean): void {
    const since = this.#parts.environment.now();
    for (const { entries } of this.#lanes) {
      for (const entry of entries) if (concerns(entry.job)) entry.pass = { since, tried: new WeakSet() };
    }
    this.#arm();
  }

  /** How long the job still waits. A clock that was set back says nothing about that. */
  #waitMs({ job, pass }: Entry<State>): number {
    if (pass === null) return Infinity;
    const waited = this.#parts.environment.now() - pass.since;
    return waited < 0 ? 0 : Math.max(0, job.idleMs - waited);
  }

  /** Comes back when the next wait is over. After a write that may be too early, which does no harm. */
  #arm(): void {
    const waits = this.#lanes.flatMap(({ entries }) => entries.map((entry) => this.#waitMs(entry)));
    const delayMs = Math.min(...waits.filter((wait) => wait > 0));
    const at = this.#parts.environment.now() + delayMs;
    if (this.#stopped || delayMs === Infinity || (this.#timer !== null && this.#timer.at <= at)) return;
    this.#timer?.cancel();
    const fire = (): void => {
      this.#timer = null;
      this.#proceed();
    };
    this.#timer = { at, cancel: this.#parts.environment.schedule(fire, delayMs) };
  }

  #proceed(): void {
    for (const lane of this.#lanes) this.#fill(lane);
    this.#arm();
  }

  // ---- what

  /** Begins the next idle piece where nothing is under way. */
  #fill(lane: Lane<State>): void {
    if (this.#stopped || lane.isBusy) return;
    const next = this.#next(lane);
    if (next !== null) void unwatched(this.#enter(lane, next.state, () => this.#do(next)));
  }

  #next({ entries }: Lane<State>): Piece<State> | null {
    let first: Piece<State> | null = null;
    for (const entry of entries) {
      const { job, pass } = entry;
      const mayBegin = first === null && this.#waitMs(entry) === 0;
      if (pass === null || (!mayBegin && job.isUrgent === undefined)) continue;
      const due = [...this.#parts.states()].filter((state) => this.#isDue(entry, state));
      const urgent = due.find((state) => job.isUrgent?.(state));
      if (urgent !== undefined) return { job, pass, state: urgent };
      if (mayBegin && due.length > 0) first = { job, pass, state: due[0]! };
      // What is awaited may come to be due by itself; the rest is looked for once after a write.
      else if (mayBegin && !job.isAwaited) entry.pass = null;
    }
    return first;
  }

  async #do({ job, pass: { tried }, state }: Piece<State>): Promise<void> {
    tried.add(state);
    if (!(await job.run(state, () => this.#isOver(state)))) tried.delete(state);
  }

  #enter(lane: Lane<State>, state: State, work: () => Promise<void>): Promise<void> {
    const run = lane.run(state, async () => {
      if (this.#isOver(state)) this.#asked.delete(state);
      else await work();
    });
    void unwatched(run).then(() => this.#proceed());
    return run;
  }
}

/** Pieces of work one after the other, and the idle jobs that are done when nothing else is. */
class Lane<State extends object> {
  /** The most important first. */
  readonly entries: readonly Entry<State>[];
  readonly #serial = new Serial();
  /** Under way, or waiting for what is. */
  readonly #pieces = new Map<Promise<void>, State | null>();

  constructor(jobs: readonly IdleJob<State>[]) {
    this.entries = [...jobs].sort((a, b) => a.priority - b.priority).map((job) => ({ job, pass: null }));
  }

  get isBusy(): boolean {
    return this.#pieces.size > 0;
  }

  has(state: State): boolean {
    return this.#of(state).length > 0;
  }

  /** `null`: on whichever collections. */
  run(state: State | null, work: () => Promise<void>): Promise<void> {
    const run: Promise<void> = this.#serial.run(work).finally(() => this.#pieces.delete(run));
    this.#pieces.set(run, state);
    return run;
  }

  async ended(state: State | undefined): Promise<void> {
    await Promise.allSettled(this.#of(state));
  }

  #of(state: State | undefined): Promise<void>[] {
    return [...this.#pieces].filter(([, of]) => of === null || of === state).map(([run]) => run);
  }

  idle(): Promise<void> {
    return this.#serial.idle();
  }
}

/** For work that nobody waits for: whoever has to know why it fails is told by the work itself. */
export function unwatched(work: Promise<void>): Promise<void> {
  return work.catch(() => undefined);
}

function always(): boolean {
  return true;
}
