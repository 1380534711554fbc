import { beforeAll, describe, expect, test } from "vitest";
import { usePatterns } from "../../testing/patterns.js";
import { atOnce } from "../base/steps.js";
import { parseWhere, parseWhereDocument } from "../gateway/parse-filter.js";
import type { Metadata, MetadataValue } from "../types.js";
import { matchesDocument, matchesMetadata } from "./predicate.js";

beforeAll(usePatterns);

/** One record for each kind of value under `v`; "absent" has metadata without it, "bare" has no metadata at all. */
const VALUES: Record<string, MetadataValue> = {
  zero: 0,
  one: 1,
  two: 2,
  minus: -1,
  frac: 1.5,
  near: 1.0000001,
  digit: "1",
  word: "true",
  yes: true,
  no: false,
  ints: [1, 2],
  fracs: [1.5, 2.5],
  words: ["1", "x"],
  bools: [true],
  sparse: { indices: [1], values: [1] },
};
const RECORDS = new Map<string, Metadata | null>([
  ...Object.entries(VALUES).map(([name, v]): [string, Metadata] => [name, { v }]),
  ["absent", { other: 1 }],
  ["bare", null],
]);

function select(where: unknown): string[] {
  const filter = parseWhere(where)!;
  return [...RECORDS].filter(([, metadata]) => matchesMetadata(filter, metadata)).map(([name]) => name);
}

function allBut(...names: string[]): string[] {
  return [...RECORDS.keys()].filter((name) => !names.includes(name));
}

describe("where", () => {
  test.each<[where: unknown, names: string[]]>([
    [{ v: 1 }, ["one"]],
    [{ v: { $eq: 1 } }, ["one"]],
    [{ v: { $eq: -0 } }, ["zero"]],
    // Compared as numbers; the reference truncates 1.5 to 1 against an integer.
    [{ v: { $eq: 1.5 } }, ["frac"]],
    [{ v: { $eq: "1" } }, ["digit"]],
    [{ v: { $eq: "true" } }, ["word"]],
    [{ v: { $eq: true } }, ["yes"]],
    [{ v: { $eq: false } }, ["no"]],
    [{ v: { $eq: "a" } }, []],
    [{ v: { $eq: "" } }, []],
    [{ v: { $ne: 1 } }, allBut("one")],
    [{ v: { $ne: 1.5 } }, allBut("frac")],
    [{ v: { $ne: "1" } }, allBut("digit")],
    [{ v: { $ne: true } }, allBut("yes")],
    [{ v: { $ne: "a" } }, allBut()],
    [{ v: { $gt: 1 } }, ["two", "frac", "near"]],
    [{ v: { $gt: 1.5 } }, ["two"]],
    [{ v: { $gte: 1 } }, ["one", "two", "frac", "near"]],
    [{ v: { $gte: 1.5 } }, ["two", "frac"]],
    [{ v: { $lt: 1 } }, ["zero", "minus"]],
    [{ v: { $lt: 1.5 } }, ["zero", "one", "minus", "near"]],
    [{ v: { $lte: 1 } }, ["zero", "one", "minus"]],
    [{ v: { $lte: -0.5 } }, ["minus"]],
    [{ v: { $in: [1, 2] } }, ["one", "two"]],
    [{ v: { $in: [1, 1.5] } }, ["one", "frac"]],
    [{ v: { $in: ["1", "true"] } }, ["digit", "word"]],
    [{ v: { $in: [true] } }, ["yes"]],
    [{ v: { $in: [5] } }, []],
    [{ v: { $nin: [1, 2] } }, allBut("one", "two")],
    [{ v: { $nin: ["1", "true"] } }, allBut("digit", "word")],
    [{ v: { $nin: [true] } }, allBut("yes")],
    [{ v: { $nin: [5] } }, allBut()],
    [{ v: { $contains: 1 } }, ["ints"]],
    [{ v: { $contains: "1" } }, ["words"]],
    [{ v: { $contains: 1.5 } }, ["fracs"]],
    [{ v: { $contains: true } }, ["bools"]],
    [{ v: { $contains: "x" } }, ["words"]],
    [{ v: { $contains: "" } }, []],
    [{ v: { $not_contains: 1 } }, allBut("ints")],
    [{ v: { $not_contains: "x" } }, allBut("words")],
    [{ v: { $not_contains: false } }, allBut()],
    [{ zz: 1 }, []],
    [{ zz: { $gt: 1 } }, []],
    [{ zz: { $contains: 1 } }, []],
    [{ zz: { $ne: 1 } }, allBut()],
    [{ zz: { $nin: [1] } }, allBut()],
    [{ zz: { $not_contains: 1 } }, allBut()],
    [{ "#id": "one" }, []],
    [{ $and: [] }, allBut()],
    [{ $or: [] }, []],
    [{ $and: [{ v: 1 }] }, ["one"]],
    [{ $and: [{ v: { $gte: 1 } }, { v: { $lt: 2 } }] }, ["one", "frac", "near"]],
    [{ $or: [{ v: 1 }, { v: "true" }] }, ["one", "word"]],
    [{ $and: [{ $or: [{ v: 1 }, { v: 2 }] }, { v: { $ne: 2 } }] }, ["one"]],
    [{ $or: [{ $and: [] }, { v: 1 }] }, allBut()],
  ])("%j", (where, names) => {
    expect(select(where)).toEqual(names);
  });

  test("inherited names are not keys, own ones are", () => {
    expect(matchesMetadata(parseWhere({ k: 1 })!, Object.create({ k: 1 }) as Metadata)).toBe(false);
    for (const key of ["constructor", "toString", "__proto__"]) {
      const where = JSON.parse(`{"${key}":{"$ne":"x"}}`) as unknown;
      const own = JSON.parse(`{"${key}":"x"}`) as Metadata;
      expect(matchesMetadata(parseWhere(where)!, {}), key).toBe(true);
      expect(matchesMetadata(parseWhere(where)!, own), key).toBe(false);
    }
  });
});

const DOCUMENTS: Record<string, string | null> = {
  d1: "Hello World",
  d2: "hello world",
  d3: "the quick brown fox",
  d4: "a%b_c",
  d5: "ab",
  d6: "naïve Ünïcode 日本語テキスト",
  d7: "",
  none: null,
};

describe("whereDocument", () => {
  const all = Object.keys(DOCUMENTS);
  const withDocument = all.filter((name) => name !== "none");

  /** Operand of `$contains` or `$regex`; the negated operator must select exactly the others. */
  test.each<[operator: "contains" | "regex", operand: string, names: string[]]>([
    ["contains", "Hello", ["d1"]],
    ["contains", "hello", ["d2"]],
    ["contains", "HELLO", []],
    ["contains", "o W", ["d1"]],
    ["contains", "quick fox", []],
    ["contains", "%", ["d4"]],
    ["contains", "_", ["d4"]],
    ["contains", "b_c", ["d4"]],
    ["contains", ".", []],
    ["contains", "a", ["d4", "d5", "d6"]],
    ["contains", "日本", ["d6"]],
    ["contains", "Ünï", ["d6"]],
    ["contains", "ünï", []],
    ["contains", " ", ["d1", "d2", "d3", "d6"]],
    ["contains", '"', []],
    ["contains", "", withDocument],
    ["regex", "^Hello", ["d1"]],
    ["regex", "(?i)hello", ["d1", "d2"]],
    ["regex", "W.*d", ["d1"]],
    ["regex", "q[a-z]+k", ["d3"]],
    ["regex", "^ab$", ["d5"]],
    ["regex", "a|b", ["d3", "d4", "d5", "d6"]],
    ["regex", "\\d", []],
    ["regex", ".", withDocument.filter((name) => name !== "d7")],
    ["regex", "日本.", ["d6"]],
    ["regex", "\\bfox\\b", ["d3"]],
    ["regex", "x*", withDocument],
    ["regex", "", withDocument],
  ])("$%s %j", (operator, operand, names) => {
    expect(selectDocuments({ [`$${operator}`]: operand })).toEqual(names);
    expect(selectDocuments({ [`$not_${operator}`]: operand })).toEqual(all.filter((name) => !names.includes(name)));
  });

  test("$and and $or", () => {
    expect(selectDocuments({ $and: [{ $contains: "world" }, { $not_contains: "Hello" }] })).toEqual(["d2"]);
    expect(selectDocuments({ $or: [{ $contains: "Hello" }, { $regex: "fox" }] })).toEqual(["d1", "d3"]);
    expect(selectDocuments({ $and: [{ $contains: "fox" }] })).toEqual(["d3"]);
    expect(selectDocuments({ $or: [] })).toEqual([]);
    expect(selectDocuments({ $and: [] })).toEqual(all);
  });

  function selectDocuments(whereDocument: unknown): string[] {
    const filter = parseWhereDocument(whereDocument)!;
    return all.filter((name) => atOnce(matchesDocument(filter, DOCUMENTS[name]!)));
  }
});
