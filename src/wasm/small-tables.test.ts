import { expect, test, vi } from "vitest";
import { Bitmap } from "../core/base/bitmap.js";
import { graphOptions } from "../core/index/vector/graph-kernel.js";
import { ReferenceTable } from "../core/index/vector/reference-kernel.js";
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

test("very few rows take no WebAssembly memory; a table that grows answers the same before and after it has moved", () => {
  const createTable = vi.spyOn(wasm, "createTable");
  const table = withSmallTables(wasm, 50 * DIMENSION).createTable(DIMENSION);
  createTable.mockClear();
  const expected = wasm.createTable(DIMENSION);
  const range = (end: number): number[] => Array.from({ length: end }, (_, i) => i);
  fill(table, 0, 20);
  fill(expected, 0, 20);
  expect(answers(table, range(20))).toEqual(answers(expected, range(20)));
  // Of so few rows none was needed.
  expect(createTable).toHaveBeenCalledTimes(1);
  // With a gap of rows that were never set.
  fill(table, 30, 50);
  fill(expected, 30, 50);
  fill(table, 45, 51);
  fill(expected, 45, 51);
  expect(createTable).toHaveBeenCalledTimes(2);
  const set = [...range(20), ...range(21).map((i) => 30 + i)];
  expect(answers(table, set)).toEqual(answers(expected, set));
  fill(table, 51, 5000);
  fill(expected, 51, 5000);
  expect(answers(table, set)).toEqual(answers(expected, set));
});

test("small tables that are scanned in turns share a memory, and each answers for its own rows as they are", () => {
  const createTable = vi.spyOn(wasm, "createTable");
  const kernel = withSmallTables(wasm);
  const coderBytes = kernel.coderBytes;
  const counts = [200, 400, 300];
  const smalls = counts.map(() => kernel.createTable(DIMENSION));
  createTable.mockClear();
  const some = (count: number): number[] => Array.from({ length: count >> 1 }, (_, i) => 2 * i);
  const own = counts.map(() => new ReferenceTable(DIMENSION));
  const both = (i: number): [CodeTable, CodeTable] => [smalls[i]!, own[i]!];
  counts.forEach((count, i) => void both(i).forEach((table) => void fill(table, i, count)));
  for (const i of [0, 1, 0, 2, 2, 1]) {
    const [answered, expected] = both(i).map((table) => answers(table, some(counts[i]!).slice(2)));
    expect(answered).toEqual(expected);
    // Rows are set where the table is laid, and where it is not.
    for (const at of [i, 0]) for (const table of both(at)) fill(table, 10 + i, 60 + i);
    const [after, same] = both(i).map((table) => answers(table, some(counts[i]!).slice(2)));
    expect(after).toEqual(same);
  }
  expect(createTable).toHaveBeenCalledTimes(1);
  expect(kernel.coderBytes).toBe(coderBytes + createTable.mock.results[0]!.value.byteLength);
  expect(() => smalls[0]!.scan(new Int16Array(DIMENSION), 1, 1, Bitmap.of([300]).words)).toThrow(/holds 200 rows/);
});

test("where there is no further WebAssembly memory a large table is plain, answers the same, and moves once there is one", () => {
  const expected = wasm.createTable(DIMENSION);
  fill(expected, 0, 60);
  fill(expected, 60, 100);
  const createTable = vi.spyOn(wasm, "createTable");
  const table = withSmallTables(wasm, 50 * DIMENSION).createTable(DIMENSION);
  const ordinals = Array.from({ length: 100 }, (_, i) => i);
  const instance = refuseMemories();
  try {
    fill(table, 0, 60);
    fill(table, 60, 100);
    expect(answers(table, ordinals)).toEqual(answers(expected, ordinals));
    // Looked for seldom, since the engine collects garbage each time.
    createTable.mockClear();
    for (let scan = 0; scan < 600; scan++) answers(table, [0]);
    expect(createTable.mock.calls.length).toBeGreaterThan(5);
    expect(createTable.mock.calls.length).toBeLessThan(20);
  } finally {
    instance.mockRestore();
  }
  const plainBytes = table.byteLength;
  for (let scan = 0; scan < 65; scan++) answers(table, [0]);
  expect(table.byteLength).toBeGreaterThan(plainBytes);
  expect(answers(table, ordinals)).toEqual(answers(expected, ordinals));
});

test("where there is no further WebAssembly memory a graph walks in plain arrays, and lists are scanned page by page", () => {
  const kernel = withSmallTables(wasm);
  const walk = (): unknown => {
    const table = kernel.createTable(DIMENSION);
    fill(table, 0, 40);
    const graph = table.createGraph(graphOptions("l2", 8, 40));
    for (let ordinal = 0; ordinal < 40; ordinal++) graph.insert(ordinal, 0);
    return graph.read(0, 40);
  };
  const scan = (): unknown => {
    const coder = kernel.createCoder({ dimension: DIMENSION, space: "l2", seed: 1 });
    const rows = Float32Array.from({ length: 64 * coder.paddedDimension }, (_, i) => Math.sin(i * i));
    const centroid = new Float32Array(coder.paddedDimension);
    const centroids = coder.createCentroids();
    centroids.set(0, centroid);
    const list = coder.encode(
      rows,
      Uint32Array.from({ length: 64 }, (_, i) => i),
      centroid,
    );
    const pages = coder.createPages(2 ** 20);
    const pageBytes = coder.listBytes(1);
    const numbers = Uint32Array.from({ length: list.length / pageBytes }, (_, page) => page);
    for (const page of numbers) pages.put(page, list.subarray(page * pageBytes, (page + 1) * pageBytes));
    const query = coder.prepare(rows.slice(0, coder.paddedDimension));
    const options = { threshold: Infinity, epsilon: 1.9 };
    return structuredClone(pages.scan(query, centroids.probe(query, 1), numbers, Uint32Array.of(numbers.length), options));
  };
  const expected = [walk(), scan()];
  const instance = refuseMemories();
  try {
    expect([walk(), scan()]).toEqual(expected);
    expect(() => wasm.createTable(DIMENSION)).toThrow(/gives out none: close other databases or tabs/);
  } finally {
    instance.mockRestore();
  }
});

/** As a browser does that has given out all its memories. */
function refuseMemories(): { mockRestore(): void } {
  class Refusing implements WebAssembly.Instance {
    readonly exports = {};

    constructor() {
      throw new RangeError("WebAssembly.Instance(): Out of memory: Cannot allocate Wasm memory for new instance");
    }
  }
  return vi.spyOn(WebAssembly, "Instance").mockImplementation(Refusing);
}

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
