/** Nested metadata as flat metadata: against a plain reference, for what is left out, what is refused, and in the calls that write. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openTestClient } from "../testing/client.js";
import { failureOf, rejectionOf } from "../testing/failure-of.js";
import type { TidepoolWarning } from "./client.js";
import { flattenMetadata } from "./flatten-metadata.js";

const scalar = fc.oneof(fc.integer(), fc.boolean(), fc.string(), fc.array(fc.integer(), { minLength: 1, maxLength: 3 }));
const name = fc.stringMatching(/^[a-c]{1,2}$/);
const { nested } = fc.letrec((tie) => ({
  nested: fc.dictionary(name, fc.oneof({ depthSize: "small" }, scalar, tie("nested")), { maxKeys: 4 }),
}));

/** Each leaf with the names that lead to it. */
function leaves(value: unknown, path: string[] = []): [string, unknown][] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [[path.join("."), value]];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...path, key]));
}

describe("flattenMetadata", () => {
  test("gives each leaf the key of all names that lead to it", () => {
    fc.assert(
      fc.property(nested, (object) => {
        const expected = leaves(object);
        expect(Object.entries(flattenMetadata(object as object).metadata ?? {}).sort()).toEqual(expected.sort());
      }),
    );
  });

  test("leaves out empty arrays and objects and says so, and keys without a value", () => {
    const given = { tags: [], loc: { lines: { from: 1 }, none: {}, list: [] }, gone: undefined };
    expect(flattenMetadata(given)).toEqual({ metadata: { "loc.lines.from": 1 }, dropped: ["tags", "loc.none", "loc.list"] });
    expect(flattenMetadata({ a: { b: {} } })).toEqual({ metadata: null, dropped: ["a.b"] });
    expect(flattenMetadata({})).toEqual({ metadata: null, dropped: [] });
  });

  test("keeps null, sparse vectors, and keys that objects have by nature", () => {
    const vector = { indices: [1, 4], values: [0.5, 1] };
    const given = JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}') as object;
    expect(flattenMetadata({ a: { b: null, vector } }).metadata).toEqual({ "a.b": null, "a.vector": vector });
    expect(Object.entries(flattenMetadata(given).metadata!)).toEqual([
      ["__proto__.a", 1],
      ["constructor", 2],
    ]);
    expect(flattenMetadata({ range: { values: 3 } }).metadata).toEqual({ "range.values": 3 });
  });

  test.each<[string, object, string]>([
    ["two values of one key", { a: { b: 1 }, "a.b": 2 }, 'metadata has two values for "a.b"'],
    ["a date", { a: { at: new Date(0) } }, 'but metadata["a.at"] is'],
    ["a map", { a: new Map([["b", 1]]) }, 'but metadata["a"] is'],
    ["a list of objects", { a: { list: [{ b: 1 }] } }, 'but metadata["a.list"][0] is'],
    ["a list of two types", { a: [1, "b"] }, 'metadata["a"] has a number at 0 and a string at 1'],
    ["what is not finite", { a: { b: Number.NaN } }, 'metadata["a.b"] is NaN'],
    ["a key that Chroma keeps to itself", { $a: { b: 1 } }, 'the key "$a.b"'],
    ["a list in place of metadata", [1], "metadata"],
  ])("refuses %s", (_, given, message) => {
    const error = failureOf(() => flattenMetadata(given));
    expect(error.code).toBe("INVALID_ARGUMENT");
    expect(error.message).toContain(message);
  });

  test("refuses objects that hold themselves, and too many keys", () => {
    const round: Record<string, unknown> = { a: 1 };
    round.self = round;
    expect(failureOf(() => flattenMetadata(round))).toMatchObject({ code: "LIMIT_EXCEEDED", details: { limit: "metadataDepthMax" } });
    const wide = Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`k${i}`, i]));
    expect(failureOf(() => flattenMetadata({ a: wide, b: wide }))).toMatchObject({
      code: "LIMIT_EXCEEDED",
      details: { limit: "metadataKeysMax" },
    });
  });
});

describe('metadata: "flatten"', () => {
  const embeddings = [[1], [2]];

  test("stores what flattenMetadata makes, merges it, and warns once a call", async () => {
    const warnings: TidepoolWarning[] = [];
    const client = openTestClient({ onWarning: (warning) => warnings.push(warning) });
    const notes = await client.createCollection({ name: "notes", embeddingFunction: null });
    const metadatas = [{ loc: { from: 1, to: 2, by: null }, tags: [] }, { list: [] }];
    await notes.add({ ids: ["a", "b"], embeddings, metadatas, metadata: "flatten" });
    metadatas[0]!.loc!.from = 99;
    expect((await notes.get()).metadatas).toEqual([{ "loc.from": 1, "loc.to": 2 }, null]);
    expect(warnings).toEqual([
      {
        code: "METADATA_DROPPED",
        collection: "notes",
        message: 'metadatas[0]["tags"], metadatas[1]["list"] were left out: metadata cannot hold empty arrays and empty objects',
      },
    ]);
    await notes.update({ ids: ["a"], metadatas: [{ loc: { from: null, by: "hand" } }], metadata: "flatten" });
    await notes.upsert({ ids: ["b"], embeddings: [[3]], metadatas: [{ loc: { page: 4 } }], metadata: "flatten" });
    expect((await notes.get()).metadatas).toEqual([{ "loc.to": 2, "loc.by": "hand" }, { "loc.page": 4 }]);
    expect(warnings).toHaveLength(1);
    await client.close();
  });

  test("holds in transactions", async () => {
    const client = openTestClient();
    const notes = await client.createCollection({ name: "notes", embeddingFunction: null });
    await notes
      .conditional()
      .run((txn) => txn.upsert({ ids: ["a"], embeddings: [[1]], metadatas: [{ a: { b: 1 } }], metadata: "flatten" }));
    expect((await notes.get()).metadatas).toEqual([{ "a.b": 1 }]);
    await client.close();
  });

  test("writes nothing of a call in which a record cannot be flattened, or which asks for something else", async () => {
    const client = openTestClient();
    const notes = await client.createCollection({ name: "notes", embeddingFunction: null });
    const clash = [{ a: 1 }, { a: { b: 1 }, "a.b": 2 }];
    const error = await rejectionOf(notes.add({ ids: ["a", "b"], embeddings, metadatas: clash, metadata: "flatten" }));
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(error.message).toContain('metadatas[1] has two values for "a.b"');
    const odd = { ids: ["a"], embeddings: [[1]], metadatas: [{ a: 1 }], metadata: "nest" as "flatten" };
    expect((await rejectionOf(notes.add(odd))).message).toContain('metadata must be "flatten", got "nest"');
    // @ts-expect-error Nested metadata needs the option.
    expect((await rejectionOf(notes.add({ ids: ["a"], embeddings: [[1]], metadatas: [{ a: { b: 1 } }] }))).code).toBe("INVALID_ARGUMENT");
    expect(await notes.count()).toBe(0);
    await client.close();
  });
});
