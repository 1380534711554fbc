/** What reading a file gives, whatever kind of file it is. */

/** A part of a file that is worth finding on its own. */
export interface FilePassage {
  text: string;
  /** What it stands below: headings of a document, the title of a record. Absent where the file's name says all there is. */
  heading?: string;
  /** Of Markdown: what stands in brackets behind the heading. */
  tags?: string[];
  /** Short values that come with it: other columns of its row, the number of its page. */
  fields?: Record<string, string | number | boolean>;
}

/** What a reader answers bit by bit. */
export interface Part {
  passages: FilePassage[];
  /** How much of the file this is the end of, between 0 and 1, where that is known. */
  fraction?: number;
  /** What a person should know about how it was read, in a sentence. */
  note?: string;
}

/** A reader of one kind of file. */
export type Reader = (bytes: Uint8Array<ArrayBuffer>, name: string) => AsyncIterable<Part>;

/** The file cannot be used; the message begins with its name and is for the person who chose it. */
export class FileError extends Error {}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
