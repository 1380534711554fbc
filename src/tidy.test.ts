/**
 * Keeps the house as its plan draws it: who may import whom, no cycles, names, and words that have no place in finished
 * code. The rules run over a tree of texts, so that they are themselves tried on small made-up trees.
 */
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";

/** Path from the root, with forward slashes, to text. */
type Tree = ReadonlyMap<string, string>;

interface ImportStatement {
  specifier: string;
  /** Erased by the compiler: no code of the other file runs. */
  typeOnly: boolean;
}

/**
 * The code without comments and regular expressions and, if asked, without the insides of strings. Template literals count as
 * strings except for their `${…}`. A regular expression is told from a division by what stands before the slash.
 */
function blank(code: string, strings: "keep-strings" | "blank-strings"): string {
  let out = "";
  let at = 0;
  const templates: number[] = [];
  let depth = 0;
  const skip = (text: string): void => void (out += text.includes("\n") ? "\n" : " ");
  const keepOrSkip = (text: string): void => (strings === "keep-strings" ? void (out += text) : skip(text));
  const readTemplate = (): void => {
    const end = /^(?:[^`\\$]|\\[\s\S]|\$(?!\{))*/.exec(code.slice(at))![0];
    keepOrSkip(end);
    at += end.length;
    if (code[at] === "`") {
      out += "`";
      at += 1;
    } else if (at < code.length) {
      out += "${";
      at += 2;
      templates.push(depth);
    }
  };
  while (at < code.length) {
    const rest = code.slice(at, at + 2);
    if (rest === "//" || rest === "/*") {
      const end = rest === "//" ? code.indexOf("\n", at) : code.indexOf("*/", at + 2) + 2;
      const stop = end < at + 2 ? code.length : end;
      skip(code.slice(at, stop));
      at = stop;
      continue;
    }
    const char = code[at]!;
    if (char === '"' || char === "'") {
      const text = new RegExp(`^${char}(?:[^${char}\\\\\\n]|\\\\[\\s\\S])*${char}?`).exec(code.slice(at))![0];
      out += char;
      keepOrSkip(text.slice(1, -1));
      out += text.length > 1 ? text.at(-1)! : "";
      at += text.length;
      continue;
    }
    if (char === "/" && /(?:^|[=(,:;!&|?{}[+\-*%<>~^]|\breturn|\btypeof|\bcase|=>)\s*$/.test(out.slice(-40))) {
      const text = /^\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/.exec(code.slice(at))?.[0];
      if (text) {
        skip(text);
        at += text.length;
        continue;
      }
    }
    out += char;
    at += 1;
    if (char === "{") depth += 1;
    if (char === "}") {
      if (templates.at(-1) === depth) {
        templates.pop();
        readTemplate();
      } else depth -= 1;
    }
    if (char === "`") readTemplate();
  }
  return out;
}

function importsOf(code: string): ImportStatement[] {
  const text = blank(code, "keep-strings");
  const found: ImportStatement[] = [];
  const statement = /(?:^|[;}\n])\s*(?:import|export)\b(\s+type\b(?!\s*(?:,|from\b)))?([^;"'()=]*?)\bfrom\s*["']([^"']+)["']/g;
  for (const [, type, names, specifier] of text.matchAll(statement)) {
    found.push({ specifier: specifier!, typeOnly: type !== undefined || onlyTypes(names!) });
  }
  for (const [, specifier] of text.matchAll(/(?:^|[;}\n])\s*import\s*["']([^"']+)["']/g))
    found.push({ specifier: specifier!, typeOnly: false });
  for (const match of text.matchAll(/\bimport\s*\(\s*["']([^"']+)["']/g)) {
    const before = text.slice(0, match.index).trimEnd().at(-1);
    found.push({ specifier: match[1]!, typeOnly: before !== undefined && ":<|&".includes(before) });
  }
  for (const [, specifier] of text.matchAll(/\bnew\s+URL\(\s*["'](\.[^"']+)["']\s*,\s*import\.meta\.url/g))
    found.push({ specifier: specifier!, typeOnly: true });
  return found;
}

function onlyTypes(names: string): boolean {
  const inside = /^\s*\{([^}]*)\}\s*$/.exec(names)?.[1];
  const parts =
    inside
      ?.split(",")
      .map((part) => part.trim())
      .filter(Boolean) ?? [];
  return parts.length > 0 && parts.every((part) => part.startsWith("type "));
}

/** The file of the tree that a relative specifier means; `null` for a package. */
function targetOf(from: string, specifier: string): string | null {
  if (!specifier.startsWith(".")) return null;
  return posix.join(posix.dirname(from), specifier).replace(/\.js$/, ".ts");
}

const isTest = (path: string): boolean => /\.(?:test|e2e)\.ts$/.test(path);
/** Code that only tests import: it may reach for what production code may not. */
const isTestSupport = (path: string): boolean => path.startsWith("src/testing/");
const isSource = (path: string): boolean => path.startsWith("src/") && path.endsWith(".ts") && !path.startsWith("src/wasm/assembly/");
const packageOf = (specifier: string): string =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");

/** Which files may import a runtime package. */
const packageOwners: Record<string, (path: string) => boolean> = {
  "apache-arrow": (path) => path.startsWith("src/core/blockstore/"),
  flatbuffers: (path) => path.startsWith("src/core/blockstore/"),
  minisearch: (path) => path === "src/core/index/text/text-index.ts",
  idb: (path) => path.startsWith("src/storage/idb/"),
  comlink: (path) => ["src/worker/protocol.ts", "src/worker/host.ts", "src/api/connection.ts", "src/api/transport.ts"].includes(path),
  "hnswlib-wasm": (path) => path === "src/hnswlib/load-hnswlib.ts",
};

/** Folders of `src/core` that know each other by interface only: `engine.ts` brings them together. */
const siblings = ["gateway", "log", "query-executor", "compactor", "sysdb"];
const siblingOf = (path: string): string | undefined => siblings.find((name) => path.startsWith(`src/core/${name}/`));

/** What production code of a folder may import, by the longest prefix that names it. Every file may import its own folder. */
const arrows: Record<string, (target: string) => boolean> = {
  "src/core/": () => false,
  "src/storage/": (target) => target.startsWith("src/core/"),
  "src/wasm/": (target) => target.startsWith("src/core/"),
  "src/hnswlib/": (target) => target.startsWith("src/core/"),
  "src/worker/": (target) => /^src\/(?:(?:core|storage|wasm|hnswlib)\/|version\.ts$)/.test(target),
  "src/api/": (target) =>
    target === "src/worker/protocol.ts" ||
    target === "src/worker/worker.ts" ||
    target === "src/worker/hnswlib-worker.ts" ||
    target === "src/version.ts" ||
    /^src\/core\/(?:types|errors|limits|schema|service|storage)\.ts$/.test(target) ||
    /^src\/core\/gateway\/(?:validate\/(?:values|records|configuration)|rules|caller)\.ts$/.test(target),
  "src/index.ts": (target) =>
    target.startsWith("src/api/") || /^src\/core\/(?:types|errors|limits|schema|service|gateway\/rules)\.ts$/.test(target),
  "src/hnswlib.ts": (target) => target === "src/api/create-hnswlib-worker.ts",
  "src/rest.ts": (target) => target.startsWith("src/api/rest/"),
  "src/service-worker.ts": (target) => target.startsWith("src/api/rest/"),
};

function mayImport(from: string, target: string): boolean {
  const folder = Object.keys(arrows).find((prefix) => from.startsWith(prefix));
  if (!folder) return false;
  return (folder.endsWith("/") && target.startsWith(folder)) || arrows[folder]!(target);
}

function wrongImports(tree: Tree): string[] {
  const complaints: string[] = [];
  for (const [path, code] of tree) {
    if (!isSource(path) || isTest(path) || isTestSupport(path)) continue;
    for (const { specifier, typeOnly } of importsOf(code)) {
      const target = targetOf(path, specifier);
      if (target === null) {
        if (specifier.startsWith("virtual:")) continue;
        const owns = packageOwners[packageOf(specifier)];
        if (!owns) complaints.push(`${path} imports ${specifier}, which does not ship`);
        else if (!owns(path)) complaints.push(`${path} imports ${specifier}, which is not its business`);
        continue;
      }
      if (!mayImport(path, target)) complaints.push(`${path} imports ${target}`);
      const [own, other] = [siblingOf(path), siblingOf(target)];
      if (own && other && own !== other && !typeOnly)
        complaints.push(`${path} imports ${target} at run time; siblings meet by import type`);
    }
  }
  return complaints;
}

/** Measures the vector index by itself, for which the package has no entry. */
const reachesInside = (path: string): boolean => path === "bench/engines/vector/tidepool.ts";

/** Apps use the package as everyone does. */
function appsBesideTheEntry(tree: Tree): string[] {
  const complaints: string[] = [];
  for (const [path, code] of tree) {
    if (!/^(?:demo|e2e|bench)\/.*\.ts$/.test(path) || path.startsWith("e2e/pack/") || path.endsWith(".test.ts") || reachesInside(path))
      continue;
    for (const { specifier } of importsOf(code)) {
      const target = targetOf(path, specifier);
      if (target?.startsWith("src/") || target?.startsWith("dist/")) complaints.push(`${path} imports ${target}, not the package`);
      if (specifier.startsWith("tidepool-db/") && !/^tidepool-db\/(?:inline|hnswlib|rest|service-worker)$/.test(specifier))
        complaints.push(`${path} imports ${specifier}, not the entry`);
    }
  }
  return complaints;
}

/** Cycles of imports that run code, each once, as "a → b → a". */
function cyclesOf(tree: Tree): string[] {
  const graph = new Map<string, string[]>();
  for (const [path, code] of tree) {
    if (!isSource(path)) continue;
    graph.set(
      path,
      importsOf(code)
        .filter((statement) => !statement.typeOnly)
        .map((statement) => targetOf(path, statement.specifier))
        .filter((target) => target !== null),
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

function wrongNames(tree: Tree): string[] {
  return [...tree.keys()].filter(
    (path) => path.endsWith(".ts") && !path.split("/").every((part) => /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9-]+)*$/.test(part)),
  );
}

function wrongWords(tree: Tree): string[] {
  const complaints: string[] = [];
  for (const [path, code] of tree) {
    if (!isSource(path) || path === "src/tidy.test.ts") continue;
    const bare = blank(code, "blank-strings");
    const mark = /\b(?:TODO|FIXME|XXX)\b/.exec(code)?.[0];
    if (mark) complaints.push(`${path} says ${mark}`);
    if (/\bconsole\.(?:log|debug|info|dir|table)\b/.test(bare) && !isTest(path)) complaints.push(`${path} writes to the console`);
    if (/(?:[:<,|&=(]|\bas|\bextends)\s*any\b(?!\s*[:(])/.test(bare)) complaints.push(`${path} says any`);
    if (/^export default\b/m.test(bare)) complaints.push(`${path} has a default export`);
  }
  return complaints;
}

async function readTree(root: string): Promise<Tree> {
  const tree = new Map<string, string>();
  for (const folder of ["src", "demo", "e2e", "bench", "tools"]) {
    const names = await readdir(join(root, folder), { recursive: true }).catch(() => []);
    for (const name of names.filter((name) => name.endsWith(".ts") && !/(?:^|[\\/])node_modules[\\/]/.test(name))) {
      tree.set(posix.join(folder, name.replaceAll("\\", "/")), await readFile(join(root, folder, name), "utf8"));
    }
  }
  return tree;
}

describe("this repository", () => {
  const root = join(dirname(fileURLToPath(import.meta.url)), "..");
  let tree: Tree;
  beforeAll(async () => {
    tree = await readTree(root);
  });

  test("is really being read", () => expect(tree.size).toBeGreaterThan(5));
  test("says the same version everywhere", async () => {
    const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
    expect(tree.get("src/version.ts")).toContain(JSON.stringify(version));
    expect(await readFile(join(root, "CHANGELOG.md"), "utf8")).toContain(`## [${version}]`);
  });
  test("keeps its import arrows", () => expect(wrongImports(tree)).toEqual([]));
  test("has apps that import the package only", () => expect(appsBesideTheEntry(tree)).toEqual([]));
  test("has no import cycle", () => expect(cyclesOf(tree)).toEqual([]));
  test("names its files in kebab-case", () => expect(wrongNames(tree)).toEqual([]));
  test("has no loose ends", () => expect(wrongWords(tree)).toEqual([]));
});

describe("the rules", () => {
  const one = (path: string, code: string): Tree => new Map([[path, code]]);

  test("statements are found in every form, and comments and strings are not code", () => {
    const code = [
      'import { a } from "./a.js";',
      'import type { B } from "./b.js";',
      'import { type C, type D } from "./c.js";',
      'import { type E, f } from "./e.js";',
      'import * as g from "./g.js";',
      'import "./h.js";',
      'export { i } from "./i.js";',
      'export type * from "./j.js";',
      "import {\n  k,\n  l,\n} from './k.js';",
      '// import { no } from "./no.js";',
      '/* import { no } from "./no.js"; */',
      'const m = await import("./m.js");',
      'let n: import("./n.js").N;',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: code in a string
      "const o = `${/[/`]/.test(x) ? `}` : 1} // still text`;",
      'const p = new URL("../p.ts", import.meta.url);',
      'import type from "./q.js";',
    ].join("\n");
    const seen = importsOf(code).map(({ specifier, typeOnly }) => `${specifier}${typeOnly ? " type" : ""}`);
    expect(seen.sort()).toEqual(
      [
        "./a.js",
        "./b.js type",
        "./c.js type",
        "./e.js",
        "./g.js",
        "./h.js",
        "./i.js",
        "./j.js type",
        "./k.js",
        "./m.js",
        "./n.js type",
        "../p.ts type",
        "./q.js",
      ].sort(),
    );
  });

  test.each([
    ["src/core/engine.ts", 'import { open } from "../storage/open-storage.js";', "imports src/storage/open-storage.ts"],
    ["src/core/engine.ts", 'import type { O } from "../api/client.js";', "imports src/api/client.ts"],
    ["src/core/segment/record.ts", 'import { Table } from "apache-arrow";', "not its business"],
    ["src/core/index/vector/flat.ts", 'import MiniSearch from "minisearch";', "not its business"],
    ["src/storage/opfs/arena.ts", 'import { openDB } from "idb";', "not its business"],
    ["src/api/client.ts", 'import { wrap } from "comlink";', "not its business"],
    ["src/api/client.ts", 'import lodash from "lodash";', "does not ship"],
    ["src/api/client.ts", 'import { Engine } from "../core/engine.js";', "imports src/core/engine.ts"],
    ["src/storage/idb/log.ts", 'import { x } from "../../worker/protocol.js";', "imports src/worker/protocol.ts"],
    ["src/core/log/log.ts", 'import { Gateway } from "../gateway/plan.js";', "siblings meet by import type"],
  ])("%s must not %s", (path, code, complaint) => {
    expect(wrongImports(one(path, code)).join()).toContain(complaint);
  });

  test.each([
    ["src/core/log/log.ts", 'import type { Gateway } from "../gateway/plan.js";'],
    ["src/core/engine.ts", 'import { Log } from "./log/log.js"; import { Gateway } from "./gateway/plan.js";'],
    ["src/core/blockstore/block.ts", 'import { RecordBatch } from "apache-arrow/Arrow.dom";'],
    ["src/api/connection.ts", 'import { wrap } from "comlink"; import type { P } from "../worker/protocol.js";'],
    [
      "src/api/collection.ts",
      'import { validateRecords } from "../core/gateway/validate/records.js"; import { validateCount } from "../core/gateway/validate/values.js";',
    ],
    ["src/core/log/log.test.ts", 'import { fc } from "fast-check"; import { memory } from "../../storage/memory/memory.js";'],
    ["src/wasm/kernel.ts", 'import type { VectorKernel } from "../core/index/vector/vector-kernel.js";'],
  ])("%s may %s", (path, code) => {
    expect(wrongImports(one(path, code))).toEqual([]);
  });

  test("an app that reaches inside is found", () => {
    expect(appsBesideTheEntry(one("demo/main.ts", 'import { x } from "../src/index.js";'))).toHaveLength(1);
    expect(appsBesideTheEntry(one("bench/a.ts", 'import { x } from "tidepool-db/worker";'))).toHaveLength(1);
    expect(appsBesideTheEntry(one("demo/main.ts", 'import { x } from "tidepool-db"; import "./style.js";'))).toEqual([]);
  });

  test("a cycle is found once, and a cycle of types is none", () => {
    const cycle = new Map([
      ["src/core/a.ts", 'import { b } from "./b.js";'],
      ["src/core/b.ts", 'export { c } from "./c.js";'],
      ["src/core/c.ts", 'import { a } from "./a.js";'],
    ]);
    expect(cyclesOf(cycle)).toEqual(["src/core/a.ts → src/core/b.ts → src/core/c.ts → src/core/a.ts"]);
    expect(cyclesOf(new Map(cycle).set("src/core/c.ts", 'import type { a } from "./a.js";'))).toEqual([]);
  });

  test("names and words are judged", () => {
    expect(wrongNames(one("src/core/BlockStore.ts", ""))).toHaveLength(1);
    expect(wrongNames(one("src/core/block-store.browser.test.ts", ""))).toEqual([]);
    expect(wrongWords(one("src/a.ts", "// TODO later"))).toEqual(["src/a.ts says TODO"]);
    expect(wrongWords(one("src/a.ts", "console.log(1)"))).toEqual(["src/a.ts writes to the console"]);
    expect(wrongWords(one("src/a.ts", "let x: any; f(y as any); g<any>()"))).toEqual(["src/a.ts says any"]);
    expect(wrongWords(one("src/a.ts", "export default 1;"))).toHaveLength(1);
    expect(wrongWords(one("src/a.ts", 'f("one, any of: any"); // as any kind\nPromise.any([]); const { any } = x;'))).toEqual([]);
  });
});
