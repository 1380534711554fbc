/**
 * The examples of the documentation, found where readers find them: the fenced `ts`, `tsx` and `js` blocks of Markdown files and
 * the `@example` parts of TSDoc comments. A fence that says `no-run` (a bundler's configuration, a server) is only
 * type-checked, and so are components, `tsx`.
 *
 * An example may speak of `client` and `collection` as the text around it does, and TSDoc need not repeat the import. What
 * it does not say is put in front of it: the import, a client, and a collection "tides" with three records.
 */
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import * as entry from "tidepool-db";

type Language = "ts" | "tsx" | "js";

export interface Example {
  /** Where it stands: file and line. */
  place: string;
  language: Language;
  /** What the documentation shows. */
  text: string;
  /** The example as a module that can run. */
  code: string;
  runs: boolean;
  /** What the example says that it prints: `console.log(…); // this`. */
  prints: string[];
}

const exportedNames = Object.keys(entry);

const collectionSetup = `const collection = await client.getOrCreateCollection({ name: "tides" });
await collection.add({
  ids: ["a", "b", "c"],
  documents: ["The ebb uncovers the pools.", "Spring tides follow the new moon.", "Crabs hide under the weed."],
  metadatas: [{ year: 1 }, { year: 2 }, { year: 3 }],
});`;

/** All examples of these files; a folder stands for the TypeScript sources and the pages in it, without those in its folders. */
export async function readExamples(root: string, paths: readonly string[]): Promise<Example[]> {
  const examples: Example[] = [];
  for (const path of paths) {
    for (const file of path.endsWith(".md") || path.endsWith(".ts") ? [path] : await filesOf(root, path)) {
      const text = await readFile(join(root, file), "utf8");
      examples.push(...(file.endsWith(".md") ? fencedIn(text, file) : documentedIn(text, file)));
    }
  }
  return examples;
}

async function filesOf(root: string, folder: string): Promise<string[]> {
  const names = await readdir(join(root, folder));
  return names
    .filter((name) => /\.(?:ts|md)$/.test(name) && !name.includes(".test."))
    .sort()
    .map((name) => relative(root, join(root, folder, name)));
}

function fencedIn(text: string, file: string): Example[] {
  const fences = /^```(tsx?|js)\b([^\n]*)\n([\s\S]*?)^```$/gm;
  return [...text.matchAll(fences)].map((match) => {
    const [, language, notes, code] = match;
    const runs = language !== "tsx" && !notes!.includes("no-run");
    return example(`${file}:${lineOf(text, match.index) + 1}`, language as Language, code!, runs);
  });
}

function documentedIn(text: string, file: string): Example[] {
  const comments = /\/\*\*[\s\S]*?\*\//g;
  return [...text.matchAll(comments)].flatMap((comment) => {
    const examples = /@example *\n([\s\S]*?)(?=\n *\* @|\n? *\*\/)/g;
    return [...comment[0].matchAll(examples)].map((match) => {
      const code = match[1]!.replace(/^ *\* ?/gm, "");
      return example(`${file}:${lineOf(text, comment.index + match.index) + 1}`, "ts", code, true);
    });
  });
}

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

function example(place: string, language: Language, text: string, runs: boolean): Example {
  const prints = [...text.matchAll(/console\.log\(.*\); \/\/ (.+)$/gm)].map((match) => match[1]!);
  return { place, language, text, code: complete(text), runs, prints };
}

/** Puts what the text takes for granted in front of it. */
function complete(text: string): string {
  const bare = text.replace(/"[^"\n]*"|\/\/.*$/gm, "");
  const speaksOf = (name: string): boolean => new RegExp(`(?<![\\w.$])${name}\\b`).test(bare);
  const declared = [...text.matchAll(/\b(?:const|let|class|import)\s+(\{[^}]*\}|[\w$]+)/g)].map((match) => match[1]!).join(" ");
  const declares = (name: string): boolean => new RegExp(`\\b${name}\\b`).test(declared);
  const before: string[] = [];
  if (speaksOf("collection") && !declares("collection")) before.unshift(collectionSetup);
  if ((speaksOf("client") || before.length > 0) && !declares("client"))
    before.unshift(`const client = new TidepoolClient({ path: "examples", allowReset: true });`);
  const all = [...before, text].join("\n");
  const missing = exportedNames.filter((name) => new RegExp(`\\b${name}\\b`).test(all) && !declares(name));
  if (missing.length > 0) before.unshift(`import { ${missing.join(", ")} } from "tidepool-db";`);
  return [...before, text, "export {};\n"].join("\n");
}
