/** What the demo stores: one record per passage, its text as the document and the rest as metadata. */
import type { FilePassage } from "./files/file-passage.js";
import { wordPattern } from "./word-pattern.js";

/** Metadata of a passage. Records from JSON and CSV files carry further keys of their own. */
export type PassageMetadata = {
  /** The source's key, see {@link sourceKey}. */
  source: string;
  /** The heading above it. */
  title: string;
  topic: string;
  kind: Kind;
  /** Place inside its source, from 0. */
  position: number;
  words: number;
  hasCode: boolean;
  /** Absent when there are none: an empty array is no value. */
  tags?: string[];
  /** True until the model has read it; its vector is zero until then. */
  pending?: boolean;
};

export type Kind = "note" | "file";

/** A passage before it is stored. */
export interface Passage {
  id: string;
  document: string;
  metadata: PassageMetadata & Record<string, string | number | boolean | string[]>;
}

/** Where passages come from: their name in the lists, and the topic and kind that all of them have. */
export interface Origin {
  key: string;
  topic: string;
  kind: Kind;
}

/**
 * Names a source by where it came from, by what is in it and by its name, so that files of one name never replace each other, and a
 * file that is added twice is there once. This is the key of a bundled note; `files/open-files.ts` makes those of files.
 */
export function sourceKey(name: string): string {
  return `bundled/1/${name}`;
}

/** The name for the reader. */
export function sourceName(key: string): string {
  return key.split("/").slice(2).join("/");
}

/**
 * Turns the parts of one source into passages, `first` being the position of the first of them. Ids follow from source and position, so
 * adding a source twice changes nothing.
 */
export function toPassages({ key, topic, kind }: Origin, parts: Iterable<FilePassage>, first = 0): Passage[] {
  return Array.from(parts, ({ text, heading, tags = [], fields }, index) => ({
    id: `${key}#${first + index}`,
    // The heading is embedded and searched, too: it often names what the passage itself only calls "it".
    document: heading === undefined ? text : heading + headingEnd + text,
    metadata: {
      ...fields,
      source: key,
      title: heading ?? sourceName(key),
      topic,
      kind,
      position: first + index,
      words: countWords(text),
      hasCode: /```|`[^`]+`/.test(text),
      ...(tags.length > 0 ? { tags } : {}),
    },
  }));
}

/** The document without its heading, for showing below it. */
export function bodyOf(document: string, title: string): string {
  const heading = title + headingEnd;
  return document.startsWith(heading) ? document.slice(heading.length) : document;
}

const headingEnd = "\n\n";

function countWords(text: string): number {
  return text.match(wordPattern)?.length ?? 0;
}
