/**
 * Tells a write that found no room from other failures. Firefox reports some of those as `UnknownError` and nothing more; what room
 * is left then says which they are.
 */
import type { TidepoolError } from "../../core/errors.js";
import { limits } from "../../core/limits.js";
import { readQuota } from "../read-quota.js";
import { nameOf, storageError } from "../storage-error.js";

/** The error of a failed write: `QUOTA_EXCEEDED` where the browser only does not say so. */
export async function errorOfWrite(error: TidepoolError, doing: string): Promise<TidepoolError> {
  if (nameOf(error.cause) !== "UnknownError" || !(await isFull())) return error;
  return storageError(new DOMException((error.cause as Error).message, "QuotaExceededError"), doing);
}

/** A browser that does not say what room is left has said nothing of room at all. */
async function isFull(): Promise<boolean> {
  const quota = await readQuota();
  return quota !== null && quota.quotaBytes - quota.usageBytes < limits.fullOriginBytes;
}
