/**
 * Tables as text: a head line with the names of the columns, then a row a line, with cells between commas, semicolons, tabs or bars: what
 * stands most often in the head line. Quotes are around a cell that has one of them or a line break. An empty cell is none.
 */
import Papa from "papaparse";
import { invalidArgument, show, TidepoolError } from "../../core/errors.js";
import { limits } from "../../core/limits.js";
import type { ByteReader } from "./byte-reader.js";
import { guessedTextOf } from "./read-text.js";
import type { SourceRow, Warn } from "./source-row.js";

type Newline = "\r\n" | "\n" | "\r";

const DELIMITERS = [",", ";", "\t", "|"];

export async function* readCsv(reader: ByteReader, warn: Warn): AsyncGenerator<SourceRow, void, undefined> {
  const table = new Table();
  for await (const text of guessedTextOf(reader, warn)) yield* table.push(text, false);
  yield* table.push("", true);
}

class Table {
  /** Made when the head line is there. */
  #parser: Papa.Parser | null = null;
  #text = "";
  /** Characters of `#text` in which no row was found to end: they are not looked through again before as many have come. */
  #looked = 0;
  #names: readonly string[] | null = null;
  #line = 1;
  #row = 0;

  /** The rows that this part completes. */
  *push(text: string, isLast: boolean): Generator<SourceRow, void, undefined> {
    this.#text += text;
    if (!isLast && this.#text.length < 2 * this.#looked) return;
    this.#parser ??= parserFor(this.#text, isLast);
    if (this.#parser !== null) yield* this.#parse(this.#parser, isLast);
    this.#looked = this.#text.length;
    if (this.#looked > limits.importRowBytesMax) throw tooLong(this.#line);
  }

  *#parse(parser: Papa.Parser, isLast: boolean): Generator<SourceRow, void, undefined> {
    const { data, errors, meta } = parser.parse(this.#text, 0, !isLast) as Papa.ParseResult<string[]>;
    const wrong = new Map(errors.map(({ row, message }) => [row, message]));
    for (const [i, cells] of data.entries()) {
      const line = this.#line;
      this.#line += 1 + breaksIn(cells);
      if (!isBlank(cells)) yield* this.#take(cells, line, wrong.get(i));
    }
    this.#text = this.#text.slice(meta.cursor);
  }

  *#take(cells: readonly string[], line: number, wrong: string | undefined): Generator<SourceRow, void, undefined> {
    if (this.#names === null) this.#names = readNames(cells, wrong);
    else if (wrong !== undefined) yield { row: ++this.#row, line, reason: malformed(wrong, line, this.#line - 1) };
    else yield { row: ++this.#row, line, ...rowOf(this.#names, cells) };
  }
}

/** `null` while the head line is not there as a whole. */
function parserFor(text: string, isLast: boolean): Papa.Parser | null {
  const blank = /^\s*/.exec(text)![0].length;
  const head = /^[^"\r\n]*(?:"[^"]*"[^"\r\n]*)*(\r\n|\n|\r(?=[\s\S]))/.exec(text.slice(blank));
  if (head === null && !isLast) return null;
  const newline = (head?.[1] ?? "\n") as Newline;
  return new Papa.Parser({ delimiter: guessDelimiter(head?.[0] ?? text), newline, quoteChar: '"' });
}

function guessDelimiter(head: string): string {
  const bare = head.replace(/"[^"]*"/g, "");
  const counts = DELIMITERS.map((delimiter) => bare.split(delimiter).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))]!;
}

function breaksIn(cells: readonly string[]): number {
  return cells.reduce((sum, cell) => sum + (cell.match(/\r\n|\n|\r/g)?.length ?? 0), 0);
}

function isBlank([only = "", ...more]: readonly string[]): boolean {
  return more.length === 0 && only.trim() === "";
}

function readNames(cells: readonly string[], wrong: string | undefined): string[] {
  if (wrong !== undefined) throw invalidArgument(`The head line of the table cannot be read: ${wrong}`);
  const names = cells.map((cell) => cell.trim());
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice === undefined) return names;
  throw invalidArgument(`The table has two columns with the name ${show(twice)}: its head line must name each column once`);
}

function rowOf(names: readonly string[], cells: readonly string[]) {
  if (cells.length !== names.length) return { reason: `the row has ${cells.length} cells, and the table ${names.length} columns` };
  return { fields: Object.fromEntries(names.map((name, i) => [name, cells[i] === "" ? null : cells[i]])), isText: true };
}

/** Such a row may have swallowed others. */
function malformed(wrong: string, from: number, to: number): string {
  return `the row cannot be read${to > from ? `, which goes on to line ${to}` : ""}: ${wrong}`;
}

function tooLong(line: number): TidepoolError {
  const allowed = limits.importRowBytesMax;
  const message = `The row at line ${line} has more than the ${allowed} characters allowed (importRowBytesMax): a quote may be open`;
  return new TidepoolError("LIMIT_EXCEEDED", message, { details: { limit: "importRowBytesMax", allowed } });
}
