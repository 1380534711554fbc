/** `client.rotateKey()`: has the new key take the former's place, then watches how everything is encrypted anew. */
import { invalidArgument, show, TidepoolError } from "../core/errors.js";
import { validateFunction } from "../core/gateway/validate/values.js";
import type { KeyRotationInfo, RotateKeyRequest, RotateKeyResponse } from "../core/service.js";
import { readCallLimits } from "./call-limits.js";
import type { Connection } from "./connection.js";
import { type EncryptionOptions, keyOf, validateKey } from "./encryption-options.js";
import { randomId } from "./link.js";
import { readArguments, readObject } from "./read-arguments.js";

/** Options of `client.rotateKey`. */
export interface RotateKeyOptions extends EncryptionOptions {
  /**
   * Whether everything is encrypted anew besides, with a new secret. Default `true`. `false` is enough for another passphrase that
   * nobody knows the former of: then the call is over at once.
   */
  reencrypt?: boolean;
  /** Called when the new key has taken the former's place, and then as blocks are encrypted anew: their bytes, and those of all. */
  onProgress?: (progress: { done: number; total: number }) => void;
  /** Ends the call, not what it has begun: once the new key has taken the former's place the rest is done in any case. */
  signal?: AbortSignal;
}

/**
 * Resolves when nothing is left of the former key.
 *
 * @internal
 */
export async function rotateKey(connection: Connection, options: RotateKeyOptions): Promise<void> {
  const { key, reencrypt, onProgress, signal } = readArguments("rotateKey", () => readOptions(options));
  const unlessAborted = (what: string): void => {
    if (signal?.aborted) throw new TidepoolError("ABORTED", `The rotation was stopped by its signal: ${what}`, { cause: signal.reason });
  };
  const request = { key: await keyOf({ key }), reencrypt };
  unlessAborted("nothing was changed");
  const begun = await begin(connection, request, { key });
  if (begun === null) throw await notEncrypted(connection);
  let total = 0;
  for (let now = begun.keyRotation; reencrypt && now !== null; now = await connection.call("keyRotation")) {
    ({ total } = now);
    onProgress?.({ done: now.done, total });
    unlessAborted("the new key has taken the place of the former, and the rest goes on by itself");
    throwError(now);
  }
  onProgress?.({ done: total, total });
}

/** Should the holder go before it has answered, its successor opens with the former key or with this one: who knows how far it was. */
async function begin(connection: Connection, request: RotateKeyRequest, encryption: EncryptionOptions): Promise<RotateKeyResponse | null> {
  const requestId = randomId();
  const ask = () => connection.call("rotateKey", request, { requestId });
  const answer = await ask().catch(async (error: TidepoolError) => {
    if (error.code !== "WRONG_KEY") throw error;
    const before = connection.joined?.rekey?.(encryption);
    return ask().catch(() => {
      connection.joined?.rekey?.(before);
      throw error;
    });
  });
  if (answer !== null) connection.joined?.rekey?.(encryption);
  return answer;
}

function throwError({ error }: KeyRotationInfo): void {
  if (error === null) return;
  const message =
    `${error.message}. The new key has taken the place of the former; the rest is tried again every minute, and when the database is ` +
    "opened";
  throw new TidepoolError(error.code, message);
}

async function notEncrypted(connection: Connection): Promise<TidepoolError> {
  const { storage } = await connection.call("info");
  if (storage === "memory" || storage === "published") {
    return new TidepoolError("NOT_SUPPORTED", `rotateKey is for databases that are encrypted, and storage "${storage}" is not`);
  }
  const message = "The database was created without encryption, so it has no key. To encrypt it, restore a backup of it into another path";
  return new TidepoolError("WRONG_KEY", message, { details: { reason: "unencrypted" } });
}

function readOptions(options: RotateKeyOptions) {
  const { key, reencrypt = true, onProgress, signal } = readObject(options, "rotateKey", "key reencrypt onProgress signal");
  validateKey(key, "key");
  if (typeof reencrypt !== "boolean") throw invalidArgument(`reencrypt must be true or false, got ${show(reencrypt)}`);
  if (onProgress !== undefined) validateFunction(onProgress, "onProgress");
  return { key, reencrypt, onProgress, signal: readCallLimits({ signal }).signal };
}
