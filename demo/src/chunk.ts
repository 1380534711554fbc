/**
 * Cuts text into passages that are worth finding on their own: along headings and paragraphs first, at the ends of
 * sentences where a paragraph is too long, and never inside a fenced block of code unless that alone is too long.
 * Passages come one by one, so that whoever takes them can give way to the page in between.
 */
import { type Chunk, countWords } from "./passage.js";

/** A passage shorter than this takes the next paragraph of the same section in. */
const wordsMin = 28;
/** A passage does not grow beyond this. */
const wordsMax = 130;

/** Cuts Markdown. Text in square brackets at the end of a heading is read as its tags: `## Spring tides [tides, moon]`. */
export function* chunkMarkdown(text: string, fallbackTitle: string): Generator<Chunk> {
  let trail: string[] = [];
  let tags: string[] = [];
  for (const section of splitSections(text)) {
    if (section.heading !== null) {
      const heading = readHeading(section.heading);
      trail = [...trail.slice(0, section.level - 1), heading.title];
      tags = heading.tags;
    }
    // The document's own title says little about a passage as soon as there is a heading below it.
    const title = (trail.length > 1 ? trail.slice(1) : trail).filter(Boolean).join(" › ") || fallbackTitle;
    for (const passage of packParagraphs(splitParagraphs(section.body))) yield { title, text: passage, tags };
  }
}

/** Cuts plain text; its passages are called after the file. */
export function* chunkText(text: string, title: string): Generator<Chunk> {
  for (const passage of packParagraphs(splitParagraphs(text))) yield { title, text: passage, tags: [] };
}

interface Section {
  level: number;
  heading: string | null;
  body: string;
}

function splitSections(text: string): Section[] {
  const sections: Section[] = [{ level: 1, heading: null, body: "" }];
  let fenced = false;
  for (const line of text.replace(/\r\n?/g, "\n").split("\n")) {
    if (/^\s*(```|~~~)/.test(line)) fenced = !fenced;
    const heading = fenced ? null : /^(#{1,6})\s+(.+?)\s*#*$/.exec(line);
    if (heading) sections.push({ level: heading[1]!.length, heading: heading[2]!, body: "" });
    else sections.at(-1)!.body += `${line}\n`;
  }
  return sections;
}

function readHeading(heading: string): { title: string; tags: string[] } {
  const match = /^(.+?)\s+\[([^\]]+)\]$/.exec(heading);
  if (!match) return { title: plain(heading), tags: [] };
  return {
    title: plain(match[1]!),
    tags: match[2]!
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

/** Paragraphs; a fenced block of code is one paragraph whatever blank lines it holds. */
function* splitParagraphs(body: string): Generator<string> {
  let lines: string[] = [];
  let fenced = false;
  for (const line of body.replace(/\r\n?/g, "\n").split("\n")) {
    if (/^\s*(```|~~~)/.test(line)) fenced = !fenced;
    if (line.trim() !== "" || fenced) {
      lines.push(line);
    } else {
      yield* splitLong(lines.join("\n").trim());
      lines = [];
    }
  }
  yield* splitLong(lines.join("\n").trim());
}

/** Joins neighbours of one section until each passage can stand alone. */
function* packParagraphs(paragraphs: Iterable<string>): Generator<string> {
  let last = "";
  for (const paragraph of paragraphs) {
    if (countWords(paragraph) === 0) continue;
    const isRoom = last !== "" && sizeOf(last) < wordsMin && sizeOf(last) + sizeOf(paragraph) <= wordsMax;
    if (!isRoom && last !== "") yield last;
    last = isRoom ? `${last}\n\n${paragraph}` : paragraph;
  }
  if (last !== "") yield last;
}

/** Cuts a paragraph that is too long: at line ends in lists and code, at the ends of sentences in prose, at words at worst. */
function splitLong(paragraph: string): string[] {
  if (sizeOf(paragraph) <= wordsMax) return [paragraph];
  const isBlock = /^\s*([-*|]|\d+\.|```|~~~)/.test(paragraph);
  const pieces = isBlock ? paragraph.split(/(?<=\n)/) : segments(paragraph.replace(/\s*\n\s*/g, " "), "sentence");
  return packPieces(pieces.flatMap(splitAtWords));
}

function splitAtWords(piece: string): string[] {
  return sizeOf(piece) <= wordsMax ? [piece] : packPieces(segments(piece, "word"));
}

/** The parts of a text in order; the spaces between them belong to the part before. */
function segments(text: string, granularity: "sentence" | "word"): string[] {
  return Array.from(new Intl.Segmenter(undefined, { granularity }).segment(text), ({ segment }) => segment);
}

/** Length in words; scripts without spaces, and other long runs of letters, count by their characters. */
function sizeOf(text: string): number {
  return Math.max(countWords(text), Math.ceil(text.length / 9));
}

/** Joins pieces for as long as they fit into one passage. */
function packPieces(pieces: readonly string[]): string[] {
  const packed: string[] = [];
  let current = "";
  for (const piece of pieces) {
    if (current.trim() !== "" && sizeOf(current + piece) > wordsMax) {
      packed.push(current);
      current = "";
    }
    current += piece;
  }
  return [...packed, current].map((passage) => passage.trim()).filter(Boolean);
}
