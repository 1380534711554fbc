import { expect, test } from "vitest";
import { testBlockStore } from "../../../testing/block-store.js";
import { Bitmap } from "../../base/bitmap.js";
import type { Parts } from "../../collection/parts.js";
import { ResidentText, type TextSource } from "../../collection/resident-text.js";
import { textSource } from "./text-source.js";

const documents = ["tidal wave", "tide pool", "tide tide", "crab"];
const source: TextSource = {
  documents: async (ordinals) => Array.from(ordinals, (ordinal) => documents[ordinal] ?? null),
  snapshot: () => null,
  nextOrdinal: () => documents.length,
  uncompacted: () => [],
};

const run = (query: string, allowed: number[], options: { limit?: number; prefix?: boolean; fuzzy?: number } = {}) => {
  const resident = new ResidentText(testBlockStore(), "o");
  const text: Pick<Parts["text"], "search"> = { search: (...asked) => resident.search(source, ...asked) };
  const asked = { kind: "text", query, limit: 10, prefix: false, fuzzy: 0, ...options } as const;
  return textSource.readLive({ text } as Parts, asked, Bitmap.of(allowed), () => undefined);
};

test("loads, filters, ranks and cuts", async () => {
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
