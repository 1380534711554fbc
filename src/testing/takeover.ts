/**
 * A second engine takes the lease at a given step of the first one, which notices nothing and goes on, as a tab does that was
 * frozen and thaws; for tests, never shipped. Whatever the first one was told is done must be found by the second, and nothing
 * that the first one does later may harm it.
 */
import { TidepoolError } from "../core/errors.js";
import { limits } from "../core/limits.js";
import type { Tenure } from "../storage/tenure.js";
import { check, goOn } from "./crash-check.js";
import { Ledger } from "./crash-ledger.js";
import { Process, Worker, type Workload } from "./crash-workload.js";
import { TestEnvironment } from "./environment.js";
import { SimulatedOrigin } from "./simulated-origin.js";

export interface Takeover {
  /** What is wrong; `null`: nothing. */
  readonly problem: string | null;
  /** Whether the first engine came to the step at which it loses the lease. */
  readonly happened: boolean;
}

export async function takeOver(workload: Workload, seed: number, at: number): Promise<Takeover> {
  try {
    return await new TakeoverRun(workload, seed, at).run();
  } catch (error) {
    return { problem: error instanceof Error ? (error.stack ?? error.message) : String(error), happened: true };
  }
}

class TakeoverRun {
  readonly #environment = new TestEnvironment();
  readonly #ledger = new Ledger();
  readonly #first: Process;
  readonly #second: Process;
  readonly #seed: number;
  readonly #at: number;
  #steps = 0;
  #taken: Promise<string | null> | null = null;
  #goneNow: () => void = () => {};

  constructor(workload: Workload, seed: number, at: number) {
    const gone = new Promise<void>((resolve) => (this.#goneNow = resolve));
    const tenure: Tenure = { predecessors: async () => ({ gone }), lost: () => undefined };
    this.#first = new Process(workload, this.#environment);
    this.#second = new Process(workload, this.#environment, tenure);
    this.#seed = seed;
    this.#at = at;
  }

  async run(): Promise<Takeover> {
    const now = (): number => this.#environment.now();
    await SimulatedOrigin.install({ now, settleMs: limits.arenaSettleMs, beforeStep: () => this.#noteStep() });
    await this.#first.open().catch(expectLoss);
    if (this.#first.isOpen) await new Worker(this.#first, this.#ledger, this.#seed).run().catch(expectLoss);
    if (this.#taken === null) {
      await this.#first.close();
      return { problem: null, happened: false };
    }
    const problem = (await this.#taken) ?? (await this.#afterwards());
    await this.#second.close();
    return { problem, happened: true };
  }

  #noteStep(): void {
    if (++this.#steps === this.#at) this.#taken = this.#take();
  }

  /** While the first engine goes on. */
  async #take(): Promise<string | null> {
    await this.#second.open();
    return check(this.#second, this.#ledger.expectations(false));
  }

  /** The first engine has heard of it by now. What it still does, and its end, are no concern of the second. */
  async #afterwards(): Promise<string | null> {
    const expectations = this.#ledger.expectations(false);
    const after = new Ledger();
    const problem = (await check(this.#second, expectations)) ?? (await goOn(this.#second, expectations, after));
    if (this.#first.isOpen) await this.#first.close().catch(expectLoss);
    this.#goneNow();
    await this.#second.idle(61_000);
    return problem ?? (await check(this.#second, after.expectations(false)));
  }
}

/** Whoever lost the lease is told so, or that it is closed. */
function expectLoss(error: unknown): void {
  if (error instanceof TidepoolError && ["LEASE_LOST", "CLOSED", "POISONED"].includes(error.code)) return;
  throw error;
}
