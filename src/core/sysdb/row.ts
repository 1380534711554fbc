/**
 * How one row of the catalog is stored. Grammar, little-endian:
 *
 *     row  = crc32:u32 json:utf8        crc32 covers the row's key, as UTF-8, and json
 *
 * So a row that stands under another row's key fails its checksum. The row `format` alone is not bound to its key: every
 * release must be able to read it. In format 1 no row was.
 *
 * A row that is there but does not decode is `CORRUPTION`, never "absent": an unreadable manifest must not look like a
 * first run.
 */
import { crc32 } from "../base/checksum.js";
import { decodeJson, encodeJson, encodeUtf8 } from "../base/json-bytes.js";
import { TidepoolError } from "../errors.js";
import { formatKey } from "./catalog-keys.js";

export function encodeRow(key: string, value: unknown): Uint8Array {
  const json = encodeJson(value);
  const bytes = new Uint8Array(4 + json.length);
  bytes.set(json, 4);
  new DataView(bytes.buffer).setUint32(0, crc32(json, seedOf(key)), true);
  return bytes;
}

/** Decodes the row stored under `key`. */
export function decodeRow<T>(key: string, bytes: Uint8Array): T {
  return decode(key, bytes, seedOf(key));
}

/** Decodes a row of format 1. */
export function decodeUnboundRow<T>(key: string, bytes: Uint8Array): T {
  return decode(key, bytes, 0);
}

/** Whether the row matches its own checksum under this key. */
export function isSound(key: string, bytes: Uint8Array): boolean {
  return bytes.length >= 4 && crc32(bytes.subarray(4), seedOf(key)) === checksumOf(bytes);
}

/** The checksum that the row says it has. */
export function checksumOf(bytes: Uint8Array): number {
  return bytes.length < 4 ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
}

function decode<T>(key: string, bytes: Uint8Array, seed: number): T {
  if (bytes.length < 4) throw damaged(key, `has ${bytes.length} bytes`);
  const json = bytes.subarray(4);
  if (crc32(json, seed) !== checksumOf(bytes)) throw damaged(key, "fails its checksum");
  try {
    return decodeJson(json) as T;
  } catch (cause) {
    throw damaged(key, "is not JSON", cause);
  }
}

function seedOf(key: string): number {
  return key === formatKey ? 0 : crc32(encodeUtf8(key));
}

function damaged(key: string, why: string, cause?: unknown): TidepoolError {
  return new TidepoolError("CORRUPTION", `Catalog row "${key}" ${why}. Nothing was changed.`, { cause });
}
