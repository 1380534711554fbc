/**
 * Builds `dist/` from `src/`: the page part, the self-contained module worker, both kernels as real `.wasm` files, the
 * inline variant, the sentence encoder with its model, the declarations, and the licences and bill of materials of what is bundled.
 *
 * The page finds its worker, and the worker its kernel, by `new URL("./file", import.meta.url)`. Those two expressions
 * must stand verbatim in what ships: it is the one form that Vite, webpack, Rollup, Parcel and plain browsers all
 * understand. Vite's own build would resolve them now, against our paths, so they are hidden behind a name while it
 * runs and put back afterwards.
 *
 * Usage: node scripts/build.mjs [root]
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { ensureSentenceModel, WEIGHTS_PACKAGE } from "./build-sentence-model.mjs";
import { billOf, licencesOf, packagesOf } from "./shipped.mjs";

const home = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const root = resolve(process.argv[2] ?? home);
/** Becomes `dist/` when it is complete, so that whoever uses `dist/` sees the old build or the new one, never half of one. */
const dist = join(root, `.cache/build-${process.pid}`);
const kernels = join(root, "src/wasm/build");
const target = "es2022";

/** What each URL in the sources is called in `dist/`. */
const shipped = new Map([
  ["../worker/worker.ts", "./worker.js"],
  ["../worker/hnswlib-worker.ts", "./hnswlib-worker.js"],
  ["../worker/node-worker.ts", "./node-worker.js"],
  ["../worker/shared-worker.ts", "./shared-worker.js"],
  ["./stemmers.ts", "./stemmers.js"],
  ["../storage/encrypted/encryption.ts", "./encryption.js"],
  ["../storage/encrypted/rotation.ts", "./rotation.js"],
  ["./stop-words.ts", "./stop-words.js"],
  ["../core/gateway/regex/compile.ts", "./regex.js"],
  ["../storage/published/open-published.ts", "./published.js"],
  ["./cores.ts", "./cores.js"],
  ["./hashing-worker.ts", "./hashing-worker.js"],
  ["./encoder-worker.ts", "./sentence-encoder-worker.js"],
  ["./transformers-worker.ts", "./transformers-worker.js"],
  ["../wasm/build/matrix.wasm", "./sentence-encoder.wasm"],
  ["./build/sentence-encoder.bin", "./sentence-encoder.bin"],
  ["../wasm/build/kernel.wasm", "./tidepool.wasm"],
  ["../wasm/build/kernel-relaxed.wasm", "./tidepool-relaxed.wasm"],
]);

/** Ids of the modules of all bundles. */
const bundled = /** @type {Set<string>} */ (new Set());

const urlExpression = /new URL\(\s*(["'])([^"']+)\1\s*,\s*import\.meta\.url\s*,?\s*\)/g;
/** The name in the bundle of a hidden URL expression. */
const hiddenName = /__TIDEPOOL_URL_(\d+)__/g;

/**
 * Keeps `new URL("…", import.meta.url)` out of Vite's sight. `replace` gives the expression to ship for a source URL.
 *
 * @param {(url: string) => string} replace
 * @returns {import("vite").Plugin}
 */
function keepUrls(replace) {
  /** @type {string[]} */
  const hidden = [];
  return {
    name: "tidepool:keep-urls",
    enforce: "pre",
    transform(code, id) {
      if (!id.startsWith(join(root, "src")) || !code.includes("import.meta.url")) return null;
      const text = code.replace(urlExpression, (_, _quote, url) => `__TIDEPOOL_URL_${hidden.push(replace(url)) - 1}__`);
      return { code: text, map: null };
    },
    generateBundle(_, bundle) {
      for (const output of Object.values(bundle)) {
        if (output.type !== "chunk") continue;
        const code = output.code.replace(hiddenName, (_, index) => /** @type {string} */ (hidden[Number(index)]));
        output.code = quoteForBundlers(code);
      }
    },
  };
}

/**
 * The minifier writes `…` for "…". Some bundlers look for plain strings in a worker's options and in imports.
 *
 * @param {string} code
 */
function quoteForBundlers(code) {
  const imported = code
    .replace(/\bimport\(`([^`$]+)`\)/g, 'import("$1")')
    // Its file is found by URL, and must not become a part of the worker.
    .replace(/\bimport\(\s*(?:\/\*[^*]*\*\/)?\s*(?=new URL\()/g, "import(/* webpackIgnore: true */ /* @vite-ignore */ ");
  return imported.replace(
    /(new (?:Shared)?Worker\(new URL\("[^"]+", import\.meta\.url\),)(\{[^{}]*\})/g,
    (_, start, options) => start + options.replaceAll("`", '"'),
  );
}

/** @param {string} url */
function shippedUrl(url) {
  const name = shipped.get(url);
  if (!name)
    throw new Error(`The sources refer to ${JSON.stringify(url)} by URL; scripts/build.mjs does not know what it is called in dist/.`);
  return `new URL(${JSON.stringify(name)}, import.meta.url)`;
}

/**
 * Frameworks that render on a server leave the hooks to the page, and a command says what runs it.
 *
 * @param {{ name: string }} chunk
 */
const directiveOf = ({ name }) => (name === "react" ? '"use client";' : name === "cli" ? "#!/usr/bin/env node" : "");

/**
 * One bundle of one entry, or of entries that share their modules, by the names of their files. Nothing is left outside it
 * but `peers`, packages that users install. `parts` names folders whose modules go to a file of their own, which bundlers
 * leave out where nothing of it is used.
 *
 * @param {{
 *   entries: Record<string, string>,
 *   format?: "es" | "iife",
 *   plugins: import("vite").Plugin[],
 *   write?: boolean,
 *   parts?: Record<string, RegExp>,
 *   peers?: string[],
 * }} options
 */
async function bundle({ entries, format = "es", plugins, write = true, parts = {}, peers = [] }) {
  // The first of two groups that both want a module gets it, with all that it imports.
  const groups = Object.entries(parts).map(([name, test], i) => ({ name, test, priority: Object.keys(parts).length - i }));
  const result = await build({
    configFile: false,
    root,
    logLevel: "warn",
    publicDir: false,
    plugins,
    define: { "process.env.NODE_ENV": '"production"' },
    build: {
      target,
      outDir: dist,
      emptyOutDir: false,
      write,
      minify: true,
      modulePreload: false,
      reportCompressedSize: false,
      lib: {
        entry: Object.fromEntries(Object.entries(entries).map(([name, path]) => [name, join(root, path)])),
        formats: [format],
        name: "tidepool",
        fileName: (_, name) => `${name}.js`,
      },
      rolldownOptions: {
        external: peers,
        output: {
          minify: true,
          comments: { legal: false },
          chunkFileNames: "[name].js",
          codeSplitting: groups.length > 0 && { groups },
          banner: directiveOf,
        },
      },
    },
  });
  const [output] = /** @type {import("vite").Rolldown.RolldownOutput[]} */ (Array.isArray(result) ? result : [result]);
  if (!output) throw new Error(`vite built nothing for ${Object.values(entries).join(", ")}`);
  const chunks = output.output.filter((part) => part.type === "chunk");
  for (const id of chunks.flatMap((chunk) => chunk.moduleIds)) bundled.add(id);
  for (const chunk of chunks) {
    const outside = [...chunk.imports, ...chunk.dynamicImports].filter(
      (name) => !peers.includes(name) && !chunks.some((other) => other.fileName === name),
    );
    if (outside.length > 0) throw new Error(`${chunk.fileName} is not self-contained: it imports ${outside.join(", ")}`);
  }
  return chunks;
}

/**
 * The worker as a classic script with the bytes of the kernels in place of their download, for the inline variant. No
 * `fetch` of a data URL: a page's `connect-src` may forbid it.
 */
async function bundleInlineWorker() {
  const names = (await readdir(kernels)).filter((name) => name.endsWith(".wasm"));
  const bytes = new Map(
    await Promise.all(
      names.map(async (name) => /** @type {const} */ ([`../wasm/build/${name}`, await readFile(join(kernels, name), "base64")])),
    ),
  );
  const fetched = new RegExp(`\\bfetch\\(\\s*${urlExpression.source}\\s*,?\\s*\\)`, "g");
  const imported = new RegExp(`\\bimport\\(\\s*(?:/\\*[^*]*\\*/)?\\s*${urlExpression.source}\\.href\\s*\\)`, "g");
  // A worker without files of its own starts no helpers.
  const helper = /new URL\("\.\/cores\.ts", import\.meta\.url\)/;
  /** @type {import("vite").Plugin} */
  const embed = {
    name: "tidepool:embed-kernel",
    enforce: "pre",
    transform: (code, id) =>
      id.startsWith(join(root, "src")) && code.includes("import.meta.url")
        ? {
            code: code
              .replace(helper, "null")
              .replace(fetched, (_, _quote, url) => `Uint8Array.from(atob("${bytes.get(url)}"), (char) => char.charCodeAt(0))`)
              .replace(imported, 'import("$2")'),
            map: null,
          }
        : null,
  };
  const [chunk] = await bundle({ entries: { "inline-worker": "src/worker/worker.ts" }, format: "iife", plugins: [embed], write: false });
  if (!chunk?.code.includes("atob("))
    throw new Error('the worker no longer says fetch(new URL("…", import.meta.url)), so its kernel cannot be embedded');
  return chunk.code;
}

/** The code of the worker that hashes, for the inline variant. */
async function bundleInlineHashingWorker() {
  const entries = { "inline-hashing-worker": "src/api/hashing/hashing-worker.ts" };
  const [chunk] = await bundle({ entries, format: "iife", plugins: [], write: false });
  return /** @type {import("vite").Rolldown.OutputChunk} */ (chunk).code;
}

/**
 * Puts the workers' codes inside the page's part: `create-inline-worker.ts` takes the place of `create-worker.ts`,
 * `create-inline-hashing-worker.ts` that of `create-hashing-worker.ts`, and `create-no-broker.ts` that of `create-broker.ts`.
 *
 * @param {{ worker: string, hashing: string }} code
 * @returns {import("vite").Plugin}
 */
function inlineWorker({ worker, hashing }) {
  const codes = new Map([
    [join(root, "src/api/create-inline-worker.ts"), worker],
    [join(root, "src/api/hashing/create-inline-hashing-worker.ts"), hashing],
  ]);
  const [workerPath, hashingPath] = [...codes.keys()];
  const standIns = new Map([
    ["create-worker.js", workerPath],
    ["create-hashing-worker.js", hashingPath],
    ["create-broker.js", join(root, "src/api/create-no-broker.ts")],
  ]);
  return {
    name: "tidepool:inline-worker",
    enforce: "pre",
    resolveId: (source) => (source.startsWith(".") ? (standIns.get(basename(source)) ?? null) : null),
    transform: (text, id) => {
      const code = codes.get(id);
      return code === undefined ? null : { code: text.replace("__TIDEPOOL_WORKER_CODE__)", () => `${JSON.stringify(code)})`), map: null };
    },
    // Tools that tell a module by its words take what follows "//" in a string, on this one long line, for a comment.
    generateBundle: (_, chunks) => {
      for (const chunk of Object.values(chunks)) if (chunk.type === "chunk") chunk.code += "\nexport {};\n";
    },
  };
}

/** Declarations that the entries reach, and nothing else: the worker's and the engine's insides are nobody's API. */
async function declare() {
  const { status } = spawnSync(
    process.execPath,
    [join(home, "node_modules/typescript/bin/tsc"), "-p", join(root, "tsconfig.build.json"), "--outDir", dist],
    { stdio: "inherit" },
  );
  if (status !== 0) throw new Error("tsc failed to emit declarations");
  const kept = new Set(
    [
      "index",
      "copy",
      "embeddings",
      "hnswlib",
      "inspector",
      "langchain",
      "node",
      "react",
      "rest",
      "sentence-encoder",
      "service-worker",
      "sync",
      "telemetry",
      "transformers",
    ].map((entry) => join(dist, `${entry}.d.ts`)),
  );
  for (const path of kept) {
    for (const name of importedBy(await readFile(path, "utf8"))) {
      if (name === "react" || name.startsWith("@langchain/core/")) continue;
      if (!name.startsWith(".")) throw new Error(`${relative(root, path)} imports ${name}, which users do not have installed.`);
      kept.add(resolve(dirname(path), name.replace(/\.js$/, ".d.ts")));
    }
  }
  const emitted = (await readdir(dist, { recursive: true })).filter((name) => name.endsWith(".d.ts")).map((name) => join(dist, name));
  await Promise.all(emitted.filter((path) => !kept.has(path)).map((path) => rm(path)));
  await writeFile(join(dist, "inline.d.ts"), 'export * from "./index.js";\n');
  await writeFile(join(dist, "worker.d.ts"), "/** The engine's worker: a module to start as a worker, not to import. */\nexport {};\n");
}

/**
 * What the code imports; examples in comments do not count.
 *
 * @param {string} code
 */
function importedBy(code) {
  const uncommented = code.replace(/\/\*[\s\S]*?\*\//g, "");
  return [...uncommented.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)["']([^"']+)["']/g)].map((match) => /** @type {string} */ (match[1]));
}

/**
 * The kernel with a custom section at its end that lifts it over 4 KiB. Vite turns smaller files into data URLs, and a
 * page's `connect-src` may forbid to fetch those. Compressed it is a few bytes more.
 *
 * @param {Buffer} kernel
 */
function tooLargeToInline(kernel) {
  const missing = 4200 - kernel.length;
  if (missing <= 0) return kernel;
  const name = Buffer.from("\x07padding");
  const payload = Buffer.concat([name, Buffer.alloc(missing)]);
  return Buffer.concat([kernel, Buffer.from([0, (payload.length & 0x7f) | 0x80, payload.length >> 7]), payload]);
}

/**
 * What must be true of the files that ship, checked on the files. Code made from strings is refused by the content
 * security policy of every browser extension.
 */
async function check() {
  if (!WebAssembly.validate(await readFile(join(dist, "tidepool.wasm")))) throw new Error("dist/tidepool.wasm is not valid");
  const names = [
    "client.js",
    "worker.js",
    "inline.js",
    "rest.js",
    "hnswlib-worker.js",
    "hashing.js",
    "hashing-worker.js",
    "sentence-encoder.js",
    "sentence-encoder-worker.js",
    "transformers.js",
    "transformers-worker.js",
  ];
  const [client, worker, inline, rest, hnswlibWorker, hashing, hashingWorker, encoder, encoderWorker, transformers, transformersWorker] =
    await Promise.all(names.map((name) => readFile(join(dist, name), "utf8")));
  if (!client?.includes('new Worker(new URL("./worker.js", import.meta.url)')) throw new Error("dist/client.js lost the URL of its worker");
  if (!client?.includes('new SharedWorker(new URL("./shared-worker.js", import.meta.url)'))
    throw new Error("dist/client.js lost the URL of its broker");
  if (!client?.includes('type:"module"')) throw new Error("dist/client.js does not start its worker as a module");
  if (!hnswlibWorker?.includes('import("hnswlib-wasm")') || worker?.includes('hnswlib-wasm"'))
    throw new Error("hnswlib-wasm is not imported where it should be, or is where it should not");
  for (const kernel of ["tidepool", "tidepool-relaxed"]) {
    if (!worker?.includes(`new URL("./${kernel}.wasm", import.meta.url)`)) throw new Error(`dist/worker.js lost the URL of ${kernel}.wasm`);
  }
  if (!hashing?.includes('new Worker(new URL("./hashing-worker.js", import.meta.url),{type:"module"})'))
    throw new Error("dist/hashing.js lost the URL of its worker");
  if (!encoder?.includes('new Worker(new URL("./sentence-encoder-worker.js", import.meta.url),{type:"module"})'))
    throw new Error("dist/sentence-encoder.js lost the URL of its worker");
  for (const file of ["sentence-encoder.wasm", "sentence-encoder.bin"]) {
    if (!encoderWorker?.includes(`new URL("./${file}", import.meta.url)`))
      throw new Error(`dist/sentence-encoder-worker.js lost the URL of ${file}`);
  }
  if (!transformers?.includes('new Worker(new URL("./transformers-worker.js", import.meta.url),{type:"module"})'))
    throw new Error("dist/transformers.js lost the URL of its worker");
  if (!transformersWorker?.includes('import("@huggingface/transformers")') || !transformersWorker.includes("/* @vite-ignore */"))
    throw new Error("dist/transformers-worker.js does not import its peer by name, or a bundler would follow the URL that is given for it");
  for (const [name, code] of Object.entries({ client, worker, rest, hashingWorker, encoder, encoderWorker })) {
    const found = /(?<![\w$.])(?:eval|Function)\((?!\))/.exec(code ?? "");
    if (found) throw new Error(`dist/${name}.js makes code from a string: ${code?.slice(found.index, found.index + 80)}`);
  }
  if (!inline?.includes("createObjectURL") || inline.includes("import.meta"))
    throw new Error("dist/inline.js has a URL to follow, or no worker inside");
}

/** What Node itself has. */
const nodeModules = [
  "crypto",
  "events",
  "fs",
  "fs/promises",
  "http",
  "os",
  "path",
  "stream",
  "stream/promises",
  "util",
  "worker_threads",
].map((name) => `node:${name}`);

/** Files of `src/api` that are not in `client.js`, by how their names begin. */
const lazily = "pub|sea|cop|sch|sync/|bm|trans[af]|pas|fl|liv|hyb|hashing/|ad|im|ree|rem|rest/|rot|v|de|ch|create-h|wo";

/** Modules of the page part that have files of their own, beside `client.js`. */
const parts = {
  client: new RegExp(`src/(?:ver|worker|core/(?!sch|base/(?:eng|ser|json|step|sha|che)|b(?:lo|ack))|api/(?!${lazily}))`),
  publish: /src\/(?:core\/(?:backup\/|base\/checksum)|api\/publish\/)/,
  "disk-folder": /src\/(?:node\/disk-folder|storage\/directory\/disk-dir)/,
  schema: /src\/(?:core\/schema|api\/schema\/)/,
  remote: /src\/(?:core\/base\/(?:ser|json|step)|api\/re(?:mote|st)\/)/,
  search: /src\/api\/search\//,
  contents: /src\/(?:api\/copy\/(?:plain-metadata|creation|same-vector)|core\/base\/sha256)/,
  "sync-handle": /src\/api\/sync\/(?!sync-collections)/,
  bm25: /src\/(?:api\/bm25|core\/base\/english)/,
  transaction: /src\/api\/transaction-rules/,
  passages: /src\/api\/passages\//,
  export: /src\/(?:api\/transfer|core\/blockstore)\/|node_modules\/(?:apache-arrow|flatbuffers)\//,
  flatten: /src\/api\/flatten-metadata/,
  hybrid: /src\/api\/hybrid/,
  hashing: /src\/api\/hashing\//,
  live: /src\/api\/live\//,
  "model-link": /src\/model-worker\//,
  reembed: /src\/api\/reembed/,
  upkeep: /src\/api\/v/,
  "rotate-key": /src\/api\/rot/,
  "worker-trouble": /src\/api\/worker-trouble/,
  import: /src\/api\/import\/(?!read-csv|read-parquet|parquet-|unpack-|read-arrow|arrow-|read-npy)/,
  parquet: /src\/api\/import\/(?:read-parquet|parquet-|unpack-page)|node_modules\/hyparquet\//,
  arrow: /src\/api\/import\/(?:read-arrow|arrow-)/,
  npy: /src\/api\/import\/read-npy/,
  zstd: /src\/api\/import\/unpack-zstd|node_modules\/fzstd\//,
  csv: /src\/api\/import\/read-csv|node_modules\/papaparse\//,
  admin: /src\/api\/(?:admin-client|destroy-path|chroma-errors|passphrase)/,
};

/** Entries that share their modules, by the names of their files. */
const pageEntries = {
  index: "src/index.ts",
  hnswlib: "src/hnswlib.ts",
  inspector: "src/inspector.ts",
  copy: "src/copy.ts",
  embeddings: "src/embeddings.ts",
  react: "src/react.ts",
  "sentence-encoder": "src/sentence-encoder.ts",
  langchain: "src/langchain.ts",
  sync: "src/sync.ts",
  telemetry: "src/telemetry.ts",
  transformers: "src/transformers.ts",
  node: "src/node.ts",
};

/** The engine's thread, and the command, which uses the package by its entries. */
async function bundleForNode() {
  await bundle({ entries: { "node-worker": "src/worker/node-worker.ts" }, plugins: [keepUrls(shippedUrl)], peers: nodeModules });
  const entries = ["tidepool-db", "tidepool-db/copy", "tidepool-db/node", "tidepool-db/rest"];
  await bundle({ entries: { cli: "src/cli.ts" }, plugins: [], peers: [...nodeModules, ...entries] });
  await chmod(join(dist, "cli.js"), 0o755);
}

async function buildAll() {
  await mkdir(dist, { recursive: true });
  await bundle({
    entries: pageEntries,
    plugins: [keepUrls(shippedUrl)],
    parts,
    peers: [...nodeModules, "react", ...["documents", "utils/math", "vectorstores"].map((name) => `@langchain/core/${name}`)],
  });
  await bundle({ entries: { worker: "src/worker/worker.ts" }, plugins: [keepUrls(shippedUrl)] });
  await bundleForNode();
  await bundle({ entries: { stemmers: "src/worker/stemmers.ts" }, plugins: [] });
  await bundle({ entries: { encryption: "src/storage/encrypted/encryption.ts" }, plugins: [] });
  await bundle({ entries: { rotation: "src/storage/encrypted/rotation.ts" }, plugins: [] });
  await bundle({ entries: { "stop-words": "src/worker/stop-words.ts" }, plugins: [] });
  await bundle({ entries: { regex: "src/core/gateway/regex/compile.ts" }, plugins: [] });
  await bundle({ entries: { published: "src/storage/published/open-published.ts" }, plugins: [] });
  await bundle({ entries: { cores: "src/worker/cores.ts" }, plugins: [] });
  await bundle({ entries: { "shared-worker": "src/worker/shared-worker.ts" }, plugins: [] });
  await bundle({ entries: { "hnswlib-worker": "src/worker/hnswlib-worker.ts" }, plugins: [keepUrls(shippedUrl)], peers: ["hnswlib-wasm"] });
  await bundle({ entries: { "hashing-worker": "src/api/hashing/hashing-worker.ts" }, plugins: [] });
  await bundle({ entries: { "sentence-encoder-worker": "src/sentence-encoder/encoder-worker.ts" }, plugins: [keepUrls(shippedUrl)] });
  const codes = { worker: await bundleInlineWorker(), hashing: await bundleInlineHashingWorker() };
  await bundle({
    entries: { "transformers-worker": "src/transformers/transformers-worker.ts" },
    plugins: [keepUrls(shippedUrl)],
    peers: ["@huggingface/transformers"],
  });
  await bundle({ entries: { inline: "src/index.ts" }, plugins: [inlineWorker(codes)] });
  await bundle({ entries: { rest: "src/rest.ts" }, plugins: [] });
  await bundle({ entries: { "service-worker": "src/service-worker.ts" }, plugins: [] });
  await writeFile(join(dist, "tidepool.wasm"), tooLargeToInline(await readFile(join(kernels, "kernel.wasm"))));
  await writeFile(join(dist, "tidepool-relaxed.wasm"), tooLargeToInline(await readFile(join(kernels, "kernel-relaxed.wasm"))));
  await writeFile(join(dist, "sentence-encoder.wasm"), tooLargeToInline(await readFile(join(kernels, "matrix.wasm"))));
  await copyFile(await ensureSentenceModel(), join(dist, "sentence-encoder.bin"));
  await declare();
  const packages = [...packagesOf(bundled, join(root, "src")), WEIGHTS_PACKAGE].sort();
  await writeFile(join(dist, "THIRD-PARTY-LICENSES.txt"), await licencesOf(home, packages));
  await writeFile(join(dist, "sbom.cdx.json"), `${JSON.stringify(await billOf(home, packages), null, 2)}\n`);
  await check();
}

/** Two renames: as near to one step as folders allow. */
async function publish() {
  const old = `${dist}-old`;
  await rename(join(root, "dist"), old).catch((error) => {
    if (error.code !== "ENOENT") throw error;
  });
  await rename(dist, join(root, "dist"));
  await rm(old, { recursive: true, force: true });
}

for (const name of ["kernel.wasm", "kernel-relaxed.wasm", "matrix.wasm"]) {
  if (!existsSync(join(kernels, name))) throw new Error(`${relative(root, join(kernels, name))} is missing: run npm run build:wasm`);
}
try {
  await buildAll();
  await publish();
} finally {
  await rm(dist, { recursive: true, force: true });
}
