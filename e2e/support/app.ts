/**
 * A plain web page that uses the built package as any page would: an import map names the package's files, nothing
 * bundles them. Its global `tidepool` is the package's public entry. Beside it are served the modules of `e2e/pages`,
 * and workers that start the real one in a changed world: with a clock that is late, or without WebAssembly SIMD.
 *
 * The package is copied when serving begins, so a build that runs meanwhile changes nothing.
 */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BrowserContext, Page } from "playwright";
import type * as Package from "tidepool-db";
import type { TidepoolClientOptions } from "tidepool-db";
import { transformWithOxc } from "vite";
import { type ServeOptions, type StaticServer, serveFolder } from "../../tools/browser/static-server.js";
import { strictPolicy } from "./strict-policy.js";

declare global {
  /** In the page: the package. */
  var tidepool: typeof Package;
  /** In the page: a module of `e2e/pages`, by name. */
  function load<Module>(name: string): Promise<Module>;
}

const pages = fileURLToPath(new URL("../pages", import.meta.url));

/** Names of the worker files below, for the client's option `worker`. */
export type WorkerFile = "late-clock.js" | "no-simd.js" | "no-relaxed-simd.js";

const importMap = JSON.stringify({
  imports: {
    "tidepool-db": "./package/index.js",
    "tidepool-db/inspector": "./package/inspector.js",
    "tidepool-db/sentence-encoder": "./package/sentence-encoder.js",
    "tidepool-db/transformers": "./package/transformers.js",
  },
});

const files: Record<string, string> = {
  "index.html": `<!doctype html><link rel="icon" href="data:,"><title>tidepool</title>
<script type="importmap">${importMap}</script><script type="module" src="./main.js"></script>`,
  "main.js": `
    import * as tidepool from "tidepool-db";
    // Workers that tests start by name. Nothing else may have a plain URL: the package has a policy of its own.
    const ours = /^(?:\\.\\/(?:late-clock|no-simd|no-relaxed-simd|hanging|client-worker|package\\/worker)\\.js)$/;
    const createScriptURL = (url) => (ours.test(url) ? url : null);
    globalThis.trustedTypes?.createPolicy("default", { createScriptURL });
    Object.assign(globalThis, { tidepool, load: (name) => import("./pages/" + name + ".js") });
    document.title = "ready";`,
  "elsewhere.html": "<!doctype html><link rel='icon' href='data:,'><title>elsewhere</title>",
  // Does nothing else for as long as it is told, and says so before; though not in the middle of a transaction: for those all wait.
  // Told to lose the next write to the log, it never hears of it once it is written, or comes to nothing else before it is.
  "hanging.js": `
    import "./package/worker.js";
    let underWay = 0;
    let losing = null;
    const say = (what) => new BroadcastChannel("hanging").postMessage(what);
    function lose(transaction) {
      const how = losing;
      losing = null;
      if (how === "unwritten") for (say(how); ; );
      transaction.addEventListener("complete", (event) => {
        event.stopImmediatePropagation();
        say(how);
      });
    }
    const { transaction } = IDBDatabase.prototype;
    IDBDatabase.prototype.transaction = function (...args) {
      const begun = transaction.apply(this, args);
      if (losing !== null && args[0].includes("log") && args[1] === "readwrite") lose(begun);
      underWay++;
      for (const end of ["complete", "abort"]) begun.addEventListener(end, () => underWay--);
      return begun;
    };
    addEventListener("message", async ({ data }) => {
      losing = data?.lose ?? losing;
      if (data?.hangMs === undefined) return;
      while (underWay > 0) await new Promise((resolve) => setTimeout(resolve));
      say(data.hangMs);
      for (const end = Date.now() + data.hangMs; Date.now() < end; );
    });`,
  // A worker, of whatever kind, that is a client: for each message it adds the record and tells its role and what it found.
  "client-worker.js": `
    import { TidepoolClient } from "./package/index.js";
    const answer = async ({ data: { path, id }, ports: [port] }) => {
      const client = new TidepoolClient({ path });
      try {
        const collection = await client.getOrCreateCollection({ name: "notes", embeddingFunction: null });
        await collection.add({ ids: [id], embeddings: [new Float32Array(256).fill(1)] });
        port.postMessage({ role: (await client.info()).role, count: await collection.count() });
      } catch ({ code, message }) {
        port.postMessage({ code, message });
      } finally {
        await client.close();
      }
    };
    addEventListener("message", answer);
    addEventListener("connect", ({ ports: [port] }) => (port.onmessage = answer));
    addEventListener("install", () => globalThis.skipWaiting());
    addEventListener("activate", (event) => event.waitUntil(globalThis.clients.claim()));`,
  "late-clock.js": 'import "./change-late-clock.js"; import "./package/worker.js";',
  // Longer than an arena takes to settle: whatever is created now is old enough for the true clock.
  "change-late-clock.js": "const now = Date.now; Date.now = () => now() - 120_000;",
  "no-simd.js": 'import "./change-no-simd.js"; import "./package/worker.js";',
  "change-no-simd.js": "WebAssembly.validate = () => false;",
  "no-relaxed-simd.js": 'import "./change-no-relaxed-simd.js"; import "./package/worker.js";',
  // 146 begins the number of the relaxed dot product; nothing else that the worker asks about contains it.
  "change-no-relaxed-simd.js":
    "const { validate } = WebAssembly; WebAssembly.validate = (bytes) => !bytes.includes(146) && validate(bytes);",
};

/** What is to be served, and beside the page's own files which others, by the names under which they appear. */
export interface AppOptions extends ServeOptions {
  beside?: Record<string, string>;
  /** Another origin that the page may ask. */
  connect?: string;
}

/** Serves the page, under a strict content security policy; remove it with `close`. */
export async function serveApp({ beside = {}, connect, ...options }: AppOptions = {}): Promise<StaticServer> {
  const folder = await mkdtemp(join(tmpdir(), "tidepool-app-"));
  const entry = createRequire(import.meta.url).resolve("tidepool-db");
  await cp(dirname(entry), join(folder, "package"), { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  await writePages(join(folder, "pages"));
  for (const [name, path] of Object.entries(beside)) await symlink(path, join(folder, name));
  const headers = { ...strictPolicy({ importMap, connect }), ...options.headers };
  const server = await serveFolder(folder, { ...options, headers });
  return {
    ...server,
    async close() {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function writePages(folder: string): Promise<void> {
  await mkdir(folder);
  for (const name of await readdir(pages)) {
    const { code } = await transformWithOxc(await readFile(join(pages, name), "utf8"), name);
    await writeFile(join(folder, name.replace(/\.ts$/, ".js")), code);
  }
}

/** Opens the page in a new tab and waits until the package is there. */
export async function openTab(context: BrowserContext, app: StaticServer): Promise<Page> {
  const page = await context.newPage();
  await page.goto(app.url);
  await untilReady(page);
  return page;
}

export async function untilReady(page: Page): Promise<void> {
  await page.waitForFunction(() => document.title === "ready", undefined, { timeout: 60_000 });
}

/**
 * Creates the database at this path with arenas that are old enough to be relied upon, which takes a minute otherwise.
 * Everything after that runs under the true clock, and manifests are published as soon as they are flushed.
 */
export async function createSettled(page: Page, options: TidepoolClientOptions): Promise<void> {
  await page.evaluate(async (options) => {
    const worker = (): Worker => new Worker("./late-clock.js", { type: "module" });
    const client = new tidepool.TidepoolClient({ ...options, worker });
    await client.heartbeat();
    await client.close();
  }, options);
}
