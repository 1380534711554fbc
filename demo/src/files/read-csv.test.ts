import { expect, test } from "vitest";
import { delimiterOf, recordsOf, rowsOf } from "./read-csv.js";
import { readOne } from "./read-one.js";

test.each([
  ["title;text, long;price\na;b, c;1", ";"],
  ["title\ttext, long\na\tb; c, d", "\t"],
  ["name,says\ncrab,a;b;c;d", ","],
  ["a|b|c\n1|2|3", "|"],
  ['"a;b;c;d",e\n1,2', ","],
  ["name\ncrab", "\t"],
])("what stands between the cells of %j is %j", (text, delimiter) => {
  expect(delimiterOf(text)).toBe(delimiter);
});

const recordsIn = (text: string) => recordsOf(rowsOf(text).rows);

test("quotes, doubled quotes, line breaks inside, numbers, blank rows", () => {
  expect(recordsIn('name,says,depth\r\ncrab,"a ""b"", c\nd",-2.5\r\n\r\n007,,1e5\r\n')).toEqual([
    { name: "crab", says: 'a "b", c\nd', depth: -2.5 },
    { name: "007", says: "", depth: "1e5" },
  ]);
});

test("cells beyond the last column get columns of their own, as columns without a name do", () => {
  expect(recordsIn("a,,a\n1,2,3\n4,5,6,7")).toEqual([
    { a: 1, "column 2": 2, "a 2": 3 },
    { a: 4, "column 2": 5, "a 2": 6, "column 4": 7 },
  ]);
});

test.each([
  ['a,b\n1,x\n2,"y\n3,z\n4,w', [3]],
  ['a,b\n1,x\n2,"y\n3,"z\n4,"fine, too"', [3, 4]],
  ['a,b\n1,x\n2,"y" z\n3,z\n4,w', [3]],
])("a quote that is none swallows no row of %j", (text, strays) => {
  const read = rowsOf(text);
  expect(read.rows.map(([first]) => first)).toEqual(["a", "1", "2", "3", "4"]);
  expect(read.rows[2]![1]).toContain('"y');
  expect(read.strays).toEqual(strays);
});

test("a table of nothing but quotes that are none is read to its end", () => {
  const text = `a,b\n${Array.from({ length: 20_000 }, (_, i) => `${i},"x`).join("\n")}`;
  expect(rowsOf(text).rows).toHaveLength(20_001);
});

test("a table says which lines it could not read as they stand", async () => {
  const notes: (string | undefined)[] = [];
  const cells: unknown[] = [];
  for await (const { note, passages } of readOne(new File(['animal,legs\ncrab,10\n"snail,1'], "a.csv"))) {
    if (note) notes.push(note);
    cells.push(...passages.map(({ text, fields }) => [text, fields]));
  }
  expect(notes).toEqual([expect.stringContaining("line 3")]);
  expect(cells).toEqual([
    ["animal: crab\nlegs: 10", { animal: "crab", legs: 10 }],
    ['animal: "snail\nlegs: 1', { animal: '"snail', legs: 1 }],
  ]);
});
