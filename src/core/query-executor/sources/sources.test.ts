import { expect, test } from "vitest";
import type { Parts } from "../../collection/parts.js";
import type { KnnSource, TextSource } from "../../gateway/search-plan.js";
import { preparationsOf } from "./sources.js";

const knn: KnnSource = { kind: "knn", queries: [], limit: 1 };
const text: TextSource = { kind: "text", query: "tide", limit: 1, prefix: false, fuzzy: 0 };

test("the text index is made ready, once for all sources that search it", async () => {
  let times = 0;
  const index: Pick<Parts["text"], "ready"> = { ready: async () => void times++ };
  for (const prepare of preparationsOf([text, knn, { ...text, query: "ebb" }])) await prepare({ text: index } as Parts, () => undefined);
  expect(times).toBe(1);
});

test("vectors need nothing", () => {
  expect(preparationsOf([knn])).toEqual([]);
  expect(preparationsOf([])).toEqual([]);
});
