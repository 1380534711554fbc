/**
 * `.npy`, NumPy's file of one array: two dimensions of floats, a row for each record. It holds embeddings and nothing else, so the number
 * of the row is the id. Each row is one as soon as it is read.
 */
import { invalidArgument, show, type TidepoolError } from "../../core/errors.js";
import { limits } from "../../core/limits.js";
import { type ByteReader, joinBytes } from "./byte-reader.js";
import { numberOfBits } from "./half-floats.js";
import type { SourceRow } from "./source-row.js";

const MAGIC = "\x93NUMPY";
/** Bytes of a number of each type that is read. */
const WIDTHS: Record<string, number> = { "<f2": 2, "<f4": 4, "<f8": 8 };

interface Header {
  /** Where the numbers begin. */
  start: number;
  type: string;
  rows: number;
  columns: number;
}

export async function* readNpy(reader: ByteReader): AsyncGenerator<SourceRow, void, undefined> {
  const { start, type, rows, columns } = readHeader(await reader.head());
  const length = columns * WIDTHS[type]!;
  let skipped = start;
  let rest = new Uint8Array();
  let row = 0;
  for await (const piece of reader.pieces()) {
    const bytes = joinBytes([rest, piece.subarray(skipped)]);
    skipped -= Math.min(skipped, piece.length);
    let at = 0;
    for (; at + length <= bytes.length && row < rows; at += length) yield rowOf(++row, bytes.subarray(at, at + length), type);
    rest = bytes.slice(at);
    if (row === rows && rest.length > 0) throw notRead(`it has bytes behind its ${rows} rows`);
  }
  if (row < rows) throw notRead(`it ends after ${row} of ${rows} rows: it may have been cut`);
}

function rowOf(row: number, bytes: Uint8Array, type: string): SourceRow {
  const { buffer } = bytes.slice();
  const embedding = type === "<f4" ? new Float32Array(buffer) : type === "<f8" ? Array.from(new Float64Array(buffer)) : halves(buffer);
  return { row, line: null, fields: { id: String(row), embedding } };
}

function halves(buffer: ArrayBuffer): number[] {
  return Array.from(new Uint16Array(buffer), numberOfBits);
}

/** A dictionary of Python, in ASCII: {'descr': '<f4', 'fortran_order': False, 'shape': (100, 384), } */
function readHeader(head: Uint8Array): Header {
  if (String.fromCharCode(...head.subarray(0, 6)) !== MAGIC) throw notRead('it does not begin with "\\x93NUMPY"');
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const version = head[6] ?? 0;
  if (version < 1 || version > 3) throw notRead(`its version ${version} is not known`);
  const begin = version === 1 ? 10 : 12;
  if (head.length < begin) throw notRead("its header is cut");
  const start = begin + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (start > head.length) throw notRead(`its header of ${start} bytes is longer than the source or than ${limits.importHeadBytes} bytes`);
  return { start, ...readArray(new TextDecoder().decode(head.subarray(begin, start))) };
}

function readArray(header: string): Omit<Header, "start"> {
  const type = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const isFortran = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
  const shape = /'shape':\s*\(([\d,\s]*)\)/
    .exec(header)?.[1]
    ?.split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map(Number);
  if (isFortran === undefined || shape === undefined) throw notRead(`its header is ${show(header.trim().slice(0, 100))}`);
  if (type === undefined || !Object.hasOwn(WIDTHS, type))
    throw notRead(`its type is ${show(type ?? header.trim().slice(0, 100))}, and only ${Object.keys(WIDTHS).join(", ")} are possible`);
  if (isFortran === "True")
    throw notRead("its columns come one after the other (fortran_order), not its rows: np.ascontiguousarray turns it");
  const [rows = 0, columns = 0] = shape;
  if (shape.length !== 2) throw notRead(`it has ${shape.length} dimensions, and 2 are needed: rows, and the numbers of each`);
  if (columns < 1 || columns > limits.dimensionMax || !Number.isSafeInteger(rows))
    throw notRead(`its shape is (${shape.join(", ")}), and rows have 1 to ${limits.dimensionMax} numbers`);
  return { type, rows, columns };
}

function notRead(why: string): TidepoolError {
  return invalidArgument(`The source is not a .npy file that can be read: ${why}`);
}
