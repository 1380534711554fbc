/**
 * The passages that come with the demo: notes written for it and the project's own documentation, both put into the
 * page's script when it is built, so that loading them asks the network for nothing.
 */
import { chunkMarkdown } from "./chunk.js";
import { type Passage, toPassages } from "./passage.js";
import { compareTopics } from "./topics.js";

const notes = import.meta.glob<string>("../corpus/*.md", { query: "?raw", import: "default", eager: true });
const documentation = import.meta.glob<string>(["../../*.md", "../../docs/**/*.md"], { query: "?raw", import: "default", eager: true });

/** One bundled document. */
export interface BundledSource {
  name: string;
  passages: Passage[];
}

/** All bundled documents, in the order of their topics. */
export async function bundledSources(): Promise<BundledSource[]> {
  const read = await Promise.all([...byPath(notes).map(readNote), ...byPath(documentation).map(readDocumentation)]);
  const sources = read.filter(({ passages }) => passages.length > 0);
  return sources.sort((a, b) => compareTopics(a.passages[0]!.metadata.topic, b.passages[0]!.metadata.topic));
}

function byPath(files: Record<string, string>): [path: string, text: string][] {
  return Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1));
}

async function readNote([path, text]: [string, string]): Promise<BundledSource> {
  const [, topic = "Notes", body = text] = /^---\ntopic: (.+)\n---\n([\s\S]*)$/.exec(text) ?? [];
  const name = path.replace("../corpus/", "");
  return { name, passages: toPassages(name, topic, "note", await chunkMarkdown(body, topic)) };
}

async function readDocumentation([path, text]: [string, string]): Promise<BundledSource> {
  const name = path.replace("../../", "");
  return { name, passages: toPassages(name, "Tidepool", "documentation", await chunkMarkdown(text, name)) };
}
