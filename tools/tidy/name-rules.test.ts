import { expect, test } from "vitest";
import { notKebab, repeatedNames, sayingNothing } from "./name-rules.js";
import type { Tree } from "./tree.js";

const named = (...paths: string[]): Tree => new Map(paths.map((path) => [path, ""]));

test("names are judged", () => {
  expect(notKebab(named("src/core/BlockStore.ts"))).toHaveLength(1);
  expect(notKebab(named("scripts/build_wasm.mjs"))).toHaveLength(1);
  expect(notKebab(named("src/core/block-store.browser.test.ts"))).toEqual([]);
});

test("a name that says nothing is refused, of a file as of a folder", () => {
  const bad = [
    "src/core/util.ts",
    "src/api/helpers.ts",
    "demo/src/common.ts",
    "bench/misc.test.ts",
    "src/core/index.ts",
    "src/utils/bytes.ts",
  ];
  expect(sayingNothing(named(...bad, "src/core/index/text/pieces.ts", "src/index.ts", "e2e/pack/webpack/src/index.js"))).toEqual(bad);
});

test("within a component a name stands for one thing", () => {
  expect(repeatedNames(named("src/core/segment/graph.ts", "src/core/index/vector/graph.ts"))).toEqual([
    "src/core/segment/graph.ts and src/core/index/vector/graph.ts",
  ]);
  expect(repeatedNames(named("src/core/search.ts", "src/api/search.ts", "src/testing/search.ts", "src/core/a/search.test.ts"))).toEqual([]);
});
