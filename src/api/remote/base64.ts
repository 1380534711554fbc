/** Characters that are made of codes at once: a call takes only so many arguments. */
const CODES_AT_ONCE = 8192;

export function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += CODES_AT_ONCE) binary += String.fromCharCode(...bytes.subarray(at, at + CODES_AT_ONCE));
  return btoa(binary);
}
