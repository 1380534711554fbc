import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { testBlockStore } from "../../../testing/block-store.js";
import { usePatterns } from "../../../testing/patterns.js";
import { Bitmap } from "../../base/bitmap.js";
import { atOnce } from "../../base/steps.js";
import { CollectionMetadata } from "../../collection/metadata.js";
import { checkIndexed } from "../../gateway/check-indexed.js";
import type { DocumentCondition, DocumentFilter, MetadataFilter, RecordFilter } from "../../gateway/filter.js";
import { parseSearchFilter, parseWhere, parseWhereDocument } from "../../gateway/parse-filter.js";
import { IndexPolicy } from "../../schema.js";
import type { CollectionSchema, Metadata, ValueTypes, Where, WhereDocument } from "../../types.js";
import { matchesDocument, matchesMetadata } from "../predicate.js";
import type { FilterSource } from "./filter.js";
import { filterOrdinals } from "./filter.js";

beforeAll(usePatterns);

interface TestRecord {
  metadata: Metadata | null;
  document: string | null;
}

/** One ordinal: what the segments hold, and what the memtable says instead (`null`: deleted; absent: nothing). */
interface Slot {
  compacted: TestRecord | null;
  memtable?: TestRecord | null;
}

interface Call {
  ordinals: number[];
  fields: { metadata: boolean; document: boolean };
}

function truth(slot: Slot): TestRecord | null {
  return slot.memtable === undefined ? slot.compacted : slot.memtable;
}

interface TestSource extends FilterSource {
  calls: Call[];
  /** Conditions evaluated, and ticks awaited. */
  asked: number;
  ticks: number;
}

/** `documentIndex` says which conditions on documents an index answers, or knows something of. */
async function sourceOf(
  slots: readonly Slot[],
  indexes = new IndexPolicy(undefined),
  documentIndex: (condition: DocumentCondition) => boolean | "partly" = () => false,
): Promise<TestSource> {
  const store = testBlockStore();
  const segment = new CollectionMetadata({ context: { blocks: store }, row: { name: "test" }, indexes });
  const payloadOf = (metadata: Metadata | null | undefined) => (metadata == null ? null : { document: null, uri: null, metadata });
  const payloads = slots.map(({ compacted }, ordinal) => ({ ordinal, before: null, after: payloadOf(compacted?.metadata) }));
  (await segment.compact({ payloads }, store.begin(), () => {})).install();
  const ordinalsOf = (keep: (slot: Slot) => boolean) => Bitmap.of(slots.flatMap((slot, i) => (keep(slot) ? [i] : [])));
  const source: TestSource = {
    calls: [],
    asked: 0,
    ticks: 0,
    universe: ordinalsOf((slot) => truth(slot) !== null),
    memtableOrdinals: ordinalsOf((slot) => slot.memtable !== undefined),
    async find(ids) {
      return Array.from(ids, (id) => Number(id.slice(1))).filter((ordinal) => source.universe.has(ordinal));
    },
    metadata(condition) {
      source.asked++;
      return segment.answers(condition) ? segment.evaluate(condition, () => undefined) : null;
    },
    documents(condition) {
      const answered = documentIndex(condition);
      if (answered === false) return null;
      source.asked++;
      const filter: DocumentFilter = { kind: "condition", condition, negated: false };
      const matches = ordinalsOf(({ compacted }) => compacted !== null && atOnce(matchesDocument(filter, compacted.document)));
      if (answered === true) return Promise.resolve({ sure: matches, possible: matches });
      const some = Bitmap.of(slots.flatMap((_, ordinal) => (ordinal % 3 === 0 ? [ordinal] : [])));
      return Promise.resolve({ sure: matches.clone().intersect(some), possible: matches.clone().union(some) });
    },
    async fetch(ordinals, fields) {
      source.calls.push({ ordinals: [...ordinals], fields });
      const records = Array.from(ordinals, (ordinal) => truth(slots[ordinal]!)!);
      return {
        metadatas: fields.metadata ? records.map((record) => record.metadata) : null,
        documents: fields.document ? records.map((record) => record.document) : null,
      };
    },
    async tick() {
      source.ticks++;
    },
  };
  return source;
}

async function select(source: FilterSource, where: unknown, whereDocument?: unknown): Promise<number[]> {
  const filters: (RecordFilter | null)[] = [parseWhere(where), parseWhereDocument(whereDocument)];
  return [...(await filterOrdinals(source, { kind: "and", filters: filters.filter((filter) => filter !== null) })).toArray()];
}

async function search(source: FilterSource, filter: unknown): Promise<number[]> {
  return [...(await filterOrdinals(source, parseSearchFilter(filter, "filter")!)).toArray()];
}

const record = (metadata: Metadata | null, document: string | null = null): TestRecord => ({ metadata, document });

describe("filterOrdinals", () => {
  const slots: Slot[] = [
    { compacted: record({ n: 1 }, "one") },
    { compacted: record({ n: 2 }, "two") },
    { compacted: record({ n: 1 }), memtable: record({ n: 2 }, "two") },
    { compacted: record({ n: 2 }), memtable: record({}) },
    { compacted: record({ n: 2 }), memtable: null },
    { compacted: null, memtable: record({ n: 2 }, "two") },
    { compacted: record(null) },
  ];

  test("without filters gives every live ordinal, as a bitmap of its own", async () => {
    const source = await sourceOf(slots);
    const all = await filterOrdinals(source, { kind: "and", filters: [] });
    expect([...all.toArray()]).toEqual([0, 1, 2, 3, 5, 6]);
    all.delete(0);
    expect(source.universe.has(0)).toBe(true);
    expect(source.calls).toEqual([]);
  });

  test("the memtable overrides the segments, also where a negation is asked", async () => {
    const source = await sourceOf(slots);
    expect(await select(source, { n: 2 })).toEqual([1, 2, 5]);
    expect(await select(source, { n: { $ne: 2 } })).toEqual([0, 3, 6]);
    expect(await select(source, { n: { $gt: 1 } })).toEqual([1, 2, 5]);
    expect(await select(source, { $and: [] })).toEqual([0, 1, 2, 3, 5, 6]);
    expect(await select(source, { $or: [] })).toEqual([]);
    expect(await select(source, { $or: [{ n: 1 }, { n: { $gte: 2 } }] })).toEqual([0, 1, 2, 5]);
    expect(await select(source, null, { $contains: "two" })).toEqual([1, 2, 5]);
    expect(await select(source, { n: 2 }, { $not_contains: "o" })).toEqual([]);
    expect(await select(source, { n: { $ne: 1 } }, { $not_regex: "^t" })).toEqual([3, 6]);
  });

  test("documents are fetched only for what the metadata leaves", async () => {
    const source = await sourceOf(slots);
    await select(source, { n: 1 }, { $contains: "one" });
    expect(source.calls.filter((call) => call.fields.document)).toEqual([{ ordinals: [0], fields: { metadata: false, document: true } }]);
    source.calls.length = 0;
    await select(source, { n: 99 }, { $contains: "one" });
    expect(source.calls.filter((call) => call.fields.document)).toEqual([]);
  });

  test("conditions that can no longer matter are not asked, and cheap ones are asked first", async () => {
    const source = await sourceOf(slots);
    await select(source, { $and: [{ n: { $gt: 0 } }, { n: { $lt: 9 } }, { n: 77 }] });
    expect(source.asked).toBe(1);
    source.asked = 0;
    await select(source, { $or: [{ n: { $gt: 0 } }, { n: { $ne: 77 } }] });
    expect(source.asked).toBe(1);
  });

  test("one filter may mix ids, documents and metadata", async () => {
    const source = await sourceOf(slots);
    expect(await search(source, { "#id": { $in: ["r0", "r5", "r4", "nobody"] } })).toEqual([0, 5]);
    expect(await search(source, { "#id": { $nin: ["r0", "r5"] } })).toEqual([1, 2, 3, 6]);
    expect(await search(source, { $and: [{ "#document": { $contains: "two" } }, { n: 2 }, { "#id": { $ne: "r1" } }] })).toEqual([2, 5]);
    expect(await search(source, { $or: [{ "#document": { $regex: "^one$" } }, { "#id": "r6" }, { n: { $gt: 1 } }] })).toEqual([
      0, 1, 2, 5, 6,
    ]);
    expect(await search(source, { "#document": { $not_contains: "o" } })).toEqual([3, 6]);
  });

  test("a mixed filter reads documents last and each of them once, whatever its order", async () => {
    const source = await sourceOf(slots);
    const mixed = {
      $and: [{ "#document": { $contains: "t" } }, { n: 2 }, { "#document": { $contains: "wo" } }, { "#id": { $in: ["r0", "r2"] } }],
    };
    expect(await search(source, mixed)).toEqual([2]);
    expect(source.calls).toEqual([
      { ordinals: [2], fields: { metadata: true, document: false } },
      { ordinals: [2], fields: { metadata: false, document: true } },
    ]);
  });

  describe("where an index answers some conditions on documents", () => {
    const onContains = (condition: DocumentCondition) => condition.operator === "contains";
    const indexed = () => sourceOf(slots, undefined, onContains);
    const read = (source: TestSource) => source.calls.flatMap(({ ordinals, fields }) => (fields.document ? ordinals : []));

    test("only documents in the memtable are read", async () => {
      const source = await indexed();
      expect(await select(source, null, { $contains: "two" })).toEqual([1, 2, 5]);
      expect(await select(source, null, { $not_contains: "two" })).toEqual([0, 3, 6]);
      expect(await select(source, { n: 2 }, { $or: [{ $contains: "one" }, { $contains: "w" }] })).toEqual([1, 2, 5]);
      expect(read(source)).toEqual([2, 3, 5, 2, 3, 5, 2, 5]);
    });

    test("the others are tested where it leaves them open, and no document is read twice", async () => {
      const source = await indexed();
      expect(await select(source, null, { $and: [{ $regex: "^t" }, { $contains: "o" }, { $regex: "o$" }] })).toEqual([1, 2, 5]);
      expect(read(source)).toEqual([0, 1, 2, 3, 5]);
      source.calls.length = 0;
      expect(await select(source, null, { $or: [{ $regex: "^t" }, { $contains: "n" }] })).toEqual([0, 1, 2, 5]);
      expect(read(source)).toEqual([1, 2, 3, 5, 6]);
      source.calls.length = 0;
      const nested = { $and: [{ $or: [{ $contains: "one" }, { $regex: "w" }] }, { $not_regex: "x" }, { $not_contains: "n" }] };
      expect(await select(source, null, nested)).toEqual([1, 2, 5]);
      expect(read(source)).toEqual([1, 2, 3, 5, 6]);
    });

    test("it is not asked what can no longer matter", async () => {
      const source = await indexed();
      expect(await select(source, null, { $and: [{ $contains: "nowhere" }, { $contains: "two" }] })).toEqual([]);
      expect(source.asked).toBe(1);
      source.asked = 0;
      expect(await search(source, { $and: [{ "#id": "r5" }, { "#document": { $contains: "two" } }] })).toEqual([5]);
      expect(source.asked).toBe(0);
    });
  });

  test("leaves the source's bitmaps as they were", async () => {
    const source = await sourceOf(slots, undefined, ({ operator }) => operator === "contains");
    const before = [source.universe.toArray(), source.memtableOrdinals.toArray()];
    await select(source, { $or: [{ n: 1 }, { $and: [{ n: { $ne: 2 } }] }] }, { $contains: "o" });
    expect([source.universe.toArray(), source.memtableOrdinals.toArray()]).toEqual(before);
  });

  test("has more ticks the more conditions each record is tested by", async () => {
    const ticksOf = async (filter: RecordFilter, document: string): Promise<number> => {
      const source = await sourceOf(Array.from({ length: 1000 }, () => ({ compacted: null, memtable: { metadata: { n: 0 }, document } })));
      await filterOrdinals(source, filter);
      return source.ticks;
    };
    const anyOf = (count: number): RecordFilter => parseWhere({ $or: Array.from({ length: count }, (_, i) => ({ n: i + 1 })) } as Where)!;
    expect(await ticksOf(anyOf(2), "")).toBeLessThan(5);
    // 16,384 tests between two ticks, about.
    expect(await ticksOf(anyOf(1000), "")).toBeGreaterThan(50);
    const anyText = (count: number): RecordFilter =>
      parseWhereDocument({ $or: Array.from({ length: count }, (_, i) => ({ $contains: `z${i}` })) } as WhereDocument)!;
    const [few, many] = [await ticksOf(anyText(2), "x".repeat(500)), await ticksOf(anyText(1000), "x".repeat(500))];
    // 500 million units looked at, a million of them between two ticks, about.
    expect(few).toBeLessThan(20);
    expect(many).toBeGreaterThan(300);
    expect(await ticksOf(anyText(100), "x".repeat(5000))).toBeGreaterThan(90_000);
  });

  test("works in chunks with ticks in between, smaller where documents are long", async () => {
    const short = await sourceOf(Array.from({ length: 5000 }, (_, n) => ({ compacted: null, memtable: record({ n }, "short") })));
    expect(await select(short, { n: { $gte: 1000 } }, { $contains: "short" })).toHaveLength(4000);
    expect(Math.max(...short.calls.map((call) => call.ordinals.length))).toBe(1024);
    expect(short.ticks).toBeGreaterThan(5);

    const text = "x".repeat(100_000);
    const long = await sourceOf(Array.from({ length: 300 }, () => ({ compacted: record(null, text) })));
    expect(await select(long, null, { $contains: "y" })).toEqual([]);
    expect(long.calls.slice(1).every((call) => call.ordinals.length <= 11)).toBe(true);
    expect(long.calls.flatMap((call) => call.ordinals)).toEqual(Array.from({ length: 300 }, (_, i) => i));
  });
});

describe("a test of one document", () => {
  const slots: Slot[] = [{ compacted: record(null, `${"a".repeat(1_000_000)}!`) }];
  const patterns = [{ $regex: "(a+)+$" }, { $regex: "(\\w+\\s?)+$" }, { $contains: `b${"a".repeat(1000)}` }];

  test.each(patterns)("gives turns within it: %j", async (filter) => {
    const source = await sourceOf(slots);
    expect(await select(source, null, filter)).toEqual([]);
    expect(source.ticks).toBeGreaterThan(20);
    expect(source.ticks).toBeLessThan(200);
  });

  test.each(patterns)("ends where a tick throws: %j", async (filter) => {
    const source = await sourceOf(slots);
    const { tick } = source;
    source.tick = () => {
      if (source.ticks >= 3) throw new Error("nobody waits");
      return tick();
    };
    await expect(select(source, null, filter)).rejects.toThrow("nobody waits");
  });
});

describe("agrees with the predicate on plain records", () => {
  const key = fc.constantFrom("a", "b", "__proto__");
  const number = fc.constantFrom(-1, 0, 1, 1.5, 2, 1e300);
  const string = fc.constantFrom("", "1", "x", "x".repeat(300), `${"x".repeat(300)}y`);
  const scalar = fc.oneof(number, string, fc.boolean());
  const list = fc.oneof(
    fc.array(number, { minLength: 1, maxLength: 3 }),
    fc.array(string, { minLength: 1, maxLength: 3 }),
    fc.array(fc.boolean(), { minLength: 1, maxLength: 2 }),
  );
  const sparse = fc.constantFrom({ indices: [0, 1], values: [1, 2] }, { indices: [], values: [] });
  const metadata = fc.option(
    // fromEntries defines own properties, "__proto__" too.
    fc
      .array(fc.tuple(key, fc.oneof({ weight: 3, arbitrary: scalar }, { weight: 3, arbitrary: list }, { weight: 1, arbitrary: sparse })), {
        maxLength: 3,
      })
      .map((entries) => Object.fromEntries(entries) as Metadata),
  );
  const document = fc.option(fc.constantFrom("", "one", "One two", "two\nthree", "日本語"));
  const testRecord = fc.record({ metadata, document });
  const slot: fc.Arbitrary<Slot> = fc.oneof(
    fc.record({ compacted: testRecord }),
    fc.record({ compacted: fc.option(testRecord), memtable: fc.option(testRecord) }),
  );
  const operator = fc.oneof(
    fc.tuple(fc.constantFrom("$eq", "$ne", "$contains", "$not_contains"), scalar),
    fc.tuple(fc.constantFrom("$gt", "$gte", "$lt", "$lte"), number),
    fc.tuple(fc.constantFrom("$in", "$nin"), list),
  );
  const entry = (name: string, value: unknown): object => Object.fromEntries([[name, value]]);
  const tree = (leaf: fc.Arbitrary<object>): fc.Arbitrary<object> =>
    fc.letrec<{ node: object }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.tuple(fc.constantFrom("$and", "$or"), fc.array(tie("node"), { maxLength: 3 })).map(([join, nodes]) => entry(join, nodes)),
      ),
    })).node;
  const where = tree(fc.tuple(key, operator).map(([name, [sign, operand]]) => entry(name, entry(sign, operand)))) as fc.Arbitrary<Where>;
  const whereDocument = tree(
    fc
      .oneof(
        fc.tuple(fc.constantFrom("$contains", "$not_contains"), fc.constantFrom("", "o", "two", "日")),
        fc.tuple(fc.constantFrom("$regex", "$not_regex"), fc.constantFrom("", "^o", "(?i)one", "\\bt", "e$|語")),
      )
      .map(([sign, operand]) => entry(sign, operand)),
  ) as fc.Arbitrary<WhereDocument>;

  test("for any records, any memtable over them and any filters", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(slot, { maxLength: 70 }),
        fc.option(where),
        fc.option(whereDocument),
        fc.constantFrom("contains", "regex", "none"),
        async (slots, where, whereDocument, answered) => {
          const [filter, documentFilter] = [parseWhere(where), parseWhereDocument(whereDocument)];
          const expected = slots.flatMap((slot, ordinal) => {
            const live = truth(slot);
            if (live === null || (filter !== null && !matchesMetadata(filter, live.metadata))) return [];
            return documentFilter === null || atOnce(matchesDocument(documentFilter, live.document)) ? [ordinal] : [];
          });
          const source = await sourceOf(slots, undefined, ({ operator }) => operator === answered);
          expect(await select(source, where, whereDocument)).toEqual(expected);
        },
      ),
      { numRuns: 900 },
    );
  });

  const setting = fc.option(
    fc.boolean().map((enabled) => ({ enabled, config: {} })),
    { nil: undefined },
  );
  const valueTypes: fc.Arbitrary<ValueTypes> = fc.tuple(setting, setting, setting, setting).map(([string, int, float, bool]) => ({
    string: { string_inverted_index: string },
    int: { int_inverted_index: int },
    float: { float_inverted_index: float },
    bool: { bool_inverted_index: bool },
  }));
  const schema: fc.Arbitrary<CollectionSchema> = fc.record({
    defaults: valueTypes,
    keys: fc.dictionary(key, valueTypes, { noNullPrototype: true }),
  });

  test("for any schema that has the indexes of the filter", async () => {
    let answered = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(slot, { maxLength: 40 }), where, schema, async (slots, where, schema) => {
        const [filter, indexes] = [parseWhere(where)!, new IndexPolicy(schema)];
        if (isRefused(filter, indexes)) return;
        answered++;
        const expected = slots.flatMap((slot, ordinal) => {
          const live = truth(slot);
          return live !== null && matchesMetadata(filter, live.metadata) ? [ordinal] : [];
        });
        expect([...(await filterOrdinals(await sourceOf(slots, indexes), filter)).toArray()]).toEqual(expected);
      }),
      { numRuns: 500 },
    );
    expect(answered).toBeGreaterThan(100);
  });

  function isRefused(filter: MetadataFilter, indexes: IndexPolicy): boolean {
    try {
      checkIndexed(filter, indexes);
      return false;
    } catch {
      return true;
    }
  }

  /** What a mixed filter means, spelled out clause by clause. */
  function holds(clause: Record<string, unknown>, ordinal: number, { metadata, document }: TestRecord): boolean {
    const [[name, operand]] = Object.entries(clause) as [[string, unknown]];
    if (name === "$and") return (operand as Record<string, unknown>[]).every((part) => holds(part, ordinal, { metadata, document }));
    if (name === "$or") return (operand as Record<string, unknown>[]).some((part) => holds(part, ordinal, { metadata, document }));
    if (name === "#document") return atOnce(matchesDocument(parseWhereDocument(operand)!, document));
    if (name !== "#id") return matchesMetadata(parseWhere(clause)!, metadata);
    const [[sign, ids]] = Object.entries(operand as Record<string, string[]>) as [[string, string[]]];
    return ids.includes(`r${ordinal}`) === (sign === "$in");
  }

  const leafOf = (filter: fc.Arbitrary<object>): fc.Arbitrary<object> =>
    filter.filter((clause) => !("$and" in clause) && !("$or" in clause));
  const mixed = tree(
    fc.oneof(
      leafOf(where),
      leafOf(whereDocument).map((operand) => entry("#document", operand)),
      fc.tuple(fc.constantFrom("$in", "$nin"), fc.array(fc.nat(70), { minLength: 1, maxLength: 40 })).map(([sign, ordinals]) =>
        entry(
          "#id",
          entry(
            sign,
            ordinals.map((ordinal) => `r${ordinal}`),
          ),
        ),
      ),
    ),
  );

  test("for filters that mix ids, documents and metadata", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(slot, { maxLength: 70 }),
        mixed,
        fc.constantFrom(false, true, "partly" as const),
        async (slots, filter, isIndexed) => {
          const expected = slots.flatMap((slot, ordinal) => {
            const live = truth(slot);
            return live !== null && holds(filter as Record<string, unknown>, ordinal, live) ? [ordinal] : [];
          });
          expect(await search(await sourceOf(slots, undefined, () => isIndexed), filter)).toEqual(expected);
        },
      ),
      { numRuns: 600 },
    );
  });
});
