import { tableFromIPC } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { TidepoolError } from "../errors.js";
import type { Column } from "./block.js";
import { Block, encodeBlock } from "./block.js";

const strings = ["plain", null, "", "żółć 🐙", "\ufeffmark first", "a\u0000b", "x".repeat(300), "é".repeat(40)];
const rows = strings.length;

const columns: Column[] = [
  { type: "u32", name: "ordinal", values: Uint32Array.from({ length: rows }, (_, i) => 0xffffffff - i) },
  { type: "f32", name: "slope", values: Float32Array.from({ length: rows }, (_, i) => i / 3) },
  { type: "f64", name: "number", values: [1, null, -0, NaN, Infinity, 1e-300, null, 2 ** 53] },
  { type: "bool", name: "flag", values: [true, null, false, true, true, false, null, true] },
  { type: "utf8", name: "document", values: strings },
  { type: "fixed-f32", name: "embedding", width: 3, values: Float32Array.from({ length: rows * 3 }, (_, i) => i * 0.5) },
  { type: "fixed-i8", name: "codes", width: 3, values: Int8Array.from({ length: rows * 3 }, (_, i) => i * 5 - 60) },
  {
    type: "u32-list",
    name: "postings",
    values: Array.from({ length: rows }, (_, i) => Uint32Array.from({ length: i }, (_, j) => i * 10 + j)),
  },
  { type: "utf8-list", name: "tags", values: [["a", "ü"], null, [], ["", "\ud83d\udc19"], ["z"], ["x".repeat(99)], null, ["end"]] },
  { type: "f64-list", name: "numbers", values: [[1.5], null, [], [-0, 2], [3], [4], [5], [6, 7, 8]] },
  { type: "f32-list", name: "weights", values: [[1.5], null, [], [-0, 2], [3], [4], [5], [6, 7, 0.25]] },
  { type: "bool-list", name: "flags", values: [[true], null, [], [false, true], [], [], [], [true, true, false]] },
];

function codeOf(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    if (error instanceof TidepoolError) return error.code;
    throw error;
  }
  return undefined;
}

function all<T>(accessor: (row: number) => T): T[] {
  return Array.from({ length: rows }, (_, row) => accessor(row));
}

/** Calls every accessor of every column. */
function readEverything(block: Block): void {
  block.u32("ordinal");
  block.f32("slope");
  block.fixedF32("embedding");
  block.fixedI8("codes");
  const accessors = [
    block.f64("number"),
    block.bool("flag"),
    block.utf8("document"),
    block.u32List("postings"),
    block.utf8List("tags"),
    block.f64List("numbers"),
    block.boolList("flags"),
    block.f32List("weights"),
  ];
  for (const accessor of accessors) for (let row = 0; row < block.rows; row++) accessor(row);
}

it("reads some strings as each by itself, and tells them from others", () => {
  const texts = ["", "a", "ab", "żółć 🐙", "x".repeat(60), "abc"];
  const block = Block.decode(encodeBlock([{ type: "utf8", name: "text", values: texts }], texts.length));
  for (const some of [[], [2], [1, 2, 5], [0, 1, 3, 4], [5, 0]])
    expect(block.utf8Some("text", some)).toEqual(some.map((row) => texts[row]));
  const others = [...texts, "b", "ac", "aé", "żółć 🐙 ", "żółć", "\0"];
  const same = others.map((other) => texts.filter((_, row) => block.utf8Is("text")(row, other)));
  expect(same).toEqual(others.map((other) => texts.filter((text) => text === other)));
});

describe("encodeBlock and Block", () => {
  const bytes = encodeBlock(columns, rows, { kind: "record" });
  const block = Block.decode(bytes);

  it("gives back every value of every type", () => {
    expect(block.rows).toBe(rows);
    expect(block.byteLength).toBe(bytes.length);
    expect(block.names()).toEqual(columns.map((column) => column.name));
    expect(block.has("flag")).toBe(true);
    expect(block.has("flog")).toBe(false);
    expect(block.metadata.get("kind")).toBe("record");
    expect(block.u32("ordinal")).toEqual(columns[0]!.values);
    expect(block.f32("slope")).toEqual(columns[1]!.values);
    expect(all(block.f64("number"))).toEqual(columns[2]!.values);
    expect(all(block.bool("flag"))).toEqual(columns[3]!.values);
    expect(all(block.utf8("document"))).toEqual(strings);
    expect(block.fixedF32("embedding")).toEqual(columns[5]!.values);
    expect(block.fixedI8("codes")).toEqual(columns[6]!.values);
    expect(all(block.u32List("postings"))).toEqual(columns[7]!.values);
    expect(all(block.utf8List("tags"))).toEqual(columns[8]!.values);
    expect(all(block.f64List("numbers"))).toEqual(columns[9]!.values);
    expect(all(block.f32List("weights"))).toEqual(columns[10]!.values);
    expect(all(block.boolList("flags"))).toEqual(columns[11]!.values);
  });

  it("is an Arrow stream that another reader understands", () => {
    const table = tableFromIPC(bytes);
    const plain = (name: string) =>
      JSON.parse(JSON.stringify(table.getChild(name)!.toArray().length === 0 ? [] : [...table.getChild(name)!]));
    expect(table.numRows).toBe(rows);
    expect(table.schema.metadata.get("kind")).toBe("record");
    expect(table.schema.fields.map((field) => `${field.name}: ${field.type}`)).toEqual([
      "ordinal: Uint32",
      "slope: Float32",
      "number: Float64",
      "flag: Bool",
      "document: Utf8",
      "embedding: FixedSizeList[3]<Float32>",
      "codes: FixedSizeList[3]<Int8>",
      "postings: List<Uint32>",
      "tags: List<Utf8>",
      "numbers: List<Float64>",
      "weights: List<Float32>",
      "flags: List<Bool>",
    ]);
    expect([...table.getChild("ordinal")!]).toEqual([...(columns[0]!.values as Uint32Array)]);
    expect([...table.getChild("number")!]).toEqual(columns[2]!.values);
    expect([...table.getChild("flag")!]).toEqual(columns[3]!.values);
    // apache-arrow's own reader drops a byte order mark; other rows must agree.
    expect([...table.getChild("document")!].map((s) => s?.replace("\ufeff", "") ?? s)).toEqual(
      strings.map((s) => s?.replace("\ufeff", "") ?? s),
    );
    expect([...table.getChild("embedding")!].flatMap((row) => [...row])).toEqual([...(columns[5]!.values as Float32Array)]);
    expect([...table.getChild("codes")!].flatMap((row) => [...row])).toEqual([...(columns[6]!.values as Int8Array)]);
    expect([...table.getChild("postings")!].map((row) => [...row])).toEqual((columns[7]!.values as Uint32Array[]).map((row) => [...row]));
    for (const name of ["tags", "flags"]) expect(plain(name)).toEqual(columns.find((column) => column.name === name)!.values);
    expect([...table.getChild("numbers")!].map((row) => row && [...row])).toEqual(columns[9]!.values);
    expect([...table.getChild("weights")!].map((row) => row && [...row])).toEqual(columns[10]!.values);
  });

  it("names the bytes at which a fixed-f32 row lies", () => {
    const offset = block.fixedF32Offset("embedding");
    for (let row = 0; row < rows; row++) {
      const slice = bytes.slice(offset + row * 12, offset + (row + 1) * 12);
      expect(new Float32Array(slice.buffer)).toEqual(block.fixedF32("embedding").subarray(row * 3, row * 3 + 3));
    }
  });

  it("hands out views when the bytes are aligned and copies them when not", () => {
    expect(block.fixedF32("embedding").buffer).toBe(bytes.buffer);
    const shifted = new Uint8Array(bytes.length + 3).subarray(3);
    shifted.set(bytes);
    expect(Block.decode(shifted).fixedF32("embedding")).toEqual(columns[5]!.values);
    expect(Block.decode(shifted).fixedF32Offset("embedding")).toBe(block.fixedF32Offset("embedding"));
  });

  it("holds no rows and no columns", () => {
    const empty = columns.map((column) => ({ ...column, values: (column.values as Uint32Array).slice(0, 0) }) as Column);
    const decoded = Block.decode(encodeBlock(empty, 0));
    readEverything(decoded);
    expect(decoded.rows).toBe(0);
    expect(tableFromIPC(encodeBlock(empty, 0)).numRows).toBe(0);
    expect(Block.decode(encodeBlock([], 7)).rows).toBe(7);
  });

  it("takes Float64Array as it is and turns lone surrogates into U+FFFD", () => {
    const text = ["a\ud800", "\udc00b", "\ud800".repeat(40)];
    const decoded = Block.decode(
      encodeBlock(
        [
          { type: "f64", name: "n", values: Float64Array.of(1, 2, 3) },
          { type: "utf8", name: "s", values: text },
        ],
        3,
      ),
    );
    expect([0, 1, 2].map(decoded.f64("n"))).toEqual([1, 2, 3]);
    expect([0, 1, 2].map(decoded.utf8("s"))).toEqual(["a\ufffd", "\ufffdb", "\ufffd".repeat(40)]);
  });

  it("round-trips strings of every length around the short path, ASCII or not", () => {
    const values = Array.from({ length: 80 }, (_, i) => (i % 3 === 0 ? "ж".repeat(i) : "k".repeat(i) + (i % 3 === 1 ? "" : "é")));
    const read = Block.decode(encodeBlock([{ type: "utf8", name: "s", values }], 80)).utf8("s");
    expect(values.map((_, row) => read(row))).toEqual(values);
  });

  it("refuses columns whose length does not fit the rows", () => {
    expect(codeOf(() => encodeBlock([{ type: "u32", name: "n", values: new Uint32Array(2) }], 3))).toBe("INTERNAL");
    expect(codeOf(() => encodeBlock([{ type: "fixed-f32", name: "n", width: 4, values: new Float32Array(8) }], 3))).toBe("INTERNAL");
  });

  it("calls a missing column and one of another type corruption", () => {
    expect(() => block.u32("absent")).toThrow('no column "absent" of type u32');
    expect(codeOf(() => block.f32("embedding"))).toBe("CORRUPTION");
    expect(codeOf(() => block.f64("slope"))).toBe("CORRUPTION");
  });

  it("calls every truncation and extension corruption", () => {
    for (let length = 0; length < bytes.length; length += 3) expect(codeOf(() => Block.decode(bytes.slice(0, length)))).toBe("CORRUPTION");
    expect(codeOf(() => Block.decode(Uint8Array.from([...bytes, 0])))).toBe("CORRUPTION");
  });

  it("answers a damaged byte with values of the right shape or with corruption, never with another error", () => {
    let refused = 0;
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice();
      damaged[at]! ^= [0x01, 0x80, 0xff][at % 3]!;
      const code = codeOf(() => {
        const decoded = Block.decode(damaged);
        readEverything(decoded);
        if (decoded.rows !== rows || decoded.fixedF32("embedding").length !== rows * 3) throw new Error(`byte ${at} changes lengths`);
      });
      if (code === "CORRUPTION") refused++;
      else if (code !== undefined) throw new Error(`byte ${at} gives ${code}`);
    }
    expect(refused).toBeGreaterThan(bytes.length / 4);
  }, 30_000);
});
