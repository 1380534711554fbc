import { expect, test } from "vitest";
import { chunkMarkdown, chunkText } from "./chunk.js";

const words = (count: number): string => `${Array.from({ length: count }, () => "sea").join(" ")}.`;

test("Markdown is cut at headings, which become titles, with the tags in their brackets", async () => {
  const chunks = await chunkMarkdown(
    `# Shore\n\n## Tides [moon, sun]\n\n${words(40)}\n\n### Neap\n\n${words(40)}\n\n## Rock\n\n${words(40)}\n`,
    "shore.md",
  );
  expect(chunks.map(({ title, tags }) => [title, tags])).toEqual([
    ["Tides", ["moon", "sun"]],
    ["Tides › Neap", []],
    ["Rock", []],
  ]);
});

test("brackets that are the whole heading are no tags", async () => {
  expect(await chunkMarkdown("# Changes\n\n## [0.1.0]\n\nFirst.", "a")).toEqual([{ title: "[0.1.0]", text: "First.", tags: [] }]);
});

test("text without headings is called after its file", async () => {
  expect(await chunkMarkdown("Only a line.", "note.md")).toEqual([{ title: "note.md", text: "Only a line.", tags: [] }]);
  expect(await chunkText("Only a line.", "note.txt")).toEqual([{ title: "note.txt", text: "Only a line.", tags: [] }]);
});

test("short paragraphs of different sections are not joined", async () => {
  expect((await chunkMarkdown("## A\n\nOne.\n\n## B\n\nTwo.", "a")).map(({ text }) => text)).toEqual(["One.", "Two."]);
});

test("a fenced block keeps its blank lines and its number signs", async () => {
  const code = "```sh\n# not a heading\n\necho tide\n```";
  expect(await chunkMarkdown(`## Run\n\n${code}\n`, "a")).toEqual([{ title: "Run", text: code, tags: [] }]);
});

test("nothing comes of nothing", async () => {
  expect(await chunkText(" \n\n --- \n", "a")).toEqual([]);
  expect(await chunkMarkdown("# Title only\n", "a")).toEqual([]);
});

test("line ends of Windows are line ends", async () => {
  expect((await chunkMarkdown("## A\r\n\r\nOne.\r\n\r\n## B\r\n\r\nTwo.\r\n", "a")).map(({ title, text }) => [title, text])).toEqual([
    ["A", "One."],
    ["B", "Two."],
  ]);
});

test("a long text without lines gives many passages", async () => {
  const chunks = await chunkText("The tide comes in. ".repeat(1000), "a");
  expect(chunks.length).toBeGreaterThan(10);
  expect(chunks.map(({ text }) => text).join(" ")).toBe("The tide comes in. ".repeat(1000).trim());
});
