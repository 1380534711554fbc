/** Turns a file of the reader's into passages, or says in words why it cannot. */
import { chunkMarkdown, chunkText } from "./chunk.js";
import { type Chunk, type Passage, toPassages } from "./passage.js";
import { breather } from "./pause.js";

const fileBytesMax = 10 * 1024 * 1024;
const passagesMax = 20_000;
/** Where the text of a JSON or CSV record is looked for, in this order. */
const textKeys = ["document", "text", "content", "body", "passage", "description", "abstract", "summary", "answer", "question"];
const titleKeys = ["title", "name", "heading", "headline", "subject"];
const extraKeysMax = 12;

/** The file cannot be used; the message is for the reader. */
export class FileError extends Error {}

/** `key` names the source, see `sourceKey`. */
export async function readFile(file: File, key: string): Promise<Passage[]> {
  if (file.size > fileBytesMax)
    throw new FileError(`${file.name} has ${megabytes(file.size)} MB; the demo takes files of up to ${megabytes(fileBytesMax)} MB.`);
  const chunks: Chunk[] = [];
  const pause = breather();
  for await (const some of chunksOf(file.name, decode(await file.arrayBuffer(), file.name))) {
    for (const chunk of some) chunks.push(chunk);
    await pause();
  }
  if (chunks.length === 0) throw new FileError(`${file.name} holds no text.`);
  if (chunks.length > passagesMax)
    throw new FileError(
      `${file.name} makes ${chunks.length.toLocaleString()} passages; the demo takes up to ${passagesMax.toLocaleString()} from one file.`,
    );
  return toPassages({ key, topic: "Your files", kind: "file" }, chunks);
}

function megabytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(bytes > 10 * 1024 * 1024 ? 0 : 1);
}

function decode(bytes: ArrayBuffer, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new FileError(`${name} is not UTF-8 text.`);
  }
}

/** Chunks as they come, those of one text together. */
function chunksOf(name: string, text: string): AsyncIterable<Chunk[]> | Promise<Chunk[]>[] {
  const extension = /\.([^.]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  switch (extension) {
    case "md":
    case "markdown":
      return [chunkMarkdown(text, name)];
    case "txt":
      return [chunkText(text, name)];
    case "json":
      return chunkRecords(parseJson(name, text), name);
    case "jsonl":
      return chunkRecords(parseLines(name, text), name);
    case "csv":
      return chunkRecords(parseCsv(name, text), name);
    default:
      throw new FileError(`${name} is not a .txt, .md, .json, .jsonl or .csv file.`);
  }
}

async function* chunkRecords(records: Iterable<unknown>, name: string): AsyncGenerator<Chunk[]> {
  for (const record of records) yield await chunkRecord(record, name);
}

/** The records of a JSON file: its array, the first array inside its object, or the whole as one record. */
function parseJson(name: string, text: string): unknown[] {
  const value = parse(name, text);
  if (Array.isArray(value)) return value;
  const inner = isObject(value) ? Object.values(value).find((part) => Array.isArray(part)) : undefined;
  return Array.isArray(inner) ? inner : [value];
}

function* parseLines(name: string, text: string): Generator<unknown> {
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() !== "") yield parse(`${name}, line ${index + 1},`, line);
  }
}

function parse(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FileError(`${name} is not valid JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** One record as passages: its text, under its title, with its short values as metadata. */
async function chunkRecord(value: unknown, name: string): Promise<Chunk[]> {
  if (value === null) return [];
  if (!isObject(value)) return chunkText(typeof value === "string" ? value : JSON.stringify(value), name);
  const textKey = textKeys.find((key) => isText(value[key])) ?? longestText(value);
  const titleKey = titleKeys.find((key) => key !== textKey && isText(value[key]));
  const text = textKey === undefined ? describe(value) : String(value[textKey]);
  const title = titleKey === undefined ? name : String(value[titleKey]).slice(0, 120);
  const extra = extraOf(value, [textKey, titleKey]);
  return (await chunkText(text, title)).map((chunk) => ({ ...chunk, extra }));
}

function isObject(value: unknown): value is Record<string, unknown> {
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
function extraOf(record: Record<string, unknown>, taken: readonly (string | undefined)[]): Record<string, string | number | boolean> {
  const entries = Object.entries(record).filter(
    (entry): entry is [string, string | number | boolean] => !taken.includes(entry[0]) && /^[^#$]/.test(entry[0]) && isScalar(entry[1]),
  );
  return Object.fromEntries(entries.slice(0, extraKeysMax));
}

function isScalar(value: unknown): boolean {
  return typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value)) || (isText(value) && value.length <= 200);
}

/** Rows of a CSV file as records; the first row names the columns, numbers become numbers. */
export function* parseCsv(name: string, text: string): Generator<Record<string, string | number>> {
  let columns: string[] | null = null;
  let records = 0;
  for (const row of csvRows(text.replace(/^\uFEFF/, ""))) {
    if (row.every((cell) => cell.trim() === "")) continue;
    if (columns) {
      records++;
      yield Object.fromEntries(columns.map((column, index) => [column, csvValue(row[index] ?? "")]));
    } else {
      columns = row.map((column, index) => column.trim() || `column ${index + 1}`);
    }
  }
  if (records === 0) throw new FileError(`${name} needs a first line that names the columns, and rows below it.`);
}

function csvValue(cell: string): string | number {
  return /^-?(0|[1-9]\d{0,14})(\.\d+)?$/.test(cell.trim()) ? Number(cell) : cell;
}

/** RFC 4180: cells may be quoted, quotes inside are doubled. A semicolon separates where the first line has no comma. */
function* csvRows(text: string): Generator<string[]> {
  const firstLine = /^.*/.exec(text)![0];
  const separator = !firstLine.includes(",") && firstLine.includes(";") ? ";" : ",";
  const plain = new RegExp(`[^${separator}\\r\\n]*`, "y");
  let row: string[] = [];
  let at = 0;
  while (at <= text.length) {
    const quoted = text[at] === '"' ? readQuoted(text, at) : { value: "", end: at };
    plain.lastIndex = quoted.end;
    row.push(quoted.value + plain.exec(text)![0]);
    at = plain.lastIndex;
    if (text[at] !== separator) {
      yield row;
      row = [];
    }
    at += text.startsWith("\r\n", at) ? 2 : 1;
  }
}

/** A quoted cell that begins at `start`, and where it ends. One that is never closed reaches to the end of the file. */
function readQuoted(text: string, start: number): { value: string; end: number } {
  let close = text.indexOf('"', start + 1);
  while (close >= 0 && text[close + 1] === '"') close = text.indexOf('"', close + 2);
  const end = close < 0 ? text.length : close;
  return { value: text.slice(start + 1, end).replaceAll('""', '"'), end: Math.min(end + 1, text.length) };
}
