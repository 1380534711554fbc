/** The row that makes a database an encrypted one (`key-row.ts` has its grammar), and the error where it does not fit a key. */
import { TidepoolError } from "../../core/errors.js";

export const encryptionKey = "encryption";

const reasons = {
  missing: "is encrypted: give the client its key, as `encryption: { key }`. Nothing was read",
  unencrypted:
    "was created without encryption, so it takes no key. To encrypt it, restore a backup of it into a path that is opened with a key. " +
    "Nothing was read",
};

/** `details.reason` tells which of them it is; `wrong`, where it is another key, is told by who tries it. */
export function wrongKey(
  path: string,
  reason: keyof typeof reasons | "wrong",
  why = reasons[reason as keyof typeof reasons],
): TidepoolError {
  return new TidepoolError("WRONG_KEY", `The database "${path}" ${why}`, { details: { path, reason } });
}
