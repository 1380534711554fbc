/** What the browser says of the room that this origin has, and takes. */
import type { OriginQuota } from "../core/service.js";

/** `null` where it says nothing, as in insecure contexts and private windows. */
export async function readQuota(): Promise<OriginQuota | null> {
  const storage = (globalThis.navigator as Navigator | undefined)?.storage as Partial<StorageManager> | undefined;
  if (storage?.estimate === undefined) return null;
  try {
    const [{ usage, quota }, persisted] = await Promise.all([storage.estimate(), storage.persisted?.() ?? false]);
    return usage === undefined || quota === undefined ? null : { usageBytes: usage, quotaBytes: quota, persisted };
  } catch {
    // Where site data is blocked there is nothing to say.
    return null;
  }
}
