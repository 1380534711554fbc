import fc from "fast-check";
import { expect, test } from "vitest";
import { JsonSplitter } from "./json-splitter.js";

/** By JSON.parse: the elements of all lists that stand in objects only. */
function reference(value: unknown, path: string[] = []): [string, unknown][] {
  if (Array.isArray(value)) return value.map((element) => [path.join("."), element]);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => reference(inner, [...path, key]));
}

const keys = fc.stringMatching(/^[a-z :{}[\],]{0,6}$/);
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof({ maxDepth: 4 }, fc.array(fc.jsonValue(), { maxLength: 5 }), fc.dictionary(keys, tie("tree"), { maxKeys: 4 })),
}));

test("the elements are those that JSON.parse has, wherever the text is cut", () => {
  fc.assert(
    fc.property(tree, fc.integer({ min: 1, max: 9 }), fc.constantFrom(undefined, 1), (value, length, space) => {
      const text = JSON.stringify(value, null, space);
      const splitter = new JsonSplitter();
      const found: [string, unknown][] = [];
      for (let at = 0; at < text.length; at += length) {
        for (const element of splitter.push(text.slice(at, at + length))) found.push([element.path, JSON.parse(element.text)]);
      }
      expect(splitter.rest).toBeNull();
      expect(found).toEqual(reference(JSON.parse(text)));
    }),
  );
});

test.each(["3", "[}", '{"a" 1}', "{3:1}", "[] x", '{"a":}', "[1}", '{"a":[1}]}'])("%s is told", (text) => {
  const splitter = new JsonSplitter();
  expect(() => [...splitter.push(`${text} `)]).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
});
