import { describe, expect, test } from "vitest";
import { Random } from "../../testing/environment.js";
import { fixture, fixtureRecords, imported, openCollection, rejection, streamOf, withDamage } from "../../testing/imports.js";
import type { ImportReport } from "./import-arguments.js";

/** A file with this header, and with these numbers. */
function npy(header: string, numbers: ArrayBufferView<ArrayBuffer> = new Float32Array(6), version = 1): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(`${header}\n`);
  const length = version === 1 ? [text.length & 255, text.length >> 8] : [text.length & 255, text.length >> 8, 0, 0];
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  return Uint8Array.from([...[0x93, ...new TextEncoder().encode("NUMPY"), version, 0], ...length, ...text, ...bytes]);
}

const header = (type = "<f4", shape = "(2, 3)", order = "False"): string =>
  `{'descr': '${type}', 'fortran_order': ${order}, 'shape': ${shape}, }`;

async function embeddingsOf(bytes: Uint8Array): Promise<[string[], number[][]]> {
  const { report, collection } = await imported(bytes);
  expect(report).toMatchObject({ format: "npy", rejectedCount: 0, warnings: [] });
  const { ids, embeddings } = await collection.get({ include: ["embeddings"] });
  return [ids, embeddings.map((row) => Array.from(row!))];
}

describe("an import of .npy", () => {
  test("takes what NumPy writes, in pieces of any length", async () => {
    const bytes = await fixture("float32.npy");
    const expected = fixtureRecords().map(({ embedding }) => embedding);
    expect(await embeddingsOf(bytes)).toEqual([expected.map((_, i) => String(i + 1)), expected]);
    for (const length of [1, 30, 999]) {
      const collection = await openCollection();
      expect(await collection.import(streamOf(bytes, length))).toMatchObject({ imported: 100 });
      expect((await collection.get({ include: ["embeddings"] })).embeddings).toEqual(expected);
    }
    const { collection } = await imported(bytes, { startAt: 100 });
    expect((await collection.get()).ids).toEqual(["100"]);
  });

  test.each([1, 2, 3])("takes floats of all three widths (version %i)", async (version) => {
    const rows = [
      [0, -1, 0.5],
      [2, 65504, 2 ** -24],
    ];
    const flat = rows.flat();
    expect(await embeddingsOf(npy(header(), Float32Array.from(flat), version))).toEqual([["1", "2"], rows]);
    expect(await embeddingsOf(npy(header("<f8"), Float64Array.from(flat), version))).toEqual([["1", "2"], rows]);
    const halves = Uint16Array.from([0, 0xbc00, 0x3800, 0x4000, 0x7bff, 1]);
    expect(await embeddingsOf(npy(header("<f2"), halves, version))).toEqual([["1", "2"], rows]);
  });

  test("tells rows that no embedding can be", async () => {
    const { report } = await imported(npy(header(), Float32Array.from([1, 2, Number.NaN, 4, 5, 6])));
    expect(report).toMatchObject({ imported: 1, rejected: [{ row: 1, reason: expect.stringContaining("NaN") }] });
  });

  test.each([
    ["another type", npy(header("<i8")), /"<i8".*<f4/],
    ["another byte order", npy(header(">f4")), /">f4"/],
    ["columns first", npy(header("<f4", "(2, 3)", "True")), /fortran_order/],
    ["one dimension", npy(header("<f4", "(6,)")), /1 dimensions/],
    ["three dimensions", npy(header("<f4", "(1, 2, 3)")), /3 dimensions/],
    ["no numbers in a row", npy(header("<f4", "(2, 0)")), /shape is \(2, 0\)/],
    ["a structure", npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3), }"), /type/],
    ["no dictionary", npy("nothing"), /header is "nothing"/],
    ["another version", npy(header(), undefined, 9), /version 9/],
    ["a header that is cut", npy(header()).slice(0, 9), /header/],
    ["a header that goes on", Uint8Array.from([...npy(header()).slice(0, 8), 255, 255, 1]), /header of 65545 bytes/],
    ["too few rows", npy(header(), new Float32Array(5)), /after 1 of 2 rows/],
    ["too many rows", npy(header(), new Float32Array(7)), /behind its 2 rows/],
  ])("refuses %s", async (_, bytes, message) => {
    expect(await rejection(imported(bytes))).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) });
  });

  test("of damaged bytes imports or tells", async () => {
    const random = new Random(3);
    const whole = await fixture("float32.npy");
    for (let i = 0; i < 60; i++) {
      const report: unknown = await (await openCollection()).import(withDamage(whole.slice(0, 400), random, 6)).catch((error) => error);
      if (report instanceof Error) expect(report).toMatchObject({ message: expect.stringContaining(".npy") });
      else expect((report as ImportReport).imported + (report as ImportReport).rejectedCount).toBeLessThanOrEqual(100);
    }
  });
});
