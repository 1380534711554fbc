import { describe, expect, test } from "vitest";
import { Block } from "../blockstore/block.js";
import { ordinalListFormat } from "./ordinal-list.js";

const list = Uint32Array.of(3, 5, 9);

describe("merge", () => {
  test.each([[{ add: [], remove: [] }], [{ add: [5, 3, 3], remove: [] }], [{ add: [], remove: [4, 10] }], [{ add: [9], remove: [9] }]])(
    "gives the very same list for %j, which changes nothing",
    (delta) => {
      expect(ordinalListFormat.merge(list, delta)).toBe(list);
    },
  );

  test("sorts in what comes, takes out what goes, and lets adding win", () => {
    expect(ordinalListFormat.merge(list, { add: [7, 1, 0xffffffff, 7], remove: [5, 1, 2] })).toEqual(
      Uint32Array.of(1, 3, 7, 9, 0xffffffff),
    );
    expect(list).toEqual(Uint32Array.of(3, 5, 9));
  });

  test("gives the empty list itself when nothing is left or comes", () => {
    expect(ordinalListFormat.merge(list, { add: [], remove: [9, 5, 3] })).toBe(ordinalListFormat.empty);
    expect(ordinalListFormat.merge(ordinalListFormat.empty, { add: [], remove: [1] })).toBe(ordinalListFormat.empty);
  });
});

test("two deltas are one in which adding wins", () => {
  const joined = ordinalListFormat.join({ add: [1], remove: [2] }, { add: [2], remove: [1, 3] });
  expect(ordinalListFormat.merge(list, joined)).toEqual(Uint32Array.of(1, 2, 5, 9));
});

test("lists come back from a block one by one, and several as one", () => {
  const values = ordinalListFormat.decode(
    Block.decode(ordinalListFormat.encode(["a", "b", "c"], [list, Uint32Array.of(1), Uint32Array.of(2, 4)])),
  );
  expect([0, 1, 2].map((row) => [...values(row)])).toEqual([[3, 5, 9], [1], [2, 4]]);
  expect([...values(0, 3)]).toEqual([3, 5, 9, 1, 2, 4]);
  expect([...values(1, 3)]).toEqual([1, 2, 4]);
});
