/** Files as sources, one after the other. A file that cannot be read is told of and holds up none of the others. */
import type { Source } from "./adding.js";
import { sourceKey } from "./passage.js";
import { FileError, readFile } from "./read-file.js";

/** What became of one file. */
export type FileOutcome = { name: string; source: Source } | { name: string; refused: string };

export async function* readFiles(files: readonly File[], signal: AbortSignal): AsyncGenerator<FileOutcome> {
  for (const file of files) {
    signal.throwIfAborted();
    yield await readOne(file);
  }
}

async function readOne(file: File): Promise<FileOutcome> {
  try {
    const key = sourceKey("file", await digest(file), file.name);
    return { name: file.name, source: { key, passages: await readFile(file, key) } };
  } catch (error) {
    if (error instanceof FileError) return { name: file.name, refused: error.message };
    throw error;
  }
}

/** A few letters that follow from the content. */
async function digest(file: File): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  return Array.from(bytes.subarray(0, 6), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
