/** Where JSON is wrong, and how it is shown. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseJson, written } from "./json-text.js";

test.each([
  ['{ "a": \n tides }', "Line 2, column 2: expected a value: text stands in double quotation marks"],
  ["{ a: 1 }", "Line 1, column 3: expected a key in double quotation marks"],
  ['{ "a" 1 }', "Line 1, column 7: expected a colon after the key"],
  ['{ "a": 1, }', "Line 1, column 11: expected a key in double quotation marks"],
  ["[1, 2", "Line 1, column 6: expected a comma or ]"],
  ["[1] 2", "Line 1, column 5: expected the end"],
  ['{ "a', 'Line 1, column 3: expected the closing "'],
])("tells where %j is wrong", (text, message) => {
  expect(parseJson(text).fault?.message).toBe(message);
});

test("leaves strings as they are, and puts a vector in one line", () => {
  expect(written({ vector: [1, -0.5, 1e-7], text: "[ 1, 2 ]" })).toBe('{\n  "vector": [1, -0.5, 1e-7],\n  "text": "[ 1, 2 ]"\n}');
});

test("says nothing of nothing, and takes what is right", () => {
  expect(parseJson(" \n")).toEqual({ value: undefined, fault: null });
  expect(parseJson(' { "a": [1, -2.5e3, true, null, "\\u00e9\\n"] } ')).toEqual({
    value: { a: [1, -2500, true, null, "é\n"] },
    fault: null,
  });
});

test("finds a place in every text that is no JSON, and reads back what it writes", () => {
  const damaged = fc.tuple(fc.json(), fc.nat(), fc.string({ maxLength: 2 }));
  void fc.assert(
    fc.property(damaged, ([json, at, wedge]) => {
      const text = json.slice(0, at % (json.length + 1)) + wedge + json.slice(at % (json.length + 1));
      const { fault } = parseJson(text);
      expect(fault?.message ?? "Line").toMatch(/^Line/);
      expect(fault?.at ?? 0).toBeLessThanOrEqual(text.length);
    }),
  );
  void fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(written(value) || "null")).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});
