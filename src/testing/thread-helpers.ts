/** Helpers in threads of their own, in Node: what `worker/start-helper.ts` does with workers of a browser. */
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { build } from "vite";
import { graphOptions } from "../core/index/vector/graph-kernel.js";
import type { VectorKernel } from "../core/index/vector/vector-kernel.js";
import { type HelperNews, HelperPool, type HelperPort } from "../wasm/helper-pool.js";
import { type KernelBuild, loadKernel } from "../wasm/load.js";
import type { HelperAnswer } from "../worker/protocol.js";
import { TestEnvironment } from "./environment.js";
import { kernelBytes } from "./kernel.js";

/** The thread, as one text: Node does not run TypeScript. */
async function threadCode(): Promise<string> {
  const ssr = fileURLToPath(new URL("./helper-thread.ts", import.meta.url));
  const built = await build({ configFile: false, logLevel: "silent", build: { ssr, write: false }, ssr: { noExternal: true } });
  if (!("output" in built)) throw new Error("A bundle was to be built");
  return built.output[0].code;
}

let code: Promise<string> | null = null;

export class ThreadHelpers {
  readonly pool: HelperPool;
  readonly #threads = new Set<Worker>();
  readonly #code: string;
  readonly #items = new Int32Array(new SharedArrayBuffer(4));
  #started = 0;
  readonly #seed: number;

  constructor(bytes: Uint8Array, threadCode: string, seed: number) {
    this.#code = threadCode;
    this.#seed = seed;
    const environment = new TestEnvironment();
    const schedule = environment.schedule.bind(environment);
    this.pool = new HelperPool({ start: (news) => this.#start(news), bytes, schedule, idleMs: 1000 });
    this.pool.serve({ tick: () => this.others(), onTrouble: () => undefined, bytesMax: 2 ** 24 });
  }

  /** Items that were done by threads, and not by the test's own. */
  get itemsDone(): number {
    return Atomics.load(this.#items, 0);
  }

  #start(news: HelperNews): HelperPort {
    const workerData = { seed: 1000 * this.#seed + this.#started++, items: this.#items };
    const thread = new Worker(new URL(`data:text/javascript,${encodeURIComponent(this.#code)}`), { workerData });
    this.#threads.add(thread);
    thread.on("message", (answer: HelperAnswer) => {
      if (answer.type === "ready") news.ready();
      else if (answer.type === "left") news.left();
      else news.gone(answer.why);
    });
    thread.on("error", (error) => news.gone(error instanceof Error ? error.message : String(error)));
    thread.on("exit", () => news.gone("it has ended"));
    const end = (): void => {
      this.#threads.delete(thread);
      void thread.terminate();
    };
    return { send: (message) => thread.postMessage(message), end };
  }

  /** Resolves once the threads have done something, and their messages could be heard, as they are between two turns. */
  async others(): Promise<void> {
    do await new Promise((resolve) => setImmediate(resolve));
    while (this.itemsDone === 0 && this.pool.alone === null);
  }

  /** Has all threads started, by a first small task. */
  async begin(kernel: VectorKernel): Promise<void> {
    const table = kernel.createTable(16);
    table.set(0, new Int8Array(32), new Float32Array(2), new Float32Array(2));
    const graph = table.createGraph(graphOptions("l2", 2, 4));
    graph.insert(0, 0);
    await graph.insertTogether!(Uint32Array.of(1), Uint8Array.of(0))!.hang(() => undefined);
    while (this.pool.running < this.pool.cores - 1 && this.pool.alone === null) await new Promise((resolve) => setImmediate(resolve));
    if (this.pool.alone !== null) throw new Error(this.pool.alone);
    Atomics.store(this.#items, 0, 0);
  }

  /** Ends a thread, whatever it is about. */
  async kill(): Promise<void> {
    const [thread] = this.#threads;
    await thread?.terminate();
  }

  async end(): Promise<void> {
    await Promise.all([...this.#threads].map((thread) => thread.terminate()));
  }
}

/** A kernel with helpers in threads, which come to their items a little early or late, by the seed. */
export async function threadedKernel(build: KernelBuild, cores: number, seed: number) {
  const bytes = await kernelBytes(build);
  const helpers = new ThreadHelpers(bytes, await (code ??= threadCode()), seed);
  helpers.pool.use(cores);
  const kernel = await loadKernel(bytes, build, helpers.pool);
  await helpers.begin(kernel);
  return { kernel, helpers };
}
