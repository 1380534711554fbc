/** What the console's form says, in each of the ways in which it is told. */
import { expect, test } from "vitest";
import type { Collection } from "../api/collection.js";
import { type ConsoleForm, callOf, curlOf, FIRST_FORM, literal, restOf, typescriptOf } from "./console-calls.js";

const collection = { id: "c-1", name: "field-notes", tenant: "t", database: "d b" } as Collection;
const form = (part: Partial<ConsoleForm>): ConsoleForm => ({ ...FIRST_FORM, query: "ebb", ...part });

test("a vector query asks by its text, or by the embedding in place of it", () => {
  const asked = callOf(form({ kind: "vector", where: '{"year": {"$gt": 2}}', nResults: 3, exact: true }))!;
  expect(asked).toEqual({ method: "query", args: { queryTexts: ["ebb"], where: { year: { $gt: 2 } }, nResults: 3, exact: true } });
  expect(typescriptOf(asked, collection, undefined)).toBe(
    [
      'const collection = await client.getCollection({ name: "field-notes" });',
      'const result = await collection.query({ queryTexts: ["ebb"], where: { year: { $gt: 2 } }, nResults: 3, exact: true });',
      "console.log(result.rows());",
    ].join("\n"),
  );
  const { path, body } = restOf(asked, collection, [0.5, 1]);
  expect(path).toBe("/api/v2/tenants/t/databases/d%20b/collections/c-1/query");
  expect(body).toEqual({
    query_embeddings: [[0.5, 1]],
    n_results: 3,
    where: { year: { $gt: 2 } },
    include: ["documents", "metadatas", "distances"],
  });
  expect(callOf(form({ kind: "vector", embedding: "[1, 2]" }))).toMatchObject({ args: { queryEmbeddings: [[1, 2]] } });
});

test("words and hybrid searches are searches over REST, with both filters in one", () => {
  const asked = callOf(form({ kind: "text", fuzzy: true, where: '{"a":1}', whereDocument: '{"$or":[{"$contains":"x"},{"$regex":"y"}]}' }))!;
  expect(restOf(asked, collection, null).body).toMatchObject({
    searches: [
      {
        filter: { $and: [{ a: { $eq: 1 } }, { $or: [{ "#document": { $contains: "x" } }, { "#document": { $regex: "y" } }] }] },
        rank: { $text: { query: "ebb" } },
        limit: { offset: 0, limit: 10 },
      },
    ],
  });
  const hybrid = restOf(callOf(form({ kind: "hybrid" }))!, collection, [1, 2]);
  expect(JSON.stringify(hybrid.body)).toContain('"$knn":{"query":[1,2]');
  expect(hybrid.note).toContain("no such call");
});

test("nothing is asked while something is wrong or missing", () => {
  for (const part of [{ query: " " }, { where: "{" }, { where: "[]" }, { embedding: '["a"]' }] as const)
    expect(callOf(form({ kind: "hybrid", ...part }))).toBeNull();
  expect(callOf(form({ kind: "text", query: "", embedding: "[1]" }))).toBeNull();
  expect(callOf(form({ kind: "search", search: "[]" }))).toBeNull();
});

test("a request survives a shell, and a search that cannot be sent says why", () => {
  const asked = callOf(form({ kind: "text", query: "it's" }))!;
  expect(curlOf(restOf(asked, collection, null))).toContain(`"query":"it'\\''s"`);
  const wrong = callOf(form({ kind: "search", search: '{"limt": 3}' }))!;
  expect(restOf(wrong, collection, null).body).toEqual({ searches: [expect.stringContaining("limt")] });
});

test("literals have keys as programs write them, and break where a line is too long", () => {
  expect(literal({ a: [1, "x"], "b-c": null })).toBe('{ a: [1, "x"], "b-c": null }');
  expect(literal({ words: ["a".repeat(60), "b".repeat(60)] })).toBe(
    `{\n  words: [\n    "${"a".repeat(60)}",\n    "${"b".repeat(60)}",\n  ],\n}`,
  );
});
