/**
 * Every call to the platform fails once, in every way in which it can, in the middle of seeded work; for tests, never shipped.
 * The call of the engine that could not be done says so by the right code, and everything else goes on: reads at once, later
 * writes at once or, after a failure that closes or poisons the engine, once it is opened anew.
 */
import { type ErrorCode, TidepoolError } from "../core/errors.js";
import { limits } from "../core/limits.js";
import { check, goOn } from "./crash-check.js";
import { Ledger } from "./crash-ledger.js";
import { Process, Worker, type Workload } from "./crash-workload.js";
import { TestEnvironment } from "./environment.js";
import { type Call, type Failure, SimulatedOrigin } from "./simulated-origin.js";

const exceptions = (...names: string[]): Failure[] => names.map((exception) => ({ exception }));

/** How each call can fail. */
export const failures: Record<Call, Failure[]> = {
  read: [...exceptions("NotReadableError", "InvalidStateError"), { share: 0.5 }],
  write: [...exceptions("QuotaExceededError", "InvalidStateError"), { share: 0.5 }, { share: 0 }],
  truncate: exceptions("QuotaExceededError", "InvalidStateError"),
  flush: exceptions("InvalidStateError", "UnknownError"),
  getSize: exceptions("InvalidStateError"),
  createSyncAccessHandle: exceptions("InvalidStateError", "NotReadableError", "NoModificationAllowedError"),
  getFileHandle: exceptions("QuotaExceededError", "InvalidStateError", "NotReadableError"),
  getDirectoryHandle: exceptions("QuotaExceededError", "InvalidStateError"),
  removeEntry: exceptions("InvalidStateError"),
  keys: exceptions("InvalidStateError"),
  begin: exceptions("InvalidStateError"),
  commit: exceptions("QuotaExceededError", "UnknownError"),
  get: exceptions("UnknownError", "NotReadableError"),
  open: exceptions("UnknownError"),
  deleteDatabase: exceptions("UnknownError"),
};

/** After these the engine is to be opened anew. */
const ending: readonly ErrorCode[] = ["POISONED", "CONNECTION_LOST", "LEASE_LOST"];

/** What a call of the engine may reject with. */
function codesOf(call: Call, failure: Failure): readonly ErrorCode[] {
  if ("share" in failure) return call === "write" ? ["QUOTA_EXCEEDED"] : ["CORRUPTION"];
  const code = failure.exception === "QuotaExceededError" ? "QUOTA_EXCEEDED" : "INTERNAL";
  // A flush also looks whether its files still have their names.
  if (call === "flush" || call === "getFileHandle") return ["POISONED", code];
  if (call === "begin") return ["CONNECTION_LOST"];
  if (call === "open") return ["NOT_SUPPORTED"];
  // The first commit is that which creates the database, within its opening.
  if (call === "commit") return [code, "NOT_SUPPORTED"];
  return [code];
}

/** Every call of the workload up to its closing, in order. */
export async function callsOf(workload: Workload, seed: number): Promise<readonly Call[]> {
  const environment = new TestEnvironment();
  const origin = await SimulatedOrigin.install({ now: () => environment.now(), settleMs: limits.arenaSettleMs });
  const process = await new Process(workload, environment).open();
  await new Worker(process, new Ledger(), seed).run();
  const calls = [...origin.calls];
  await process.close();
  return calls;
}

/** Lets one call fail. What is wrong then, or `null`. */
export async function failOnce(workload: Workload, seed: number, at: number, call: Call, failure: Failure): Promise<string | null> {
  const environment = new TestEnvironment();
  const ledger = new Ledger();
  const origin = await SimulatedOrigin.install({ now: () => environment.now(), settleMs: limits.arenaSettleMs, fail: { at, failure } });
  const process = new Process(workload, environment);
  const run = new FailingRun(process, ledger, codesOf(call, failure));
  try {
    await run.open();
    await new Worker(process, ledger, seed).run((piece) => run.attempt(piece));
    if (origin.calls.length < at) return "the run never came to that call";
    const problem = run.problem ?? (await check(process, ledger.expectations(false), true)) ?? (await run.afterwards());
    await process.close();
    return problem;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

class FailingRun {
  problem: string | null = null;
  readonly #process: Process;
  readonly #ledger: Ledger;
  readonly #codes: readonly ErrorCode[];

  constructor(process: Process, ledger: Ledger, codes: readonly ErrorCode[]) {
    this.#process = process;
    this.#ledger = ledger;
    this.#codes = codes;
  }

  /** An opening that fails can simply be tried again. */
  async open(): Promise<void> {
    try {
      await this.#process.open();
    } catch (error) {
      this.#judge(error);
      await this.#process.open();
    }
  }

  async attempt(piece: () => Promise<void>): Promise<void> {
    try {
      await piece();
    } catch (error) {
      this.#judge(error);
      const ends = error instanceof TidepoolError && ending.includes(error.code);
      if (ends || !this.#process.isOpen) await this.#reopen();
      this.problem ??= await check(this.#process, this.#ledger.expectations(false), true);
      await piece();
    }
  }

  /** Opened anew, everything is there, nothing is found damaged, and work goes on. */
  async afterwards(): Promise<string | null> {
    await this.#reopen();
    const expectations = this.#ledger.expectations(false);
    return (await check(this.#process, expectations)) ?? (await goOn(this.#process, expectations, new Ledger()));
  }

  async #reopen(): Promise<void> {
    if (this.#process.isOpen) await this.#process.close();
    await this.open();
  }

  #judge(error: unknown): void {
    const code = error instanceof TidepoolError ? error.code : null;
    if (code !== null && this.#codes.includes(code)) return;
    this.problem ??= `${String(error)} has the code ${code}, not one of ${this.#codes.join(", ")}`;
  }
}
