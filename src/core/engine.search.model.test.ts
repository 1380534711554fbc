/**
 * Random searches over random records, against a naive evaluator. The evaluator follows Chroma's own definition of a rank:
 * every expression is a table of scores with, perhaps, a score for all other records; two tables are merged operand by
 * operand. It shares no code with the engine; only BM25 scores are the engine's.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { TestEnvironment } from "../testing/environment.js";
import { FaultInjectingStorage } from "../testing/fault-injecting-storage.js";
import { modelDistance } from "../testing/model.js";
import { Engine } from "./engine.js";
import { referenceKernel } from "./index/vector/reference-kernel.js";
import type { Metadata } from "./types.js";

interface Item {
  embedding: [number, number];
  document: string | null;
  metadata: { kind?: string; n?: number } | null;
}

/** Scores of some records, and of all others (`null`: they have none). */
interface Table {
  scores: Map<number, number>;
  others: number | null;
}

type Json = Record<string, unknown>;
type Source = (kind: "$knn" | "$text", options: Json) => [record: number, score: number][];

const FOLDS: Record<string, [start: number, fold: (a: number, b: number) => number]> = {
  $sum: [0, (a, b) => a + b],
  $mul: [1, (a, b) => a * b],
  $max: [-Infinity, Math.max],
  $min: [Infinity, Math.min],
};
const MAPS: Record<string, (a: number) => number> = { $abs: Math.abs, $exp: Math.exp, $log: Math.log };

function tableOf(rank: Json, source: Source): Table {
  const [[operator, operand]] = Object.entries(rank) as [[string, unknown]];
  if (operator === "$val") return { scores: new Map(), others: operand as number };
  if (operator === "$knn" || operator === "$text") {
    const options = operand as Json;
    const scores = source(operator, options).map(([record, score], i): [number, number] => [
      record,
      options.return_rank === true ? i : score,
    ]);
    return { scores: new Map(scores), others: (options.default as number | undefined) ?? null };
  }
  if (operator in MAPS) {
    const { scores, others } = tableOf(operand as Json, source);
    const map = MAPS[operator]!;
    return { scores: new Map([...scores].map(([record, score]) => [record, map(score)])), others: others === null ? null : map(others) };
  }
  if (operator in FOLDS) {
    const [start, fold] = FOLDS[operator]!;
    const first: Table = { scores: new Map(), others: start };
    return (operand as Json[]).map((part) => tableOf(part, source)).reduce((all, part) => merged(all, part, fold), first);
  }
  const { left, right } = operand as { left: Json; right: Json };
  return merged(tableOf(left, source), tableOf(right, source), operator === "$sub" ? (a, b) => a - b : (a, b) => a / b);
}

function merged(left: Table, right: Table, operation: (a: number, b: number) => number): Table {
  const scores = new Map<number, number>();
  for (const record of new Set([...left.scores.keys(), ...right.scores.keys()])) {
    const [a, b] = [left.scores.get(record) ?? left.others, right.scores.get(record) ?? right.others];
    if (a !== null && b !== null) scores.set(record, operation(a, b));
  }
  return { scores, others: left.others === null || right.others === null ? null : operation(left.others, right.others) };
}

function matches(filter: Json, item: Item, id: string): boolean {
  const [[key, operand]] = Object.entries(filter) as [[string, unknown]];
  if (key === "$and") return (operand as Json[]).every((part) => matches(part, item, id));
  if (key === "$or") return (operand as Json[]).some((part) => matches(part, item, id));
  const [[operator, value]] = Object.entries(operand as Json) as [[string, unknown]];
  if (key === "#id") return (value as string[]).includes(id) === (operator === "$in");
  if (key === "#document") return (item.document?.includes(value as string) ?? false) === (operator === "$contains");
  const own = (item.metadata as Metadata | null)?.[key];
  if (operator === "$ne") return own !== value;
  return operator === "$eq" ? own === value : typeof own === "number" && own > (value as number);
}

/** Ascending, what is no number last, ties as they were. */
function sorted(entries: [record: number, score: number][]): [number, number][] {
  const place = (score: number): number => (Number.isNaN(score) ? 2 : 1);
  return [...entries].sort(([a, x], [b, y]) => place(x) - place(y) || (x < y ? -1 : x > y ? 1 : a - b));
}

const small = fc.integer({ min: -2, max: 2 });
const point = fc.tuple(small, small);
const words = fc.constantFrom("tide", "ebb", "moon", "tide moon", "ebb ebb tide");
const item: fc.Arbitrary<Item> = fc.record({
  embedding: point,
  document: fc.option(words),
  metadata: fc.option(
    fc.record({ kind: fc.constantFrom("a", "b"), n: small }, { requiredKeys: [] }).filter((one) => Object.keys(one).length > 0),
  ),
});
const sourceOptions = {
  limit: fc.integer({ min: 1, max: 6 }),
  default: fc.constantFrom(0, 3, -1),
  return_rank: fc.boolean(),
};
const rank = fc.letrec<{ node: Json }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, depthIdentifier: "rank" },
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ query: point, ...sourceOptions }, { requiredKeys: ["query", "limit"] }).map(($knn): Json => ({ $knn })),
      },
      {
        weight: 3,
        arbitrary: fc.record({ query: words, ...sourceOptions }, { requiredKeys: ["query", "limit"] }).map(($text): Json => ({ $text })),
      },
      { weight: 1, arbitrary: small.map(($val): Json => ({ $val })) },
    ),
    fc
      .tuple(fc.constantFrom("$sum", "$mul", "$max", "$min"), fc.array(tie("node"), { minLength: 1, maxLength: 3 }))
      .map(([operator, parts]): Json => ({ [operator]: parts })),
    fc
      .tuple(fc.constantFrom("$sub", "$div"), tie("node"), tie("node"))
      .map(([operator, left, right]): Json => ({ [operator]: { left, right } })),
    fc.tuple(fc.constantFrom("$abs", "$exp", "$log"), tie("node")).map(([operator, part]): Json => ({ [operator]: part })),
  ),
})).node;
const filter = fc.letrec<{ node: Json }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 2, depthIdentifier: "filter" },
    fc.oneof(
      fc.tuple(fc.constantFrom("$eq", "$ne", "$gt"), small).map(([operator, n]): Json => ({ n: { [operator]: n } })),
      fc
        .tuple(fc.constantFrom("$contains", "$not_contains"), fc.constantFrom("e", "moon"))
        .map(([operator, text]): Json => ({ "#document": { [operator]: text } })),
      fc
        .tuple(
          fc.constantFrom("$in", "$nin"),
          fc.array(
            fc.nat(30).map((i) => `r${i}`),
            { minLength: 1, maxLength: 20 },
          ),
        )
        .map(([operator, ids]): Json => ({ "#id": { [operator]: ids } })),
    ),
    fc
      .tuple(fc.constantFrom("$and", "$or"), fc.array(tie("node"), { minLength: 1, maxLength: 3 }))
      .map(([operator, parts]): Json => ({ [operator]: parts })),
  ),
})).node;
const search = fc.record({
  filter: fc.option(filter, { nil: undefined }),
  rank: fc.option(rank, { nil: undefined }),
  group: fc.option(fc.record({ k: fc.integer({ min: 1, max: 2 }), largest: fc.boolean() }), { nil: undefined }),
  limit: fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined }),
  offset: fc.integer({ min: 0, max: 3 }),
});

/** Of each `kind` the first `k` by `n` (a record without one has the smallest), in the order of the rank. */
function grouped(ranked: [number, number][], items: Item[], { k, largest }: { k: number; largest: boolean }): [number, number][] {
  const n = (record: number): number => items[record]!.metadata?.n ?? -99;
  const sign = largest ? -1 : 1;
  return ranked.filter(([record], place) => {
    const kind = items[record]!.metadata?.kind;
    const better = ranked.filter(([other], at) => {
      if (items[other]!.metadata?.kind !== kind) return false;
      const order = sign * (n(other) - n(record));
      return order < 0 || (order === 0 && at < place);
    });
    return better.length < k;
  });
}

test("any search finds what the naive evaluator finds", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(item, { minLength: 1, maxLength: 30 }),
      fc.nat(30),
      fc.array(search, { minLength: 1, maxLength: 3 }),
      async (items, compacted, searches) => {
        const options = { path: "test", storage: "memory", durability: "strict", allowReset: false } as const;
        const engine = await Engine.open({
          storage: new FaultInjectingStorage({}),
          kernel: referenceKernel,
          environment: new TestEnvironment(),
          options,
        });
        const scope = { tenant: "default_tenant", database: "default_database" };
        const { id: collectionId } = await engine.service.createCollection({
          ...scope,
          name: "things",
          metadata: null,
          configuration: {},
          getOrCreate: false,
        });
        const add = async (from: number, to: number): Promise<void> => {
          const part = items.slice(from, to);
          if (part.length === 0) return;
          const records = {
            ids: part.map((_, i) => `r${from + i}`),
            embeddings: { dimension: 2, values: Float32Array.from(part.flatMap(({ embedding }) => embedding)), present: null },
            documents: part.map(({ document }) => document),
            metadatas: part.map(({ metadata }) => metadata),
            uris: null,
          };
          await engine.service.write({ collectionId, operation: "add", records });
        };
        await add(0, compacted);
        await engine.compact(collectionId);
        await add(compacted, items.length);

        for (const { filter, rank, group, limit, offset } of searches) {
          const allowed = items.flatMap((one, record) => (filter === undefined || matches(filter, one, `r${record}`) ? [record] : []));
          const bm25 = new Map<string, [number, number][]>();
          for (const query of ["tide", "ebb", "moon", "tide moon", "ebb ebb tide"]) {
            const hits = await engine.service.searchText({ collectionId, query, nResults: 99, include: [], prefix: false, fuzzy: 0 });
            bm25.set(
              query,
              hits.ids.map((id, i) => [Number(id.slice(1)), -hits.scores[i]!]),
            );
          }
          const source: Source = (kind, options) => {
            const hits =
              kind === "$text"
                ? bm25.get(options.query as string)!.filter(([record]) => allowed.includes(record))
                : allowed.map((record): [number, number] => {
                    const [a, b] = [options.query as number[], items[record]!.embedding].map((vector) => Float32Array.from(vector));
                    return [record, modelDistance("l2", a!, b!)];
                  });
            return sorted(hits).slice(0, options.limit as number);
          };
          const inOrder = allowed.map((record, i): [number, number] => [record, i]);
          const ranked = rank === undefined ? inOrder : sorted([...tableOf(rank, source).scores]);
          const kept = group === undefined ? ranked : grouped(ranked, items, group);
          const expected = kept.slice(offset, limit === undefined ? undefined : offset + limit);

          const group_by = group && { keys: ["kind"], aggregate: { [group.largest ? "$max_k" : "$min_k"]: { keys: ["n"], k: group.k } } };
          const payload = { filter, rank, group_by, limit: { limit, offset }, select: { keys: ["#score"] } };
          const [found] = await engine.service.search({ collectionId, searches: [payload] });
          expect(found!.ids.map((id, i) => [Number(id.slice(1)), found!.scores![i]! + 0])).toEqual(
            expected.map(([record, score]) => [record, score + 0]),
          );
        }
        await engine.close();
      },
    ),
    { numRuns: 150 },
  );
});
