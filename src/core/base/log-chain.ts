/**
 * The chain that binds each log record to its collection, its offset and the record before it:
 *
 *     link of record n = crc32( link of record n−1, n, checksum of record n )        little-endian u32, f64, u32
 *     link of record 0 = crc32( the collection's id )                                there is no such record
 *     tail             = link:u32 offset:f64 crc32:u32                               of the last record; crc32 covers link and offset
 *
 * A record carries its link and a manifest that of the record at its offset, so a row that is missing, stands in another's place
 * or comes from another collection breaks the chain. That the last one is missing shows by the tail, which is written in the
 * transaction that appends. A fork goes on with the links of its source.
 */

import { TidepoolError } from "../errors.js";
import { crc32 } from "./checksum.js";
import { encodeUtf8 } from "./json-bytes.js";

/** Where a log record stands. */
export interface LogPlace {
  readonly offset: number;
  readonly link: number;
}

const scratch = new DataView(new ArrayBuffer(16));
const scratchBytes = new Uint8Array(scratch.buffer);
const TAIL_BYTES = 16;

export function firstLink(collectionId: string): number {
  return crc32(encodeUtf8(collectionId));
}

/** The place after another, of a record with this checksum. */
export function placeAfter(before: LogPlace, checksum: number): LogPlace {
  const offset = before.offset + 1;
  scratch.setUint32(0, before.link, true);
  scratch.setFloat64(4, offset, true);
  scratch.setUint32(12, checksum, true);
  return { offset, link: crc32(scratchBytes) };
}

export function encodeTail({ offset, link }: LogPlace): Uint8Array {
  const bytes = new Uint8Array(TAIL_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, link, true);
  view.setFloat64(4, offset, true);
  view.setUint32(12, crc32(bytes.subarray(0, TAIL_BYTES - 4)), true);
  return bytes;
}

/** `where` names the collection in errors. */
export function decodeTail(bytes: Uint8Array, where: string): LogPlace {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length !== TAIL_BYTES || view.getUint32(12, true) !== crc32(bytes.subarray(0, TAIL_BYTES - 4))) {
    throw new TidepoolError("CORRUPTION", `The tail of the log of ${where} fails its checksum. Nothing was changed.`);
  }
  return { link: view.getUint32(0, true), offset: view.getFloat64(4, true) };
}
