/**
 * Tables as text, whose first row names the columns. What stands between cells is found out, quotes are as RFC 4180 has them. A quote
 * that is never closed, or closed in the midst of a cell, is told and read as a letter, so that it swallows no row; cells beyond the
 * last column get columns of their own.
 */
import Papa from "papaparse";
import { decode } from "./decode.js";
import { FileError, type Part, type Reader } from "./file-passage.js";
import { readRecords } from "./records.js";

/** In this order where nothing else decides: a comma may be one of the text. */
const delimiters = ["\t", ";", "|", ","];
/** Rows by which the delimiter is found. */
const previewedRows = 20;
/** After so many quotes that are none, all others of the table are read as letters: looking for their ends may take very long. */
const strayQuotesMax = 100;
/** Read as a quote character that no text has. */
const noQuote = "\0";

export const readCsv: Reader = async function* (bytes, name): AsyncGenerator<Part> {
  const { text, note } = decode(bytes, name);
  const { rows, strays } = rowsOf(text.replace(/^\uFEFF/, ""));
  const records = recordsOf(rows);
  if (records.length === 0) throw new FileError(`${name} needs a first line that names the columns, and rows below it.`);
  yield { passages: [], note };
  if (strays.length > 0) yield { passages: [], note: strayNote(strays) };
  yield* readRecords(records);
};

function strayNote(lines: readonly number[]): string {
  const which = lines.length === 1 ? `line ${lines[0]}` : `${lines.length} lines, the first of them line ${lines[0]},`;
  return `has a quote that is not closed in ${which} which was read as a letter.`;
}

/** Rows that are blank are none. `strays` are the lines of quotes that are none. */
export function rowsOf(text: string): { rows: string[][]; strays: number[] } {
  const delimiter = delimiterOf(text);
  const newline = (/\r\n|\n|\r/.exec(text)?.[0] ?? "\n") as "\r\n" | "\n" | "\r";
  const rows: string[][] = [];
  const strays: number[] = [];
  const take = (cells: string[]): void => void (cells.some((cell) => cell.trim() !== "") && rows.push(cells));
  for (let at = 0; at < text.length; ) {
    const isHopeless = strays.length > strayQuotesMax;
    const stray = readUntilStray(text, at, { delimiter, newline, quoteChar: isHopeless ? noQuote : '"' }, take);
    if (stray === null) break;
    strays.push(lineAt(text, stray));
    const end = text.indexOf(newline, stray);
    const line = text.slice(stray, end < 0 ? text.length : end);
    take(Papa.parse<string[]>(line, { delimiter, newline, quoteChar: noQuote }).data[0]!);
    at = end < 0 ? text.length : end + newline.length;
  }
  return { rows, strays };
}

/** Where the row begins that has a stray quote; `null` where there is none up to the end. */
function readUntilStray(text: string, start: number, how: Papa.ParseConfig, take: (cells: string[]) => void): number | null {
  let rowStart = start;
  let stray: number | null = null;
  Papa.parse<string[]>(text.slice(start), {
    ...how,
    step: ({ data, errors, meta }, parser) => {
      if (errors.length > 0) {
        stray = rowStart;
        parser.abort();
        return;
      }
      take(data);
      rowStart = start + meta.cursor;
    },
  });
  return stray;
}

function lineAt(text: string, at: number): number {
  return (text.slice(0, at).match(/\r\n|\n|\r/g)?.length ?? 0) + 1;
}

/** The delimiter with which most rows have as many cells as the first, which are more than one; of those equal in that, most cells. */
export function delimiterOf(text: string): string {
  const head = text.slice(0, 100_000);
  const ranked = delimiters.map((delimiter) => {
    const { data } = Papa.parse<string[]>(head, { delimiter, preview: previewedRows });
    const cells = data[0]?.length ?? 0;
    const rows = data.filter((row) => row.length > 1 || row[0]?.trim() !== "");
    const agreeing = rows.filter((row) => row.length === cells).length / Math.max(1, rows.length);
    return { delimiter, cells, score: cells > 1 ? agreeing : 0 };
  });
  return ranked.sort((a, b) => b.score - a.score || b.cells - a.cells)[0]!.delimiter;
}

/** Records by the names of their columns, which are made where a table names none, or one twice. */
export function recordsOf([head, ...rows]: readonly string[][]): Record<string, string | number>[] {
  if (head === undefined) return [];
  const width = rows.reduce((most, row) => Math.max(most, row.length), head.length);
  const names = new Set<string>();
  for (let i = 0; i < width; i++) names.add(freeName(head[i]?.trim() || `column ${i + 1}`, names));
  return rows.map((row) =>
    Object.fromEntries([...names].slice(0, Math.max(head.length, row.length)).map((name, i) => [name, cellValue(row[i] ?? "")])),
  );
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  let free = name;
  for (let i = 2; taken.has(free); i++) free = `${name} ${i}`;
  return free;
}

function cellValue(cell: string): string | number {
  return /^-?(0|[1-9]\d{0,14})(\.\d+)?$/.test(cell.trim()) ? Number(cell) : cell;
}
