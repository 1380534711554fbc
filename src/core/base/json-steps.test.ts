import fc from "fast-check";
import { expect, test } from "vitest";
import { parseInSteps } from "./json-steps.js";
import { atOnce } from "./steps.js";

const spaced = (json: string): string => json.replace(/([[\]{},:])/g, " $1\n");

/** What a parser makes of a text: its value, or that it is no JSON. */
function outcome(parse: () => unknown): unknown {
  try {
    return { value: parse() };
  } catch (error) {
    return (error as Error).message;
  }
}

test.each([1, 4, 20, 100])("gives what JSON.parse gives, in pieces of %i characters", (pieceUnits) => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 9 }), fc.boolean(), (json, isSpaced) => {
      const text = isSpaced ? spaced(json) : json;
      expect(outcome(() => atOnce(parseInSteps(text, pieceUnits)))).toStrictEqual(outcome(() => JSON.parse(text)));
    }),
  );
});

test("refuses what JSON.parse refuses, for the reason that it gives", () => {
  const damage = fc.record({ at: fc.nat(), drop: fc.nat(3), put: fc.constantFrom("", ",", "]", "}", "[", "{", '"', ":", "\\", "1", " ") });
  fc.assert(
    fc.property(fc.json({ maxDepth: 4 }), damage, fc.constantFrom(1, 3, 8), (json, { at, drop, put }, pieceUnits) => {
      const place = at % (json.length + 1);
      const text = json.slice(0, place) + put + json.slice(place + drop);
      expect(outcome(() => atOnce(parseInSteps(text, pieceUnits)))).toStrictEqual(outcome(() => JSON.parse(text)));
    }),
    { numRuns: 2_000 },
  );
});

test("reads a long text part by part, and cuts no escape in two", () => {
  const unit = fc.constantFrom("a", "é", "\ud834\udd1e", "\ud800", '"', "\\", "\n", "\u0001");
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 120 }), (units) => {
      const text = JSON.stringify([units.join("")]);
      expect(atOnce(parseInSteps(text, 1))).toStrictEqual(JSON.parse(text));
    }),
    { numRuns: 1_000 },
  );
  const parts = [...parseInSteps(JSON.stringify("ab\\".repeat(4000)), 10)];
  expect(parts.length).toBeGreaterThan(90);
});

test("keeps keys that objects have of themselves, and the last of equal ones", () => {
  const text = '{"__proto__":{"a":1},"constructor":2,"b":[1,2,3,4],"b":[5,6,7,8]}';
  const value = atOnce(parseInSteps(text, 4));
  expect(JSON.stringify(value)).toBe('{"__proto__":{"a":1},"constructor":2,"b":[5,6,7,8]}');
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
});

test("stops after each piece, however deep the members lie", () => {
  const text = JSON.stringify({ operations: [{ metadatas: Array.from({ length: 1000 }, (_, i) => ({ key: i })) }] });
  const steps = parseInSteps(text, 100);
  let count = 0;
  while (!steps.next().done) count++;
  expect(count).toBeGreaterThan(text.length / 200);
});

test("reads what is nested far deeper than it goes", () => {
  const text = `${"[".repeat(3000)}${"]".repeat(3000)}`;
  expect(JSON.stringify(atOnce(parseInSteps(text, 10)))).toBe(text);
});
