import { afterEach, describe, expect, test, vi } from "vitest";
import { Random } from "../../testing/environment.js";
import {
  ALL,
  exportedAs,
  fixture,
  fixtureRecords,
  imported,
  openCollection,
  randomCollection,
  reasons,
  recordsOf,
  rejection,
  streamOf,
  withDamage,
} from "../../testing/imports.js";
import type { ImportReport } from "./import-arguments.js";

const FILES = ["snappy", "zstd-v2", "gzip", "encodings"];

function countOf({ imported, rejectedCount }: ImportReport): number {
  return imported + rejectedCount;
}

/** Answers ranges of these bytes, or the whole where `hasRanges` is not set. */
function serve(bytes: Uint8Array<ArrayBuffer>, hasRanges: boolean): string[] {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (_: string | URL, { headers }: { headers?: Record<string, string> }) => {
    const range = /^bytes=(\d+)-(\d+)$/.exec(headers?.Range ?? "");
    asked.push(headers?.Range ?? "all");
    if (range === null || !hasRanges) return new Response(bytes);
    const [start, end] = [Number(range[1]), Number(range[2]) + 1];
    const told = { "Content-Range": `bytes ${start}-${end - 1}/${bytes.length}` };
    return new Response(bytes.slice(start, end), { status: 206, headers: told });
  });
  return asked;
}

afterEach(() => vi.unstubAllGlobals());

describe("an import of Parquet", () => {
  test.each([1, 2, 3, 4, 5])("has every record that was exported exactly as it was (seed %i)", async (seed) => {
    const source = await randomCollection(new Random(seed), 60);
    const { report, collection } = await imported(await exportedAs("parquet", source));
    expect(report).toMatchObject({ format: "parquet", imported: 60, rejectedCount: 0, rejected: [], warnings: [] });
    expect(await collection.get({ include: ALL })).toEqual(await source.get({ include: ALL }));
  });

  test.each(FILES)("takes what pyarrow writes: %s", async (name) => {
    const { report, collection } = await imported(await fixture(`${name}.parquet`), { metadata: "flatten" });
    expect(reasons(report)).toEqual([]);
    expect(await recordsOf(collection)).toEqual(fixtureRecords());
    expect(report.warnings).toEqual([expect.stringContaining('"day"'), expect.stringContaining('"at"')]);
  });

  test("names a compression that the browser does not know", async () => {
    const error = await rejection(imported(await fixture("brotli.parquet")));
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringMatching(/"id".*BROTLI.*zstd/) });
  });

  test("reads a file, a stream, and a URL by ranges where the server gives them", async () => {
    const bytes = await fixture("snappy.parquet");
    const told: unknown[] = [];
    const options = { metadata: "flatten", onProgress: (progress: unknown) => told.push(progress) } as const;
    expect((await (await openCollection()).import(new File([bytes], "a.parquet"), options)).imported).toBe(100);
    expect(told).toMatchObject([{ imported: 100, totalBytes: bytes.length }]);
    expect((await (await openCollection()).import(streamOf(bytes, 999), options)).imported).toBe(100);
    for (const hasRanges of [true, false]) {
      const asked = serve(bytes, hasRanges);
      const collection = await openCollection();
      expect((await collection.import("https://example.com/a.parquet", options)).imported).toBe(100);
      expect(await recordsOf(collection)).toEqual(fixtureRecords());
      expect(asked.filter((range) => range === "all")).toHaveLength(1);
      expect(asked.length > 2).toBe(hasRanges);
    }
  });

  test("reads only the columns that are wanted, and goes on where it is told to", async () => {
    const bytes = await fixture("snappy.parquet");
    const asked = serve(bytes, true);
    const mapping = { document: null, metadata: ["tag", "page.number"] };
    const collection = await openCollection();
    const report = await collection.import("https://example.com/a", { mapping, startAt: 98 });
    expect(report).toMatchObject({ imported: 3, warnings: [] });
    expect(await collection.get()).toMatchObject({
      ids: ["r97", "r98", "r99"],
      documents: [null, null, null],
      metadatas: [
        { tag: "flood", "page.number": 97 },
        { tag: "neap", "page.number": 98 },
        { tag: "ebb", "page.number": 99 },
      ],
    });
    const total = asked.slice(2).reduce((sum, range) => sum + Number(/-(\d+)/.exec(range)![1]) - Number(/=(\d+)/.exec(range)![1]) + 1, 0);
    expect(total).toBeLessThan(bytes.length);
  });

  test("tells each row that cannot go in", async () => {
    const { report } = await imported(await fixture("snappy.parquet"));
    expect(report).toMatchObject({ imported: 17, rejectedCount: 83 });
    expect(report.rejected[0]).toEqual({ row: 2, line: null, reason: expect.stringContaining("page") });
  });

  test("that is cut is refused, wherever it is", async () => {
    const bytes = await fixture("snappy.parquet");
    for (let end = 4; end < bytes.length; end += 97) {
      expect(await rejection(imported(bytes.slice(0, end)))).toMatchObject({
        code: "INVALID_ARGUMENT",
        message: expect.stringMatching(/Parquet/),
      });
    }
  });

  test.each(FILES)("of damaged bytes imports or tells, and takes no more than it should: %s", async (name) => {
    const whole = await fixture(`${name}.parquet`);
    const random = new Random(name.length);
    for (let i = 0; i < 60; i++) {
      const bytes = withDamage(whole, random, 4);
      const report: unknown = await (await openCollection()).import(bytes, { metadata: "flatten" }).catch((error) => error);
      if (report instanceof Error) expect(report).toMatchObject({ message: expect.stringMatching(/Parquet|column|embedding/) });
      else expect(countOf(report as ImportReport)).toBeLessThanOrEqual(100);
    }
  });
});
