import fc from "fast-check";
import { expect, test } from "vitest";
import { holdsText } from "./find-text.js";
import { atOnce } from "./steps.js";

const PIECE = 32_768;

test("agrees with the platform wherever the part lies", () => {
  const part = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 200 });
  const before = fc.constantFrom(0, 1, PIECE - 65, PIECE - 64, PIECE - 1, PIECE, 2 * PIECE - 100);
  fc.assert(
    fc.property(part, before, part, part, (part, before, beside, other) => {
      const text = `${"a".repeat(before)}${beside}${part}${beside}`;
      expect(atOnce(holdsText(text, part))).toBe(true);
      expect(atOnce(holdsText(text, other))).toBe(text.includes(other));
    }),
  );
});

test("does work in proportion to the text, however nearly it matches", () => {
  const part = `b${"a".repeat(PIECE)}`;
  let steps = 0;
  const search = holdsText(`${part.slice(0, -1)}`.repeat(40), part);
  while (search.next().done !== true) steps++;
  expect(steps).toBeGreaterThan(30);
  expect(steps).toBeLessThan(100);
});
