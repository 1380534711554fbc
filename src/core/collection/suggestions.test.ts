/** Corrections and completions of queries, asked of an engine. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { TestEnvironment } from "../../testing/environment.js";
import { FaultInjectingStorage } from "../../testing/fault-injecting-storage.js";
import { openedEngine } from "../../testing/opened-engines.js";
import type { LoadStem } from "../index/text/analyzer.js";
import type { AutoSuggestRequest } from "../service.js";
import type { TextConfiguration } from "../types.js";
import { editsBetween } from "./suggestions.js";

const loadStem: LoadStem = async (language) => (await import("../../worker/stemmers.js")).stemmers[language];

async function opened(documents: string[], text?: TextConfiguration) {
  const environment = new TestEnvironment();
  const { service } = await openedEngine(new FaultInjectingStorage(), { environment, loadStem });
  const scope = { tenant: "default_tenant", database: "default_database", name: "library", metadata: null };
  const { id: collectionId } = await service.createCollection({ ...scope, configuration: { text }, getOrCreate: false });
  const embeddings = { dimension: 1, values: new Float32Array(documents.length), present: null };
  const ids = documents.map((_, i) => `${i}`);
  const metadatas = documents.map((_, i) => ({ i }));
  await service.write({ collectionId, operation: "add", records: { ids, embeddings, documents, metadatas, uris: null } });
  const request = { collectionId, nResults: 10, fuzzy: 0 };
  const found = (queryText: string, more: Partial<AutoSuggestRequest> = {}) => service.autoSuggest({ ...request, queryText, ...more });
  return {
    found,
    suggest: async (...args: Parameters<typeof found>) => (await found(...args)).map(({ suggestion }) => suggestion),
    correct: async (query: string, where?: object) => {
      const asked = { ...request, query, where: where as never, prefix: false, include: [], suggest: true };
      return (await service.searchText(asked)).suggestion;
    },
    plain: () => service.searchText({ ...request, query: "tid", prefix: false, include: [] }),
  };
}

const DOCUMENTS = ["Spring tides at the Café", "spring tide", "the tidal pool", "neap tide, spring water", "南京市长江大桥"];

test("the last word is completed by words that stand with the others", async () => {
  const { suggest, found } = await opened(DOCUMENTS);
  expect((await suggest("tid")).sort()).toEqual(["tidal", "tide", "tides"]);
  expect((await suggest("Spring ti")).sort()).toEqual(["Spring tide", "Spring tides"]);
  expect(await suggest("pool, ti")).toEqual(["pool, tidal"]);
  expect(await suggest("the caf")).toEqual(["the café"]);
  expect(await suggest("spring tide")).toEqual(["spring tide", "spring tides"]);
  expect(await suggest("absent ti")).toEqual([]);
  for (const nothing of ["", " ", "🌊"]) expect(await suggest(nothing)).toEqual([]);
  const all = await found("spring ti");
  expect(all[0]).toMatchObject({ suggestion: "spring tide", terms: ["spring", "tide"] });
  expect(all[0]!.score).toBeGreaterThan(all[1]!.score);
  expect(await suggest("spring ti", { nResults: 1 })).toEqual(["spring tide"]);
  expect(await suggest("spring ti", { nResults: 0 })).toEqual([]);
});

test("only documents that a filter lets through make suggestions", async () => {
  const { suggest } = await opened(DOCUMENTS);
  expect(await suggest("ti", { where: { i: 2 } })).toEqual(["tidal"]);
  expect((await suggest("ti", { whereDocument: { $contains: "spring" } })).sort()).toEqual(["tide"]);
});

test("misspelt words are corrected in suggestions where that is asked for", async () => {
  const { suggest } = await opened(DOCUMENTS);
  expect(await suggest("sprang ti")).toEqual([]);
  expect((await suggest("sprang ti", { fuzzy: 0.2 })).sort()).toEqual(["spring tide", "spring tides"]);
});

test("did you mean: unknown words become the nearest known ones, and the rest stays", async () => {
  const { correct, plain } = await opened(DOCUMENTS);
  expect(await correct("sprnig  TIDE!")).toBe("spring  TIDE!");
  expect(await correct("+spirng -poul cafee")).toBe("+spring -pool café");
  expect(await correct("hte tide")).toBe("the tide");
  for (const right of ["spring tide", "CAFE", "", "南京", "xy"]) expect(await correct(right)).toBeNull();
  expect(await correct("zzzzzzzz tide")).toBeNull();
  // "tidy" is as near to "tide" as may be; only what is searched is suggested.
  expect(await correct("tidx")).toBe("tide");
  expect(await correct("tidax", { i: 2 })).toBe("tidal");
  expect(await plain()).not.toHaveProperty("suggestion");
});

test("where words are reduced to stems, suggestions and corrections are words that documents have", async () => {
  const { suggest, correct } = await opened(["running horses", "a happy horse"], { stemming: "english" });
  expect(await suggest("run")).toEqual(["running"]);
  expect(await suggest("runni")).toEqual(["running"]);
  expect(await correct("happx")).toBe("happy");
  expect(["horse", "horses"]).toContain(await correct("horsse"));
});

test.each([
  ["abcd", "abcd", 0],
  ["teh", "the", 1],
  ["", "ab", 2],
  ["abc", "acbd", 2],
  ["kitten", "sitting", 3],
])("between %j and %j are %i edits", (a, b, edits) => expect(editsBetween(a, b)).toBe(edits));

test("edits are as many in either direction, and none between equals alone", () => {
  const word = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 7 }).map((letters) => letters.join(""));
  fc.assert(
    fc.property(word, word, (a, b) => {
      expect(editsBetween(a, b)).toBe(editsBetween(b, a));
      expect(editsBetween(a, b) === 0).toBe(a === b);
      expect(editsBetween(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
    }),
  );
});
