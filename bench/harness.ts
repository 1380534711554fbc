/**
 * Where measurements run: Chromium with a profile on disk, and pages that load the built package through an import map,
 * byte for byte as it ships. Node orchestrates, the page works: a page module hands functions to `expose`, Node calls them
 * by name. The package is copied first, so that a build in the meantime does not change what is being measured.
 *
 * Pages are cross-origin isolated, because only there the browser's clock resolves microseconds. Suites that stand beside engines of one
 * thread, or beside figures of before, ask for one core.
 */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BrowserContext, CDPSession, Page } from "playwright";
import { build } from "vite";
import { collectErrors, createProfile, openBrowser, removeProfile } from "../tools/browser/browser.js";
import { type StaticServer, serveFolder } from "../tools/browser/static-server.js";
import { type BrowserName, target } from "../tools/browser/target.js";
import type { Exposed } from "./page.js";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..");

const headers = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  // As files with a hash in their name are served; reopening is measured with the browser's own caches.
  "cache-control": "max-age=3600",
};

export interface HarnessOptions {
  /** Names a module in `bench/pages`. */
  page: string;
  /** Folders to serve beside the page, by name. */
  folders?: Record<string, string>;
  /** Default: that of the tests. */
  browser?: BrowserName;
  /** Command-line switches of Chromium. */
  args?: string[];
  /** Modules for workers of their own, relative to `bench`, served under `engines/` by their file's name. */
  workers?: string[];
}

/** What the browser says of one worker. */
export interface WorkerMemory {
  /** Of its script, query string and all. */
  url: string;
  bytes: number;
}

export class Harness {
  readonly #folder: string;
  /** The folder in which the browser keeps everything. */
  readonly profile: string;
  readonly #server: StaticServer;
  readonly #browser: BrowserName;
  readonly #args: string[];
  #context: BrowserContext;

  private constructor(
    folder: string,
    profile: string,
    server: StaticServer,
    context: BrowserContext,
    browser: BrowserName,
    args: string[],
  ) {
    this.#folder = folder;
    this.profile = profile;
    this.#server = server;
    this.#browser = browser;
    this.#args = args;
    this.#context = context;
  }

  static async open({ page, folders = {}, workers = [], browser = target, args = [] }: HarnessOptions): Promise<Harness> {
    const folder = await mkdtemp(join(tmpdir(), "tidepool-bench-"));
    await cp(join(root, "dist"), join(folder, "tidepool"), { recursive: true });
    for (const [name, target] of Object.entries(folders)) await symlink(target, join(folder, name));
    await bundlePage(page, folder);
    for (const worker of workers)
      await bundle({ input: join(root, "bench", worker), outDir: join(folder, "engines"), entryFileNames: "[name].js" });
    const server = await serveFolder(folder, { headers });
    const profile = await createProfile();
    return new Harness(folder, profile, server, await openBrowser(profile, { browser, args }), browser, args);
  }

  /** The browser's name and version. */
  get browser(): string {
    return `${this.#browser[0]!.toUpperCase()}${this.#browser.slice(1)} ${this.#context.browser()?.version() ?? "of unknown version"}`;
  }

  /** A new page with its module loaded. */
  async newPage<TExposed extends Exposed>(): Promise<HarnessPage<TExposed>> {
    const page = await this.#context.newPage();
    const errors = collectErrors(page);
    await page.goto(this.#server.url);
    await page.waitForFunction(() => "exposed" in globalThis);
    return new HarnessPage<TExposed>(page, errors);
  }

  /** Ends the browser, with whatever is open in it, and starts it again on the same profile. */
  async relaunch(): Promise<void> {
    await this.#context.close();
    this.#context = await openBrowser(this.profile, { browser: this.#browser, args: this.#args });
  }

  /** Memory that the processes of all pages have to themselves, as the system counts it; `null` where it cannot be asked. */
  async processBytes(): Promise<number | null> {
    const bytes = await Promise.all((await this.pageProcesses()).map(privateBytes));
    return bytes.length === 0 || bytes.includes(null) ? null : bytes.reduce<number>((sum, value) => sum + value!, 0);
  }

  /** Ids of the processes in which pages and their workers run; none where the browser does not tell. */
  async pageProcesses(): Promise<number[]> {
    if (this.#browser !== "chromium") return [];
    const session = await this.#context.browser()?.newBrowserCDPSession();
    if (!session) return [];
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    await session.detach();
    return processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id);
  }

  async close(): Promise<void> {
    await this.#context.close();
    await this.#server.close();
    await removeProfile(this.profile);
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** One loaded page and its functions. */
export class HarnessPage<TExposed extends Exposed> {
  readonly #page: Page;
  readonly #errors: string[];

  constructor(page: Page, errors: string[]) {
    this.#page = page;
    this.#errors = errors;
  }

  /** Calls an exposed function with values that survive JSON. */
  async call<K extends keyof TExposed & string>(name: K, ...args: Parameters<TExposed[K]>): Promise<Awaited<ReturnType<TExposed[K]>>> {
    try {
      const result: unknown = await this.#page.evaluate(
        ([name, args]) => (globalThis as unknown as { exposed: Exposed }).exposed[name]!(...args),
        [name, args] as [string, never[]],
      );
      return result as Awaited<ReturnType<TExposed[K]>>;
    } catch (error) {
      throw new Error([`${name}(${JSON.stringify(args)}) failed in the page`, ...this.#errors].join("\n"), { cause: error });
    }
  }

  /**
   * Bytes of JavaScript heaps and array buffers after a garbage collection, of the page and of each of its workers.
   * WebAssembly memory is not among them.
   */
  async memory(): Promise<{ pageBytes: number; workerBytes: number; workers: WorkerMemory[] }> {
    const session = await this.#page.context().newCDPSession(this.#page);
    try {
      const pageBytes = await heapBytes((method) => session.send(method as "Runtime.getHeapUsage"));
      const workers = await Promise.all(
        (await attachWorkers(session)).map(async ({ url, send }) => ({ url, bytes: await heapBytes(send) })),
      );
      return { pageBytes, workerBytes: workers.reduce((sum, { bytes }) => sum + bytes, 0), workers };
    } finally {
      await session.detach();
    }
  }

  close(): Promise<void> {
    return this.#page.close();
  }

  /** Slows the page down, and leaves its workers as fast as they are. */
  async throttle(rate: number): Promise<void> {
    const session = await this.#page.context().newCDPSession(this.#page);
    await session.send("Emulation.setCPUThrottlingRate", { rate });
  }

  /** Ends the page's process. The page itself stays to be closed. */
  async crash(): Promise<void> {
    const crashed = this.#page.waitForEvent("crash");
    const session = await this.#page.context().newCDPSession(this.#page);
    // The answer to this never comes.
    void session.send("Page.crash").catch(() => undefined);
    await crashed;
  }

  async reload(): Promise<void> {
    await this.#page.reload();
  }
}

async function bundlePage(page: string, folder: string): Promise<void> {
  await bundle({ input: join(root, "bench/pages", `${page}.ts`), outDir: folder, entryFileNames: "page.js" });
  const imports = JSON.stringify({
    imports: { "tidepool-db": "./tidepool/index.js", "tidepool-db/sentence-encoder": "./tidepool/sentence-encoder.js" },
  });
  await writeFile(
    join(folder, "index.html"),
    `<!doctype html><link rel="icon" href="data:,">` +
      `<script type="importmap">${imports}</script><script type="module" src="./page.js"></script>`,
  );
}

interface Bundle {
  input: string;
  outDir: string;
  entryFileNames: string;
}

async function bundle({ input, outDir, entryFileNames }: Bundle): Promise<void> {
  await build({
    configFile: false,
    root: join(root, "bench"),
    base: "./",
    logLevel: "error",
    publicDir: false,
    worker: { format: "es", rolldownOptions: { output: { entryFileNames: "[name]-[hash].js" } } },
    build: {
      target: "es2022",
      outDir,
      emptyOutDir: false,
      modulePreload: false,
      reportCompressedSize: false,
      chunkSizeWarningLimit: 2000,
      rolldownOptions: {
        input,
        external: ["tidepool-db", "tidepool-db/sentence-encoder"],
        preserveEntrySignatures: "strict",
        output: { entryFileNames },
      },
    },
  });
}

/** Only Linux tells. */
async function privateBytes(processId: number): Promise<number | null> {
  const text = await readFile(`/proc/${processId}/smaps_rollup`, "utf8").catch(() => null);
  if (text === null) return null;
  return [...text.matchAll(/^Private_\w+: +(\d+) kB/gm)].reduce((sum, [, kilobytes]) => sum + 1024 * Number(kilobytes), 0);
}

type Send = (method: string) => Promise<unknown>;

async function heapBytes(send: Send): Promise<number> {
  await send("HeapProfiler.collectGarbage");
  const {
    usedSize,
    embedderHeapUsedSize = 0,
    backingStorageSize = 0,
  } = (await send("Runtime.getHeapUsage")) as {
    usedSize: number;
    embedderHeapUsedSize?: number;
    backingStorageSize?: number;
  };
  return usedSize + embedderHeapUsedSize + backingStorageSize;
}

/** Playwright's sessions do not reach workers, so their messages travel inside those of the page's. */
async function attachWorkers(session: CDPSession): Promise<{ url: string; send: Send }[]> {
  const workers: { url: string; send: Send }[] = [];
  const waiting = new Map<number, (result: unknown) => void>();
  let lastId = 0;
  session.on("Target.receivedMessageFromTarget", ({ message }) => {
    const { id, result } = JSON.parse(message) as { id?: number; result?: unknown };
    if (id !== undefined) waiting.get(id)?.(result);
  });
  session.on("Target.attachedToTarget", ({ sessionId, targetInfo }) => {
    if (targetInfo.type !== "worker") return;
    const send: Send = (method) =>
      new Promise((resolve, reject) => {
        const id = ++lastId;
        waiting.set(id, resolve);
        session.send("Target.sendMessageToTarget", { sessionId, message: JSON.stringify({ id, method }) }).catch(reject);
      });
    workers.push({ url: targetInfo.url, send });
  });
  await session.send("Target.setAutoAttach", { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
  return workers;
}
