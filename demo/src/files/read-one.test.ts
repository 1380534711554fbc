import { readFile } from "node:fs/promises";
import { strToU8, zipSync } from "fflate";
import { beforeAll, expect, test } from "vitest";
import { bookOf, pdfOf, wordOf } from "../../../tools/sample-files.js";
import { FileError, type FilePassage } from "./file-passage.js";
import { endings, readOne } from "./read-one.js";

beforeAll(() => {
  // PDF.js makes one when it is loaded, though it draws nothing here; Node has none.
  Object.assign(globalThis, { DOMMatrix: class {} });
});

type Content = string | Uint8Array<ArrayBuffer>;

async function read(name: string, content: Content): Promise<{ passages: FilePassage[]; notes: string[] }> {
  const passages: FilePassage[] = [];
  const notes: string[] = [];
  for await (const part of readOne(new File([content], name))) {
    passages.push(...part.passages);
    if (part.note) notes.push(part.note);
  }
  return { passages, notes };
}

const textsOf = async (name: string, content: Content) => (await read(name, content)).passages.map(({ text }) => text);

test("text and Markdown, under their headings", async () => {
  expect(await read("a.txt", "The tide.")).toEqual({ passages: [{ text: "The tide." }], notes: [] });
  expect((await read("A.MD", "# All\n\n## Crabs [shore]\n\nSideways.")).passages).toEqual([
    { text: "Sideways.", heading: "Crabs", tags: ["shore"] },
  ]);
});

const wide = (text: string, isBig: boolean) =>
  Uint8Array.from(
    [...text].flatMap((letter) =>
      isBig ? [letter.charCodeAt(0) >> 8, letter.charCodeAt(0) & 255] : [letter.charCodeAt(0) & 255, letter.charCodeAt(0) >> 8],
    ),
  );

test("UTF-16 with and without its mark, Latin-1 and the encoding that HTML names", async () => {
  for (const isBig of [false, true]) {
    expect(await textsOf("a.txt", wide("\uFEFFför alla", isBig))).toEqual(["för alla"]);
    expect(await textsOf("a.txt", wide("for all of us", isBig))).toEqual(["for all of us"]);
  }
  const latin = await read("a.txt", Uint8Array.from(Buffer.from("für alle", "latin1")));
  expect(latin.passages).toEqual([{ text: "für alle" }]);
  expect(latin.notes).toEqual([expect.stringContaining("Latin-1")]);
  const russian = Buffer.concat([
    Buffer.from('<meta charset="windows-1251"><p>'),
    Buffer.from([0xcc, 0xee, 0xf0, 0xe5]),
    Buffer.from("</p>"),
  ]);
  expect(await textsOf("a.html", Uint8Array.from(russian))).toEqual(["Море"]);
});

test("JSON records give their text, their title and their short values", async () => {
  const records = [{ title: "Moon", text: "It pulls.", year: 1969, "#own": 1, tide: true, nested: { a: 1 } }];
  for (const content of [JSON.stringify(records), JSON.stringify({ records })]) {
    expect((await read("a.json", content)).passages).toEqual([{ text: "It pulls.", heading: "Moon", fields: { year: 1969, tide: true } }]);
  }
  expect(await textsOf("a.json", '["one sea", "two seas"]')).toEqual(["one sea", "two seas"]);
});

test("JSON Lines are read without those that are broken, which are told", async () => {
  const { passages, notes } = await read("a.ndjson", '{"text":"one"}\n\nnope\n{"text":"two"}\n');
  expect(passages.map(({ text }) => text)).toEqual(["one", "two"]);
  expect(notes).toEqual([expect.stringMatching(/line 3 is not valid JSON/)]);
});

const paragraph = "<p>The limpet holds on to its rock while the surf breaks over it, and moves only when the water is back.</p>";
const page = `<!doctype html><html><head><title>Shore walks</title><style>p{}</style></head><body><nav><a href="/">Menu</a></nav>
<article><h1>Shore walks</h1>${paragraph.repeat(8)}
<h2>Crabs</h2><p>They walk <b>sideways</b> to <a href="https://x.example/${"y".repeat(200)}">the sea</a>, quicker than the
eye.</p></article><script>document.title = "evil"</script><footer>Imprint</footer></body></html>`;

test("HTML gives its article under its headings, without menus, scripts and addresses", async () => {
  const { passages } = await read("walk.htm", page);
  const all = passages.map(({ text }) => text).join("\n");
  expect(passages.at(-1)).toMatchObject({ heading: expect.stringContaining("Crabs") });
  expect(all).toContain("**sideways** to the sea");
  for (const left of ["Menu", "evil", "Imprint", "x.example", "p{}"]) expect(all).not.toContain(left);
  expect(await textsOf("bare.html", "just <i>words</i> &amp; more")).toEqual(["just _words_ & more"]);
});

test("a Word document gives its headings, paragraphs and tables", async () => {
  const { passages } = await read(
    "a.docx",
    wordOf([
      ["Heading1", "Storm log"],
      ["", "The pier was under water."],
      ["Heading2", "Damage"],
      ["", "Two boats lost."],
    ]),
  );
  expect(passages.map(({ heading, text }) => [heading, text])).toEqual([
    ["Storm log", "The pier was under water."],
    ["Damage", "Two boats lost."],
  ]);
});

test("a book in EPUB gives its chapters in their order", async () => {
  const { passages } = await read("a.epub", bookOf(["<h1>Ebb</h1><p>The water goes.</p>", "<h1>Flow</h1><p>The water comes.</p>"]));
  expect(passages.map(({ heading, text }) => [heading, text])).toEqual([
    ["Ebb", "The water goes."],
    ["Flow", "The water comes."],
  ]);
});

test("a PDF gives the text of its pages with their numbers", async () => {
  const { passages } = await read("a.pdf", pdfOf([["Spring tides follow", "the full moon."], ["Neap tides follow the half."]]));
  expect(passages).toEqual([
    { text: "Spring tides follow\nthe full moon.", fields: { page: 1 } },
    { text: "Neap tides follow the half.", fields: { page: 2 } },
  ]);
});

const png = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52, 0, 0, 1, 0, 0, 0, 1, 0, 8, 6]);

test.each<[string, Content, RegExp]>([
  ["picture.png", "x", /picture.png is not of a kind/],
  ["noending", "x", /is not of a kind/],
  ["constructor", "x", /is not of a kind/],
  ["a.constructor", "x", /is not of a kind/],
  ["old.doc", "x", /old version of Word/],
  ["picture.txt", png, /is not text/],
  ["empty.txt", "  \n", /holds no text/],
  ["empty.csv", "", /needs a first line/],
  ["broken.json", "{", /is not valid JSON/],
  ["broken.jsonl", "nope", /line 1 is not valid JSON/],
  ["head.csv", "a,b", /needs a first line/],
  ["empty.html", "", /holds no text/],
  ["text.pdf", "not a PDF", /is damaged, or is no PDF/],
  ["drawn.pdf", pdfOf([[]]), /pages may be pictures/],
  ["text.docx", "not an archive", /is damaged/],
  ["other.docx", zipSync({ "a.txt": strToU8("x") }), /not a document of Word's/],
  ["text.epub", zipSync({ "a.txt": strToU8("x") }), /not a book in EPUB/],
  ["deep.json", `[${"[".repeat(20_000)}${"]".repeat(20_000)}]`, /cannot be read|holds no text/],
])("%s is refused with the reason", async (name, content, reason) => {
  const refused = read(name, content);
  await expect(refused).rejects.toThrow(reason);
  await expect(refused).rejects.toBeInstanceOf(FileError);
});

test("an archive that would unpack to very much is refused before it does", async () => {
  const bomb = zipSync({ "word/document.xml": strToU8("x") });
  const entry = Buffer.from(bomb).indexOf("PK\x01\x02");
  new DataView(bomb.buffer, bomb.byteOffset).setUint32(entry + 24, 3 * 1024 ** 3, true);
  await expect(read("bomb.docx", bomb)).rejects.toThrow(/would unpack to 3072 MB/);
});

test("a page of very many boxes in each other is refused", async () => {
  await expect(read("deep.html", `${"<div>".repeat(10_000)}sea`)).rejects.toThrow(/too deep/);
});

test("whatever can be read can be shared with the demo by other apps", async () => {
  const manifest = JSON.parse(await readFile(new URL("../../public/manifest.webmanifest", import.meta.url), "utf8"));
  const accepted = new Set<string>(manifest.share_target.params.files[0].accept);
  expect(endings.filter((ending) => !accepted.has(`.${ending}`))).toEqual([]);
});
