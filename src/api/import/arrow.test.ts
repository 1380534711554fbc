import { describe, expect, test } from "vitest";
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

const FILES = ["stream.arrow", "file-zstd.arrow"];

describe("an import of Arrow", () => {
  test.each([1, 2, 3, 4, 5])("has every record that was exported exactly as it was (seed %i)", async (seed) => {
    const source = await randomCollection(new Random(seed), 60);
    const collection = await openCollection();
    const report = await collection.import(streamOf(await exportedAs("arrow", source), 100 + seed));
    expect(report).toMatchObject({ format: "arrow", imported: 60, rejectedCount: 0, rejected: [], warnings: [] });
    expect(await collection.get({ include: ALL })).toEqual(await source.get({ include: ALL }));
  });

  test.each(FILES)("takes what pyarrow writes: %s", async (name) => {
    const { report, collection } = await imported(await fixture(name), { metadata: "flatten" });
    expect(reasons(report)).toEqual([]);
    expect(await recordsOf(collection)).toEqual(fixtureRecords());
    expect(report.warnings).toEqual([expect.stringContaining('"day"'), expect.stringContaining('"at"')]);
  });

  test("takes the columns that are wanted, goes on where it is told to, and tells rows that cannot go in", async () => {
    const bytes = await fixture("stream.arrow");
    const some = await imported(bytes, { mapping: { document: null, metadata: ["tag", "page.number"] }, startAt: 99 });
    expect(await some.collection.get()).toMatchObject({
      ids: ["r98", "r99"],
      documents: [null, null],
      metadatas: [
        { tag: "neap", "page.number": 98 },
        { tag: "ebb", "page.number": 99 },
      ],
    });
    const { report } = await imported(bytes);
    expect(report).toMatchObject({ imported: 17, rejectedCount: 83 });
    expect(report.rejected[0]).toEqual({ row: 2, line: null, reason: expect.stringContaining("page") });
  });

  test("names a compression that it does not know", async () => {
    const error = await rejection(imported(await fixture("file-lz4.arrow")));
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringMatching(/LZ4.*zstd/) });
  });

  test("that is cut keeps the rows before it, and tells how many bytes there are", async () => {
    const bytes = await fixture("stream.arrow");
    for (let end = 4; end < bytes.length; end += 211) {
      const error = await rejection(imported(bytes.slice(0, end)));
      expect(error).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining(`ends after ${end} bytes`) });
      expect([0, 40, 80, 100]).toContain((error.details.nextRow as number) - 1);
    }
  });

  test.each(FILES)("of damaged bytes imports or tells: %s", async (name) => {
    const random = new Random(name.length);
    const whole = await fixture(name);
    for (let i = 0; i < 60; i++) {
      const bytes = withDamage(whole, random, 8);
      const report: unknown = await (await openCollection()).import(bytes, { metadata: "flatten" }).catch((error) => error);
      if (report instanceof Error) expect(report).toMatchObject({ message: expect.stringMatching(/Arrow|column|embedding/) });
      else expect((report as ImportReport).imported + (report as ImportReport).rejectedCount).toBeLessThanOrEqual(100);
    }
  });
});
