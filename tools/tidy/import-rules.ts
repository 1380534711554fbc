/**
 * Who may import whom: arrows between the folders of `src`, packages that ship and who owns them, arrows between the folders
 * beside `src`, and no circles.
 */
import { importsOf, targetOf } from "./scan.js";
import { isShipped, isSource, isTest, isTestSupport, type Tree } from "./tree.js";

const packageOf = (specifier: string): string =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");

/** What is of Node alone. */
const isOfNode = (path: string): boolean => /^src\/(?:storage\/directory\/|node\/|cli\/|worker\/node-worker\.ts$)/.test(path);

/** Which files may import a runtime package. */
const packageOwners: Record<string, (path: string) => boolean> = {
  "apache-arrow": (path) => /^src\/(?:core\/blockstore|api\/import)\//.test(path),
  flatbuffers: (path) => /^src\/(?:core\/blockstore|api\/import)\//.test(path),
  minisearch: (path) => path === "src/core/index/text/young-index.ts",
  "@orama/stemmers": (path) => path === "src/worker/stemmers.ts",
  papaparse: (path) => path === "src/api/import/read-csv.ts",
  hyparquet: (path) => path.startsWith("src/api/import/"),
  fzstd: (path) => path === "src/api/import/unpack-zstd.ts",
  porter2: (path) => path === "src/api/bm25-embedding-function.ts",
  idb: (path) => path.startsWith("src/storage/idb/"),
  comlink: (path) => ["src/worker/protocol.ts", "src/worker/host.ts", "src/api/connection.ts", "src/api/transport.ts"].includes(path),
  "@langchain/core": (path) => path.startsWith("src/langchain/"),
  preact: (path) => path.startsWith("src/inspector/"),
  react: (path) => path.startsWith("src/react/"),
  "@huggingface/transformers": (path) => path === "src/transformers/transformers-worker.ts",
  "hnswlib-wasm": (path) => path === "src/hnswlib/load-hnswlib.ts",
  // The command uses the package as everyone does.
  "tidepool-db": (path) => path.startsWith("src/cli/"),
};

/** Folders of `src/core` that know each other by interface only: `engine.ts` brings them together. */
const siblings = ["gateway", "log", "collection", "query-executor", "compactor", "sysdb"];
const siblingOf = (path: string): string | undefined => siblings.find((name) => path.startsWith(`src/core/${name}/`));

/** What production code of a folder may import, by the longest prefix that names it. Every file may import its own folder. */
const arrows: Record<string, (target: string) => boolean> = {
  // Loaded on demand, with what writes Arrow.
  "src/api/transfer/": (target) =>
    target === "src/core/blockstore/block.ts" || arrows["src/api/"]!(target) || target.startsWith("src/api/"),
  // Loaded on demand, with what takes a backup apart.
  "src/api/publish/": (target) =>
    /^src\/core\/(?:backup\/(?:backup-file|publication)|base\/checksum)\.ts$/.test(target) ||
    arrows["src/api/"]!(target) ||
    target.startsWith("src/api/"),
  "src/core/": () => false,
  "src/storage/": (target) => target.startsWith("src/core/"),
  "src/wasm/": (target) => target.startsWith("src/core/"),
  "src/hnswlib/": (target) => target.startsWith("src/core/"),
  "src/worker/": (target) => /^src\/(?:(?:core|storage|wasm|hnswlib)\/|version\.ts$)/.test(target),
  "src/api/": (target) =>
    target === "src/worker/protocol.ts" ||
    target === "src/worker/rendezvous.ts" ||
    target === "src/worker/shared-worker.ts" ||
    target === "src/worker/worker.ts" ||
    target === "src/worker/hnswlib-worker.ts" ||
    target === "src/version.ts" ||
    /^src\/core\/(?:types|errors|events|limits|schema|service|storage)\.ts$/.test(target) ||
    /^src\/core\/base\/(?:english-stop-words|json-parts|json-steps|record-bytes|serial|sha256|steps|text-pieces)\.ts$/.test(target) ||
    /^src\/core\/gateway\/(?:validate\/(?:values|records|configuration|fusion)|rules|caller)\.ts$/.test(target),
  "src/cli/": (target) => target === "src/version.ts" || target === "src/api/rest/ask.ts",
  "src/cli.ts": (target) => target.startsWith("src/cli/"),
  "src/node/": (target) =>
    target === "src/worker/node-worker.ts" ||
    target === "src/storage/directory/directory-lock.ts" ||
    /^src\/(?:core\/errors|api\/(?:client|read-arguments|publish\/publish-arguments))\.ts$/.test(target) ||
    /^src\/storage\/directory\/(?:disk-directory|disk-error)\.ts$/.test(target),
  "src/node.ts": (target) => target.startsWith("src/node/"),
  "src/index.ts": (target) =>
    target.startsWith("src/api/") || /^src\/core\/(?:types|errors|limits|schema|service|gateway\/rules)\.ts$/.test(target),
  "src/hnswlib.ts": (target) => target === "src/api/create-hnswlib-worker.ts",
  "src/copy.ts": (target) => target.startsWith("src/api/copy/"),
  "src/sync.ts": (target) => target.startsWith("src/api/sync/"),
  "src/embeddings/": (target) => /^src\/(?:core\/(?:errors|types)|api\/embedding-function)\.ts$/.test(target),
  "src/embeddings.ts": (target) => target.startsWith("src/embeddings/"),
  "src/model-worker/": (target) =>
    /^src\/(?:core\/(?:errors|limits)|worker\/protocol|api\/(?:embedding-function|worker-trouble))\.ts$/.test(target),
  "src/sentence-encoder/": (target) =>
    target === "src/wasm/build/matrix.wasm" ||
    target.startsWith("src/model-worker/") ||
    /^src\/(?:core\/(?:errors|limits|types)|worker\/protocol|api\/(?:embedding-function|read-arguments|trusted-worker))\.ts$/.test(target),
  "src/sentence-encoder.ts": (target) => target.startsWith("src/sentence-encoder/"),
  "src/transformers/": (target) =>
    target.startsWith("src/model-worker/") ||
    /^src\/api\/(?:embedding-function|read-arguments|trusted-worker)\.ts$/.test(target) ||
    /^src\/(?:core\/(?:errors|limits|gateway\/validate\/values)|worker\/protocol)\.ts$/.test(target),
  "src/transformers.ts": (target) => target.startsWith("src/transformers/"),
  "src/langchain/": (target) =>
    /^src\/(?:core\/(?:errors|types|gateway\/validate\/values)|api\/(?:client|collection|flatten-metadata|read-arguments))\.ts$/.test(
      target,
    ),
  "src/langchain.ts": (target) => target.startsWith("src/langchain/"),
  "src/react/": (target) =>
    /^src\/(?:core\/(?:errors|limits|types)|api\/(?:client|collection|write|write-arguments|live\/[\w-]+|search\/[\w-]+))\.ts$/.test(
      target,
    ),
  "src/inspector/": (target) =>
    /^src\/(?:core\/(?:errors|service|types)|api\/(?:client|admin-client|collection|results|hybrid|verify|search\/[\w-]+))\.ts$/.test(
      target,
    ),
  "src/inspector.ts": (target) => target.startsWith("src/inspector/"),
  "src/telemetry/": (target) =>
    /^src\/(?:core\/errors|api\/(?:client|connection|connection-key|read-arguments|through-proxies))\.ts$/.test(target),
  "src/telemetry.ts": (target) => target.startsWith("src/telemetry/"),
  "src/react.ts": (target) => target.startsWith("src/react/"),
  "src/rest.ts": (target) => target.startsWith("src/api/rest/"),
  "src/service-worker.ts": (target) => target.startsWith("src/api/rest/"),
};

function mayImport(from: string, target: string): boolean {
  const folder = Object.keys(arrows).find((prefix) => from.startsWith(prefix));
  if (!folder) return false;
  return (folder.endsWith("/") && target.startsWith(folder)) || arrows[folder]!(target);
}

/** What ships imports only what ships, and along the arrows. */
export function wrongImports(tree: Tree): string[] {
  const complaints: string[] = [];
  for (const [path, code] of tree) {
    if (!isShipped(path)) continue;
    for (const { specifier, typeOnly } of importsOf(code)) {
      const target = targetOf(path, specifier);
      const complaint = target === null ? wrongPackage(path, specifier) : wrongTarget(path, target, typeOnly);
      if (complaint !== null) complaints.push(`${path} imports ${complaint}`);
    }
  }
  return complaints;
}

function wrongPackage(path: string, specifier: string): string | null {
  if (specifier.startsWith("virtual:")) return null;
  if (specifier.startsWith("node:")) return isOfNode(path) ? null : `${specifier}, which does not ship to browsers`;
  const owns = packageOwners[packageOf(specifier)];
  if (!owns) return `${specifier}, which does not ship`;
  return owns(path) ? null : `${specifier}, which is not its business`;
}

function wrongTarget(path: string, target: string, typeOnly: boolean): string | null {
  if (isTest(target) || isTestSupport(target)) return `${target}, which only tests may`;
  if (!mayImport(path, target)) return target;
  const [own, other] = [siblingOf(path), siblingOf(target)];
  const isSibling = own !== undefined && other !== undefined && own !== other;
  return isSibling && !typeOnly ? `${target} at run time; siblings meet by import type` : null;
}

/** Loads a part of its own where the browser's error is of use, or says what went wrong by itself. */
const loadsPlainly = ["src/api/part.ts", "src/api/transport.ts"];

/** What the page's program loads later goes through `part`, which says in our words that it was not to be had. */
export function plainLoads(tree: Tree): string[] {
  const complaints: string[] = [];
  for (const [path, code] of tree) {
    if (!path.startsWith("src/api/") || isTest(path) || isTestSupport(path) || loadsPlainly.includes(path)) continue;
    for (const [load] of code.matchAll(/(?<!typeof |part\()\bimport\("\.[^"]*"\)(?!\.[A-Z])/g)) complaints.push(`${path}: ${load}`);
  }
  return complaints;
}

/** Uses of all limits as one object, with which a bundle holds all of them, names and all. */
export function wholeLimits(tree: Tree): string[] {
  const complaints: string[] = [];
  for (const [path, code] of tree) {
    if (isTest(path) || !/import \{ limits \} from/.test(code)) continue;
    for (const [use] of code.matchAll(/\blimits\[|= limits\b(?!\.)/g)) complaints.push(`${path}: ${use}`);
  }
  return complaints;
}

/** Folders beside `src`, and which of their siblings each may import. All use the package as everyone does. */
const beside: Record<string, readonly string[]> = {
  tools: [],
  demo: ["tools"],
  bench: ["tools"],
  e2e: ["tools"],
  scripts: ["tools"],
};

/** Files that reach where their folder may not. */
const reaches: { from: string; into: string; because: string }[] = [
  { from: "bench/engines/vector/tidepool.ts", into: "src/", because: "it measures the vector index by itself, which no entry gives" },
  { from: "bench/engines/list-kernels.ts", into: "src/", because: "it measures pieces of the kernel, which no entry gives" },
  { from: "bench/push/many-tabs.ts", into: "src/api/remote/back-off.ts", because: "it simulates the waits that the package computes" },
  { from: "e2e/soak.ts", into: "bench/svg-chart.ts", because: "it draws what it has measured" },
  { from: "scripts/fuzz.ts", into: "src/testing/", because: "it runs for hours what a test runs for seconds" },
  { from: "scripts/write-format-fixture.ts", into: "src/testing/", because: "it writes what a test reads" },
  { from: "scripts/write-sentence-fixture.ts", into: "src/testing/", because: "it writes what a test reads" },
  { from: "src/testing/sentence-encoder.ts", into: "scripts/build-", because: "tests make the model as the build does" },
  { from: "src/testing/kernel.ts", into: "scripts/build-wasm.mjs", because: "tests compile the kernel as the build does" },
];

function mayReach(path: string, target: string): boolean {
  const [own, other] = [path, target].map((file) => file.slice(0, file.indexOf("/")));
  if (own === other || (beside[own!] ?? []).includes(other!)) return true;
  if (isTest(path) && (other === "src" || other === "tools")) return true;
  return reaches.some(({ from, into }) => path === from && target.startsWith(into));
}

/** What follows `tidepool-db/` in the name of an entry. */
const packageEntries = "copy|inline|hnswlib|inspector|node|rest|sentence-encoder|service-worker|sync|transformers";

/** Apps, tests and commands use the package as everyone does, and each other only along the arrows; no test is imported. */
export function wrongReaches(tree: Tree): string[] {
  const complaints: string[] = [];
  for (const [path, code] of tree) {
    if (path.startsWith("e2e/pack/") || path.startsWith("examples/") || isShipped(path) || !path.includes("/")) continue;
    for (const { specifier } of importsOf(code)) {
      const target = targetOf(path, specifier);
      if (target !== null && isTest(target)) complaints.push(`${path} imports ${target}, which is a test`);
      else if (target !== null && !mayReach(path, target)) complaints.push(`${path} imports ${target}, out of its folder's reach`);
      if (
        specifier.startsWith("tidepool-db/") &&
        !new RegExp(`^tidepool-db/(?:${packageEntries}|[\\w.-]+\\?(?:worker&)?url)$`).test(specifier)
      )
        complaints.push(`${path} imports ${specifier}, not the entry`);
    }
  }
  return complaints;
}

/** Circles of imports, each once, as "a → b → a". Those of code that runs, or those of types too. */
export function cyclesOf(tree: Tree, kind: "run time" | "types too"): string[] {
  const graph = new Map<string, string[]>();
  for (const [path, code] of tree) {
    if (!isSource(path)) continue;
    const counted = importsOf(code).filter(({ typeOnly }) => kind === "types too" || !typeOnly);
    graph.set(
      path.replace(/\.tsx$/, ".ts"),
      counted.flatMap(({ specifier }) => targetOf(path, specifier) ?? []),
    );
  }
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) cycles.push([...trail.slice(start), path].join(" → "));
    if (start >= 0 || done.has(path)) return;
    for (const target of graph.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return cycles;
}
