/** Passages of a text that are worth finding on their own, with the headings that they stand below. */
import { chunk } from "tidepool-db";
import { type Chunk, countWords } from "./passage.js";

/** Some 130 words of English. */
const maxTokens = 192;
/** Headings at the beginning of a passage, each a line of its own. */
const headingLines = /^(?:#{1,6}[ \t].*(?:\r?\n\s*|$))+/;

/** Cuts Markdown. Text in square brackets at the end of a heading is read as its tags: `## Spring tides [tides, moon]`. */
export async function chunkMarkdown(text: string, fallbackTitle: string, tokens = maxTokens): Promise<Chunk[]> {
  const passages = await chunk(text, { maxTokens: tokens, format: "markdown" });
  return passages
    .map(({ text: passage, headings }) => {
      const trail = headings.map(readHeading);
      // The document's own title says little about a passage as soon as there is a heading below it.
      const below = trail.length > 1 ? trail.slice(1) : trail;
      const title = below.map((heading) => heading.title).filter(Boolean);
      return { title: title.join(" › ") || fallbackTitle, text: passage.replace(headingLines, ""), tags: trail.at(-1)?.tags ?? [] };
    })
    .filter(hasWords);
}

/** Cuts plain text; its passages are called after the file. */
export async function chunkText(text: string, title: string): Promise<Chunk[]> {
  const passages = await chunk(text, { maxTokens, format: "text" });
  return passages.map((passage) => ({ title, text: passage.text, tags: [] })).filter(hasWords);
}

function hasWords({ text }: Chunk): boolean {
  return countWords(text) > 0;
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
