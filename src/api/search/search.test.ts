import { describe, expect, test } from "vitest";
import { Aggregate, GroupBy, MaxK, MinK } from "./group-by.js";
import { K, Key, WhereExpression } from "./key.js";
import { Abs, Div, Exp, Knn, Log, Max, Min, Mul, RankExpression, type RankInput, Rrf, Sub, Sum, Text, Val } from "./rank.js";
import { Limit, ReadLevel, Search, type SearchInit, Select, toSearch } from "./search.js";
import { SearchResult } from "./search-result.js";

const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const knn = (options: object = {}) => ({ $knn: { query: [1], key: "#embedding", limit: 128, ...options } });

/** Payloads that chromadb 3.5.0 makes of the same programs. */
describe("payloads are those of Chroma's client", () => {
  test("a whole search", () => {
    const search = new Search()
      .where(K("n").gt(2))
      .rank(
        Rrf({
          ranks: [
            Knn({ query: [1, 0], returnRank: true, limit: 3 }),
            Knn({ query: { indices: [1], values: [2] }, key: "sv", returnRank: true }),
          ],
          weights: [1, 2],
          k: 10,
          normalize: true,
        }),
      )
      .limit(3, 1)
      .select(K.DOCUMENT, K.SCORE, "n");
    expect(json(search.toPayload())).toEqual({
      limit: { offset: 1, limit: 3 },
      select: { keys: ["#document", "#score", "n"] },
      filter: { n: { $gt: 2 } },
      rank: {
        $mul: [
          {
            $sum: [
              {
                $div: {
                  left: { $val: 0.3333333333333333 },
                  right: { $sum: [{ $knn: { query: [1, 0], key: "#embedding", limit: 3, return_rank: true } }, { $val: 10 }] },
                },
              },
              {
                $div: {
                  left: { $val: 0.6666666666666666 },
                  right: {
                    $sum: [{ $knn: { query: { indices: [1], values: [2] }, key: "sv", limit: 128, return_rank: true } }, { $val: 10 }],
                  },
                },
              },
            ],
          },
          { $val: -1 },
        ],
      },
    });
  });

  test.each<[string, RankExpression, unknown]>([
    [
      "arithmetic",
      Knn({ query: [1] })
        .multiply(0.5)
        .add(Val(2)),
      { $sum: [{ $mul: [knn(), { $val: 0.5 }] }, { $val: 2 }] },
    ],
    ["negation", Knn({ query: [1] }).negate(), { $mul: [knn(), { $val: -1 }] }],
    [
      "a long chain",
      Knn({ query: [1], default: 9 })
        .exp()
        .log()
        .abs()
        .min(Val(1))
        .max(2)
        .divide(3)
        .subtract(1),
      {
        $sub: {
          left: {
            $div: {
              left: { $max: [{ $min: [{ $abs: { $log: { $exp: knn({ default: 9 }) } } }, { $val: 1 }] }, { $val: 2 }] },
              right: { $val: 3 },
            },
          },
          right: { $val: 1 },
        },
      },
    ],
    ["Sum flattens sums on both sides", Sum(Sum(1, 2), 3, Val(4).add(5)), { $sum: [1, 2, 3, 4, 5].map(($val) => ({ $val })) }],
    ["other operators stay nested", Mul(Sum(1, 2), 3), { $mul: [{ $sum: [{ $val: 1 }, { $val: 2 }] }, { $val: 3 }] }],
    ["plain expressions", Sum({ $abs: { $val: 1 } }, 2), { $sum: [{ $abs: { $val: 1 } }, { $val: 2 }] }],
    ["one operand is itself", Max(Val(1)), { $val: 1 }],
    ["add without operands is itself", Val(1).add(), { $val: 1 }],
    [
      "functions",
      Sub(Abs(1), Div(Exp(2), Log(3))),
      { $sub: { left: { $abs: { $val: 1 } }, right: { $div: { left: { $exp: { $val: 2 } }, right: { $log: { $val: 3 } } } } } },
    ],
    ["Min and Max", Min(Max(1, 2), 3), { $min: [{ $max: [{ $val: 1 }, { $val: 2 }] }, { $val: 3 }] }],
    ["a Float32Array and a Key", Knn({ query: Float32Array.of(1), key: K.EMBEDDING }), knn()],
    ["a Set", Knn({ query: new Set([1]) }), knn()],
    ["a text", Knn({ query: "tide", limit: 5 }), { $knn: { query: "tide", key: "#embedding", limit: 5 } }],
    ["no default", Knn({ query: [1], default: null, returnRank: false }), knn()],
    ["a default of 0", Knn({ query: [1], default: 0 }), knn({ default: 0 })],
    [
      "Rrf of one rank",
      Rrf({ ranks: [Knn({ query: [1] })] }),
      { $mul: [{ $div: { left: { $val: 1 }, right: { $sum: [knn(), { $val: 60 }] } } }, { $val: -1 }] },
    ],
    [
      "Rrf of plain ranks",
      Rrf({ ranks: [{ $val: 1 }, 2], k: 1 }),
      {
        $mul: [{ $sum: [1, 2].map(($val) => ({ $div: { left: { $val: 1 }, right: { $sum: [{ $val }, { $val: 1 }] } } })) }, { $val: -1 }],
      },
    ],
  ])("%s", (_, rank, expected) => {
    expect(json(rank)).toEqual(expected);
    expect(rank).toBeInstanceOf(RankExpression);
  });

  test.each<[string, WhereExpression, unknown]>([
    ["comparisons", K("a").eq(1), { a: { $eq: 1 } }],
    [
      "all of them",
      [K("a").ne(1), K("a").gt(1), K("a").gte(1), K("a").lt(1), K("a").lte(1)].reduce((all, one) => all.and(one)),
      {
        $and: [{ a: { $ne: 1 } }, { a: { $gt: 1 } }, { a: { $gte: 1 } }, { a: { $lt: 1 } }, { a: { $lte: 1 } }],
      },
    ],
    ["lists", K.ID.isIn(new Set(["x", "y"])).or(K("a").notIn([1])), { $or: [{ "#id": { $in: ["x", "y"] } }, { a: { $nin: [1] } }] }],
    [
      "documents",
      K.DOCUMENT.contains("a").and(K.DOCUMENT.notContains("b")),
      { $and: [{ "#document": { $contains: "a" } }, { "#document": { $not_contains: "b" } }] },
    ],
    [
      "patterns",
      K.DOCUMENT.regex("a").or(K.DOCUMENT.notRegex("b")),
      { $or: [{ "#document": { $regex: "a" } }, { "#document": { $not_regex: "b" } }] },
    ],
    [
      "and of and is flat, and of or is not",
      K("a")
        .eq(1)
        .and(K("b").eq(2).and({ c: 3 }))
        .and(K("d").eq(4).or({ e: 5 })),
      {
        $and: [{ a: { $eq: 1 } }, { b: { $eq: 2 } }, { c: { $eq: 3 } }, { $or: [{ d: { $eq: 4 } }, { e: { $eq: 5 } }] }],
      },
    ],
    ["nothing to join", K("a").eq(1).and(null).or(undefined), { a: { $eq: 1 } }],
    ["shorthand is spelled out", WhereExpression.from({ a: 1 })!, { a: { $eq: 1 } }],
    ["a list of one is its part", WhereExpression.from({ $or: [{ a: { $gt: 1 } }] })!, { a: { $gt: 1 } }],
    [
      "plain lists are flattened",
      WhereExpression.from({ $and: [{ $and: [{ a: 1 }, { b: 2 }] }, { $or: [{ c: 3 }, K("d").eq(4)] }] })!,
      {
        $and: [{ a: { $eq: 1 } }, { b: { $eq: 2 } }, { $or: [{ c: { $eq: 3 } }, { d: { $eq: 4 } }] }],
      },
    ],
  ])("where: %s", (_, where, expected) => {
    expect(json(where)).toEqual(expected);
  });

  test("an empty search, and one from a plain object", () => {
    expect(new Search().toPayload()).toEqual({ limit: { offset: 0 }, select: { keys: [] } });
    const init: SearchInit = {
      where: { $and: [{ a: 1 }, { "#id": { $in: ["x"] } }] },
      rank: { $knn: { query: [1] } },
      groupBy: { keys: ["a"], aggregate: { $min_k: { keys: ["#score"], k: 2 } } },
      limit: { offset: 1 },
      select: { keys: ["a", K.SCORE] },
    };
    expect(json(toSearch(init).toPayload())).toEqual({
      filter: { $and: [{ a: { $eq: 1 } }, { "#id": { $in: ["x"] } }] },
      rank: { $knn: { query: [1] } },
      group_by: { keys: ["a"], aggregate: { $min_k: { keys: ["#score"], k: 2 } } },
      limit: { offset: 1 },
      select: { keys: ["a", "#score"] },
    });
  });

  test("groups", () => {
    expect(new GroupBy([K("a")], new MinK([K.SCORE, K("b")], 1)).toJSON()).toEqual({
      keys: ["a"],
      aggregate: { $min_k: { keys: ["#score", "b"], k: 1 } },
    });
    expect(Aggregate.maxK(["a"], 3).toJSON()).toEqual({ $max_k: { keys: ["a"], k: 3 } });
    expect(Aggregate.from({ $max_k: { keys: ["a"], k: 3 } }).toJSON()).toEqual({ $max_k: { keys: ["a"], k: 3 } });
    expect(new MaxK(["a"], 3)).toBeInstanceOf(Aggregate);
  });

  test.each<[string, Search, unknown]>([
    ["select of keys", new Search().select(K.DOCUMENT, "a", "a"), { keys: ["#document", "a"] }],
    ["select of a list", new Search().select(["a", K.ID]), { keys: ["a", "#id"] }],
    ["select of a set", new Search().select(new Set(["a"])), { keys: ["a"] }],
    ["select of an object", new Search().select({ keys: ["a"] }), { keys: ["a"] }],
    ["select of a Select", new Search().select(new Select([K.SCORE])), { keys: ["#score"] }],
    ["select of nothing", new Search().select("a").select(), { keys: [] }],
    ["selectAll", new Search().selectAll(), { keys: ["#document", "#embedding", "#metadata", "#score"] }],
  ])("%s", (_, search, expected) => {
    expect(search.toPayload().select).toEqual(expected);
  });

  test.each<[string, Search, unknown]>([
    ["a number", new Search().limit(3), { offset: 0, limit: 3 }],
    ["a number and an offset", new Search().limit(3, 2), { offset: 2, limit: 3 }],
    ["options", new Search().limit({ offset: 2, limit: null }), { offset: 2 }],
    ["a Limit", new Search().limit(new Limit({ limit: 4 })), { offset: 0, limit: 4 }],
    ["nothing", new Search().limit(3).limit(), { offset: 0 }],
  ])("limit of %s", (_, search, expected) => {
    expect(search.toPayload().limit).toEqual(expected);
  });

  test("our own source", () => {
    expect(Text({ query: "tide" }).toJSON()).toEqual({ $text: { query: "tide", prefix: false, fuzzy: false, limit: 128 } });
    expect(Text({ query: "-tide", operators: true }).toJSON()).toMatchObject({ $text: { query: "-tide", operators: true } });
    expect(Text({ query: "tide", limit: 3, prefix: true, fuzzy: 0.3, default: 1, returnRank: true }).toJSON()).toEqual({
      $text: { query: "tide", prefix: true, fuzzy: 0.3, limit: 3, default: 1, return_rank: true },
    });
  });

  test("names", () => {
    expect(K("a")).toBeInstanceOf(Key);
    expect([K.ID, K.DOCUMENT, K.EMBEDDING, K.METADATA, K.SCORE].map(({ name }) => name)).toEqual([
      "#id",
      "#document",
      "#embedding",
      "#metadata",
      "#score",
    ]);
    expect(K.ID).toBe(Key.ID);
    expect(ReadLevel).toEqual({ INDEX_AND_WAL: "index_and_wal", INDEX_ONLY: "index_only", INDEX_AND_BOUNDED_WAL: "index_and_bounded_wal" });
  });
});

describe("builders are immutable", () => {
  test("every method gives a new search and leaves the old one", () => {
    const base = new Search().where(K("a").eq(1)).rank(Val(1)).limit(1).select("a");
    const before = json(base.toPayload());
    const group = new GroupBy(["a"], Aggregate.minK(["b"], 1));
    const changed = base.where(K("b").eq(2)).rank(Val(2)).groupBy(group).limit(2).select("b");
    expect(json(base.toPayload())).toEqual(before);
    expect(json(changed.toPayload())).toMatchObject({
      filter: { b: { $eq: 2 } },
      rank: { $val: 2 },
      limit: { limit: 2 },
      select: { keys: ["b"] },
    });
    expect(changed.groupByConfig).toBe(group);
    expect([base.groupByConfig, base.limitConfig.limit, base.selectConfig.values]).toEqual([undefined, 1, ["a"]]);
    expect([json(base.whereClause), json(base.rankExpression)]).toEqual([{ a: { $eq: 1 } }, { $val: 1 }]);
  });

  test("what is not given leaves filter, rank and groups as they are", () => {
    const base = new Search().where(K("a").eq(1)).rank(Val(1));
    expect(json(base.where().rank(undefined).groupBy().toPayload())).toEqual(json(base.toPayload()));
  });

  test("a query may be changed afterwards", () => {
    const query = [1];
    const source = Knn({ query });
    query[0] = 2;
    expect(json(source)).toEqual(knn());
  });
});

describe("bad arguments are refused", () => {
  test.each<[string, () => unknown, RegExp]>([
    ["Sum of nothing", () => Sum(), /A rank is missing: undefined stands where/],
    ["Sub of nothing", () => Sub(1, null), /null stands where/],
    ["Rrf of nothing", () => Rrf({ ranks: [] }), /A rank is missing/],
    ["Rrf of a missing rank", () => Rrf({ ranks: [1, undefined] }), /A rank is missing/],
    ["Rrf k of 0", () => Rrf({ ranks: [1], k: 0 }), /Rrf needs a k above 0.*"k":0/],
    ["too few weights", () => Rrf({ ranks: [1, 2], weights: [1] }), /as many weights as ranks/],
    ["a negative weight", () => Rrf({ ranks: [1], weights: [-1] }), /none negative, got .*-1/],
    ["a weight that is no number", () => Rrf({ ranks: [1], weights: [NaN] }), /as many weights/],
    ["weights of sum 0", () => Rrf({ ranks: [1], weights: [0], normalize: true }), /"weights":\[0\]/],
    ["an empty where", () => new Search().where({}), /'where' to have exactly one key, but got \{\}/],
    ["a where of two keys", () => new Search().where({ a: 1, b: 2 }), /exactly one key/],
    ["a where of text", () => new Search().where("a" as never), /where/],
    ["an empty $and", () => new Search().where({ $and: [] }), /'\$and' to be a non-empty list of filters/],
    ["an $or of nothing", () => new Search().where({ $or: [null] }), /'\$or' to be a non-empty list/],
    ["a search of text", () => toSearch("x" as never), /Search/],
  ])("%s", (_, build, message) => {
    expect(build).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) as string }));
  });

  test("filters nested without end are refused before they are sent", () => {
    let where: Record<string, unknown> = { a: 1 };
    for (let i = 0; i < 5000; i++) where = { $and: [where, { b: 1 }] };
    expect(() => new Search().where(where)).toThrow(expect.objectContaining({ code: "LIMIT_EXCEEDED" }));
  });
});

test("rows are the columns, one object per hit, without what is not there", () => {
  const result = new SearchResult({
    ids: [["a", "b"], ["c"]],
    documents: [["x", null], null],
    embeddings: [null, [[1, 2]]],
    metadatas: [[{ n: 1 }, null], null],
    scores: [[0, null], null],
    select: [["#document", "#metadata", "#score"], ["#embedding"]],
  });
  expect(result.rows()).toEqual([
    [{ id: "a", document: "x", metadata: { n: 1 }, score: 0 }, { id: "b" }],
    [{ id: "c", embedding: [1, 2] }],
  ]);
});

/** Checked by the compiler alone. */
export function types(rank: RankInput): void {
  new Search({ where: K("a").eq(1), rank, limit: 3, select: [K.SCORE, "a"] }).limit({ limit: 1, offset: 2 }).select(K.ID);
  // @ts-expect-error: no such part
  new Search({ filter: {} });
  // @ts-expect-error: a query is needed
  Knn({ limit: 3 });
  // @ts-expect-error: vectors cannot be searched as text
  Text({ query: [1] });
  // @ts-expect-error: k is needed
  Aggregate.minK(["a"]);
  // @ts-expect-error: patterns are strings
  K.DOCUMENT.regex(/a/);
}
