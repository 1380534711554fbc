import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { elementKey, isCut, nameRange, postingKeys, prefixRange, scalarKey, scalarRange, tellsOrder, valueOfKey } from "./posting-key.js";

describe("numbers", () => {
  const number = fc.double({ noNaN: true, noDefaultInfinity: true });

  test("keys sort as the numbers do", () => {
    fc.assert(
      fc.property(number, number, (a, b) => {
        const [x, y] = [scalarKey("k", a), scalarKey("k", b)];
        return a === b ? x === y : a < b === x < y;
      }),
    );
  });

  test.each([
    [
      -Number.MAX_VALUE,
      -2,
      -1,
      -1 + 2 ** -53,
      -Number.MIN_VALUE,
      0,
      Number.MIN_VALUE,
      2 ** -1022,
      0.5,
      1,
      1 + 2 ** -52,
      2,
      255,
      256,
      2 ** 53,
      Number.MAX_VALUE,
    ],
  ])("of any size sort", (...numbers) => {
    const keys = numbers.map((value) => scalarKey("k", value));
    expect([...keys].sort()).toEqual(keys);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("0 and -0 are one", () => {
    expect(scalarKey("k", -0)).toBe(scalarKey("k", 0));
  });

  test("a range holds exactly the numbers on its side", () => {
    const holds = {
      gt: (a: number, b: number) => a > b,
      gte: (a: number, b: number) => a >= b,
      lt: (a: number, b: number) => a < b,
      lte: (a: number, b: number) => a <= b,
    };
    const close = fc.tuple(number, fc.integer({ min: -1, max: 1 })).map(([bound, step]) => [bound, bound + step] as const);
    fc.assert(
      fc.property(fc.constantFrom("gt", "gte", "lt", "lte"), fc.oneof(close, fc.tuple(number, number)), (operator, [bound, value]) => {
        const { from, to } = scalarRange("k", operator, bound);
        const key = scalarKey("k", value);
        return (from <= key && key < to) === holds[operator](value, bound);
      }),
    );
  });

  test("a range holds nothing but numbers of its key", () => {
    for (const operator of ["gt", "gte", "lt", "lte"] as const) {
      const { from, to } = scalarRange("k", operator, 0);
      const strangers = [
        scalarKey("k", "1"),
        scalarKey("k", true),
        elementKey("k", 1),
        elementKey("k", -1),
        scalarKey("j", 1),
        scalarKey("k\u0000n", 1),
        scalarKey("kk", 1),
      ];
      for (const key of strangers) expect(from <= key && key < to, JSON.stringify(key)).toBe(false);
    }
  });
});

test("different values, types, kinds and names have different keys", () => {
  const names = [
    "",
    "k",
    "k\u0000",
    "k\u0001",
    "k\u0000\u0001",
    "k\u0001\u0001",
    "k\u0000s",
    "\u0001\u0001",
    "\u0001\u0003",
    "x".repeat(256),
    "x".repeat(257),
    "\u0000".repeat(200),
    `${"x".repeat(256)}\u0001`,
  ];
  const values = [
    "",
    "0",
    "1",
    "true",
    0,
    1,
    -1,
    true,
    false,
    "\u0000",
    "s",
    "é",
    "x".repeat(256),
    "x".repeat(257),
    "x".repeat(300),
    `${"x".repeat(299)}y`,
    `y${"x".repeat(299)}`,
  ];
  const keys = names.flatMap((name) => values.flatMap((value) => [scalarKey(name, value), elementKey(name, value)]));
  expect(new Set(keys).size).toBe(keys.length);
});

test("a key forged to look like a cut one is still another", () => {
  const long = "x".repeat(1000);
  const forged = scalarKey("k", long).slice("k\u0000s".length);
  expect(scalarKey("k", forged)).not.toBe(scalarKey("k", long));
});

test("keys are bounded and well-formed, wherever the cut falls", () => {
  for (const text of ["x".repeat(10_000), "💧".repeat(300), `x${"💧".repeat(300)}`, "\ud800".repeat(300), "a\udc00"]) {
    const key = scalarKey(text, text);
    expect(key.length).toBeLessThan(600);
    expect(/\p{Surrogate}/u.test(key)).toBe(false);
  }
});

test("text that storage gives back as U+FFFD has the key that it was posted under", () => {
  expect(scalarKey("a\ud800", "b\udfff")).toBe(scalarKey("a\ufffd", "b\ufffd"));
});

test("an array is posted once for each distinct element, an empty one and a sparse vector nowhere", () => {
  expect(postingKeys("k", ["a", "b", "a"])).toEqual(new Set([elementKey("k", "a"), elementKey("k", "b")]));
  expect(postingKeys("k", [])).toEqual(new Set());
  expect(postingKeys("k", "a")).toEqual(new Set([scalarKey("k", "a")]));
  expect(postingKeys("k", { indices: [1], values: [1] })).toEqual(new Set());
});

describe("texts", () => {
  const TEXTS = [
    "",
    "a",
    "a\u0000",
    "ab",
    "abc",
    "b",
    "\ud7ff",
    "\ud7ffx",
    "\u{10000}",
    "\u{1f30a}z",
    "\u{10ffff}",
    "\u{10ffff}a",
    "\ue000",
    "\uffff",
    "\uffffz",
  ];
  const LONG = [
    ...TEXTS,
    "b".repeat(254),
    "b".repeat(255),
    "b".repeat(256),
    "b".repeat(400),
    `${"b".repeat(255)}\u{1f30a}`,
    `${"b".repeat(300)}a`,
  ];

  test.each(["gt", "gte", "lt", "lte"] as const)("%s holds exactly the texts on its side", (operator) => {
    const holds = {
      gt: (a: string, b: string) => a > b,
      gte: (a: string, b: string) => a >= b,
      lt: (a: string, b: string) => a < b,
      lte: (a: string, b: string) => a <= b,
    };
    for (const bound of LONG.filter(tellsOrder)) {
      const { from, to } = scalarRange("k", operator, bound);
      for (const text of LONG)
        expect([bound, text, scalarKey("k", text) >= from && scalarKey("k", text) < to]).toEqual([
          bound,
          text,
          holds[operator](text, bound),
        ]);
      for (const other of [1, true]) expect(scalarKey("k", other) >= from && scalarKey("k", other) < to).toBe(false);
    }
  });

  test("a beginning holds exactly the texts that have it", () => {
    for (const beginning of LONG.filter(tellsOrder)) {
      const { from, to } = prefixRange("k", beginning);
      expect(/\p{Surrogate}/u.test(to)).toBe(false);
      for (const text of LONG)
        expect([beginning, text, scalarKey("k", text) >= from && scalarKey("k", text) < to]).toEqual([
          beginning,
          text,
          text.startsWith(beginning),
        ]);
    }
  });
});

test("keys tell their values, but for texts that are cut, and lie in the range of their name alone", () => {
  const name = fc.oneof(
    fc.string({ minLength: 1, unit: "grapheme" }),
    fc.constantFrom("k", "k\u0000", "k\u0001", "k\u0002", "n".repeat(300)),
  );
  const value = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 300, size: "max" }),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
    fc.integer(),
    fc.boolean(),
  );
  fc.assert(
    fc.property(name, name, value, (own, other, one) => {
      const { from, to } = nameRange(own);
      for (const key of [scalarKey(own, one), elementKey(own, one)]) {
        expect(from <= key && key < to).toBe(true);
        expect(valueOfKey(key, from.length)).toBe(typeof one === "string" && isCut(one) ? null : one);
      }
      const foreign = scalarKey(other, one);
      if (own !== other) expect(from <= foreign && foreign < to).toBe(false);
    }),
    { numRuns: 500 },
  );
});
