import { describe, expect, test } from "vitest";
import { FaultInjectingStorage } from "../testing/fault-injecting-storage.js";
import { openedEngine } from "../testing/opened-engines.js";
import type { Engine } from "./engine.js";
import { limits } from "./limits.js";
import type { SearchColumns } from "./service.js";
import type { MetadataPatch } from "./types.js";

interface Row {
  id: string;
  embedding?: number[];
  document?: string | null;
  metadata?: MetadataPatch | null;
}

class Library {
  readonly engine: Engine;
  readonly collectionId: string;

  private constructor(engine: Engine, collectionId: string) {
    this.engine = engine;
    this.collectionId = collectionId;
  }

  static async open(rows: Row[] = []): Promise<Library> {
    const engine = await openedEngine(new FaultInjectingStorage({}));
    const scope = { tenant: "default_tenant", database: "default_database" };
    const { id } = await engine.service.createCollection({
      ...scope,
      name: "library",
      metadata: null,
      configuration: {},
      getOrCreate: false,
    });
    const library = new Library(engine, id);
    if (rows.length > 0) await library.write("add", rows);
    return library;
  }

  write(operation: "add" | "update" | "upsert", rows: Row[]): Promise<void> {
    const carried = rows.filter((row) => row.embedding !== undefined);
    const dimension = carried[0]?.embedding?.length ?? 0;
    const embeddings = {
      dimension,
      values: Float32Array.from(carried.flatMap((row) => row.embedding!)),
      present: carried.length === rows.length ? null : Uint8Array.from(rows, (row) => Number(row.embedding !== undefined)),
    };
    const records = {
      ids: rows.map((row) => row.id),
      embeddings: carried.length === 0 ? null : embeddings,
      documents: rows.map((row) => row.document ?? null),
      metadatas: rows.map((row) => row.metadata ?? null),
      uris: null,
    };
    return this.engine.service.write({ collectionId: this.collectionId, operation, records });
  }

  async search(search: unknown, readLevel?: string): Promise<SearchColumns> {
    const [found] = await this.engine.service.search({ collectionId: this.collectionId, searches: [search], readLevel });
    return found!;
  }

  /** Ids with scores, as the search gives them. */
  async ranking(search: object, readLevel?: string): Promise<[id: string, score: number][]> {
    const { ids, scores } = await this.search({ ...search, select: { keys: ["#score"] } }, readLevel);
    return ids.map((id, i) => [id, scores![i]!]);
  }
}

/** Points on a line: the squared distance from the origin is the square of the number. */
const points: Row[] = [
  { id: "far", embedding: [5, 0], document: "the far shore", metadata: { kind: "shore", year: 3 } },
  { id: "near", embedding: [1, 0], document: "the near shore, a shore of sand", metadata: { kind: "shore", year: 1 } },
  { id: "mid", embedding: [3, 0], document: "a reef", metadata: { kind: "reef", year: 1 } },
  { id: "bare", embedding: [2, 0] },
];
const knn = (options: object = {}) => ({ $knn: { query: [0, 0], ...options } });
const text = (query: string, options: object = {}) => ({ $text: { query, ...options } });

describe("rank", () => {
  test("a source alone gives its distances, nearest first", async () => {
    const library = await Library.open(points);
    expect(await library.ranking({ rank: knn() })).toEqual([
      ["near", 1],
      ["bare", 4],
      ["mid", 9],
      ["far", 25],
    ]);
    expect(await library.ranking({ rank: knn({ limit: 2 }) })).toEqual([
      ["near", 1],
      ["bare", 4],
    ]);
  });

  test("return_rank gives positions from 0", async () => {
    const library = await Library.open(points);
    expect(await library.ranking({ rank: knn({ return_rank: true, limit: 3 }) })).toEqual([
      ["near", 0],
      ["bare", 1],
      ["mid", 2],
    ]);
  });

  test("a record that a source lacks drops out, or takes the default", async () => {
    const library = await Library.open(points);
    const first = knn({ limit: 2 });
    const second = { $knn: { query: [5, 0], limit: 2 } };
    expect(await library.ranking({ rank: { $sum: [first, second] } })).toEqual([]);
    const withDefault = { $knn: { query: [5, 0], limit: 2, default: 100 } };
    expect(await library.ranking({ rank: { $sum: [first, withDefault] } })).toEqual([
      ["near", 101],
      ["bare", 104],
    ]);
    expect(await library.ranking({ rank: { $sum: [knn({ limit: 2, default: 0 }), withDefault] } })).toEqual([
      ["far", 0],
      ["mid", 4],
      ["near", 101],
      ["bare", 104],
    ]);
  });

  test("a default adds no record by itself, and a constant ranks nothing", async () => {
    const library = await Library.open(points);
    expect(await library.ranking({ rank: knn({ limit: 1, default: 9 }) })).toEqual([["near", 1]]);
    expect(await library.ranking({ rank: { $val: 1 } })).toEqual([]);
  });

  test.each<[string, object, [string, number][]]>([
    [
      "sub",
      { $sub: { left: { $val: 10 }, right: knn({ limit: 2 }) } },
      [
        ["bare", 6],
        ["near", 9],
      ],
    ],
    [
      "div",
      { $div: { left: { $val: 8 }, right: knn({ limit: 2 }) } },
      [
        ["bare", 2],
        ["near", 8],
      ],
    ],
    [
      "mul",
      { $mul: [{ $val: -1 }, knn({ limit: 2 })] },
      [
        ["bare", -4],
        ["near", -1],
      ],
    ],
    [
      "max",
      { $max: [knn({ limit: 2 }), { $val: 2 }] },
      [
        ["near", 2],
        ["bare", 4],
      ],
    ],
    [
      "min",
      { $min: [knn({ limit: 2 }), { $val: 2 }] },
      [
        ["near", 1],
        ["bare", 2],
      ],
    ],
    [
      "abs",
      { $abs: { $sub: { left: knn({ limit: 2 }), right: { $val: 4 } } } },
      [
        ["bare", 0],
        ["near", 3],
      ],
    ],
    ["exp", { $exp: { $sub: { left: knn({ limit: 1 }), right: { $val: 1 } } } }, [["near", 1]]],
    ["log", { $log: knn({ limit: 1 }) }, [["near", 0]]],
  ])("%s", async (_, rank, expected) => {
    const library = await Library.open(points);
    expect(await library.ranking({ rank })).toEqual(expected);
  });

  test("equal scores stay in insertion order; what is no number comes last", async () => {
    const library = await Library.open(points);
    expect((await library.ranking({ rank: { $mul: [knn(), { $val: 0 }] } })).map(([id]) => id)).toEqual(["far", "near", "mid", "bare"]);
    const odd = { $log: { $sub: { left: knn(), right: { $val: 5 } } } };
    expect(await library.ranking({ rank: odd })).toEqual([
      ["mid", Math.log(4)],
      ["far", Math.log(20)],
      ["near", NaN],
      ["bare", NaN],
    ]);
  });

  test("text scores are turned round, so that smaller is better", async () => {
    const library = await Library.open(points);
    const { ids, scores } = await library.engine.service.searchText({
      collectionId: library.collectionId,
      query: "shore",
      nResults: 9,
      include: [],
      prefix: false,
      fuzzy: 0,
    });
    expect(ids).toHaveLength(2);
    expect(await library.ranking({ rank: text("shore") })).toEqual(ids.map((id, i) => [id, -scores[i]!]));
    expect(await library.ranking({ rank: text("shore", { return_rank: true }) })).toEqual(ids.map((id, i) => [id, i]));
    expect((await library.ranking({ rank: text("shor", { prefix: true }) })).map(([id]) => id).sort()).toEqual(["far", "near"]);
    expect(await library.ranking({ rank: text("shore +absent", { operators: true }) })).toEqual([]);
    const [[best, score]] = (await library.ranking({ rank: text("shore^2", { operators: true }) })) as [[string, number]];
    expect([best, score]).toEqual([ids[0], -2 * scores[0]!]);
    expect((await library.ranking({ rank: text("shorr", { fuzzy: true }) })).map(([id]) => id).sort()).toEqual(["far", "near"]);
  });

  test("dense and text together by reciprocal ranks", async () => {
    const library = await Library.open(points);
    const term = (rank: object) => ({ $div: { left: { $val: 1 }, right: { $sum: [rank, { $val: 60 }] } } });
    const dense = knn({ return_rank: true, default: 1000 });
    const words = text("reef", { return_rank: true, default: 1000 });
    const found = await library.ranking({ rank: { $mul: [{ $sum: [term(dense), term(words)] }, { $val: -1 }] }, limit: { limit: 2 } });
    expect(found).toEqual([
      ["mid", -(1 / 62 + 1 / 60)],
      ["near", -(1 / 60 + 1 / 1060)],
    ]);
  });

  test("an empty collection has no hits, whatever the dimension", async () => {
    const library = await Library.open();
    expect(await library.ranking({ rank: { $sum: [knn(), text("x")] } })).toEqual([]);
    expect(await library.ranking({})).toEqual([]);
  });
});

describe("filter, limit and select", () => {
  test("filters come before the sources, so that a search with enough matches returns its limit", async () => {
    const library = await Library.open(points);
    expect(await library.ranking({ filter: { year: { $gte: 1 } }, rank: knn({ limit: 2 }) })).toEqual([
      ["near", 1],
      ["mid", 9],
    ]);
    expect(await library.ranking({ filter: { "#id": { $nin: ["near", "far"] } }, rank: knn() })).toEqual([
      ["bare", 4],
      ["mid", 9],
    ]);
    const mixed = { $or: [{ "#document": { $contains: "reef" } }, { $and: [{ kind: "shore" }, { "#id": { $ne: "far" } }] }] };
    expect(await library.ranking({ filter: mixed, rank: knn() })).toEqual([
      ["near", 1],
      ["mid", 9],
    ]);
  });

  test("without a rank: insertion order, scored by position", async () => {
    const library = await Library.open(points);
    expect(await library.ranking({ filter: { year: { $gte: 1 } } })).toEqual([
      ["far", 0],
      ["near", 1],
      ["mid", 2],
    ]);
    expect(await library.ranking({ limit: { limit: 2, offset: 1 } })).toEqual([
      ["near", 1],
      ["mid", 2],
    ]);
  });

  test("limit and offset cut the ranking", async () => {
    const library = await Library.open(points);
    expect(await library.ranking({ rank: knn(), limit: { limit: 2, offset: 1 } })).toEqual([
      ["bare", 4],
      ["mid", 9],
    ]);
    expect(await library.ranking({ rank: knn(), limit: { offset: 9 } })).toEqual([]);
  });

  test("columns that are not selected are null; selected keys narrow the metadata", async () => {
    const library = await Library.open(points);
    const search = { rank: knn({ limit: 2 }) };
    expect(await library.search(search)).toEqual({
      ids: ["near", "bare"],
      documents: null,
      embeddings: null,
      metadatas: null,
      scores: null,
      select: [],
    });
    const all = await library.search({ ...search, select: { keys: ["#document", "#embedding", "#metadata", "#score"] } });
    expect(all).toEqual({
      ids: ["near", "bare"],
      documents: ["the near shore, a shore of sand", null],
      embeddings: { dimension: 2, values: Float32Array.of(1, 0, 2, 0) },
      metadatas: [{ kind: "shore", year: 1 }, null],
      scores: Float64Array.of(1, 4),
      select: ["#document", "#embedding", "#metadata", "#score"],
    });
    const some = await library.search({ ...search, select: { keys: ["year", "year", "nothing"] } });
    expect(some).toMatchObject({ metadatas: [{ year: 1 }, null], select: ["year", "nothing"], scores: null });
  });

  test("several searches are answered in their order", async () => {
    const library = await Library.open(points);
    const searches = [{ rank: knn({ limit: 1 }) }, { filter: { kind: "reef" } }, {}];
    const found = await library.engine.service.search({ collectionId: library.collectionId, searches });
    expect(found.map(({ ids }) => ids)).toEqual([["near"], ["mid"], ["far", "near", "mid", "bare"]]);
  });
});

describe("group_by", () => {
  const group = (keys: string[], aggregate: object) => ({ keys, aggregate });

  test("keeps the best of each group, in the order of the rank", async () => {
    const library = await Library.open(points);
    const best = { rank: knn(), group_by: group(["kind"], { $min_k: { keys: ["#score"], k: 1 } }) };
    expect(await library.ranking(best)).toEqual([
      ["near", 1],
      ["bare", 4],
      ["mid", 9],
    ]);
    const worst = { rank: knn(), group_by: group(["kind"], { $max_k: { keys: ["#score"], k: 1 } }) };
    expect(await library.ranking(worst)).toEqual([
      ["bare", 4],
      ["mid", 9],
      ["far", 25],
    ]);
  });

  test("several keys; records of equal aggregate keys in the order of the rank", async () => {
    const library = await Library.open(points);
    const byYear = { rank: knn(), group_by: group(["year"], { $min_k: { keys: ["year", "kind"], k: 1 } }) };
    expect(await library.ranking(byYear)).toEqual([
      ["bare", 4],
      ["mid", 9],
      ["far", 25],
    ]);
    const equal = { rank: knn(), group_by: group(["year"], { $max_k: { keys: ["year"], k: 1 } }) };
    expect(await library.ranking(equal)).toEqual([
      ["near", 1],
      ["bare", 4],
      ["far", 25],
    ]);
    const both = { rank: knn(), group_by: group(["kind", "year"], { $min_k: { keys: ["#score"], k: 1 } }), limit: { limit: 3 } };
    expect(await library.ranking(both)).toEqual([
      ["near", 1],
      ["bare", 4],
      ["mid", 9],
    ]);
  });

  test("values of different types make different groups and have an order", async () => {
    const values = [["x"], "1", 1, true, [1], "10", 9, null, { indices: [1], values: [2] }, { indices: [1], values: [-2] }];
    const rows = values.map((value, i) => ({
      id: `v${i}`,
      embedding: [i],
      metadata: value === null ? null : ({ v: value } as MetadataPatch),
    }));
    const library = await Library.open(rows);
    const distinct = await library.ranking({ group_by: group(["v"], { $min_k: { keys: ["#score"], k: 1 } }) });
    expect(distinct).toHaveLength(values.length);
    const smallest = await Promise.all(
      values.map(
        async (_, k) =>
          new Set((await library.ranking({ group_by: group(["none"], { $min_k: { keys: ["v"], k: k + 1 } }) })).map(([id]) => id)),
      ),
    );
    const order = smallest.map((ids, k) => [...ids].find((id) => k === 0 || !smallest[k - 1]!.has(id)));
    expect(order).toEqual(["v7", "v3", "v2", "v6", "v1", "v5", "v9", "v8", "v4", "v0"]);
  });
});

describe("readLevel", () => {
  async function changed(): Promise<Library> {
    const library = await Library.open(points);
    await library.engine.compact(library.collectionId);
    await library.write("update", [{ id: "near", embedding: [9, 0], document: "moved", metadata: { year: 7 } }]);
    await library.engine.service.delete({ collectionId: library.collectionId, ids: ["bare"] });
    await library.write("add", [
      { id: "new", embedding: [0, 0], document: "a new shore" },
      { id: "bare", embedding: [7, 0] },
    ]);
    return library;
  }
  const select = { keys: ["#document", "#embedding", "#metadata", "#score"] };

  test("the log is seen by default", async () => {
    const library = await changed();
    const seen = [
      ["new", 0],
      ["mid", 9],
      ["far", 25],
      ["bare", 49],
      ["near", 81],
    ];
    expect(await library.ranking({ rank: knn() })).toEqual(seen);
    expect(await library.ranking({ rank: knn() }, "index_and_wal")).toEqual(seen);
    expect(await library.ranking({ rank: knn() }, "index_and_bounded_wal")).toEqual(seen);
  });

  test("index_only answers as the latest compaction left it, deleted and changed records included", async () => {
    const library = await changed();
    const untouched = await Library.open(points);
    for (const search of [
      { rank: knn(), select },
      { rank: knn({ limit: 2 }), select },
      { rank: { $knn: { query: [9, 0], limit: 1 } }, select },
      { filter: { year: 1 }, select },
      { filter: { "#id": { $in: ["bare", "new", "near"] } }, select },
      { filter: { "#document": { $contains: "shore" } }, rank: knn(), select },
      { rank: knn(), group_by: { keys: ["kind"], aggregate: { $min_k: { keys: ["year"], k: 1 } } }, select },
    ]) {
      expect(await library.search(search, "index_only")).toEqual(await untouched.search(search));
    }
  });

  test("index_only finds by text what the text index still has as it was compacted", async () => {
    const library = await changed();
    expect((await library.ranking({ rank: text("shore") }, "index_only")).map(([id]) => id)).toEqual(["far"]);
    expect(await library.ranking({ rank: text("moved") }, "index_only")).toEqual([]);
  });

  test("index_only sees nothing before the first compaction, and everything after the next", async () => {
    const library = await Library.open(points);
    expect(await library.ranking({}, "index_only")).toEqual([]);
    expect(await library.ranking({ rank: knn() }, "index_only")).toEqual([]);
    await library.engine.compact(library.collectionId);
    expect(await library.ranking({}, "index_only")).toHaveLength(4);
  });
});

test("a retained version is searched as it was", async () => {
  const library = await Library.open(points);
  await library.engine.compact(library.collectionId);
  await library.engine.service.delete({ collectionId: library.collectionId, ids: ["near"] });
  const { version } = (await library.engine.service.listVersions({ collectionId: library.collectionId })).at(-1)!;
  const search = { rank: { $sum: [knn(), text("shore", { default: 0 })] }, filter: { "#id": { $ne: "far" } } };
  const [then] = await library.engine.service.search({ collectionId: library.collectionId, searches: [search], version });
  expect(then!.ids).toEqual(["near", "bare", "mid"]);
  expect((await library.search(search)).ids).toEqual(["bare", "mid"]);
});

describe("bad requests are refused", () => {
  const nested = (depth: number): object => (depth === 0 ? { $val: 1 } : { $abs: nested(depth - 1) });
  const grouped = (group_by: unknown) => ({ group_by });

  test.each<[string, unknown, string, string?]>([
    ["no object", 7, "searches[0] is 7; expected an object"],
    ["an unknown part", { groupBy: {} }, 'searches[0] has the field "groupBy"; it takes filter, rank, group_by, limit, select'],
    ["a rank that is no object", { rank: 1 }, "searches[0].rank is 1"],
    ["an empty rank", { rank: {} }, "searches[0].rank is {}; expected an object with exactly one of $knn, $text, $val"],
    ["two operators", { rank: { $val: 1, $abs: { $val: 1 } } }, "exactly one of"],
    ["an unknown operator", { rank: { $pow: [1, 2] } }, 'searches[0].rank has the field "$pow"'],
    ["no operands", { rank: { $sum: [] } }, "searches[0].rank.$sum is []; expected a non-empty list"],
    ["a bad operand", { rank: { $sum: [knn(), 3] } }, "searches[0].rank.$sum[1] is 3"],
    ["a missing side", { rank: { $sub: { left: knn() } } }, "searches[0].rank.$sub.right is undefined"],
    ["an infinite constant", { rank: { $val: Infinity } }, "searches[0].rank.$val is Infinity; expected a finite number"],
    ["a constant that is no number", { rank: { $val: "1" } }, 'searches[0].rank.$val is "1"'],
    ["no query", { rank: { $knn: {} } }, "searches[0].rank.$knn.query is undefined; expected an array of numbers"],
    ["a query that is not embedded", { rank: { $knn: { query: "x" } } }, "texts are embedded before"],
    ["a query of no numbers", { rank: { $knn: { query: [] } } }, "non-empty array"],
    ["a query with NaN", { rank: { $knn: { query: [NaN, 0] } } }, "searches[0].rank.$knn.query[0][0]"],
    [
      "another dimension",
      { rank: { $knn: { query: [1, 2, 3] } } },
      "Collection expecting embedding with dimension of 2, got 3",
      "DIMENSION_MISMATCH",
    ],
    ["a sparse query", { rank: { $knn: { query: { indices: [1], values: [1] } } } }, "a sparse vector needs a key with an index"],
    ["another key", { rank: knn({ key: "sparse" }) }, "metadata key 'sparse' with type 'SparseVector' because indexing is disabled"],
    ["a key that is no string", { rank: knn({ key: 1 }) }, "searches[0].rank.$knn.key is 1"],
    ["a limit of 0", { rank: knn({ limit: 0 }) }, "searches[0].rank.$knn.limit is 0; expected a whole number above 0"],
    ["a default that is no number", { rank: knn({ default: "9" }) }, 'searches[0].rank.$knn.default is "9"'],
    ["return_rank that is no flag", { rank: knn({ return_rank: 1 }) }, "searches[0].rank.$knn.return_rank is 1; expected true or false"],
    ["a misspelt field", { rank: knn({ returnRank: true }) }, 'has the field "returnRank"'],
    ["a text query that is none", { rank: { $text: { query: 1 } } }, "searches[0].rank.$text.query is 1"],
    ["a tolerance above 1", { rank: text("x", { fuzzy: 2 }) }, "searches[0].rank.$text.fuzzy must be true, false or a number"],
    ["operators that are no flag", { rank: text("x", { operators: 1 }) }, "searches[0].rank.$text.operators is 1"],
    ["a prefix that is no flag", { rank: text("x", { prefix: "all" }) }, 'searches[0].rank.$text.prefix is "all"'],
    ["a deep rank", { rank: nested(limits.rankDepthMax + 1) }, "rankDepthMax", "LIMIT_EXCEEDED"],
    [
      "a big rank",
      { rank: { $sum: Array.from({ length: limits.rankExpressionsMax }, () => ({ $val: 1 })) } },
      "rankExpressionsMax",
      "LIMIT_EXCEEDED",
    ],
    ["a bad filter", { filter: { a: { $foo: 1 } } }, "searches[0].filter.a.$foo is not an operator"],
    ["a filter on the score", { filter: { "#score": 1 } }, "searches[0].filter.#score is not something to filter on"],
    ["a limit of 0", { limit: { limit: 0 } }, "searches[0].limit.limit is 0; expected a whole number above 0"],
    ["a negative offset", { limit: { offset: -1 } }, "'searches[0].limit.offset' to be a non-negative integer"],
    ["a limit that is no object", { limit: 3 }, "searches[0].limit is 3"],
    ["an offset that is no number", { limit: { offset: "1" } }, "searches[0].limit.offset"],
    ["keys that are no list", { select: { keys: "#id" } }, 'searches[0].select.keys is "#id"; expected a non-empty list'],
    [
      "an unknown special key",
      { select: { keys: ["#uri"] } },
      'searches[0].select.keys[0] is "#uri"; expected a metadata key, #id, #document',
    ],
    ["groups without keys", grouped({ keys: [], aggregate: {} }), "searches[0].group_by.aggregate is {}"],
    [
      "groups by score",
      grouped({ keys: ["#score"], aggregate: { $min_k: { keys: ["a"], k: 1 } } }),
      'searches[0].group_by.keys[0] is "#score"; expected a metadata key',
    ],
    ["groups without aggregate", grouped({ keys: ["a"] }), "searches[0].group_by.aggregate is undefined"],
    [
      "an aggregate of 0",
      grouped({ keys: ["a"], aggregate: { $min_k: { keys: ["a"], k: 0 } } }),
      "searches[0].group_by.aggregate.$min_k.k is 0",
    ],
    ["an unknown aggregate", grouped({ keys: ["a"], aggregate: { $avg: {} } }), 'has the field "$avg"'],
  ])("%s", async (_, search, message, code = "INVALID_ARGUMENT") => {
    const library = await Library.open(points);
    await expect(library.search(search)).rejects.toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) as string }),
    );
  });

  test.each<[string, object, string, string?]>([
    ["no searches", { searches: [] }, "searches is []; expected a non-empty list"],
    ["searches that are no list", { searches: {} }, "searches is {}"],
    [
      "too many searches",
      { searches: Array.from({ length: limits.searchesMax + 1 }, () => ({})) },
      "101 searches in one call",
      "LIMIT_EXCEEDED",
    ],
    [
      "an unknown read level",
      { searches: [{}], readLevel: "wal" },
      'readLevel must be one of index_and_wal, index_only, index_and_bounded_wal, got "wal"',
    ],
    ["another collection", { searches: [{}], collectionId: "none" }, "none", "NOT_FOUND"],
  ])("%s", async (_, request, message, code = "INVALID_ARGUMENT") => {
    const library = await Library.open(points);
    const call = library.engine.service.search({ collectionId: library.collectionId, searches: [], ...request });
    await expect(call).rejects.toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) as string }));
  });

  test("one bad search fails the call before any runs", async () => {
    const library = await Library.open(points);
    const searches = [{ rank: knn() }, { rank: { $val: NaN } }];
    await expect(library.engine.service.search({ collectionId: library.collectionId, searches })).rejects.toThrow(
      "searches[1].rank.$val is NaN",
    );
  });
});
