/** Records of JSON files and tables as passages: the text of each, under its title, with its short values. */
import { cutText } from "./cut-text.js";
import type { FilePassage, Part } from "./file-passage.js";

/** Where the text of a record is looked for, in this order. */
const textKeys = ["document", "text", "content", "body", "passage", "description", "abstract", "summary", "answer", "question"];
const titleKeys = ["title", "name", "heading", "headline", "subject"];
const titleLengthMax = 120;
const fieldsMax = 12;
const fieldLengthMax = 200;
/** Records of which one part is made. */
const recordsAtOnce = 200;

export async function* readRecords(records: readonly unknown[]): AsyncGenerator<Part> {
  for (let start = 0; start < records.length; start += recordsAtOnce) {
    const passages: FilePassage[] = [];
    for (const record of records.slice(start, start + recordsAtOnce)) passages.push(...(await passagesOf(record)));
    yield { passages, fraction: Math.min(1, (start + recordsAtOnce) / records.length) };
  }
}

async function passagesOf(value: unknown): Promise<FilePassage[]> {
  if (value === null) return [];
  if (!isObject(value)) return cutText(typeof value === "string" ? value : JSON.stringify(value));
  const textKey = textKeys.find((key) => isText(value[key])) ?? longestText(value);
  const titleKey = titleKeys.find((key) => key !== textKey && isText(value[key]));
  const text = textKey === undefined ? describe(value) : String(value[textKey]);
  const title = titleKey === undefined ? "" : String(value[titleKey]).slice(0, titleLengthMax);
  const fields = fieldsOf(value, [textKey, titleKey]);
  return (await cutText(text, title)).map((passage) => ({ ...passage, fields }));
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.trim() !== "";
}

/** The key of the longest text that reads like prose; short labels alone do not make a document. */
function longestText(record: Record<string, unknown>): string | undefined {
  const texts = Object.entries(record).filter((entry): entry is [string, string] => isText(entry[1]) && entry[1].length > 60);
  return texts.sort(([, a], [, b]) => b.length - a.length)[0]?.[0];
}

function describe(record: Record<string, unknown>): string {
  const shown = Object.entries(record).filter(([, value]) => value !== null && value !== "");
  return shown.map(([key, value]) => `${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join("\n");
}

/** Scalars that fit as metadata. Keys that begin with # or $ are the database's own. */
function fieldsOf(record: Record<string, unknown>, taken: readonly (string | undefined)[]): Record<string, string | number | boolean> {
  const entries = Object.entries(record).filter(
    (entry): entry is [string, string | number | boolean] => !taken.includes(entry[0]) && /^[^#$]/.test(entry[0]) && isScalar(entry[1]),
  );
  return Object.fromEntries(entries.slice(0, fieldsMax));
}

function isScalar(value: unknown): boolean {
  return (
    typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value)) || (isText(value) && value.length <= fieldLengthMax)
  );
}
