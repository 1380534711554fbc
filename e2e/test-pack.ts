/**
 * The package as its users get it: packed, installed from the tarball into fresh apps without any configuration, and run
 * in Chromium. One line per app; the command fails if any app does. `npm run build` is part of packing.
 *
 * Usage: node scripts/run.mjs e2e/test-pack.ts [root of the package] [--only=part of an app's name]
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import type { BrowserContext, Page } from "playwright";
import { collectErrors, openBrowser } from "../tools/browser/browser.js";
import { serveFolder } from "../tools/browser/static-server.js";
import { serveFakeModels } from "./support/fake-models.js";
import { clientFolder } from "./support/official-client.js";
import { writeTinyModel } from "./support/tiny-model.js";

const home = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const options = process.argv.slice(2);
const root = resolve(options.find((option) => !option.startsWith("--")) ?? home);
const only = options.find((option) => option.startsWith("--only="))?.slice("--only=".length) ?? "";
const templates = join(home, "e2e/pack");
const bin = (name: string): string => join(home, "node_modules/.bin", name);

/** Squared distances of [0.5, 0, 1] to the unit vectors of `moon` and `tide`. */
const found = {
  near: [["moon", "tide"]],
  distances: [[0.25, 1.25]],
  wet: [["tide", "pool"]],
  text: ["moon"],
  storage: "opfs",
  kernel: "wasm-relaxed-simd",
};

/** What the sentence encoder finds. */
const encoderFound = { isWhole: true, nearest: ["harbour"] };

/** What a model of Hugging Face's kind finds. */
const transformersFound = { device: "wasm", nearest: ["harbour"] };

/** What LangChain finds among texts that are angles: the cosine of 60 degrees. */
const langchainFound = { id: "60", metadata: { "loc.from": 60 }, score: "0.500", diverse: ["0", "60"], left: ["1"] };

/** What a component shows: a record, then another, and a third after it was mounted again. */
const componentsFound = [["ebb"], ["ebb", "flow"], ["ebb", "flow", "moon"]];

/** What LangChain's own class for Chroma finds among such texts: distances by the cosine. */
const langchainChromaFound = {
  found: [
    ["a", "0.000"],
    ["b", "0.500"],
  ],
  retrieved: ["60"],
  left: ["b"],
};

/** What Chroma's client finds among these records. */
const officialFound = {
  near: [["moon", "tide"]],
  distances: [[0.25, 1.25]],
  wet: ["the tide comes in", "a pool is left behind"],
  missing: "ChromaNotFoundError",
};

/** What Chroma's embedding packages find, asked of Hugging Face's server, Ollama, Jina and BM25 in turn. */
const chromaEmbeddingsFound = { made: ["moon", "moon", "moon", "pool"], restored: ["later", "later", "later", "later"] };

/** Of the tarball, of which the sentence encoder's model takes 6.9 MB. */
const PACKED_BYTES_MAX = 9_000_000;

interface Packed {
  work: string;
  tarball: string;
  context: BrowserContext;
}

/** Runs a command to its end; what it printed is in the error when it fails. */
function run(command: string, args: string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    timeout: 300_000,
    env: { ...process.env, FORCE_COLOR: "0", NO_COLOR: "1" },
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} exited with ${status}\n${stdout}\n${stderr}`);
  return stdout;
}

const installed = new Map<string, Promise<string>>();

/** A copy of a template with the tarball and its pinned tools installed, once for all apps that are made of it. */
function install(packed: Packed, template: string, installAll = installAnew): Promise<string> {
  const app = installed.get(template) ?? installAll(packed, template);
  installed.set(template, app);
  return app;
}

async function installAnew({ work, tarball }: Packed, template: string): Promise<string> {
  const app = join(work, template);
  await cp(join(templates, template), app, { recursive: true });
  for (const file of ["exercise.js", "exercise-components.js", "exercise-encoder.js", "records.js"])
    await cp(join(templates, file), join(app, file));
  const manifest = JSON.parse(await readFile(join(app, "package.json"), "utf8")) as { dependencies?: Record<string, string> };
  const dependencies = { ...manifest.dependencies, "tidepool-db": `file:${tarball}` };
  await writeFile(join(app, "package.json"), JSON.stringify({ ...manifest, dependencies }));
  run("npm", ["install", "--no-package-lock", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"], app);
  return app;
}

/** An app with Chroma's own client, unchanged, beside the package; it takes none of what it installs for a server. */
function installOfficial(packed: Packed, template: string): Promise<string> {
  return install(packed, template, installWithClient);
}

async function installWithClient(packed: Packed, template: string): Promise<string> {
  const app = await installAnew(packed, template);
  await cp(join(templates, "exercise-official.js"), join(app, "exercise-official.js"));
  await cp(resolve(await clientFolder(), "../.."), join(app, "node_modules"), { recursive: true });
  return app;
}

/** An app with a model that is made here. */
async function installWithModel(packed: Packed): Promise<string> {
  const app = await install(packed, "transformers");
  await writeTinyModel(join(app, "public/models/test/tiny"));
  return app;
}

/** Opens a page of an app, waits for what it found, and compares. */
async function expectWorking(context: BrowserContext, url: string, expected: unknown = found): Promise<void> {
  const page = await context.newPage();
  const errors = collectErrors(page);
  try {
    await page.goto(url);
    const actual = await resultOf(page);
    if (!isDeepStrictEqual(actual, expected)) throw new Error(`answered ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`);
    if (errors.length > 0) throw new Error("the page complained");
  } catch (error) {
    throw new Error([`${url}: ${error instanceof Error ? error.message : String(error)}`, ...errors].join("\n"));
  } finally {
    await page.close();
  }
}

/** What an extension may have at most. */
const strictPolicy = "script-src 'self' 'wasm-unsafe-eval'; object-src 'self'";

/** Under the policy hnswlib-wasm cannot run: creating a collection that needs it is refused, and leaves nothing behind. */
async function expectForbidden(context: BrowserContext, url: string): Promise<void> {
  const page = await context.newPage();
  try {
    await page.goto(url);
    const { code, message, collections } = (await resultOf(page)) as { code?: string; message?: string; collections?: number };
    if (code !== "NOT_SUPPORTED" || !message?.includes("content security policy") || collections !== 0) {
      throw new Error(`under "${strictPolicy}": ${code} ${message}, ${collections} collections left`);
    }
  } finally {
    await page.close();
  }
}

async function resultOf(page: Page): Promise<unknown> {
  await page.waitForFunction(() => "packed" in globalThis, undefined, { timeout: 60_000 });
  return page.evaluate(() => {
    const late = new Promise((_, reject) => setTimeout(() => reject(new Error("no answer for 60 s")), 60_000));
    return Promise.race([(globalThis as unknown as { packed: Promise<unknown> }).packed, late]);
  });
}

/** Edits a component twice while its page is open: it is replaced in place, with its state, and its subscription goes on. */
async function expectRefreshing(context: BrowserContext, url: string, component: string): Promise<void> {
  const page = await context.newPage();
  const errors = collectErrors(page);
  const shows = async (label: string, ...ids: string[]) => {
    const text = `${label} 1: ${ids.join(" ")}`;
    await page
      .getByText(text, { exact: true })
      .waitFor({ timeout: 60_000 })
      .catch(async (error: unknown) => {
        throw new Error(`shows ${await page.textContent("body")}, not ${text}: ${String(error)}`);
      });
  };
  const add = (id: string) => page.evaluate((one) => (globalThis as unknown as { add(id: string): Promise<void> }).add(one), id);
  try {
    await page.goto(url);
    await page.getByRole("button").click();
    await shows("notes");
    await add("ebb");
    await shows("notes", "ebb");
    const source = await readFile(component, "utf8");
    for (const [label, ids] of [
      ["tides", ["ebb", "flow"]],
      ["moons", ["ebb", "flow", "moon"]],
    ] as const) {
      await writeFile(component, source.replace("notes {", `${label} {`));
      await shows(label, ...ids.slice(0, -1));
      await add(ids.at(-1)!);
      await shows(label, ...ids);
    }
    if (errors.length > 0) throw new Error("the page complained");
  } catch (error) {
    throw new Error([`${url}: ${error instanceof Error ? error.message : String(error)}`, ...errors].join("\n"));
  } finally {
    await page.close();
  }
}

/** What a page finds that asks models, all of which a server here answers for. */
async function expectAsking(context: BrowserContext, url: string): Promise<void> {
  const models = await serveFakeModels();
  await context.route("https://api.jina.ai/**", async (route) => {
    const response = await route.fetch({ url: `${models.url}/v1/embeddings` });
    await route.fulfill({ response });
  });
  try {
    await expectWorking(context, `${url}?models=${models.url}`, chromaEmbeddingsFound);
  } finally {
    await context.unroute("https://api.jina.ai/**");
    await models.close();
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

/** Starts an app's own server, uses it once it answers, and ends it. */
async function whileServing(app: string, args: string[], path: string, use: (url: string) => Promise<void>): Promise<void> {
  const port = await freePort();
  const child = spawn(join(app, "node_modules/.bin/vite"), [...args, "--host", "127.0.0.1", "--port", String(port), "--strictPort"], {
    cwd: app,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let complaint = "";
  child.stderr.on("data", (data: Buffer) => void (complaint += data.toString()));
  try {
    const url = `http://localhost:${port}${path}`;
    await untilAnswering(url, child).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${complaint}`);
    });
    await use(url);
  } finally {
    child.kill();
  }
}

async function untilAnswering(url: string, child: ChildProcess): Promise<void> {
  const end = Date.now() + 60_000;
  while (
    !(await fetch(url).then(
      (response) => response.ok,
      () => false,
    ))
  ) {
    if (child.exitCode !== null) throw new Error(`the server exited with ${child.exitCode}`);
    if (Date.now() > end) throw new Error(`${url} does not answer`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

async function whileStatic(folder: string, use: (url: string) => Promise<void>, headers?: Record<string, string>): Promise<void> {
  const server = await serveFolder(folder, { headers });
  try {
    await use(server.url);
  } finally {
    await server.close();
  }
}

/** An unpacked extension's id is a hash of where it lies. */
async function extensionId(folder: string): Promise<string> {
  const hash = createHash("sha256")
    .update(await realpath(folder))
    .digest("hex")
    .slice(0, 32);
  return [...hash].map((digit) => String.fromCharCode(97 + Number.parseInt(digit, 16))).join("");
}

const deep = "/deep/er/";

const apps: Record<string, (packed: Packed) => Promise<void>> = {
  publint: async ({ tarball, work }) => {
    const output = run(bin("publint"), ["run", tarball, "--strict"], work);
    if (!output.includes("All good!")) throw new Error(output);
  },
  attw: async ({ tarball, work }) => {
    // ESM only, so what a CommonJS project would find is left out; the bytes of kernels and model have no types.
    const bytes = ["./tidepool.wasm", "./tidepool-relaxed.wasm", "./sentence-encoder.bin"];
    run(bin("attw"), [tarball, "--profile", "esm-only", "--exclude-entrypoints", ...bytes], work);
  },
  node: async (packed) => {
    const app = await install(packed, "import-map");
    const code = `
      const before = Object.getOwnPropertyNames(globalThis).join();
      if (typeof window !== "undefined") throw new Error("this is no page");
      await import("tidepool-db/sentence-encoder");
      await import("tidepool-db/transformers");
      for (const name of ["tidepool-db", "tidepool-db/inline"]) {
        const { TidepoolClient } = await import(name);
        new TidepoolClient();
      }
      if (Object.getOwnPropertyNames(globalThis).join() !== before) throw new Error("importing left globals behind");`;
    // It ends by itself, too: nothing that importing started keeps the process alive.
    const output = run(process.execPath, ["--input-type=module", "--eval", code], app);
    if (output !== "") throw new Error(`importing printed ${output}`);
  },
  types: async (packed) => {
    const app = await install(packed, "types");
    // LangChain's own declarations need what came after ES2022.
    for (const [file, lib] of [
      ["main.ts", "es2022,dom"],
      ["langchain.ts", "es2022,esnext.disposable,dom"],
    ] as const) {
      for (const [module, moduleResolution] of [
        ["nodenext", "nodenext"],
        ["esnext", "bundler"],
      ] as const) {
        const libraries = ["--target", "es2022", "--lib", lib, "--types", ""];
        const modules = ["--module", module, "--moduleResolution", moduleResolution];
        run(bin("tsc"), ["--noEmit", "--strict", ...libraries, ...modules, "--ignoreConfig", file], app);
      }
    }
  },
  "import map": async (packed) => {
    const app = await install(packed, "import-map");
    await whileStatic(app, (url) => expectWorking(packed.context, url));
  },
  "vite dev": async (packed) => {
    const app = await install(packed, "vite");
    await whileServing(app, [], "/", (url) => expectWorking(packed.context, url));
  },
  "vite build": async (packed) => {
    const app = await install(packed, "vite");
    run(join(app, "node_modules/.bin/vite"), ["build"], app);
    const kernels = (await readdir(join(app, "dist/assets"))).filter((name) => name.endsWith(".wasm"));
    if (kernels.length !== 2) throw new Error(`the build has ${kernels.length} kernel files, not 2: one was inlined or copied`);
    await whileServing(app, ["preview"], "/", (url) => expectWorking(packed.context, url));
  },
  [`vite build under ${deep}`]: async (packed) => {
    const app = await install(packed, "vite");
    run(join(app, "node_modules/.bin/vite"), ["build", `--base=${deep}`], app);
    await whileServing(app, ["preview", `--base=${deep}`], deep, (url) => expectWorking(packed.context, url));
  },
  "webpack production": async (packed) => {
    const app = await install(packed, "webpack");
    run(join(app, "node_modules/.bin/webpack"), ["--mode", "production"], app);
    await cp(join(app, "public/index.html"), join(app, "dist/index.html"));
    await whileStatic(join(app, "dist"), (url) => expectWorking(packed.context, url));
  },
  "hnswlib, vite dev": async (packed) => {
    const app = await install(packed, "hnswlib");
    await whileServing(app, [], "/", (url) => expectWorking(packed.context, url));
  },
  "hnswlib, vite build": async (packed) => {
    const app = await install(packed, "hnswlib");
    run(join(app, "node_modules/.bin/vite"), ["build"], app);
    await whileStatic(join(app, "dist"), (url) => expectWorking(packed.context, url));
    await whileStatic(join(app, "dist"), (url) => expectForbidden(packed.context, url), { "content-security-policy": strictPolicy });
  },
  "hnswlib, webpack production": async (packed) => {
    const app = await install(packed, "hnswlib");
    run(join(app, "node_modules/.bin/webpack"), ["--mode", "production", "--entry", "./main.js"], app);
    await cp(join(app, "webpack.html"), join(app, "dist/index.html"));
    await whileStatic(join(app, "dist"), (url) => expectWorking(packed.context, url));
  },
  "sentence encoder, import map": async (packed) => {
    const app = await install(packed, "sentence-encoder");
    await whileStatic(app, (url) => expectWorking(packed.context, `${url}import-map.html`, encoderFound));
  },
  "sentence encoder, vite dev": async (packed) => {
    const app = await install(packed, "sentence-encoder");
    await whileServing(app, [], "/", (url) => expectWorking(packed.context, url, encoderFound));
  },
  "sentence encoder, vite build": async (packed) => {
    const app = await install(packed, "sentence-encoder");
    run(join(app, "node_modules/.bin/vite"), ["build"], app);
    const use = (url: string) => expectWorking(packed.context, url, encoderFound);
    await whileStatic(join(app, "dist"), use, { "content-security-policy": strictPolicy });
  },
  "sentence encoder, webpack production": async (packed) => {
    const app = await install(packed, "sentence-encoder");
    run(join(app, "node_modules/.bin/webpack"), ["--mode", "production", "--entry", "./main.js"], app);
    await cp(join(app, "webpack.html"), join(app, "dist/index.html"));
    await whileStatic(join(app, "dist"), (url) => expectWorking(packed.context, url, encoderFound));
  },
  "transformers.js, vite dev": async (packed) => {
    const app = await installWithModel(packed);
    await whileServing(app, [], "/", (url) => expectWorking(packed.context, url, transformersFound));
  },
  "transformers.js, vite build": async (packed) => {
    const app = await installWithModel(packed);
    run(join(app, "node_modules/.bin/vite"), ["build"], app);
    const use = (url: string) => expectWorking(packed.context, url, transformersFound);
    await whileStatic(join(app, "dist"), use, { "content-security-policy": strictPolicy });
  },
  "transformers.js, webpack production": async (packed) => {
    const app = await installWithModel(packed);
    run(join(app, "node_modules/.bin/webpack"), ["--mode", "production", "--entry", "./main.js", "--output-path", "built"], app);
    await cp(join(app, "webpack.html"), join(app, "built/index.html"));
    await cp(join(app, "public/models"), join(app, "built/models"), { recursive: true });
    await whileStatic(join(app, "built"), (url) => expectWorking(packed.context, url, transformersFound));
  },
  "LangChain, vite build": async (packed) => {
    const app = await install(packed, "langchain");
    run(join(app, "node_modules/.bin/vite"), ["build"], app);
    await whileStatic(join(app, "dist"), (url) => expectWorking(packed.context, url, langchainFound));
  },
  "React, Svelte and Vue, vite build": async (packed) => {
    const app = await install(packed, "components");
    run(join(app, "node_modules/.bin/vite"), ["build"], app);
    await whileStatic(join(app, "dist"), async (url) => {
      for (const page of ["react", "svelte", "vue"]) await expectWorking(packed.context, `${url}${page}.html`, componentsFound);
    });
  },
  "React 18, vite build": async (packed) => {
    const app = await install(packed, "react-18");
    run(join(app, "node_modules/.bin/vite"), ["build"], app);
    await whileStatic(join(app, "dist"), (url) => expectWorking(packed.context, url, componentsFound));
  },
  "React, vite dev, with an edit": async (packed) => {
    const app = await install(packed, "react-refresh");
    await whileServing(app, [], "/", (url) => expectRefreshing(packed.context, url, join(app, "notes.jsx")));
  },
  "LangChain's class for Chroma, vite build": async (packed) => {
    const app = await install(packed, "langchain-chroma");
    run(join(app, "node_modules/.bin/vite"), ["build"], app);
    await whileStatic(join(app, "dist"), (url) => expectWorking(packed.context, url, langchainChromaFound));
  },
  "chromadb, import map": async (packed) => {
    const app = await installOfficial(packed, "official-import-map");
    await whileStatic(app, (url) => expectWorking(packed.context, url, officialFound));
  },
  "chromadb, vite dev": async (packed) => {
    const app = await installOfficial(packed, "official-vite");
    await whileServing(app, [], "/", (url) => expectWorking(packed.context, url, officialFound));
  },
  "chromadb, vite build": async (packed) => {
    const app = await installOfficial(packed, "official-vite");
    run(join(app, "node_modules/.bin/vite"), ["build"], app);
    await whileServing(app, ["preview"], "/", (url) => expectWorking(packed.context, url, officialFound));
  },
  "chromadb, webpack": async (packed) => {
    const app = await installOfficial(packed, "official-webpack");
    run(join(app, "node_modules/.bin/webpack"), ["--mode", "production"], app);
    await cp(join(app, "public/index.html"), join(app, "dist/index.html"));
    await whileStatic(join(app, "dist"), (url) => expectWorking(packed.context, url, officialFound));
  },
  "Chroma's embedding packages, vite dev": async (packed) => {
    const app = await install(packed, "chroma-embeddings");
    await whileServing(app, [], "/", (url) => expectAsking(packed.context, url));
  },
  "Chroma's embedding packages, vite build": async (packed) => {
    const app = await install(packed, "chroma-embeddings");
    run(join(app, "node_modules/.bin/vite"), ["build"], app);
    await whileStatic(join(app, "dist"), (url) => expectAsking(packed.context, url));
  },
  "extension page": async (packed) => {
    const app = await install(packed, "extension");
    await cp(join(app, "node_modules/tidepool-db/dist"), join(app, "tidepool"), { recursive: true });
    await rm(join(app, "node_modules"), { recursive: true });
    const context = await openBrowser(join(packed.work, "extension-profile"), { extensions: [app] });
    try {
      const extension = `chrome-extension://${await extensionId(app)}`;
      await expectWorking(context, `${extension}/page.html`);
      await expectWorking(context, `${extension}/encoder.html`, encoderFound);
    } finally {
      await context.close();
    }
  },
  "inline variant, esbuild": async (packed) => {
    const app = await install(packed, "inline-esbuild");
    run(join(app, "node_modules/.bin/esbuild"), ["main.js", "--bundle", "--format=esm", "--splitting", "--outdir=built"], app);
    await whileStatic(app, (url) => expectWorking(packed.context, url));
  },
};

async function main(): Promise<number> {
  const work = await mkdtemp(join(tmpdir(), "tidepool-pack-"));
  const context = await openBrowser(join(work, "profile"));
  const chosen = Object.entries(apps).filter(([name]) => name.includes(only));
  let failed = 0;
  try {
    const [{ filename, size, entryCount }] = JSON.parse(
      run("npm", ["pack", "--json", "--loglevel=error", "--ignore-scripts", "--pack-destination", work], root),
    ) as [{ filename: string; size: number; entryCount: number }];
    process.stdout.write(`packed ${filename}: ${entryCount} files, ${Math.round(size / 1000)} kB\n`);
    if (size > PACKED_BYTES_MAX) throw new Error(`the package has ${size} bytes, more than ${PACKED_BYTES_MAX}`);
    for (const [name, check] of chosen) {
      const start = performance.now();
      try {
        await check({ work, tarball: join(work, filename), context });
        process.stdout.write(`ok      ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)\n`);
      } catch (error) {
        failed += 1;
        process.stdout.write(`FAILED  ${name}\n${error instanceof Error ? error.message : String(error)}\n`);
      }
    }
  } finally {
    await context.close();
    await rm(work, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
  process.stdout.write(`pack: ${chosen.length - failed} of ${chosen.length} apps work\n`);
  if (chosen.length === 0) throw new Error(`no app is called like ${JSON.stringify(only)}: ${Object.keys(apps).join(", ")}`);
  return failed;
}

if ((await main()) > 0) process.exitCode = 1;
