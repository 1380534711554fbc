import { beforeAll, describe, expect, test } from "vitest";
import { usePatterns } from "../../testing/patterns.js";
import { limits } from "../limits.js";
import { parseSearchFilter, parseWhere, parseWhereDocument } from "./parse-filter.js";

beforeAll(usePatterns);

const condition = (condition: unknown, negated = false) => ({ kind: "condition", condition, negated });

describe("parseWhere", () => {
  test.each([undefined, null])("%s is no filter", (where) => {
    expect(parseWhere(where)).toBeNull();
    expect(parseWhereDocument(where)).toBeNull();
  });

  test.each<[where: unknown, filter: unknown]>([
    [{ year: 1 }, condition({ key: "year", operator: "eq", value: 1 })],
    [{ year: false }, condition({ key: "year", operator: "eq", value: false })],
    [{ year: "" }, condition({ key: "year", operator: "eq", value: "" })],
    [{ year: { $eq: "x" } }, condition({ key: "year", operator: "eq", value: "x" })],
    [{ year: { $ne: "x" } }, condition({ key: "year", operator: "eq", value: "x" }, true)],
    [{ year: { $gt: 1 } }, condition({ key: "year", operator: "gt", value: 1 })],
    [{ day: { $lte: "2024" } }, condition({ key: "day", operator: "lte", value: "2024" })],
    [{ day: { $startsWith: "2024-" } }, condition({ key: "day", operator: "prefix", value: "2024-" })],
    [{ year: { $gte: 1 } }, condition({ key: "year", operator: "gte", value: 1 })],
    [{ year: { $lt: 1.5 } }, condition({ key: "year", operator: "lt", value: 1.5 })],
    [{ year: { $lte: -1 } }, condition({ key: "year", operator: "lte", value: -1 })],
    [{ year: { $in: [true, false] } }, condition({ key: "year", operator: "in", values: new Set([true, false]) })],
    [{ year: { $in: [1, 1.5] } }, condition({ key: "year", operator: "in", values: new Set([1, 1.5]) })],
    [{ year: { $nin: ["a"] } }, condition({ key: "year", operator: "in", values: new Set(["a"]) }, true)],
    [{ tags: { $contains: "a" } }, condition({ key: "tags", operator: "contains", value: "a" })],
    [{ tags: { $not_contains: 1 } }, condition({ key: "tags", operator: "contains", value: 1 }, true)],
    [{ $and: [] }, { kind: "and", filters: [] }],
    [{ $or: [] }, { kind: "or", filters: [] }],
    [{ $and: [{ a: 1 }] }, { kind: "and", filters: [condition({ key: "a", operator: "eq", value: 1 })] }],
    [
      { $or: [{ $and: [{ a: 1 }, { b: 2 }] }, { c: { $ne: 3 } }] },
      {
        kind: "or",
        filters: [
          {
            kind: "and",
            filters: [condition({ key: "a", operator: "eq", value: 1 }), condition({ key: "b", operator: "eq", value: 2 })],
          },
          condition({ key: "c", operator: "eq", value: 3 }, true),
        ],
      },
    ],
    // No metadata key begins with "#", so these match nothing; they are well-formed all the same.
    [{ "#document": { $contains: "a" } }, condition({ key: "#document", operator: "contains", value: "a" })],
    [{ "#id": "i1" }, condition({ key: "#id", operator: "eq", value: "i1" })],
    [JSON.parse('{"__proto__":{"$gt":1}}'), condition({ key: "__proto__", operator: "gt", value: 1 })],
    [{ constructor: "x" }, condition({ key: "constructor", operator: "eq", value: "x" })],
    [{ a: "\udc00b💧" }, condition({ key: "a", operator: "eq", value: "\ufffdb💧" })],
  ])("accepts %j", (where, filter) => {
    expect(parseWhere(where)).toEqual(filter);
  });

  test.each<[where: unknown, path: string, message: string]>([
    ["abc", "where", 'where is "abc"; expected an object with exactly one key'],
    [7, "where", "where is 7"],
    [[], "where", "where is []; expected an object"],
    [[{ a: 1 }], "where", "expected an object"],
    [{}, "where", "where is {}; expected exactly one key"],
    [{ a: 1, b: 2 }, "where", 'where is {"a":1,"b":2}; expected exactly one key'],
    [{ a: 1, b: 2 }, "where", "not 2; join several conditions with $and"],
    [{ a: 1, b: undefined }, "where", "not 2"],
    [{ a: null }, "where.a", "where.a is null; expected a string, a finite number or a boolean or { operator: operand }"],
    [{ a: undefined }, "where.a", "where.a is undefined"],
    [{ a: [1] }, "where.a", "where.a is [1]"],
    [{ a: NaN }, "where.a", "where.a is NaN"],
    [{ a: 1n }, "where.a", "where.a is 1n"],
    [{ a: () => 1 }, "where.a", "where.a is a function"],
    [{ a: {} }, "where.a", "where.a is {}; expected exactly one key (one of $eq, $ne"],
    [{ a: { $gt: 1, $lt: 3 } }, "where.a", "join several conditions with $and"],
    [{ a: { $foo: 1 } }, "where.a.$foo", "where.a.$foo is not an operator on metadata; expected one of $eq"],
    [{ a: { $regex: "1" } }, "where.a.$regex", "not an operator on metadata"],
    [{ a: { b: 1 } }, "where.a.b", "not an operator on metadata"],
    [{ $not: { a: 1 } }, "where.$not", "where.$not is neither an operator here nor a metadata key"],
    [{ $contains: "a" }, "where.$contains", "neither an operator here nor a metadata key"],
    [{ a: { $eq: null } }, "where.a.$eq", "where.a.$eq is null; expected a string, a finite number or a boolean"],
    [{ a: { $eq: [1] } }, "where.a.$eq", "where.a.$eq is [1]"],
    [{ a: { $ne: {} } }, "where.a.$ne", "where.a.$ne is {}"],
    [{ a: { $contains: ["a"] } }, "where.a.$contains", 'where.a.$contains is ["a"]'],
    [{ a: { $in: [] } }, "where.a.$in", "where.a.$in is []; expected a list of at least one"],
    [{ a: { $nin: [] } }, "where.a.$nin", "where.a.$nin is []"],
    [{ a: { $in: 1 } }, "where.a.$in", "where.a.$in is 1; expected a list"],
    [{ a: { $in: [1, "x"] } }, "where.a.$in[1]", 'where.a.$in[1] is "x"; expected a number like'],
    [{ a: { $nin: [true, 1] } }, "where.a.$nin[1]", "expected a boolean like"],
    [{ a: { $in: [1, null] } }, "where.a.$in[1]", "where.a.$in[1] is null"],
    [{ a: { $in: new Array(2) } }, "where.a.$in[0]", "where.a.$in[0] is undefined"],
    [{ a: { $gt: null } }, "where.a.$gt", "where.a.$gt is null; expected a finite number or a string"],
    [{ a: { $startsWith: 1 } }, "where.a.$startsWith", "where.a.$startsWith is 1; expected a string"],
    [{ a: { $gte: true } }, "where.a.$gte", "where.a.$gte is true"],
    [{ a: { $lt: Infinity } }, "where.a.$lt", "where.a.$lt is Infinity"],
    [{ a: { $lte: null } }, "where.a.$lte", "where.a.$lte is null"],
    [{ $and: { a: 1 } }, "where.$and", 'where.$and is {"a":1}; expected a list of clauses'],
    [{ $or: null }, "where.$or", "where.$or is null; expected a list of clauses"],
    [{ $and: [{ a: 1 }, {}] }, "where.$and[1]", "where.$and[1] is {}"],
    [{ $and: [{ a: 1 }, { year: { $gt: true } }] }, "where.$and[1].year.$gt", "where.$and[1].year.$gt is true"],
    [{ $or: [{ $and: [null] }] }, "where.$or[0].$and[0]", "where.$or[0].$and[0] is null"],
    [{ $or: new Array(1) }, "where.$or[0]", "where.$or[0] is undefined"],
    [{ "odd key": { $gt: true } }, 'where["odd key"].$gt', 'where["odd key"].$gt is true'],
    [JSON.parse('{"__proto__":null}'), "where.__proto__", "where.__proto__ is null"],
  ])("refuses %o at %s: %s", (where, path, message) => {
    expect(() => parseWhere(where)).toThrow(
      expect.objectContaining({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining(message) as string,
        details: { clause: "where", path },
      }),
    );
    expect(() => parseWhere(where)).toThrow(/^Invalid where clause: /);
  });
});

describe("parseWhereDocument", () => {
  test.each<[where: unknown, filter: unknown]>([
    [{ $contains: "" }, condition({ operator: "contains", text: "" })],
    [{ $not_contains: "a" }, condition({ operator: "contains", text: "a" }, true)],
    [{ $regex: "a+" }, condition({ operator: "regex", pattern: expect.anything() as unknown })],
    [{ $not_regex: "" }, condition({ operator: "regex", pattern: expect.anything() as unknown }, true)],
    [{ $or: [] }, { kind: "or", filters: [] }],
    [{ $and: [{ $contains: "fox" }] }, { kind: "and", filters: [condition({ operator: "contains", text: "fox" })] }],
  ])("accepts %j", (where, filter) => {
    expect(parseWhereDocument(where)).toEqual(filter);
  });

  test.each<[where: unknown, path: string, message: string]>([
    [{}, "whereDocument", "whereDocument is {}; expected exactly one key"],
    ["fox", "whereDocument", 'whereDocument is "fox"'],
    [{ $contains: "a", $not_contains: "b" }, "whereDocument", "not 2; join several conditions with $and"],
    [{ $foo: "x" }, "whereDocument.$foo", "whereDocument.$foo is not an operator on documents; expected one of $contains"],
    [{ $matches: "x" }, "whereDocument.$matches", "not an operator on documents"],
    [{ $not_matches: "x" }, "whereDocument.$not_matches", "not an operator on documents"],
    [{ text: "x" }, "whereDocument.text", "not an operator on documents"],
    [{ $contains: 1 }, "whereDocument.$contains", "whereDocument.$contains is 1; expected a string"],
    [{ $contains: ["a", "b"] }, "whereDocument.$contains", 'is ["a","b"]; expected a string'],
    [{ $regex: null }, "whereDocument.$regex", "whereDocument.$regex is null"],
    [{ $regex: "[" }, "whereDocument.$regex", 'whereDocument.$regex is "[": unclosed character class'],
    [{ $not_regex: "(?=a)" }, "whereDocument.$not_regex", 'is "(?=a)": look-around is not supported'],
    [{ $and: [{ $contains: "a" }, { $or: "b" }] }, "whereDocument.$and[1].$or", 'is "b"; expected a list of clauses'],
  ])("refuses %j at %s", (where, path, message) => {
    expect(() => parseWhereDocument(where)).toThrow(
      expect.objectContaining({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining(message) as string,
        details: expect.objectContaining({ clause: "whereDocument", path }) as object,
      }),
    );
    expect(() => parseWhereDocument(where)).toThrow(/^Invalid where document clause: /);
  });

  test("a regular expression beyond its limit keeps its code", () => {
    expect(() => parseWhereDocument({ $regex: "a{1000000}" })).toThrow(expect.objectContaining({ code: "LIMIT_EXCEEDED" }));
  });

  test("what is wrong with a regular expression is told to programs, too", () => {
    const pattern = `${"long ".repeat(40)}[`;
    const details = { clause: "whereDocument", path: "whereDocument.$or[0].$regex", pattern, reason: "unclosed character class" };
    expect(() => parseWhereDocument({ $or: [{ $regex: pattern }] })).toThrow(
      expect.objectContaining({ details: { ...details, position: pattern.length } }),
    );
  });
});

describe("parseSearchFilter", () => {
  test.each([undefined, null, {}])("%j is no filter", (filter) => {
    expect(parseSearchFilter(filter, "filter")).toBeNull();
  });

  test.each<[filter: unknown, parsed: unknown]>([
    [{ "#id": "a" }, condition({ operator: "id", ids: new Set(["a"]) })],
    [{ "#id": { $ne: "a" } }, condition({ operator: "id", ids: new Set(["a"]) }, true)],
    [{ "#id": { $in: ["a", "b"] } }, condition({ operator: "id", ids: new Set(["a", "b"]) })],
    [{ "#id": { $nin: ["a"] } }, condition({ operator: "id", ids: new Set(["a"]) }, true)],
    [{ "#document": { $contains: "x" } }, condition({ operator: "contains", text: "x" })],
    [{ "#document": { $not_contains: "x" } }, condition({ operator: "contains", text: "x" }, true)],
    [{ year: { $gt: 1 } }, condition({ key: "year", operator: "gt", value: 1 })],
    [{ $and: [{ "#id": "a" }] }, { kind: "and", filters: [condition({ operator: "id", ids: new Set(["a"]) })] }],
  ])("accepts %j", (filter, parsed) => {
    expect(parseSearchFilter(filter, "filter")).toEqual(parsed);
  });

  test.each<[filter: unknown, message: string]>([
    [{ "#id": 1 }, "filter.#id is 1; expected an object with exactly one key: one of $eq, $ne, $in, $nin"],
    [{ "#id": { $gt: "a" } }, "filter.#id.$gt is not an operator on ids"],
    [{ "#id": { $in: [] } }, "filter.#id.$in is []; expected a list of at least one id"],
    [{ "#id": { $in: ["a", 1] } }, "filter.#id.$in[1] is 1; expected a string"],
    [{ "#document": "x" }, 'filter.#document is "x"'],
    [{ "#document": { $eq: "x" } }, "filter.#document.$eq is not an operator on documents"],
    [{ "#document": { $and: [] } }, "filter.#document.$and is not an operator on documents"],
    [{ "#document": { $contains: 1 } }, "filter.#document.$contains is 1; expected a string"],
    [{ "#document": { $regex: "[" } }, "unclosed character class"],
    [{ "#score": { $gt: 1 } }, "filter.#score is not something to filter on; expected a metadata key, #id or #document"],
    [{ $or: [{ "#id": "a" }, {}] }, "filter.$or[1] is {}"],
    ["x", 'filter is "x"'],
  ])("refuses %j", (filter, message) => {
    const expected = { code: "INVALID_ARGUMENT", message: expect.stringContaining(message) as string };
    expect(() => parseSearchFilter(filter, "filter")).toThrow(expect.objectContaining(expected));
  });
});

describe("limits", () => {
  const nest = (leaf: unknown, depth: number, operator = "$and"): unknown => {
    let clause = leaf;
    for (let i = 0; i < depth; i++) clause = { [operator]: [clause] };
    return clause;
  };
  const exceeded = (limit: string) =>
    expect.objectContaining({
      code: "LIMIT_EXCEEDED",
      message: expect.stringContaining(limit) as string,
      details: expect.objectContaining({ limit }) as object,
    });

  test("depth", () => {
    expect(parseWhere(nest({ a: 1 }, limits.filterDepthMax))).not.toBeNull();
    expect(() => parseWhere(nest({ a: 1 }, limits.filterDepthMax + 1))).toThrow(exceeded("filterDepthMax"));
    expect(() => parseWhere(nest({ a: 1 }, 100_000))).toThrow(exceeded("filterDepthMax"));
    expect(() => parseWhereDocument(nest({ $contains: "a" }, 100_000, "$or"))).toThrow(exceeded("filterDepthMax"));
  });

  test("a value of any depth where a scalar belongs", () => {
    expect(() => parseWhere({ a: { $eq: nest({}, 100_000) } })).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });

  test("a clause that contains itself", () => {
    const clause: { $and: unknown[] } = { $and: [] };
    clause.$and.push(clause);
    expect(() => parseWhere(clause)).toThrow(exceeded("filterDepthMax"));
  });

  test("clauses, however they are shared", () => {
    const flat = (count: number) => ({ $or: Array.from({ length: count }, (_, i) => ({ a: i })) });
    expect(parseWhere(flat(limits.filterClausesMax - 1))).not.toBeNull();
    expect(() => parseWhere(flat(limits.filterClausesMax))).toThrow(exceeded("filterClausesMax"));
    let doubled: unknown = { a: 1 };
    for (let i = 0; i < 60; i++) doubled = { $or: [doubled, doubled] };
    expect(() => parseWhere(doubled)).toThrow(exceeded("filterClausesMax"));
  });
});

test("a list has a limit, named in its error", () => {
  const values = new Array(65_537).fill(1);
  for (const operator of ["$in", "$nin"]) {
    expect(() => parseWhere({ a: { [operator]: values } })).toThrow(
      expect.objectContaining({
        code: "LIMIT_EXCEEDED",
        message: expect.stringContaining(`where.a.${operator} has 65537 values`) as string,
      }),
    );
  }
});

test.each([{ a: { $gt: "1" } }, { a: { $lte: "" } }, { a: { $startsWith: "x" } }])(
  "%j is refused where it is to be as Chroma's",
  (where) => {
    expect(() => parseWhere(where, true)).toThrow(/where\.a\.\$/);
    expect(parseWhere(where)).not.toBe(null);
  },
);
