/** What the demo stores: one record per passage, its text as the document and the rest as metadata. */

/** Metadata of a passage. Records from JSON and CSV files carry further keys of their own. */
export type PassageMetadata = {
  /** File or document that the passage comes from. */
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
};

export type Kind = "note" | "documentation" | "file";

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

/** Turns the chunks of one source into passages. Ids follow from source and position, so adding a source twice changes nothing. */
export function toPassages(source: string, topic: string, kind: Kind, chunks: Iterable<Chunk>): Passage[] {
  return Array.from(chunks, (chunk, position) => ({
    id: passageId(source, position),
    document: withHeading(source, chunk),
    metadata: {
      ...chunk.extra,
      source,
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
function withHeading(source: string, { title, text }: Chunk): string {
  return title === source ? text : `${title}${headingEnd}${text}`;
}

/** The document without its heading, for showing below it. */
export function bodyOf(document: string, title: string): string {
  const heading = title + headingEnd;
  return document.startsWith(heading) ? document.slice(heading.length) : document;
}

const headingEnd = "\n\n";

export function passageId(source: string, position: number): string {
  return `${source}#${position}`;
}

export function countWords(text: string): number {
  return text.match(/[\p{L}\p{N}]+/gu)?.length ?? 0;
}
