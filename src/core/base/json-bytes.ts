/** JSON as UTF-8 bytes, and back. */

// Core compiles without the DOM's library; these two exist in every environment that the package runs in.
declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const TextDecoder: new () => { decode(bytes: Uint8Array): string };

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
