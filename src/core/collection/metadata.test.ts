import { describe, expect, test } from "vitest";
import { testBlockStore } from "../../testing/block-store.js";
import type { BlockBatch } from "../blockstore/blockstore.js";
import { IndexPolicy } from "../schema.js";
import type { Condition } from "../segment/condition.js";
import type { CollectionSchema, Metadata } from "../types.js";
import type { MetadataChange, MetadataSection } from "./metadata.js";
import { MetadataSegment } from "./metadata.js";

function segmentOf(schema?: CollectionSchema): { segment: MetadataSegment; blocks: BlockBatch } {
  const store = testBlockStore();
  return { segment: new MetadataSegment(store, "collection c, segment metadata", new IndexPolicy(schema)), blocks: store.begin() };
}

function added(...metadatas: (Metadata | null)[]): MetadataChange[] {
  return metadatas.map((after, ordinal) => ({ ordinal, before: null, after }));
}

async function select(segment: MetadataSegment, section: MetadataSection, condition: Condition): Promise<number[]> {
  return [...(await segment.evaluate(section, condition)).toArray()];
}

const long = "x".repeat(5000);
const RECORDS: (Metadata | null)[] = [
  { v: 1 },
  { v: -2.5 },
  { v: 1000 },
  { v: "1" },
  { v: true },
  { v: [1, 2, 2] },
  { v: ["1", "x"] },
  { v: [true, false] },
  { other: 1, v: false },
  { v: long },
  { v: `${long}y` },
  null,
  {},
  { v: [] },
  JSON.parse('{"__proto__":"p","constructor":1}') as Metadata,
  { "v\u0000n8": 1, v: 0 },
];

describe("evaluate", () => {
  test.each<[condition: Condition, ordinals: number[]]>([
    [{ key: "v", operator: "eq", value: 1 }, [0]],
    [{ key: "v", operator: "eq", value: "1" }, [3]],
    [{ key: "v", operator: "eq", value: true }, [4]],
    [{ key: "v", operator: "eq", value: -0 }, [15]],
    [{ key: "v", operator: "eq", value: 7 }, []],
    [{ key: "missing", operator: "eq", value: 1 }, []],
    [{ key: "__proto__", operator: "eq", value: "p" }, [14]],
    [{ key: "constructor", operator: "gt", value: 0 }, [14]],
    [{ key: "v", operator: "eq", value: long }, [9]],
    [{ key: "v", operator: "eq", value: `${long}y` }, [10]],
    [{ key: "v", operator: "eq", value: `${long}z` }, []],
    [{ key: "v", operator: "in", values: new Set([1000, 1, 5]) }, [0, 2]],
    [{ key: "v", operator: "in", values: new Set(["1", long]) }, [3, 9]],
    [{ key: "v", operator: "contains", value: 2 }, [5]],
    [{ key: "v", operator: "contains", value: "1" }, [6]],
    [{ key: "v", operator: "contains", value: false }, [7]],
    [{ key: "v", operator: "contains", value: "" }, []],
    [{ key: "v", operator: "gt", value: 0 }, [0, 2]],
    [{ key: "v", operator: "gte", value: 0 }, [0, 2, 15]],
    [{ key: "v", operator: "gte", value: 1 }, [0, 2]],
    [{ key: "v", operator: "gt", value: 1 }, [2]],
    [{ key: "v", operator: "lt", value: 1 }, [1, 15]],
    [{ key: "v", operator: "lte", value: 1 }, [0, 1, 15]],
    [{ key: "v", operator: "lte", value: -3 }, []],
  ])("%j", async (condition, ordinals) => {
    const { segment, blocks } = segmentOf();
    const section = await segment.apply(MetadataSegment.empty(), added(...RECORDS), blocks);
    expect(await select(segment, section, condition)).toEqual(ordinals);
  });

  test("an empty segment has no matches", async () => {
    const { segment } = segmentOf();
    expect(await select(segment, MetadataSegment.empty(), { key: "v", operator: "eq", value: 1 })).toEqual([]);
    expect(await select(segment, MetadataSegment.empty(), { key: "v", operator: "gt", value: 1 })).toEqual([]);
  });
});

describe("apply", () => {
  test("moves an ordinal from what it held to what it holds", async () => {
    const { segment, blocks } = segmentOf();
    const before: Metadata = { kept: 1, changed: "a", dropped: true, tags: ["a", "b"] };
    const after: Metadata = { kept: 1, changed: 2, tags: ["b", "c"], fresh: "f" };
    const first = await segment.apply(MetadataSegment.empty(), [{ ordinal: 7, before: null, after: before }], blocks);
    const second = await segment.apply(first, [{ ordinal: 7, before, after }], blocks);
    const holds = async (section: MetadataSection, condition: Condition) => (await select(segment, section, condition)).length === 1;
    const conditions: [Condition, inFirst: boolean, inSecond: boolean][] = [
      [{ key: "kept", operator: "eq", value: 1 }, true, true],
      [{ key: "changed", operator: "eq", value: "a" }, true, false],
      [{ key: "changed", operator: "gte", value: 2 }, false, true],
      [{ key: "dropped", operator: "eq", value: true }, true, false],
      [{ key: "tags", operator: "contains", value: "a" }, true, false],
      [{ key: "tags", operator: "contains", value: "b" }, true, true],
      [{ key: "tags", operator: "contains", value: "c" }, false, true],
      [{ key: "fresh", operator: "eq", value: "f" }, false, true],
    ];
    for (const [condition, inFirst, inSecond] of conditions) {
      expect(await holds(first, condition), `first: ${JSON.stringify(condition)}`).toBe(inFirst);
      expect(await holds(second, condition), `second: ${JSON.stringify(condition)}`).toBe(inSecond);
    }
  });

  test("of deletions leaves nothing behind", async () => {
    const { segment, blocks } = segmentOf();
    const section = await segment.apply(MetadataSegment.empty(), added(...RECORDS), blocks);
    const deletions = RECORDS.map((before, ordinal) => ({ ordinal, before, after: null }));
    expect(await segment.apply(section, deletions, blocks)).toEqual(MetadataSegment.empty());
  });

  test("of nothing new writes nothing", async () => {
    const { segment, blocks } = segmentOf();
    const section = await segment.apply(MetadataSegment.empty(), added(...RECORDS), blocks);
    const unchanged = RECORDS.map((metadata, ordinal) => ({ ordinal, before: metadata, after: structuredClone(metadata) }));
    expect(await segment.apply(section, unchanged, blocks)).toBe(section);
    const reordered: MetadataChange = { ordinal: 5, before: { v: [1, 2, 2] }, after: { v: [2, 1] } };
    expect(await segment.apply(section, [reordered], blocks)).toBe(section);
  });

  test("awaits ticks in between", async () => {
    let ticks = 0;
    const changes = Array.from({ length: 2000 }, (_, ordinal) => ({ ordinal, before: null, after: { n: ordinal } }));
    const { segment, blocks } = segmentOf();
    await segment.apply(MetadataSegment.empty(), changes, blocks, () => void ticks++);
    expect(ticks).toBeGreaterThan(3);
  });
});

describe("a schema", () => {
  const off = { enabled: false, config: {} };
  const schema = (defaults: CollectionSchema["defaults"], keys: CollectionSchema["keys"] = {}): CollectionSchema => ({ defaults, keys });

  test("keeps what it does not want indexed out of the postings", async () => {
    const { segment, blocks } = segmentOf(
      schema({}, { v: { string: { string_inverted_index: off }, bool: { bool_inverted_index: off } } }),
    );
    const section = await segment.apply(
      MetadataSegment.empty(),
      added({ v: "x", w: "x" }, { v: ["x"], w: true }, { v: true }, { v: 1 }),
      blocks,
    );
    expect(await select(segment, section, { key: "v", operator: "eq", value: "x" })).toEqual([]);
    expect(await select(segment, section, { key: "v", operator: "contains", value: "x" })).toEqual([]);
    expect(await select(segment, section, { key: "v", operator: "eq", value: true })).toEqual([]);
    expect(await select(segment, section, { key: "v", operator: "eq", value: 1 })).toEqual([3]);
    expect(await select(segment, section, { key: "w", operator: "eq", value: "x" })).toEqual([0]);
    expect(await select(segment, section, { key: "w", operator: "eq", value: true })).toEqual([1]);
  });

  test("that wants nothing indexed leaves no postings at all, also when records change", async () => {
    const nothing = {
      string: { string_inverted_index: off },
      int: { int_inverted_index: off },
      float: { float_inverted_index: off },
      bool: { bool_inverted_index: off },
    };
    const { segment, blocks } = segmentOf(schema(nothing));
    const section = await segment.apply(MetadataSegment.empty(), added({ a: 1, b: 1.5, c: "x", d: [true], e: [1, 1.5] }), blocks);
    expect(section).toEqual(MetadataSegment.empty());
    expect(await segment.apply(section, [{ ordinal: 0, before: { a: 1 }, after: { a: 2 } }], blocks)).toEqual(MetadataSegment.empty());
  });

  test("tells whole numbers from fractions, element by element", async () => {
    const { segment, blocks } = segmentOf(schema({ int: { int_inverted_index: off } }));
    const section = await segment.apply(MetadataSegment.empty(), added({ v: 1 }, { v: 1.5 }, { v: [1, 1.5] }, { v: 2 ** 63 }), blocks);
    expect(await select(segment, section, { key: "v", operator: "in", values: new Set([1, 1.5, 2 ** 63]) })).toEqual([1, 3]);
    expect(await select(segment, section, { key: "v", operator: "contains", value: 1.5 })).toEqual([2]);
    expect(await select(segment, section, { key: "v", operator: "contains", value: 1 })).toEqual([]);
  });

  test("by which one kind of number is not indexed leaves ranges to be tested record by record", () => {
    const { segment } = segmentOf(schema({}, { v: { float: { float_inverted_index: off } } }));
    expect(segment.answers({ key: "v", operator: "gt", value: 1 })).toBe(false);
    expect(segment.answers({ key: "v", operator: "eq", value: 1 })).toBe(true);
    expect(segment.answers({ key: "w", operator: "gt", value: 1 })).toBe(true);
  });
});
