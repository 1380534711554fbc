import { expect, test } from "vitest";
import { Bitmap } from "../../base/bitmap.js";
import { atOnce } from "../../base/steps.js";
import type { Parts } from "../../collection/parts.js";
import { TextIndex } from "../../index/text/text-index.js";
import { YoungIndex } from "../../index/text/young-index.js";
import { textSource } from "./text-source.js";

const documents = ["tidal wave", "tide pool", "tide tide", "crab"];

const run = (query: string, allowed: number[], options: { limit?: number; prefix?: boolean; fuzzy?: number } = {}) => {
  const index = new YoungIndex();
  documents.forEach((document, ordinal) => atOnce(index.set(ordinal, document)));
  const text: Pick<Parts["text"], "search"> = { search: (...asked) => new TextIndex([index]).search(...asked) };
  const asked = { kind: "text", query, limit: 10, prefix: false, fuzzy: 0, ...options } as const;
  return textSource.readLive({ text } as Parts, asked, Bitmap.of(allowed), () => undefined);
};

test("filters, ranks and cuts", async () => {
  const hits = await run("tide", [0, 1, 2]);
  expect([...hits.ordinals]).toEqual([2, 1]);
  expect(hits.scores[0]).toBeGreaterThan(hits.scores[1]!);
  expect(hits.terms).toEqual([["tide"], ["tide"]]);
  expect([...(await run("tide", [0, 1])).ordinals]).toEqual([1]);
  expect([...(await run("tide", [0, 1, 2], { limit: 1 })).ordinals]).toEqual([2]);
});

test("passes prefix and fuzzy on", async () => {
  expect([...(await run("tida", [0, 1], { prefix: true })).ordinals]).toEqual([0]);
  expect([...(await run("crob", [3], { fuzzy: 0.25 })).ordinals]).toEqual([3]);
});
