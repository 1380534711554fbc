/** The notes that come with the demo, cut into passages. Runs when the page is built, which has them as `virtual:corpus`, and not in it. */
import { readdir, readFile } from "node:fs/promises";
import { cutMarkdown } from "./files/cut-text.js";
import type { FilePassage } from "./files/file-passage.js";
import { compareTopics } from "./topics.js";

/** One note, before it is stored. */
export interface Note {
  name: string;
  topic: string;
  parts: FilePassage[];
}

/** One paragraph of the notes: a model of sentences knows best what says one thing. */
const paragraphTokens = 96;
const folder = new URL("../corpus/", import.meta.url);

/** All of them, in the order of their topics. */
export async function bundledNotes(): Promise<Note[]> {
  const read = await Promise.all((await readdir(folder)).map(readNote));
  return read.sort((a, b) => compareTopics(a.topic, b.topic));
}

async function readNote(name: string): Promise<Note> {
  const text = await readFile(new URL(name, folder), "utf8");
  const [, topic = "Notes", body = text] = /^---\ntopic: (.+)\n---\n([\s\S]*)$/.exec(text) ?? [];
  return { name, topic, parts: await cutMarkdown(body, paragraphTokens) };
}
