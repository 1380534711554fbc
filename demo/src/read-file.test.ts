import { expect, test } from "vitest";
import type { Passage } from "./passage.js";
import { FileError, parseCsv, readFile as readNamed } from "./read-file.js";

const file = (name: string, content: string | Uint8Array<ArrayBuffer>): File => new File([content], name);
const readFile = (read: File): Promise<Passage[]> => readNamed(read, `file/1/${read.name}`);

test("a text file becomes passages that know where they are from", async () => {
  const [passage] = await readFile(file("tides.txt", "The tide comes in `twice` a day."));
  expect(passage).toEqual({
    id: "file/1/tides.txt#0",
    document: "The tide comes in `twice` a day.",
    metadata: { source: "file/1/tides.txt", title: "tides.txt", topic: "Your files", kind: "file", position: 0, words: 7, hasCode: true },
  });
});

test("a heading is stored with the passage below it", async () => {
  const [passage] = await readFile(file("a.md", "# All\n\n## Crabs [shore]\n\nThey walk sideways."));
  expect(passage).toMatchObject({ document: "Crabs\n\nThey walk sideways.", metadata: { title: "Crabs", tags: ["shore"], words: 3 } });
});

test("JSON records give their text, their title and their short values", async () => {
  const records = [{ title: "Moon", text: "It pulls.", year: 1969, "#own": 1, tide: true, nested: { a: 1 } }];
  for (const content of [JSON.stringify(records), JSON.stringify({ records })]) {
    const passages = await readFile(file("a.json", content));
    expect(passages).toHaveLength(1);
    expect(passages[0]).toMatchObject({ document: "Moon\n\nIt pulls.", metadata: { title: "Moon", year: 1969, tide: true } });
    expect(Object.keys(passages[0]!.metadata)).not.toContain("#own");
    expect(Object.keys(passages[0]!.metadata)).not.toContain("nested");
  }
});

test("JSON strings are passages, JSON Lines are read line by line", async () => {
  expect((await readFile(file("a.json", '["one sea", "two seas"]'))).map(({ document }) => document)).toEqual(["one sea", "two seas"]);
  expect(await readFile(file("a.jsonl", '{"text":"one"}\n\n{"text":"two"}\n'))).toHaveLength(2);
});

test("a record's own values never replace the passage's", async () => {
  const [passage] = await readFile(file("a.json", '[{"text":"one","source":"forged","position":7}]'));
  expect(passage!.metadata).toMatchObject({ source: "file/1/a.json", position: 0 });
});

test("CSV: quotes, doubled quotes, line breaks inside, numbers, a byte order mark and semicolons", () => {
  expect([...parseCsv("a.csv", '\uFEFFname,says,depth\r\ncrab,"a ""b"", c\nd",-2.5\r\n007,,1e5\r\n')]).toEqual([
    { name: "crab", says: 'a "b", c\nd', depth: -2.5 },
    { name: "007", says: "", depth: "1e5" },
  ]);
  expect([...parseCsv("a.csv", "name;depth\ncrab;3")]).toEqual([{ name: "crab", depth: 3 }]);
});

test("CSV rows without a text column are described by all their cells", async () => {
  const [passage] = await readFile(file("a.csv", "animal,legs\ncrab,10"));
  expect(passage).toMatchObject({ document: "animal: crab\nlegs: 10", metadata: { animal: "crab", legs: 10 } });
});

test.each([
  ["picture.png", "x", /is not a \.txt/],
  ["empty.txt", "  \n", /holds no text/],
  ["broken.json", "{", /is not valid JSON/],
  ["broken.jsonl", '{"a":1}\nnope', /line 2.*is not valid JSON/],
  ["head.csv", "a,b", /needs a first line/],
  ["latin.txt", new Uint8Array([0x66, 0xfc, 0x72]), /is not UTF-8/],
])("%s is refused with the reason", async (name, content, reason) => {
  const refused = readFile(file(name, content));
  await expect(refused).rejects.toThrow(reason);
  await expect(refused).rejects.toBeInstanceOf(FileError);
});
