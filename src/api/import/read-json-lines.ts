/**
 * JSON lines: an object a line, as `collection.export`, chromadb-data-pipes and others write them. A line that cannot be read leaves the
 * others as they are.
 */
import { show } from "../../core/errors.js";
import { limits } from "../../core/limits.js";
import type { ByteReader } from "./byte-reader.js";
import { type Line, linesOf, markedEncoding, utf8Of } from "./read-text.js";
import type { Fields, SourceRow } from "./source-row.js";

export async function* readJsonLines(reader: ByteReader): AsyncGenerator<SourceRow, void, undefined> {
  const pieces = utf8Of(reader.pieces(), markedEncoding(await reader.head()));
  let row = 0;
  for await (const line of linesOf(pieces)) {
    if (line.text?.trim() === "" && !line.isLong) continue;
    yield { row: ++row, line: line.line, ...readLine(line) };
  }
}

function readLine({ text, isLong }: Line): { fields: Fields } | { reason: string } {
  if (isLong) return { reason: `the line has more than the ${limits.importRowBytesMax} bytes allowed (importRowBytesMax)` };
  return text === null ? { reason: "the line is not UTF-8" } : readRow(text);
}

/** An object in JSON. */
export function readRow(text: string): { fields: Fields } | { reason: string } {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { fields: value as Fields };
    return { reason: `an object was expected, not ${show(value)}` };
  } catch (error) {
    return { reason: `it is not JSON: ${(error as Error).message}` };
  }
}
