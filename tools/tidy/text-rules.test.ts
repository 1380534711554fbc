import { expect, test } from "vitest";
import { longLines, wrongWords } from "./text-rules.js";
import type { Tree } from "./tree.js";

const one = (path: string, code: string): Tree => new Map([[path, code]]);

test("words are judged", () => {
  expect(wrongWords(one("src/a.ts", "// TODO later"))).toEqual(["src/a.ts says TODO"]);
  expect(wrongWords(one("src/a.ts", "console.log(1)"))).toEqual(["src/a.ts writes to the console"]);
  expect(wrongWords(one("src/a.ts", "let x: any; f(y as any); g<any>()"))).toEqual(["src/a.ts says any"]);
  expect(wrongWords(one("src/a.ts", "export default 1;"))).toHaveLength(1);
  expect(wrongWords(one("src/a.ts", 'f("one, any of: any"); // as any kind\nPromise.any([]); const { any } = x;'))).toEqual([]);
});

test("a line may be 140 characters long", () => {
  expect(longLines(one("scripts/a.mjs", `// ${"x".repeat(137)}\n// ${"x".repeat(138)}\n`))).toEqual(["scripts/a.mjs:2 has 141 characters"]);
});
