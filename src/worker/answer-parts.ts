/**
 * Large answers, cut into parts: a page reads a message in one piece, however large it is, and can do nothing else meanwhile. The
 * columns of an answer are cut, where it has some, or the list that it is; the page pulls one part after the other, so no more than
 * one is on its way. What is cut was read at one moment, and nobody changes it any more.
 *
 * A cell is sent whole, so a single document or record may make a larger part.
 */
import { TidepoolError } from "../core/errors.js";
import { limits } from "../core/limits.js";
import type { AnswerPart, CutAnswer, Piece } from "./protocol.js";

/** About how much a message is larger for a value, an object and each of its properties, beside what strings hold. */
const VALUE_BYTES = 16;

type Column = Pick<Piece, "path" | "values">;

/** The answers of one session of which the page has not pulled everything. */
export class AnswerParts {
  readonly #cuts = new Map<string, { cutting: Cutting; requestId: string }>();
  #ids = 0;
  #onEmpty: () => void = () => undefined;

  /** A small answer as it is, and the first part of a large one. */
  begin(answer: unknown, requestId: string): unknown {
    if (!isCuttable(answer) || roomAfter(answer, limits.answerPartBytes) > 0) return answer;
    const cutting = new Cutting(answer);
    const part = cutting.next();
    if (part.isLast) return answer;
    const cut = `${++this.#ids}`;
    this.#cuts.set(cut, { cutting, requestId });
    return { ...part, cut, root: cutting.root } satisfies CutAnswer;
  }

  /** The next part of the answer of this id. */
  more(cut: string): AnswerPart {
    const found = this.#cuts.get(cut);
    if (found === undefined) throw new TidepoolError("ABORTED", "The answer was dropped, since nobody waited for it any more");
    const part = found.cutting.next();
    if (part.isLast) this.#drop(cut);
    return part;
  }

  /** Nobody waits any more for the answer to this request. */
  cancel(requestId: string): void {
    for (const [cut, of] of this.#cuts) if (of.requestId === requestId) this.#drop(cut);
  }

  #drop(cut: string): void {
    this.#cuts.delete(cut);
    if (this.#cuts.size === 0) this.#onEmpty();
  }

  /** Resolves once everything is pulled, or the time is over: a page that has gone pulls nothing. */
  async drain(waitMs: number): Promise<void> {
    if (this.#cuts.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs);
      this.#onEmpty = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#cuts.clear();
  }
}

/** One answer on its way: what is sent at once, and how far its columns are sent. */
class Cutting {
  /** The answer, with its columns empty. */
  readonly root: CutAnswer["root"];
  readonly #columns: Column[] = [];
  #column = 0;
  #at = 0;

  constructor(answer: object) {
    this.root = { value: this.#emptied(answer, ["value"]) };
  }

  #emptied(value: unknown, path: Piece["path"]): unknown {
    if (isTyped(value) || (Array.isArray(value) && !isTable(value[0]))) {
      this.#columns.push({ path, values: value });
      return [];
    }
    if (Array.isArray(value)) return value.map((table, i) => this.#emptied(table, [...path, i]));
    if (!isTable(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, column]) => [key, this.#emptied(column, [...path, key])]));
  }

  next(): AnswerPart {
    const pieces: Piece[] = [];
    for (let room = limits.answerPartBytes; room > 0 && this.#column < this.#columns.length; ) {
      const { path, values } = this.#columns[this.#column]!;
      const [end, bytes] = endWithin(values, this.#at, room);
      pieces.push({ path, at: this.#at, of: values.length, values: values.slice(this.#at, end) });
      room -= bytes;
      this.#at = end;
      if (end < values.length) break;
      this.#column++;
      this.#at = 0;
    }
    return { pieces, isLast: this.#column === this.#columns.length };
  }
}

/** What of so much room is left beside the columns of an answer; counting ends where there is none. Most answers are short. */
function roomAfter(value: unknown, room: number): number {
  if (isTyped(value)) return room - value.byteLength;
  if (!Array.isArray(value)) return isTable(value) ? roomAfterAll(Object.values(value), room, roomAfter) : room;
  if (isTable(value[0])) return roomAfterAll(value, room, roomAfter);
  return roomAfterAll(value, room - VALUE_BYTES, (cell, left) => left - cellBytes(cell));
}

function roomAfterAll(values: readonly unknown[], room: number, after: (value: unknown, room: number) => number): number {
  let left = room;
  for (let i = 0; i < values.length && left > 0; i++) left = after(values[i], left);
  return left;
}

/** How far the column goes with so much room, by one cell at least, and how much it takes. */
function endWithin(values: Column["values"], start: number, room: number): [end: number, bytes: number] {
  if (isTyped(values)) {
    const { BYTES_PER_ELEMENT: each, length } = values;
    const end = Math.min(length, start + Math.ceil(room / each));
    return [end, (end - start) * each];
  }
  let bytes = VALUE_BYTES;
  let end = start;
  while (end < values.length && bytes < room) bytes += cellBytes(values[end++]);
  return [end, bytes];
}

function cellBytes(cell: unknown): number {
  if (typeof cell === "string") return VALUE_BYTES + cell.length;
  if (typeof cell !== "object" || cell === null) return VALUE_BYTES;
  let bytes = VALUE_BYTES;
  for (const key in cell) bytes += key.length + VALUE_BYTES + cellBytes((cell as Record<string, unknown>)[key]);
  return bytes;
}

/** Records in columns, rows of numbers, or values with their counts. */
function isTable(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  return "ids" in value || ("values" in value && isTyped(value.values)) || ("counts" in value && isTyped(value.counts));
}

function isCuttable(answer: unknown): answer is object {
  return Array.isArray(answer) || isTable(answer);
}

function isTyped(value: unknown): value is Float32Array | Float64Array {
  return value instanceof Float32Array || value instanceof Float64Array;
}
