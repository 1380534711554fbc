import { expect, test } from "vitest";
import { cutMarkdown, cutText } from "./cut-text.js";

const words = (count: number): string => `${Array.from({ length: count }, () => "sea").join(" ")}.`;

test("Markdown is cut at headings, with the tags in their brackets", async () => {
  const passages = await cutMarkdown(
    `# Shore\n\n## Tides [moon, sun]\n\n${words(40)}\n\n### Neap\n\n${words(40)}\n\n## Rock\n\n${words(40)}\n`,
  );
  expect(passages.map(({ heading, tags }) => [heading, tags])).toEqual([
    ["Tides", ["moon", "sun"]],
    ["Tides › Neap", undefined],
    ["Rock", undefined],
  ]);
});

test("brackets that are the whole heading are no tags", async () => {
  expect(await cutMarkdown("# Changes\n\n## [0.1.0]\n\nFirst.")).toEqual([{ heading: "[0.1.0]", text: "First." }]);
});

test("text without headings has none", async () => {
  expect(await cutMarkdown("Only a line.")).toEqual([{ text: "Only a line." }]);
  expect(await cutText("Only a line.")).toEqual([{ text: "Only a line." }]);
});

test("short paragraphs of different sections are not joined", async () => {
  expect((await cutMarkdown("## A\n\nOne.\n\n## B\n\nTwo.")).map(({ text }) => text)).toEqual(["One.", "Two."]);
});

test("a fenced block keeps its blank lines and its number signs", async () => {
  const code = "```sh\n# not a heading\n\necho tide\n```";
  expect(await cutMarkdown(`## Run\n\n${code}\n`)).toEqual([{ heading: "Run", text: code }]);
});

test("nothing comes of nothing", async () => {
  expect(await cutText(" \n\n --- \n")).toEqual([]);
  expect(await cutMarkdown("# Title only\n")).toEqual([]);
});

test("line ends of Windows are line ends", async () => {
  expect((await cutMarkdown("## A\r\n\r\nOne.\r\n\r\n## B\r\n\r\nTwo.\r\n")).map(({ heading, text }) => [heading, text])).toEqual([
    ["A", "One."],
    ["B", "Two."],
  ]);
});

test("a long text without lines gives many passages", async () => {
  const passages = await cutText("The tide comes in. ".repeat(1000));
  expect(passages.length).toBeGreaterThan(10);
  expect(passages.map(({ text }) => text).join(" ")).toBe("The tide comes in. ".repeat(1000).trim());
});

test("a word of a million letters is cut, and no letter is lost or halved", async () => {
  const word = `a${"𝒳".repeat(500_000)}`;
  const passages = await cutText(word);
  expect(passages.map(({ text }) => text).join("")).toBe(word);
  expect(Math.max(...passages.map(({ text }) => text.length))).toBeLessThanOrEqual(2000);
  expect(passages.every(({ text }) => !/^[\uDC00-\uDFFF]|[\uD800-\uDBFF]$/.test(text))).toBe(true);
});

test("a line of three million letters is many passages", async () => {
  const passages = await cutMarkdown("The tide comes in ".repeat(170_000));
  expect(passages.length).toBeGreaterThan(1000);
});
