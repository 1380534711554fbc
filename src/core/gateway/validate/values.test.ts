import { describe, expect, test } from "vitest";
import { failureOf } from "../../../testing/failure-of.js";
import { validateCount, validateInclude, validateName } from "./values.js";

describe("names", () => {
  test.each(["ab", "", "x".repeat(513), "abc_", "abc-", "-abc", ".abc", "a..b", "a b c", "a/bc", "àbcd", "192.168.1.1", "abc\n", 7])(
    "%j is refused",
    (name) => {
      const error = failureOf(() => validateName(name));
      expect(error.code).toBe("INVALID_ARGUMENT");
      expect(error.message).toContain("name");
    },
  );

  test.each(["abc", "ABC", "a.b.c", "123", "x".repeat(512), "999.1.1.1", "1.2.3.4.5"])("%j is fine", (name) => validateName(name));
});

test("counts are non-negative safe integers", () => {
  for (const value of [-1, 1.5, NaN, "1", null, 2 ** 53]) {
    expect(failureOf(() => validateCount(value, "limit")).message).toMatch(/'limit' to be a non-negative integer/);
  }
  validateCount(0, "limit");
});

test("include takes known fields, and not those that a read cannot give", () => {
  expect(failureOf(() => validateInclude("documents")).message).toMatch(/'include' to be an array/);
  expect(failureOf(() => validateInclude(["foo"])).message).toMatch(/one of distances, documents.*include\[0\] is "foo"/);
  expect(failureOf(() => validateInclude(["distances"], "distances")).message).toMatch(/distances is not allowed/);
  validateInclude([]);
});
