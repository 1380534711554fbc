/** Which format bytes have, told by the first of them. */
import { invalidArgument, show } from "../../core/errors.js";
import type { ImportFormat } from "./import-arguments.js";
import { isColumn } from "./read-json.js";
import { markedEncoding } from "./read-text.js";

/** Keys of objects that hold lists of records: of Pinecone, Qdrant, and others. */
const WRAPPERS = ["vectors", "points", "records", "matches", "result", "namespace", "memoryVectors", "rows", "data"];

export function detectFormat(head: Uint8Array): ImportFormat {
  const text = new TextDecoder(markedEncoding(head)).decode(head).trimStart();
  if (text.startsWith("[")) return "json";
  const key = /^\{\s*"((?:[^"\\]|\\.)*)"\s*:\s*(.?)/s.exec(text);
  if (key !== null) return isWrapper(key[1]!, key[2]!) ? "json" : "jsonl";
  throw invalidArgument(`The format of the source is none that is known: it begins with ${show(text.slice(0, 40))}; name it by 'format'`);
}

function isWrapper(key: string, begin: string): boolean {
  if (isColumn(key)) return begin !== '"';
  return WRAPPERS.includes(key) && (begin !== '"' || key === "namespace");
}
