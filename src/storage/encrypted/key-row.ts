/**
 * The row `encryption`: the secrets that the keys of a database come from (`secret-keys.ts`), encrypted with the user's key. It is JSON:
 *
 *     {"version": 1 or 2, "derivation": null or {"salt": base64, "iterations": number}, "secret": base64 of `cipher.ts`'s grammar}
 *
 * Of a database that has had another secret the version is 2, and there is
 *
 *     "keyVersion"   which one it is, counted from 1
 *     "former"       the one before, as `secret`, while something is still encrypted with it
 *
 * What is left to do after a rotation says so here, so that the next opening goes on with it: `isPending`, that there is to be a new
 * secret, and `isUntidy`, that the file in which rows lie still has the row as it was. `request` is the latest rotation's.
 */
import { decodeJson } from "../../core/base/json-bytes.js";
import { TidepoolError } from "../../core/errors.js";
import { type Derivation, fromBase64, isDerivation } from "./user-key.js";

const ROW_VERSION = 2;

export interface KeyRow {
  derivation: Derivation | null;
  secret: string;
  keyVersion?: number;
  former?: string;
  isPending?: boolean;
  isUntidy?: boolean;
  request?: string | undefined;
}

/** With the version that tells releases which cannot read it to stop. */
export function versioned(row: KeyRow): KeyRow & { version: number } {
  return { version: (row.keyVersion ?? 1) > 1 ? ROW_VERSION : 1, ...row };
}

/** Throws `CORRUPTION` for what is none, `FORMAT_TOO_NEW` for what is a later release's. */
export function decodeKeyRow(path: string, bytes: Uint8Array): KeyRow {
  const row = readRow(bytes);
  if (row === null) throw damagedKeys(path);
  if (row.version > ROW_VERSION) throw tooNew(path, row.version);
  return row;
}

/** `null` where it is none; of a later release's nothing but the version is known. */
function readRow(bytes: Uint8Array): (KeyRow & { version: number }) | null {
  try {
    const row = Object(decodeJson(bytes)) as KeyRow & { version: number };
    const { version, derivation, secret, former = "", keyVersion = 1 } = row;
    if (version > ROW_VERSION) return row;
    fromBase64(secret);
    fromBase64(former);
    return version > 0 && isDerivation(derivation) && keyVersion > 0 ? row : null;
  } catch {
    return null;
  }
}

export function damagedKeys(path: string): TidepoolError {
  return new TidepoolError("CORRUPTION", `The row of the database "${path}" with its encrypted keys is damaged. Nothing was changed`);
}

function tooNew(path: string, version: number): TidepoolError {
  const message = `The database "${path}" is encrypted in version ${version}; this release reads up to ${ROW_VERSION}. Nothing was changed`;
  return new TidepoolError("FORMAT_TOO_NEW", message, { details: { found: version, supported: ROW_VERSION } });
}
