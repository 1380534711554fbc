/** The notes that come with the demo as sources. Runs when the page is built, which has them as `virtual:corpus`, and not in it. */
import { readdir, readFile } from "node:fs/promises";
import type { Source } from "./adding.js";
import { chunkMarkdown } from "./chunk.js";
import { sourceKey, toPassages } from "./passage.js";
import { compareTopics } from "./topics.js";

/** One paragraph of the notes: a model of sentences knows best what says one thing. */
const paragraphTokens = 96;
const folder = new URL("../corpus/", import.meta.url);

/** All bundled notes, in the order of their topics. */
export async function bundledSources(): Promise<Source[]> {
  const read = await Promise.all((await readdir(folder)).map(readNote));
  return read.sort((a, b) => compareTopics(a.passages[0]!.metadata.topic, b.passages[0]!.metadata.topic));
}

async function readNote(name: string): Promise<Source> {
  const text = await readFile(new URL(name, folder), "utf8");
  const [, topic = "Notes", body = text] = /^---\ntopic: (.+)\n---\n([\s\S]*)$/.exec(text) ?? [];
  const key = sourceKey("bundled", "1", name);
  return { key, passages: toPassages({ key, topic, kind: "note" }, await chunkMarkdown(body, topic, paragraphTokens)) };
}
