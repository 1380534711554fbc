import { expect, test } from "vitest";
import { IdTable } from "./id-table.js";

const RECORDS = 2000;

function loaded(): IdTable {
  const table = new IdTable();
  for (let ordinal = 0; ordinal < RECORDS; ordinal++) table.load(`r${ordinal}`, ordinal);
  return table;
}

const noTick = async (): Promise<void> => {};

test("finds ids of loaded records at once, whether or not it was prepared", async () => {
  const [plain, prepared] = [loaded(), loaded()];
  await prepared.prepare(noTick);
  for (const table of [plain, prepared]) {
    expect(table.count).toBe(RECORDS);
    expect([table.ordinalOf("r0"), table.ordinalOf("r1999"), table.ordinalOf("r2000")]).toEqual([0, 1999, undefined]);
    expect(table.idOf(7)).toBe("r7");
  }
});

test("changes made while it is prepared are not lost", async () => {
  const table = loaded();
  let ticks = 0;
  await table.prepare(async () => {
    if (ticks++ > 0) return;
    table.delete("r1", 1);
    table.delete("r1500", 1500);
    table.add("r1", RECORDS);
  });
  expect(ticks).toBeGreaterThan(0);
  expect([table.ordinalOf("r1"), table.ordinalOf("r1500"), table.ordinalOf("r1999")]).toEqual([RECORDS, undefined, 1999]);
  expect([table.count, table.live.count(), table.live.has(1500)]).toEqual([RECORDS - 1, RECORDS - 1, false]);
});

test("renumbered, it has the same records in the same order", () => {
  const table = loaded();
  for (let ordinal = 0; ordinal < RECORDS; ordinal += 2) table.delete(`r${ordinal}`, ordinal);
  const renumbered = table.renumbered((ordinal) => ordinal >> 1);
  expect([...renumbered.live.values()]).toEqual([...Array(RECORDS / 2).keys()]);
  expect([renumbered.ordinalOf("r3"), renumbered.ordinalOf("r2"), renumbered.idOf(1)]).toEqual([1, undefined, "r3"]);
});
