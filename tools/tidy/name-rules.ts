/** What files are called: in one manner, by what is inside, and no two of a component alike. */
import { isShipped, type Tree } from "./tree.js";

const baseOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

export function notKebab(tree: Tree): string[] {
  return [...tree.keys()].filter((path) => !path.split("/").every((part) => /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9-]+)*$/.test(part)));
}

/** Names of files and folders under which anything might be. */
const saysNothing = /^(?:utils?|helpers?|commons?|misc|shared|lib|stuff)$/;
/** Where the outside looks for an entry by this name. */
const isEntry = (path: string): boolean => /^(?:src\/index\.(?:test\.)?ts$|e2e\/pack\/)/.test(path);

export function sayingNothing(tree: Tree): string[] {
  const says = (path: string): boolean => path.split("/").some((part) => saysNothing.test(part.replace(/\..*$/, "")));
  return [...tree.keys()].filter((path) => !isEntry(path) && (says(path) || baseOf(path).startsWith("index.")));
}

/** Names that stand for two files of a component all the same. */
const twice: Record<string, string> = {
  "src/core service.ts": "the engine's interface, and the gateway's class that implements it",
  "src/core records.ts": "gateway/validate checks what collection keeps",
  "src/core filter.ts": "the gateway's says what a filter is, the operator applies it",
};

/** Parts of the package that are talked about by themselves: within one, a name means one thing. */
const componentOf = (path: string): string => /^src\/[^/]+(?=\/)/.exec(path)?.[0] ?? "src";

export function repeatedNames(tree: Tree): string[] {
  const files = new Map<string, string[]>();
  for (const path of tree.keys()) {
    if (!isShipped(path)) continue;
    const name = `${componentOf(path)} ${baseOf(path)}`;
    files.set(name, [...(files.get(name) ?? []), path]);
  }
  return [...files].filter(([name, paths]) => paths.length > 1 && !(name in twice)).map(([, paths]) => paths.join(" and "));
}
