/**
 * How one row of the catalog is stored. Grammar, little-endian:
 *
 *     row  = crc32:u32 json:utf8        crc32 covers json
 *
 * A row that is there but does not decode is `CORRUPTION`, never "absent": an unreadable manifest must not look like a
 * first run.
 */
import { crc32 } from "../base/checksum.js";
import { decodeJson, encodeJson } from "../base/json-bytes.js";
import { TidepoolError } from "../errors.js";

export function encodeRow(value: unknown): Uint8Array {
  const json = encodeJson(value);
  const bytes = new Uint8Array(4 + json.length);
  bytes.set(json, 4);
  new DataView(bytes.buffer).setUint32(0, crc32(json), true);
  return bytes;
}

/** Decodes the row stored under `key`, which is only named in errors. */
export function decodeRow<T>(key: string, bytes: Uint8Array): T {
  if (bytes.length < 4) throw damaged(key, `has ${bytes.length} bytes`);
  const json = bytes.subarray(4);
  const expected = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  if (crc32(json) !== expected) throw damaged(key, "fails its checksum");
  try {
    return decodeJson(json) as T;
  } catch (cause) {
    throw damaged(key, "is not JSON", cause);
  }
}

function damaged(key: string, why: string, cause?: unknown): TidepoolError {
  return new TidepoolError("CORRUPTION", `Catalog row "${key}" ${why}. Nothing was changed.`, { cause });
}
