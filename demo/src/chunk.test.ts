import { expect, test } from "vitest";
import * as lazy from "./chunk.js";
import { countWords } from "./passage.js";

const chunkMarkdown = (text: string, title: string) => [...lazy.chunkMarkdown(text, title)];
const chunkText = (text: string, title: string) => [...lazy.chunkText(text, title)];

const words = (count: number, word = "sea"): string => `${Array.from({ length: count }, () => word).join(" ")}.`;

test("Markdown is cut at headings, which become titles, with the tags in their brackets", () => {
  const chunks = chunkMarkdown(
    `# Shore\n\n## Tides [moon, sun]\n\n${words(40)}\n\n### Neap\n\n${words(40)}\n\n## Rock\n\n${words(40)}\n`,
    "shore.md",
  );
  expect(chunks.map(({ title, tags }) => [title, tags])).toEqual([
    ["Tides", ["moon", "sun"]],
    ["Tides › Neap", []],
    ["Rock", []],
  ]);
});

test("brackets that are the whole heading are no tags", () => {
  expect(chunkMarkdown("# Changes\n\n## [0.1.0]\n\nFirst.", "a")).toEqual([{ title: "[0.1.0]", text: "First.", tags: [] }]);
});

test("text without headings is called after its file", () => {
  expect(chunkMarkdown("Only a line.", "note.md")).toEqual([{ title: "note.md", text: "Only a line.", tags: [] }]);
  expect(chunkText("Only a line.", "note.txt")).toEqual([{ title: "note.txt", text: "Only a line.", tags: [] }]);
});

test("a short paragraph takes its neighbour in, a long one stands alone", () => {
  expect(chunkText(`${words(5)}\n\n${words(40)}\n\n${words(40)}`, "a").map(({ text }) => countWords(text))).toEqual([45, 40]);
});

test("short paragraphs of different sections are not joined", () => {
  expect(chunkMarkdown("## A\n\nOne.\n\n## B\n\nTwo.", "a").map(({ text }) => text)).toEqual(["One.", "Two."]);
});

test("a long paragraph is cut at the ends of sentences, without losing a word", () => {
  const sentences = Array.from({ length: 20 }, (_, index) => `Sentence number ${index} ${words(20)}`);
  const chunks = chunkText(sentences.join(" "), "a");
  expect(chunks.length).toBeGreaterThan(2);
  for (const { text } of chunks) {
    expect(countWords(text)).toBeLessThanOrEqual(130);
    expect(text).toMatch(/^Sentence number/);
    expect(text).toMatch(/\.$/);
  }
  expect(chunks.map(({ text }) => text).join(" ")).toBe(sentences.join(" "));
});

test("a text without sentences or spaces is still cut", () => {
  const japanese = "潮だまり".repeat(800);
  const chunks = chunkText(japanese, "a");
  expect(chunks.length).toBeGreaterThan(2);
  expect(chunks.map(({ text }) => text).join("")).toBe(japanese);
  expect(chunkText(words(1000).replaceAll(".", ""), "a").every(({ text }) => countWords(text) <= 130)).toBe(true);
});

test("a fenced block keeps its blank lines and its number signs", () => {
  const code = "```sh\n# not a heading\n\necho tide\n```";
  expect(chunkMarkdown(`## Run\n\n${code}\n`, "a")).toEqual([{ title: "Run", text: code, tags: [] }]);
});

test("nothing comes of nothing", () => {
  expect(chunkText(" \n\n --- \n", "a")).toEqual([]);
  expect(chunkMarkdown("# Title only\n", "a")).toEqual([]);
});

test("line ends of Windows are line ends", () => {
  expect(chunkMarkdown("## A\r\n\r\nOne.\r\n\r\n## B\r\n\r\nTwo.\r\n", "a").map(({ title, text }) => [title, text])).toEqual([
    ["A", "One."],
    ["B", "Two."],
  ]);
});
