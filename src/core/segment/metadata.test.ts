import { describe, expect, test } from "vitest";
import type { Metadata } from "../types.js";
import type { Condition } from "./condition.js";
import { MetadataSegment } from "./metadata.js";
import type { MetadataChange, MetadataSection } from "./metadata.js";
import { testBlockStore } from "./test-block-store.js";

function segmentOf(): MetadataSegment {
  return new MetadataSegment(testBlockStore(), "collection c, segment metadata");
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
    const segment = segmentOf();
    const section = await segment.apply(MetadataSegment.empty(), added(...RECORDS));
    expect(await select(segment, section, condition)).toEqual(ordinals);
  });

  test("an empty segment has no matches", async () => {
    const segment = segmentOf();
    expect(await select(segment, MetadataSegment.empty(), { key: "v", operator: "eq", value: 1 })).toEqual([]);
    expect(await select(segment, MetadataSegment.empty(), { key: "v", operator: "gt", value: 1 })).toEqual([]);
  });
});

describe("apply", () => {
  test("moves an ordinal from what it held to what it holds", async () => {
    const segment = segmentOf();
    const before: Metadata = { kept: 1, changed: "a", dropped: true, tags: ["a", "b"] };
    const after: Metadata = { kept: 1, changed: 2, tags: ["b", "c"], fresh: "f" };
    const first = await segment.apply(MetadataSegment.empty(), [{ ordinal: 7, before: null, after: before }]);
    const second = await segment.apply(first, [{ ordinal: 7, before, after }]);
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
    const segment = segmentOf();
    const section = await segment.apply(MetadataSegment.empty(), added(...RECORDS));
    const deletions = RECORDS.map((before, ordinal) => ({ ordinal, before, after: null }));
    expect(await segment.apply(section, deletions)).toEqual(MetadataSegment.empty());
  });

  test("of nothing new writes nothing", async () => {
    const segment = segmentOf();
    const section = await segment.apply(MetadataSegment.empty(), added(...RECORDS));
    const unchanged = RECORDS.map((metadata, ordinal) => ({ ordinal, before: metadata, after: structuredClone(metadata) }));
    expect(await segment.apply(section, unchanged)).toBe(section);
    const reordered: MetadataChange = { ordinal: 5, before: { v: [1, 2, 2] }, after: { v: [2, 1] } };
    expect(await segment.apply(section, [reordered])).toBe(section);
  });

  test("awaits ticks in between", async () => {
    let ticks = 0;
    const changes = Array.from({ length: 2000 }, (_, ordinal) => ({ ordinal, before: null, after: { n: ordinal } }));
    await segmentOf().apply(MetadataSegment.empty(), changes, () => void ticks++);
    expect(ticks).toBeGreaterThan(3);
  });
});
