/** The repository's code as the rules see it: texts by path, so that every rule can be tried on small made-up trees. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Path from the root, with forward slashes, to text. */
export type Tree = ReadonlyMap<string, string>;

const folders = ["src", "demo", "e2e", "bench", "tools", "scripts"];
/** Installed, made by a build, or data. */
const notOurs = new Set(["node_modules", "build", "dist", "corpus", "results", "fixtures"]);

export const isTest = (path: string): boolean => /\.(?:test|e2e|test-d)\.ts$/.test(path);
/** Code that only tests import: it may reach for what production code may not. */
export const isTestSupport = (path: string): boolean => path.startsWith("src/testing/");
/** The kernel is written in AssemblyScript, another language. */
export const isSource = (path: string): boolean =>
  path.startsWith("src/") && /\.tsx?$/.test(path) && !path.startsWith("src/wasm/assembly/");
/** What the package is made of. */
export const isShipped = (path: string): boolean => isSource(path) && !isTest(path) && !isTestSupport(path);

export async function readTree(root: string): Promise<Tree> {
  const found = await Promise.all(folders.map((folder) => readFolder(root, folder)));
  const loose = (await readdir(root)).filter(isCode).map(async (name) => [name, await readFile(join(root, name), "utf8")] as const);
  return new Map([...found.flat(), ...(await Promise.all(loose))]);
}

async function readFolder(root: string, folder: string): Promise<[string, string][]> {
  const entries = (await readdir(join(root, folder), { withFileTypes: true })).filter(({ name }) => !notOurs.has(name));
  const found = entries.map(async (entry): Promise<[string, string][]> => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return readFolder(root, path);
    return isCode(entry.name) ? [[path, await readFile(join(root, path), "utf8")]] : [];
  });
  return (await Promise.all(found)).flat();
}

function isCode(name: string): boolean {
  return /\.(?:[cm]?[jt]sx?|css)$/.test(name);
}
