/** JSON and JSON Lines. */
import { decode } from "./decode.js";
import { FileError, type Part, type Reader, reasonOf } from "./file-passage.js";
import { isObject, readRecords } from "./records.js";

/** Lines that are told one by one. */
const toldMax = 3;

export const readJson: Reader = async function* (bytes, name): AsyncGenerator<Part> {
  const { text, note } = decode(bytes, name);
  yield { passages: [], note };
  yield* readRecords(recordsOf(parse(text, name)));
};

function parse(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FileError(`${name} is not valid JSON: ${reasonOf(error)}`);
  }
}

/** The records of a JSON file: its array, the first array inside its object, or the whole as one record. */
function recordsOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  const inner = isObject(value) ? Object.values(value).find((part) => Array.isArray(part)) : undefined;
  return Array.isArray(inner) ? inner : [value];
}

/** Lines that are not JSON are told, and the others are read. */
export const readJsonLines: Reader = async function* (bytes, name): AsyncGenerator<Part> {
  const { text, note } = decode(bytes, name);
  const records: unknown[] = [];
  const broken: string[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    try {
      records.push(JSON.parse(line));
    } catch (error) {
      broken.push(`line ${index + 1} is not valid JSON (${reasonOf(error)})`);
    }
  }
  if (records.length === 0 && broken.length > 0) throw new FileError(`${name} is not JSON Lines: ${broken[0]}.`);
  yield { passages: [], note };
  if (broken.length > 0) yield { passages: [], note: `was read without ${told(broken)}.` };
  yield* readRecords(records);
};

function told(broken: readonly string[]): string {
  const more = broken.length - toldMax;
  const lines = broken.length === 1 ? "a line" : `${broken.length} lines`;
  return `${lines}: ${broken.slice(0, toldMax).join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
}
