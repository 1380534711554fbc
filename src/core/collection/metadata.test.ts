import { describe, expect, test } from "vitest";
import { testBlockStore } from "../../testing/block-store.js";
import { IndexPolicy } from "../schema.js";
import type { Condition } from "../segment/condition.js";
import type { CollectionSchema, Metadata } from "../types.js";
import { CollectionMetadata, type MetadataSection } from "./metadata.js";

/** One record's metadata before and after; `null` where it did not or does not exist. */
interface MetadataChange {
  ordinal: number;
  before: Metadata | null;
  after: Metadata | null;
}

class Segment {
  readonly #store = testBlockStore();
  readonly part: CollectionMetadata;

  constructor(schema?: CollectionSchema) {
    this.part = new CollectionMetadata({ context: { blocks: this.#store }, row: { name: "c" }, indexes: new IndexPolicy(schema) });
  }

  /** Compacts the changes and installs the section that results. */
  async apply(changes: readonly MetadataChange[], tick = () => {}): Promise<MetadataSection> {
    const payloads = changes.map(({ ordinal, before, after }) => ({ ordinal, before: payloadOf(before), after: payloadOf(after) }));
    const prepared = await this.part.compact({ payloads }, this.#store.begin(), tick);
    prepared.install();
    return prepared.section;
  }
}

function payloadOf(metadata: Metadata | null) {
  return metadata === null ? null : { document: null, uri: null, metadata };
}

function added(...metadatas: (Metadata | null)[]): MetadataChange[] {
  return metadatas.map((after, ordinal) => ({ ordinal, before: null, after }));
}

async function select({ part }: Segment, condition: Condition): Promise<number[]> {
  return [...(await part.evaluate(condition, () => undefined)).toArray()];
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
    const segment = new Segment();
    await segment.apply(added(...RECORDS));
    expect(await select(segment, condition)).toEqual(ordinals);
  });

  test("an empty segment has no matches", async () => {
    const segment = new Segment();
    expect(await select(segment, { key: "v", operator: "eq", value: 1 })).toEqual([]);
    expect(await select(segment, { key: "v", operator: "gt", value: 1 })).toEqual([]);
  });
});

describe("apply", () => {
  test("moves an ordinal from what it held to what it holds", async () => {
    const segment = new Segment();
    const before: Metadata = { kept: 1, changed: "a", dropped: true, tags: ["a", "b"] };
    const after: Metadata = { kept: 1, changed: 2, tags: ["b", "c"], fresh: "f" };
    const holds = async (condition: Condition) => (await select(segment, condition)).length === 1;
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
    await segment.apply([{ ordinal: 7, before: null, after: before }]);
    for (const [condition, inFirst] of conditions) expect(await holds(condition), `first: ${JSON.stringify(condition)}`).toBe(inFirst);
    await segment.apply([{ ordinal: 7, before, after }]);
    for (const [condition, , inSecond] of conditions) expect(await holds(condition), `second: ${JSON.stringify(condition)}`).toBe(inSecond);
  });

  test("of deletions leaves nothing behind", async () => {
    const segment = new Segment();
    await segment.apply(added(...RECORDS));
    const deletions = RECORDS.map((before, ordinal) => ({ ordinal, before, after: null }));
    expect(await segment.apply(deletions)).toEqual(CollectionMetadata.empty());
  });

  test("of nothing new writes nothing", async () => {
    const segment = new Segment();
    const section = await segment.apply(added(...RECORDS));
    const unchanged = RECORDS.map((metadata, ordinal) => ({ ordinal, before: metadata, after: structuredClone(metadata) }));
    expect(await segment.apply(unchanged)).toBe(section);
    const reordered: MetadataChange = { ordinal: 5, before: { v: [1, 2, 2] }, after: { v: [2, 1] } };
    expect(await segment.apply([reordered])).toBe(section);
  });

  test("awaits ticks by how much there is in the records, not by their number", async () => {
    let ticks = 0;
    const metadata = Object.fromEntries(Array.from({ length: 1024 }, (_, i) => [`key-${i}`, 1]));
    const changes = Array.from({ length: 8 }, (_, ordinal) => ({ ordinal, before: null, after: metadata }));
    await new Segment().apply(changes, () => void ticks++);
    expect(ticks).toBeGreaterThanOrEqual(8);
  });

  test("awaits ticks in between", async () => {
    let ticks = 0;
    const changes = Array.from({ length: 2000 }, (_, ordinal) => ({ ordinal, before: null, after: { n: ordinal } }));
    const segment = new Segment();
    await segment.apply(changes, () => void ticks++);
    expect(ticks).toBeGreaterThan(3);
  });
});

describe("a schema", () => {
  const off = { enabled: false, config: {} };
  const schema = (defaults: CollectionSchema["defaults"], keys: CollectionSchema["keys"] = {}): CollectionSchema => ({ defaults, keys });

  test("keeps what it does not want indexed out of the postings", async () => {
    const segment = new Segment(schema({}, { v: { string: { string_inverted_index: off }, bool: { bool_inverted_index: off } } }));
    await segment.apply(added({ v: "x", w: "x" }, { v: ["x"], w: true }, { v: true }, { v: 1 }));
    expect(await select(segment, { key: "v", operator: "eq", value: "x" })).toEqual([]);
    expect(await select(segment, { key: "v", operator: "contains", value: "x" })).toEqual([]);
    expect(await select(segment, { key: "v", operator: "eq", value: true })).toEqual([]);
    expect(await select(segment, { key: "v", operator: "eq", value: 1 })).toEqual([3]);
    expect(await select(segment, { key: "w", operator: "eq", value: "x" })).toEqual([0]);
    expect(await select(segment, { key: "w", operator: "eq", value: true })).toEqual([1]);
  });

  test("that wants nothing indexed leaves no postings at all, also when records change", async () => {
    const nothing = {
      string: { string_inverted_index: off },
      int: { int_inverted_index: off },
      float: { float_inverted_index: off },
      bool: { bool_inverted_index: off },
    };
    const segment = new Segment(schema(nothing));
    const section = await segment.apply(added({ a: 1, b: 1.5, c: "x", d: [true], e: [1, 1.5] }));
    expect(section).toEqual(CollectionMetadata.empty());
    expect(await segment.apply([{ ordinal: 0, before: { a: 1 }, after: { a: 2 } }])).toEqual(CollectionMetadata.empty());
  });

  test("tells whole numbers from fractions, element by element", async () => {
    const segment = new Segment(schema({ int: { int_inverted_index: off } }));
    await segment.apply(added({ v: 1 }, { v: 1.5 }, { v: [1, 1.5] }, { v: 2 ** 63 }));
    expect(await select(segment, { key: "v", operator: "in", values: new Set([1, 1.5, 2 ** 63]) })).toEqual([1, 3]);
    expect(await select(segment, { key: "v", operator: "contains", value: 1.5 })).toEqual([2]);
    expect(await select(segment, { key: "v", operator: "contains", value: 1 })).toEqual([]);
  });

  test("by which one kind of number is not indexed leaves ranges to be tested record by record", () => {
    const segment = new Segment(schema({}, { v: { float: { float_inverted_index: off } } }));
    expect(segment.part.answers({ key: "v", operator: "gt", value: 1 })).toBe(false);
    expect(segment.part.answers({ key: "v", operator: "eq", value: 1 })).toBe(true);
    expect(segment.part.answers({ key: "w", operator: "gt", value: 1 })).toBe(true);
  });
});

test("conditions on many values and on wide ranges take turns", async () => {
  const segment = new Segment();
  await segment.apply(added(...Array.from({ length: 1000 }, (_, v) => ({ v }))));
  const ticksOf = async (condition: Condition): Promise<number> => {
    let ticks = 0;
    expect([...(await segment.part.evaluate(condition, () => void ticks++)).toArray()]).toHaveLength(1000);
    return ticks;
  };
  // Values that no record has cost a look, too.
  const values = new Set(Array.from({ length: 10_000 }, (_, i) => i));
  expect(await ticksOf({ key: "v", operator: "in", values })).toBeGreaterThanOrEqual(10_000 / 64 - 3);
  expect(await ticksOf({ key: "v", operator: "gte", value: 0 })).toBeGreaterThanOrEqual(1);
});
