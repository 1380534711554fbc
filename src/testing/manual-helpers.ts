/** Helpers in the thread of the test, over shared memory like real ones, which help when and as far as the test says. */
import { Helper, type HelperJob } from "../wasm/help.js";
import { type HelperMessage, type HelperNews, HelperPool } from "../wasm/helper-pool.js";
import { type KernelBuild, loadKernel } from "../wasm/load.js";
import { TestEnvironment } from "./environment.js";
import { kernelBytes } from "./kernel.js";

/**
 * What a helper does with a job: all of it before the engine comes to it, nothing, or half of it, after which it takes an item with which
 * it dies or fails.
 */
export type Helping = "at once" | "never" | "dies" | "fails";

export class ManualHelpers {
  readonly environment = new TestEnvironment();
  readonly pool: HelperPool;
  /** Of each job. */
  helping: Helping | ((job: HelperJob) => Helping) = "at once";
  /** Of jobs that helpers were sent. */
  readonly jobs: HelperJob[] = [];
  running = 0;
  /** Whether they are ready as soon as they are started; else those in `late` are when they are called. */
  areReady = true;
  readonly late: (() => void)[] = [];
  refusal: Error | null = null;

  constructor(bytes: Uint8Array) {
    this.pool = new HelperPool({
      start: (news) => this.#start(news),
      bytes,
      schedule: (callback, delayMs) => this.environment.schedule(callback, delayMs),
      idleMs: 1000,
    });
  }

  #start(news: HelperNews) {
    if (this.refusal !== null) throw this.refusal;
    let helper: Helper | null = null;
    this.running++;
    const send = (message: HelperMessage): void => {
      if (message.type === "start") {
        helper = new Helper(message.module);
        if (this.areReady) news.ready();
        else this.late.push(news.ready);
        return;
      }
      this.jobs.push(message);
      this.#help(helper!, message, news);
    };
    return { send, end: () => void this.running-- };
  }

  #help(helper: Helper, job: HelperJob, news: HelperNews): void {
    const helping = typeof this.helping === "function" ? this.helping(job) : this.helping;
    if (helping === "never") return;
    if (helping === "at once") {
      helper.help(job);
      news.left();
      return;
    }
    helper.help({ ...job, items: Math.ceil(job.items / 2) });
    // Of the one it has taken nothing will be heard.
    if (helping === "dies") Atomics.store(job.control, 1 + job.helper, 1);
    queueMicrotask(() => news.gone(helping));
  }
}

/** A kernel with helpers, of which tests say what they do. */
export async function helpedKernel(build: KernelBuild, cores: number) {
  const bytes = await kernelBytes(build);
  const helpers = new ManualHelpers(bytes);
  helpers.pool.use(cores);
  return { kernel: await loadKernel(bytes, build, helpers.pool), helpers };
}
