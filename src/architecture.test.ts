/**
 * Keeps ARCHITECTURE.md and docs/internals equal to the code: every folder has its row in the map, every path, file and name
 * that they give in backticks is there, every link of the documentation leads somewhere, in the package too, every page is
 * listed, and the documents that everybody reads stay short. File names that comments give are held to the same rule. The rules
 * run over texts, so that they are themselves tried on small made-up ones.
 */
import { readdir, readFile } from "node:fs/promises";
import { dirname, extname, join, posix, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";

/** Path from the root, with forward slashes, to text; the empty text for files that are no text. */
type Files = ReadonlyMap<string, string>;

const wordsMax = 3500;
const readmeLinesMax = 200;
/** It names files and names that are not there. */
const itself = "src/architecture.test.ts";
const notOurs = new Set([".git", ".cache", "node_modules", "dist"]);
const texts = new Set([".md", ".ts", ".tsx", ".mts", ".mjs", ".json", ".yml"]);

const isInternal = (path: string): boolean => path === "ARCHITECTURE.md" || /^docs\/internals\/.+\.md$/.test(path);
const isCode = (path: string): boolean => /\.(?:tsx?|mts|mjs)$/.test(path);

async function readFiles(root: string, folder = root): Promise<[string, string][]> {
  const entries = (await readdir(folder, { withFileTypes: true })).filter(({ name }) => !notOurs.has(name));
  const found = entries.map(async (entry): Promise<[string, string][]> => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return readFiles(root, path);
    const text = texts.has(extname(entry.name)) ? await readFile(path, "utf8") : "";
    return [[relative(root, path).replaceAll("\\", "/"), text]];
  });
  return (await Promise.all(found)).flat();
}

/** What stands in backticks, word by word, and the words of fenced blocks. */
function codeWords(text: string): string[] {
  const fences = [...text.matchAll(/^```.*\n([\s\S]*?)^```/gm)].map((match) => match[1]!);
  const inline = [...text.replace(/^```[\s\S]*?^```/gm, "").matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
  return [...fences, ...inline].flatMap((code) => code.split(/\s+/)).map((word) => word.replace(/[;,:)]+$/, ""));
}

/** A word with a slash or an extension that files here have. `…` and `<…>` stand for what varies, so such a word names no file. */
function isPath(word: string): boolean {
  return /^[\w.@*-]+(?:\/[\w.@*-]+)*\/?$/.test(word) && (word.includes("/") || /\w\.(?:[mc]?[tj]s|json|md|html|wasm|txt)$/.test(word));
}

/** Whether it is a file or a folder, from the root or from any folder, or a pattern that some file fits. */
function isThere(path: string, files: Files): boolean {
  const name = path.replace(/\/$/, "").replace(/[.+]/g, "\\$&").replaceAll("*", "[^/]*");
  const pattern = new RegExp(`(?:^|/)${name}${path.endsWith("/") ? "/" : "(?:/|$)"}`);
  return [...files.keys()].some((file) => pattern.test(file));
}

/** What the build makes: `docs/downloads.md` has a table of it that is held to `dist`. */
function isBuilt(path: string, files: Files): boolean {
  const name = path.replace(/^dist\//, "");
  if (name === "" || name === "*.d.ts") return true;
  return /^[\w-]+\.(?:js|wasm|txt)$/.test(name) && (files.get("docs/downloads.md") ?? "").includes(name);
}

function isPackage(path: string, files: Files): boolean {
  const { name, exports = {}, devDependencies = {} } = JSON.parse(files.get("package.json") ?? "{}") as Record<string, object>;
  return path in devDependencies || path.replace(`${name}`, ".") in exports;
}

function missingPaths(files: Files): string[] {
  const complaints: string[] = [];
  for (const [place, text] of files) {
    if (!isInternal(place)) continue;
    for (const path of new Set(codeWords(text).filter(isPath))) {
      if (isThere(path, files) || isBuilt(path, files) || isPackage(path, files)) continue;
      complaints.push(`${place} names \`${path}\`, which is not there: say where that is now, or take it out`);
    }
  }
  return complaints;
}

/** Names of several humps, such as `flatRowsMax` or `GRAPH_DAMAGED`: those that nothing but code can mean. */
function missingNames(files: Files): string[] {
  const code = [...files].filter(([path]) => isCode(path) && path !== itself);
  const known = new Set(code.flatMap(([, text]) => text.match(/[\w$]+/g) ?? []));
  const complaints: string[] = [];
  for (const [place, text] of files) {
    if (!isInternal(place)) continue;
    for (const word of new Set(codeWords(text))) {
      const name = /^#?(\w*[a-z][A-Z]\w*|[A-Za-z]+(?:_[A-Za-z]+)+)(?:\(.*)?$/.exec(word)?.[1];
      if (name && !known.has(name)) complaints.push(`${place} names \`${name}\`, which no code has: name what it is called now`);
    }
  }
  return complaints;
}

/** Comments name files too, and files move. */
function missingFilesOfComments(files: Files): string[] {
  const complaints: string[] = [];
  for (const [place, text] of files) {
    if (!isCode(place) || !place.startsWith("src/") || place === itself) continue;
    const comments = text.match(/\/\*\*[\s\S]*?\*\/|^\s*\/\/.*$/gm) ?? [];
    for (const [, path] of comments.join("\n").matchAll(/`([\w./-]+\.(?:ts|mts|mjs))`/g)) {
      if (!isThere(path!.replace(/^(?:\.\.?\/)+/, ""), files))
        complaints.push(`a comment of ${place} names \`${path}\`, which is not there`);
    }
  }
  return complaints;
}

/** Folders of `src` with code in them, and all at the top. */
function foldersOf(files: Files): Set<string> {
  const folders = [...files.keys()].filter((path) => path.includes("/") && (!path.startsWith("src/") || path.endsWith(".ts")));
  return new Set(folders.map((path) => (path.startsWith("src/") ? dirname(path) : path.split("/")[0]!)));
}

function unmappedFolders(files: Files): string[] {
  const map = /^## The map$([\s\S]*?)^## /m.exec(files.get("ARCHITECTURE.md") ?? "")?.[1] ?? "";
  const rows = [...map.matchAll(/^\| ([^|]*) \|/gm)].flatMap((row) => [...row[1]!.matchAll(/`([^`]+)`/g)].map((match) => match[1]!));
  return [...foldersOf(files)]
    .filter((folder) => !rows.includes(folder))
    .map((folder) => `ARCHITECTURE.md has no row for \`${folder}\`: say in the map's table what this room is for`);
}

/** The heading's anchor as GitHub makes it. */
function anchorOf(heading: string): string {
  const shown = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
  return shown.replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");
}

function brokenLinks(files: Files): string[] {
  const complaints: string[] = [];
  for (const [place, text] of files) {
    if (extname(place) !== ".md") continue;
    const prose = text.replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, "");
    for (const [, link] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link!)) continue;
      const [path, anchor] = link!.split("#") as [string, string?];
      const target = path === "" ? place : posix.join(posix.dirname(place), path);
      const anchors = [...(files.get(target) ?? "").matchAll(/^#+ (.+)$/gm)].map((match) => anchorOf(match[1]!));
      if (!files.has(target)) complaints.push(`${place} links to ${link}, where there is no file`);
      else if (anchor !== undefined && !anchors.includes(anchor))
        complaints.push(`${place} links to ${link}, where no heading has that anchor`);
    }
  }
  return complaints;
}

/** Who installs the package has what is packed, and nothing else of the repository. */
function linksOutOfPack(files: Files): string[] {
  const { files: packed = [] } = JSON.parse(files.get("package.json") ?? "{}") as { files?: string[] };
  const patterns = ["README.md", "LICENSE", ...packed].map((entry) => entry.replaceAll(".", "\\.").replaceAll("*", "[^/]*"));
  const isPacked = new RegExp(`^(?:${patterns.join("|")})(?:/|$)`);
  const complaints: string[] = [];
  for (const [place, text] of files) {
    if (extname(place) !== ".md" || !isPacked.test(place)) continue;
    const prose = text.replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, "");
    for (const [, link] of prose.matchAll(/(?:\]\(|(?:src|href)=")([^)\s"#]+)/g)) {
      if (/^[a-z]+:/.test(link!) || isPacked.test(posix.join(posix.dirname(place), link!))) continue;
      complaints.push(`${place} links to ${link}, which is not in the package: see "files" in package.json`);
    }
  }
  return complaints;
}

/** The documentation's own list, of which the site makes its navigation. */
function unlistedPages(files: Files): string[] {
  const pages = [...files.keys()].filter((path) => /^docs\/[^/]+\.md$/.test(path) && path !== "docs/index.md");
  const index = files.get("docs/index.md") ?? "";
  return pages
    .filter((page) => !index.includes(`](${posix.basename(page)})`))
    .map((page) => `docs/index.md does not list ${page}: give it a line, where readers look for it`);
}

function tooLong(files: Files): string[] {
  const lines = (files.get("README.md") ?? "").split("\n").length - 1;
  if (lines > readmeLinesMax) return [`README.md has ${lines} lines, and at most ${readmeLinesMax} are wanted: put it on a page of docs/`];
  const words = (files.get("ARCHITECTURE.md") ?? "").split(/\s+/).filter(Boolean).length;
  if (words <= wordsMax) return [];
  return [
    `ARCHITECTURE.md has ${words} words, and at most ${wordsMax} are wanted: what concerns one part only belongs into docs/internals`,
  ];
}

describe("the documentation", () => {
  const root = join(dirname(fileURLToPath(import.meta.url)), "..");
  let files: Files;
  beforeAll(async () => {
    files = new Map(await readFiles(root));
  });

  test("is really being read", () => {
    expect([...files.keys()].filter(isInternal).length).toBeGreaterThan(5);
    expect(foldersOf(files).size).toBeGreaterThan(20);
  });
  test("has every folder in ARCHITECTURE's map", () => expect(unmappedFolders(files)).toEqual([]));
  test("names no path that is not there", () => expect(missingPaths(files)).toEqual([]));
  test("names nothing that the code does not", () => expect(missingNames(files)).toEqual([]));
  test("has links that lead somewhere", () => expect(brokenLinks(files)).toEqual([]));
  test("is whole in the package", () => expect(linksOutOfPack(files)).toEqual([]));
  test("lists every page", () => expect(unlistedPages(files)).toEqual([]));
  test("keeps README and ARCHITECTURE short", () => expect(tooLong(files)).toEqual([]));
  test("in comments names no file that is not there", () => expect(missingFilesOfComments(files)).toEqual([]));
});

describe("the rules", () => {
  const map =
    "## The map\n\n| folder | its room |\n|---|---|\n| `src/core/log` | the log |\n| `scripts`, `.ci`, `docs` | work |\n\n## Words\n";
  const manifest = {
    name: "tidepool-db",
    files: ["dist", "docs/*.md"],
    exports: { "./rest": "" },
    devDependencies: { "@scope/tool": "1" },
  };
  const tree = (more: Record<string, string> = {}): Files =>
    new Map(
      Object.entries({
        "ARCHITECTURE.md": map,
        "README.md": "# Tidepool\n",
        "docs/downloads.md": "| `worker.js`, with the first call | 1 kB |",
        "package.json": JSON.stringify(manifest),
        "src/core/log/log.ts": "export const logBytesMax = 1;",
        "scripts/build.mjs": "",
        ".ci/run": "",
        ...more,
      }),
    );
  const saying = (text: string): Files => tree({ "docs/internals/log.md": text });

  test("a folder without a row is found, in src and at the top", () => {
    expect(unmappedFolders(tree())).toEqual([]);
    expect(unmappedFolders(tree({ "src/core/log/deep/a.ts": "" })).join()).toContain("no row for `src/core/log/deep`");
    expect(unmappedFolders(tree({ "tools/a.mjs": "" })).join()).toContain("no row for `tools`");
    expect(unmappedFolders(tree({ "src/core/fixtures/a.json": "" }))).toEqual([]);
  });

  test.each(["core/log/journal.ts", "journal.ts", "src/core/journal/", "core/journal", "e2e/*.e2e.ts", "page.js", "tidepool-db/other"])(
    "%s is missed",
    (path) => {
      expect(missingPaths(saying(`See \`${path}\`.`)).join()).toContain(`docs/internals/log.md names \`${path}\``);
      expect(missingPaths(saying(`\`\`\`\n${path} ──▶ log\n\`\`\``))).toHaveLength(1);
    },
  );

  test.each([
    ...["src/core/log/log.ts", "core/log/log.ts", "log.ts", "core/log/", "core/log", "*.ts", ".ci/run", "worker.js", "dist/"],
    ...["tidepool-db/rest", "@scope/tool", "collection/…", "arena-<n>/x", "node scripts/build.mjs", "a / b", "k + 6"],
  ])("%s is not missed", (path) => {
    expect(missingPaths(saying(`See \`${path}\`.`))).toEqual([]);
  });

  test("a name that the code does not have is found", () => {
    expect(missingNames(saying("`logBytesMax`, `offset`, `(key, kind)`"))).toEqual([]);
    expect(missingNames(saying("`journalBytesMax`, `JOURNAL_FULL` and `openJournal(path)`"))).toHaveLength(3);
  });

  test("a comment that names a file that moved is found", () => {
    expect(missingFilesOfComments(tree({ "src/core/log/a.ts": "/** See `log.ts`. */\nconst b = `x.ts`;" }))).toEqual([]);
    expect(missingFilesOfComments(tree({ "src/core/log/a.ts": "/**\n * See `index/log.ts`.\n */" }))).toHaveLength(1);
  });

  test("links are followed to file and heading", () => {
    const there =
      "# The log\n\n## What `log.ts` does, in [short](#a)\n[up](../../README.md) [self](#the-log) [out](https://example.org/a#b)";
    expect(brokenLinks(saying(`${there} [a](#what-logts-does-in-short) \`[no](link.md)\``))).toHaveLength(1);
    expect(brokenLinks(saying("[up](../README.md)")).join()).toContain("no file");
    expect(brokenLinks(saying("# A\n[b](#b)")).join()).toContain("no heading");
  });

  test("a link to what is not packed is found, in the README and in what is packed", () => {
    const readme = '[a](docs/a.md) [b](docs/a.md#b) [c](LICENSE) [d](https://a.b/c) <img src="dist/a.svg"> ';
    const page = { "docs/a.md": "[up](../README.md) [b](b.md)", "docs/internals/e.md": "[f](../../bench/f.md)" };
    expect(linksOutOfPack(tree({ "README.md": readme, ...page }))).toEqual([]);
    expect(linksOutOfPack(tree({ "README.md": `${readme} [e](docs/internals/e.md) ![f](bench/f.svg)` }))).toHaveLength(2);
    expect(linksOutOfPack(tree({ "docs/a.md": "[e](internals/e.md) `[g](g)`" })).join()).toContain("docs/a.md links to internals/e.md");
  });

  test("a page that is not listed is found", () => {
    expect(unlistedPages(tree({ "docs/index.md": "[sizes](downloads.md)", "docs/internals/a.md": "" }))).toEqual([]);
    expect(unlistedPages(tree({ "docs/index.md": "[sizes](downloads.md)", "docs/a.md": "" })).join()).toContain("docs/a.md");
  });

  test("a long README or ARCHITECTURE is found", () => {
    expect(tooLong(tree({ "README.md": "line\n".repeat(readmeLinesMax) }))).toEqual([]);
    expect(tooLong(tree({ "README.md": "line\n".repeat(readmeLinesMax + 1) }))).toHaveLength(1);
    expect(tooLong(tree({ "ARCHITECTURE.md": "word ".repeat(wordsMax) }))).toEqual([]);
    expect(tooLong(tree({ "ARCHITECTURE.md": "word ".repeat(wordsMax + 1) }))).toHaveLength(1);
  });
});
