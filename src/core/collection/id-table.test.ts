import { describe, expect, test } from "vitest";
import { Random } from "../../testing/environment.js";
import { Bitmap } from "../base/bitmap.js";
import { IdTable } from "./id-table.js";

/** Ordinals by their fingerprints, as a map keeps them. */
class Model {
  readonly records = new Map<number, number>();

  candidates(fingerprint: number): number[] {
    return [...this.records].filter(([, own]) => own === fingerprint).map(([ordinal]) => ordinal);
  }
}

function candidatesOf(table: IdTable, fingerprint: number): number[] {
  const found: number[] = [];
  const count = table.candidates(fingerprint, found);
  return found.slice(0, count);
}

function expectSame(table: IdTable, model: Model, fingerprints: Iterable<number>): void {
  expect(table.count).toBe(model.records.size);
  expect([...table.live.values()]).toEqual([...model.records.keys()].sort((a, b) => a - b));
  for (const fingerprint of fingerprints) {
    expect(candidatesOf(table, fingerprint).sort((a, b) => a - b)).toEqual(model.candidates(fingerprint).sort((a, b) => a - b));
  }
}

describe("the id table", () => {
  test.each([1, 2, 3])("knows after any changes what a map knows: seed %i", (seed) => {
    const random = new Random(seed);
    // Few, so that many are shared, and at both ends, so that places go round.
    const fingerprints = Array.from({ length: 40 }, () => random.pick([0, 2 ** 32 - 64, random.below(2 ** 32)]) + random.below(64));
    const [table, model] = [new IdTable(), new Model()];
    for (let ordinal = 0; ordinal < 600; ordinal++) {
      const fingerprint = random.pick(fingerprints) % 2 ** 32;
      table.add(fingerprint, ordinal);
      model.records.set(ordinal, fingerprint);
      if (random.chance(0.45) && model.records.size > 0) {
        const [gone, own] = random.pick([...model.records]);
        table.delete(own, gone);
        model.records.delete(gone);
      }
    }
    expectSame(table, model, fingerprints);
    // Live records keep their order and close up.
    const order = [...model.records.keys()].sort((a, b) => a - b);
    const renumbered = new Model();
    for (const [i, ordinal] of order.entries()) renumbered.records.set(i, model.records.get(ordinal)!);
    table.renumber((ordinal) => order.indexOf(ordinal));
    expectSame(table, renumbered, fingerprints);
  });

  test("finds each of many records, grown from nothing or told after opening", () => {
    const records = 20_000;
    const fingerprintOf = (ordinal: number): number => Math.imul(ordinal, 0x9e3779b1) >>> 0;
    for (const isOpened of [false, true]) {
      const table = new IdTable();
      if (isOpened) {
        table.open(Bitmap.of(Array(records).keys()));
        table.beginIndex();
        for (let ordinal = 0; ordinal < records; ordinal++) table.index(fingerprintOf(ordinal), ordinal);
      } else for (let ordinal = 0; ordinal < records; ordinal++) table.add(fingerprintOf(ordinal), ordinal);
      let found = 0;
      for (let ordinal = 0; ordinal < records; ordinal++) if (candidatesOf(table, fingerprintOf(ordinal))[0] === ordinal) found++;
      expect([found, candidatesOf(table, fingerprintOf(records))]).toEqual([records, []]);
      expect(table.bytes / records).toBeLessThan(14.5);
    }
  });
});
