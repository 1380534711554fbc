/** Float32 numbers as JSON shows them, and as base64 carries them. */
import { badRequest } from "./rest-error.js";

/** The shortest decimal that reads back as this float32: 0.1 rather than 0.10000000149011612. */
export function shortest(value: number): number {
  if (Number.isInteger(value)) return value;
  for (let digits = 7; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number(value.toPrecision(9));
}

/** Little-endian float32 numbers. */
export function decodeBase64(text: string): Float32Array {
  const bytes = base64Bytes(text);
  if (bytes.length % 4 !== 0) {
    throw badRequest(`Invalid byte length: ${bytes.length} bytes cannot be converted to f32 values (must be divisible by 4)`);
  }
  const view = new DataView(bytes.buffer);
  const values = new Float32Array(bytes.length / 4);
  for (let i = 0; i < values.length; i++) values[i] = view.getFloat32(i * 4, true);
  return values;
}

function base64Bytes(text: string): Uint8Array {
  const odd = /[^A-Za-z0-9+/=]/.exec(text);
  if (odd !== null) throw badRequest(`Invalid base64 string: Invalid symbol ${odd[0].codePointAt(0)}, offset ${odd.index}.`);
  try {
    if (text.length % 4 !== 0) throw badRequest("Invalid base64 string: Invalid padding");
    const binary = atob(text);
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
    return bytes;
  } catch {
    throw badRequest("Invalid base64 string: Invalid padding");
  }
}
