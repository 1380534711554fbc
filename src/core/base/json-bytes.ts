/** JSON as UTF-8 bytes, and back. */
import type { Steps } from "./steps.js";

// Core compiles without the DOM's library; these two exist in every environment that the package runs in.
declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const TextDecoder: new () => { decode(bytes?: Uint8Array, options?: { stream: boolean }): string };

export function encodeJson(value: unknown): Uint8Array {
  return encodeUtf8(JSON.stringify(value));
}

export function encodeUtf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Throws a `SyntaxError` when the bytes are not JSON. */
export function decodeJson(bytes: Uint8Array): unknown {
  return JSON.parse(decodeUtf8(bytes));
}

export function decodeUtf8(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Bytes that are decoded between two turns. */
const STEP_BYTES = 1024 * 1024;

/** As `decodeUtf8`. */
export function* decodeUtf8InSteps(bytes: Uint8Array): Steps<string> {
  if (bytes.length <= STEP_BYTES) return decodeUtf8(bytes);
  const decoder = new TextDecoder();
  let text = "";
  for (let at = 0; at < bytes.length; at += STEP_BYTES) {
    text += decoder.decode(bytes.subarray(at, at + STEP_BYTES), { stream: true });
    yield;
  }
  return text + decoder.decode();
}
