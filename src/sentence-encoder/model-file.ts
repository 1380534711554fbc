/**
 * The model's file, which `scripts/build-sentence-model.mjs` writes:
 *
 *     magic "TPSE" · version u32 · bytes of the file u32 · bytes of the header u32 · header (JSON) · tensors
 *
 * Numbers are little-endian, and so are tensors, each at a multiple of 16. The header has the vocabulary and says where each tensor
 * lies. A file that is cut short, or is none of ours, is told from one that is whole before anything of it is used.
 */
import { TidepoolError } from "../core/errors.js";

/** "TPSE". */
const MAGIC = 0x45535054;
const VERSION = 1;
/** Bytes before the header. */
export const PREFIX_BYTES = 16;

/** A tensor in the file: `at` is where it starts. */
export interface Tensor {
  type: "int8" | "float32";
  shape: number[];
  at: number;
}

/** What the header says. */
export interface ModelHeader {
  pieces: string[];
  tensors: Record<string, Tensor>;
}

/**
 * How many bytes the file has, by its first 16.
 *
 * @throws `EMBEDDING_FUNCTION` when they begin no model.
 */
export function fileBytesOf(prefix: Uint8Array): number {
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength);
  if (prefix.byteLength < PREFIX_BYTES || view.getUint32(0, true) !== MAGIC) {
    const start = new TextDecoder().decode(prefix.subarray(0, PREFIX_BYTES));
    throw new TidepoolError("EMBEDDING_FUNCTION", `it is no model of the sentence encoder: it begins with ${JSON.stringify(start)}`);
  }
  if (view.getUint32(4, true) !== VERSION) {
    const message = `its version is ${view.getUint32(4, true)}, and ${VERSION} is read: it belongs to another release of tidepool-db`;
    throw new TidepoolError("EMBEDDING_FUNCTION", message);
  }
  return view.getUint32(8, true);
}

/** The header of a whole file that lies at the start of `memory`. */
export function readHeader(memory: ArrayBuffer): ModelHeader {
  const bytes = new DataView(memory).getUint32(12, true);
  return JSON.parse(new TextDecoder().decode(new Uint8Array(memory, PREFIX_BYTES, bytes).slice())) as ModelHeader;
}
