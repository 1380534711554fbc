import { expect, test, vi } from "vitest";
import { Bitmap } from "../core/base/bitmap.js";
import { graphOptions } from "../core/index/vector/graph-kernel.js";
import type { CodeTable } from "../core/index/vector/vector-kernel.js";
import { wasmKernelForTests } from "../testing/kernel.js";
import { withSmallTables } from "./small-tables.js";

const DIMENSION = 24;
const wasm = await wasmKernelForTests();

function fill(table: CodeTable, from: number, to: number): void {
  const count = to - from;
  const wave = (i: number): number => Math.sin(from * 31 + i * 7);
  const codes = Int8Array.from({ length: count * DIMENSION }, (_, i) => Math.round(127 * wave(i)));
  table.set(
    from,
    codes,
    Float32Array.from({ length: count }, (_, i) => wave(i) / 64),
    Float32Array.from({ length: count }, (_, i) => wave(3 * i)),
  );
}

/** All that a table answers. */
function answers(table: CodeTable, ordinals: readonly number[]): unknown {
  const query = Int16Array.from({ length: DIMENSION }, (_, i) => Math.round(1000 * Math.cos(i)));
  const vector = Float32Array.from(query, Math.fround);
  const rows = Float32Array.from({ length: 5 * DIMENSION }, (_, i) => Math.sin(i));
  return {
    scan: table.scan(query, 0.01, 10, Bitmap.of(ordinals).words),
    fingerprints: ordinals.map((ordinal) => table.fingerprint(ordinal)),
    distances: (["l2", "ip", "cosine"] as const).map((space) => table.exactDistances(space, vector, rows).slice()),
  };
}

test("a small table takes no WebAssembly memory; one that grows answers the same before and after it has moved", () => {
  const createTable = vi.spyOn(wasm, "createTable");
  const table = withSmallTables(wasm, 50 * DIMENSION).createTable(DIMENSION);
  createTable.mockClear();
  const expected = wasm.createTable(DIMENSION);
  const range = (end: number): number[] => Array.from({ length: end }, (_, i) => i);
  fill(table, 0, 20);
  fill(expected, 0, 20);
  expect(answers(table, range(20))).toEqual(answers(expected, range(20)));
  // With a gap of rows that were never set.
  fill(table, 30, 50);
  fill(expected, 30, 50);
  expect(createTable).toHaveBeenCalledTimes(1);
  fill(table, 45, 51);
  fill(expected, 45, 51);
  expect(createTable).toHaveBeenCalledTimes(2);
  const set = [...range(20), ...range(21).map((i) => 30 + i)];
  expect(answers(table, set)).toEqual(answers(expected, set));
  fill(table, 51, 5000);
  fill(expected, 51, 5000);
  expect(answers(table, set)).toEqual(answers(expected, set));
});

test("a graph over a small table walks as one in the kernel does", () => {
  const options = graphOptions("l2", 8, 40);
  const [small, expected] = [withSmallTables(wasm), wasm].map((kernel) => {
    const table = kernel.createTable(DIMENSION);
    fill(table, 0, 40);
    const graph = table.createGraph(options);
    for (let ordinal = 0; ordinal < 40; ordinal++) graph.insert(ordinal, 0);
    return graph.read(0, 40);
  });
  expect(small).toEqual(expected);
});
