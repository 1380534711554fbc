/** Which format bytes have, told by the first of them. */
import { invalidArgument, show } from "../../core/errors.js";
import type { ImportFormat } from "./import-arguments.js";
import { isColumn } from "./read-json.js";
import { wideEncoding } from "./read-text.js";

/** Keys of objects that hold lists of records: of Pinecone, Qdrant, and others. */
const WRAPPERS = ["vectors", "points", "records", "matches", "result", "namespace", "memoryVectors", "rows", "data", "usage"];

/** What formats that are no text begin with. */
const MAGIC: readonly (readonly [string, ImportFormat])[] = [
  ["PAR1", "parquet"],
  ["ARROW1", "arrow"],
  ["\xff\xff\xff\xff", "arrow"],
  ["\x93NUMPY", "npy"],
];

export function detectFormat(head: Uint8Array): ImportFormat {
  const begin = String.fromCharCode(...head.subarray(0, 8));
  const marked = MAGIC.find(([magic]) => begin.startsWith(magic));
  if (marked !== undefined) return marked[1];
  const text = new TextDecoder(wideEncoding(head) ?? "utf-8").decode(head).trimStart();
  if (text.startsWith("[")) return "json";
  const key = /^\{\s*"((?:[^"\\]|\\.)*)"\s*:\s*(.?)/s.exec(text);
  if (key !== null) return isWrapper(key[1]!, key[2]!) ? "json" : "jsonl";
  if (isTable(text)) return "csv";
  throw invalidArgument(`The format of the source is none that is known: it begins with ${show(text.slice(0, 40))}; name it by 'format'`);
}

/** Text whose first line has something between its cells. */
function isTable(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: bytes that are no text are full of them
  return !/[\0-\x08\x0e-\x1f]/.test(text) && /^[^\r\n]*[,;\t|]/.test(text);
}

function isWrapper(key: string, begin: string): boolean {
  if (isColumn(key)) return begin !== '"';
  return WRAPPERS.includes(key) && (begin !== '"' || key === "namespace");
}
