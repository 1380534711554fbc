import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Block, encodeBlock } from "../blockstore/block.js";
import type { Metadata } from "../types.js";
import { type Payload, payloadFormat } from "./record.js";

function roundTrip(rows: readonly Payload[]): Payload[] {
  const [bytes] = payloadFormat.encode(
    Uint32Array.from(rows, (_, i) => i),
    rows,
  );
  const read = payloadFormat.decode([Block.decode(bytes!)]);
  return rows.map((_, row) => ({ document: read(row).document, uri: read(row).uri, metadata: read(row).metadata }));
}

const float32 = fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const sparse = fc
  .uniqueArray(fc.nat(0xffffffff), { maxLength: 6 })
  .chain((indices) =>
    fc.tuple(fc.constant([...indices].sort((a, b) => a - b)), fc.array(float32, { minLength: indices.length, maxLength: indices.length })),
  )
  .map(([indices, values]) => ({ indices, values }));
const number = fc.double({ noNaN: true, noDefaultInfinity: true });
const text = fc.string({ unit: "grapheme", maxLength: 5 });
const list = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(item, { minLength: 1, maxLength: 3 });
const value = fc.oneof(text, number, fc.boolean(), list(text), list(number), list(fc.boolean()), sparse);
// fromEntries defines own properties, "__proto__" too.
const metadata = fc
  .array(fc.tuple(fc.constantFrom("a", "b", "i:a", "v", "__proto__", "7"), value), { maxLength: 4 })
  .map((entries) => Object.fromEntries(entries) as Metadata);
const payload: fc.Arbitrary<Payload> = fc.record({ document: fc.option(text), uri: fc.option(text), metadata: fc.option(metadata) });

describe("payload blocks", () => {
  test("give back any payloads, sparse vectors among the metadata too", () => {
    fc.assert(
      fc.property(fc.array(payload, { minLength: 1, maxLength: 20 }), (rows) => {
        expect(roundTrip(rows)).toEqual(rows);
      }),
    );
  });

  test("give back what exceeds the columns of a block", () => {
    const crowded = Object.fromEntries(
      Array.from({ length: 100 }, (_, i) => [`k${i}`, { indices: [i, 2 ** 32 - 1], values: [Math.fround(i / 3), -1] }]),
    );
    const rows = [
      { document: "d", uri: null, metadata: crowded },
      { document: null, uri: "u", metadata: { k99: { indices: [], values: [] } } },
    ];
    expect(roundTrip(rows)).toEqual(rows);
  });

  test("whose vector has more values than indices are corruption", () => {
    const bytes = encodeBlock(
      [
        { type: "utf8", name: "document", values: [null] },
        { type: "utf8", name: "uri", values: [null] },
        { type: "bool", name: "hasMetadata", values: [true] },
        { type: "f32-list", name: "v:sv", values: [[1, 2]] },
        { type: "u32-list", name: "i:sv", values: [Uint32Array.of(3)] },
      ],
      1,
    );
    const read = payloadFormat.decode([Block.decode(bytes)]);
    expect(() => read(0).metadata).toThrow(
      expect.objectContaining({ code: "CORRUPTION", message: expect.stringContaining('"v:sv" has 2 values and 1 indices') }),
    );
  });

  test("with a kind of column from the future say so", () => {
    const columns = ["document", "uri"].map((name) => ({ type: "utf8", name, values: [null] }) as const);
    const bytes = encodeBlock(
      [...columns, { type: "bool", name: "hasMetadata", values: [true] }, { type: "bool", name: "z:key", values: [true] }],
      1,
    );
    expect(() => payloadFormat.decode([Block.decode(bytes)])).toThrow(expect.objectContaining({ code: "FORMAT_TOO_NEW" }));
  });
});
