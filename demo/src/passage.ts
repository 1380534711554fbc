/** What the demo stores: one record per passage, its text as the document and the rest as metadata. */

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

/** Part of a text, with the heading it stands under. */
export interface Chunk {
  title: string;
  text: string;
  tags: string[];
  /** Keys of the user's own, from JSON or CSV. */
  extra?: Record<string, string | number | boolean>;
}

/** Where passages come from: their name in the lists, and the topic and kind that all of them have. */
export interface Origin {
  key: string;
  topic: string;
  kind: Kind;
}

/**
 * Names a source by where it came from, by what is in it and by its name, so that files of one name never replace each other,
 * and a file that is added twice is there once.
 */
export function sourceKey(origin: "bundled" | "file", content: string, name: string): string {
  return `${origin}/${content}/${name}`;
}

/** The name for the reader. */
export function sourceName(key: string): string {
  return key.split("/").slice(2).join("/");
}

/** Turns the chunks of one source into passages. Ids follow from source and position, so adding a source twice changes nothing. */
export function toPassages({ key, topic, kind }: Origin, chunks: Iterable<Chunk>): Passage[] {
  const name = sourceName(key);
  return Array.from(chunks, (chunk, position) => ({
    id: `${key}#${position}`,
    document: withHeading(name, chunk),
    metadata: {
      ...chunk.extra,
      source: key,
      title: chunk.title,
      topic,
      kind,
      position,
      words: countWords(chunk.text),
      hasCode: /```|`[^`]+`/.test(chunk.text),
      ...(chunk.tags.length > 0 ? { tags: chunk.tags } : {}),
    },
  }));
}

/**
 * The heading is stored as part of the document, so that it is embedded and searched too: it often names what the passage
 * itself only calls "it". A file's own name is no heading.
 */
function withHeading(name: string, { title, text }: Chunk): string {
  return title === name ? text : `${title}${headingEnd}${text}`;
}

/** The document without its heading, for showing below it. */
export function bodyOf(document: string, title: string): string {
  const heading = title + headingEnd;
  return document.startsWith(heading) ? document.slice(heading.length) : document;
}

const headingEnd = "\n\n";

export function countWords(text: string): number {
  return text.match(/[\p{L}\p{N}]+/gu)?.length ?? 0;
}
