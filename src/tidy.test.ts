/**
 * Keeps the house as its plan draws it: who may import whom, no cycles, names, and words that have no place in finished
 * code. The rules are in `tools/tidy`, where each is tried on small made-up trees.
 */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { cyclesOf, plainLoads, wholeLimits, wrongImports, wrongReaches } from "../tools/tidy/import-rules.js";
import { notKebab, repeatedNames, sayingNothing } from "../tools/tidy/name-rules.js";
import { leaningComments, longLines, wrongWords } from "../tools/tidy/text-rules.js";
import { readTree, type Tree } from "../tools/tidy/tree.js";

describe("this repository", () => {
  const root = join(dirname(fileURLToPath(import.meta.url)), "..");
  let tree: Tree;
  beforeAll(async () => {
    tree = await readTree(root);
  });

  test("is really being read", () => expect(tree.size).toBeGreaterThan(200));
  test("says the same version everywhere", async () => {
    const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
    expect(tree.get("src/version.ts")).toContain(JSON.stringify(version));
    expect(await readFile(join(root, "CHANGELOG.md"), "utf8")).toContain(`## [${version}]`);
  });
  test("keeps its import arrows", () => expect(wrongImports(tree)).toEqual([]));
  test("has apps that import the package only, and no test that is imported", () => expect(wrongReaches(tree)).toEqual([]));
  test("says what was not to be had of the page's program", () => expect(plainLoads(tree)).toEqual([]));
  test("reads limits by name", () => expect(wholeLimits(tree)).toEqual([]));
  test("has no import cycle", () => expect(cyclesOf(tree, "run time")).toEqual([]));
  test("has no import cycle of types", () => expect(cyclesOf(tree, "types too")).toEqual([]));
  test("names its files in kebab-case", () => expect(notKebab(tree)).toEqual([]));
  test("names its files by what is inside", () => expect(sayingNothing(tree)).toEqual([]));
  test("calls no two files of a component alike", () => expect(repeatedNames(tree)).toEqual([]));
  test("has no loose ends", () => expect(wrongWords(tree)).toEqual([]));
  test("has comments that stand alone", () => expect(leaningComments(tree)).toEqual([]));
  test("has no line that is too long", () => expect(longLines(tree)).toEqual([]));
});
