import { expect, test } from "vitest";
import { leaningComments, longLines, wrongWords } from "./text-rules.js";
import type { Tree } from "./tree.js";

const one = (path: string, code: string): Tree => new Map([[path, code]]);

test("words are judged", () => {
  expect(wrongWords(one("src/a.ts", "// TODO later"))).toEqual(["src/a.ts says TODO"]);
  expect(wrongWords(one("src/a.ts", "console.log(1)"))).toEqual(["src/a.ts writes to the console"]);
  expect(wrongWords(one("src/a.ts", "let x: any; f(y as any); g<any>()"))).toEqual(["src/a.ts says any"]);
  expect(wrongWords(one("src/a.ts", "export default 1;"))).toHaveLength(1);
  expect(wrongWords(one("src/a.ts", 'f("one, any of: any"); // as any kind\nPromise.any([]); const { any } = x;'))).toEqual([]);
});

test("a comment stands alone", () => {
  const same = "The same";
  expect(leaningComments(one("src/a.ts", `/** ${same} for many. */`))).toEqual([`src/a.ts has the comment /** ${same} for many. */`]);
  expect(leaningComments(one("src/a.ts", `/**\n * ${same} for many.\n */`))).toHaveLength(1);
  expect(leaningComments(one("demo/src/a.ts", `let a; // ${same} again`))).toHaveLength(1);
  expect(leaningComments(one("src/a.ts", `/** Finds it. ${same} holds for many. */`))).toEqual([]);
});

test("a line may be 140 characters long", () => {
  expect(longLines(one("scripts/a.mjs", `// ${"x".repeat(137)}\n// ${"x".repeat(138)}\n`))).toEqual(["scripts/a.mjs:2 has 141 characters"]);
});
