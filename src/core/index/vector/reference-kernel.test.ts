import { describe, expect, it } from "vitest";
import { Bitmap } from "../../base/bitmap.js";
import { TidepoolError } from "../../errors.js";
import { referenceKernel } from "./reference-kernel.js";

/** Rows of dimension 1 whose distance to the query [1], scale 1, is the code itself. */
function tableOf(codes: readonly number[], first = 0) {
  const table = referenceKernel.createTable(1);
  table.set(first, Int8Array.from(codes), new Float32Array(codes.length).fill(1), new Float32Array(codes.length));
  return table;
}

const query = Int16Array.of(1);

describe("referenceKernel", () => {
  it("returns the r nearest allowed rows, nearest first, ties by ordinal", () => {
    const table = tableOf([5, 1, 3, 1, 3, -2]);
    const { ordinals, distances } = table.scan(query, 1, 4, Bitmap.of([0, 1, 2, 3, 4]).words);
    expect([...ordinals]).toEqual([1, 3, 2, 4]);
    expect([...distances]).toEqual([1, 1, 3, 3]);
  });

  it("returns fewer when fewer are allowed, none for r = 0 or an empty bitmap", () => {
    const table = tableOf([5, 1, 3]);
    expect([...table.scan(query, 1, 10, Bitmap.of([0, 2]).words).ordinals]).toEqual([2, 0]);
    expect(table.scan(query, 1, 0, Bitmap.of([0, 2]).words).ordinals.length).toBe(0);
    expect(table.scan(query, 1, 5, new Bitmap().words).ordinals.length).toBe(0);
  });

  it("computes intercept + slope × scale × dot in float32", () => {
    const table = referenceKernel.createTable(2);
    table.set(0, Int8Array.of(3, -4), Float32Array.of(-0.1), Float32Array.of(1));
    const expected = Math.fround(1 + Math.fround(Math.fround(Math.fround(-0.1) * Math.fround(0.3)) * (3 * 7 - 4 * 2)));
    expect(table.scan(Int16Array.of(7, 2), 0.3, 1, Bitmap.of([0]).words).distances[0]).toBe(expected);
  });

  it("replaces rows and grows", () => {
    const table = tableOf([5, 1, 3]);
    const before = table.byteLength;
    table.set(1, Int8Array.of(9, 9, 0), new Float32Array(3).fill(1), new Float32Array(3));
    expect([...table.scan(query, 1, 4, Bitmap.of([0, 1, 2, 3]).words).ordinals]).toEqual([3, 0, 1, 2]);
    expect(table.byteLength).toBeGreaterThan(before);
  });

  it("refuses a bitmap that reaches beyond its rows", () => {
    const table = tableOf([5, 1, 3]);
    for (const ordinal of [3, 31, 32, 1000]) {
      expect(() => table.scan(query, 1, 1, Bitmap.of([ordinal]).words)).toThrow(TidepoolError);
    }
    expect(() => tableOf(new Array<number>(32).fill(1)).scan(query, 1, 1, Bitmap.of([32]).words)).toThrow(/holds 32 rows/);
  });
});
