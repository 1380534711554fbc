/**
 * Passages of a text, with the headings that they stand below. No passage is longer than `lengthMax`, whatever the text: a word
 * without an end, as data that was pasted into a text, is cut.
 */
import { chunk } from "tidepool-db";
import type { FilePassage } from "./file-passage.js";

/** Some 130 words of English. */
const maxTokens = 192;
/** Characters; what has so many within `maxTokens` is no prose. */
const lengthMax = 2000;
/** Headings at the beginning of a passage, each a line of its own. */
const headingLines = /^(?:#{1,6}[ \t].*(?:\r?\n\s*|$))+/;

/** Cuts Markdown. Text in square brackets at the end of a heading is read as its tags: `## Spring tides [tides, moon]`. */
export async function cutMarkdown(text: string, tokens = maxTokens): Promise<FilePassage[]> {
  const passages = await chunk(text, { maxTokens: tokens, format: "markdown" });
  return passages.flatMap(({ text: passage, headings }) => {
    const trail = headings.map(readHeading);
    // The document's own title says little about a passage as soon as there is a heading below it.
    const below = trail.length > 1 ? trail.slice(1) : trail;
    const heading = below
      .map(({ title }) => title)
      .filter(Boolean)
      .join(" › ");
    const tags = trail.at(-1)?.tags ?? [];
    return piecesOf(passage.replace(headingLines, "")).map((piece) => passageOf(piece, heading, tags));
  });
}

/** Cuts plain text. */
export async function cutText(text: string, heading = ""): Promise<FilePassage[]> {
  const passages = await chunk(text, { maxTokens, format: "text" });
  return passages.flatMap((passage) => piecesOf(passage.text).map((piece) => passageOf(piece, heading, [])));
}

function passageOf(text: string, heading: string, tags: string[]): FilePassage {
  return { text, ...(heading === "" ? {} : { heading }), ...(tags.length === 0 ? {} : { tags }) };
}

/** A text in pieces that are short enough, those without a word left out. */
function piecesOf(text: string): string[] {
  const pieces: string[] = [];
  for (let start = 0; start < text.length; ) {
    const end = endOfPiece(text, start);
    pieces.push(text.slice(start, end));
    start = end;
  }
  return pieces.filter((piece) => /[\p{L}\p{N}]/u.test(piece));
}

/** Never within a surrogate pair. */
function endOfPiece(text: string, start: number): number {
  const end = Math.min(start + lengthMax, text.length);
  const isCut = end < text.length && /[\uD800-\uDBFF]/.test(text[end - 1]!);
  return isCut ? end - 1 : end;
}

function readHeading(heading: string): { title: string; tags: string[] } {
  const [, title, tags] = /^(.+?)\s+\[([^\]]+)\]$/.exec(heading) ?? [null, heading, ""];
  return {
    title: plain(title!),
    tags: tags!
      .split(",")
      .map((tag) => tag.trim())
      .filter(Boolean),
  };
}

/** A heading without Markdown's marks. */
function plain(heading: string): string {
  return heading
    .replace(/[`*]/g, "")
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .trim();
}
