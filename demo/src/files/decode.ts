/** Bytes as text: UTF-8, UTF-16 or windows-1252, which is Latin-1 with more characters. What is no text at all is refused. */
import { FileError } from "./file-passage.js";

export interface Decoded {
  text: string;
  /** How it was read, where that was a guess. */
  note?: string;
}

/** Bytes that tell whether zeros stand in every other place, as in UTF-16 without a mark. */
const probedBytes = 4096;
/** Of control characters that no text has. */
const controlsShareMax = 1 / 100;

/** `declared` is an encoding that the text itself names, as HTML does; a byte order mark is believed before it. */
export function decode(bytes: Uint8Array<ArrayBuffer>, name: string, declared?: string): Decoded {
  const wide = wideEncoding(bytes);
  const decoded = wide === null ? decodeNarrow(bytes, declared) : { text: new TextDecoder(wide).decode(bytes) };
  const probe = [...decoded.text.slice(0, probedBytes)];
  if (probe.filter(isControl).length > probe.length * controlsShareMax) throw new FileError(`${name} is not text.`);
  return decoded;
}

/** Tabs, line ends and the escape before a terminal's colours are in texts. */
function isControl(character: string): boolean {
  const code = character.charCodeAt(0);
  return code < 32 && !"\t\n\v\f\r\u001b".includes(character);
}

function decodeNarrow(bytes: Uint8Array<ArrayBuffer>, declared: string | undefined): Decoded {
  const asUtf8 = tryDecode(bytes, "utf-8");
  if (asUtf8 !== null) return { text: asUtf8 };
  const asDeclared = declared === undefined ? null : tryDecode(bytes, declared);
  if (asDeclared !== null) return { text: asDeclared };
  return { text: new TextDecoder("windows-1252").decode(bytes), note: "was read as Latin-1, since it is not UTF-8." };
}

/** `null` where the bytes are something else, or the encoding is unknown. */
function tryDecode(bytes: Uint8Array<ArrayBuffer>, encoding: string): string | null {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

function wideEncoding(bytes: Uint8Array): "utf-16le" | "utf-16be" | null {
  const [a, b] = bytes;
  if (a === 0xff && b === 0xfe) return "utf-16le";
  if (a === 0xfe && b === 0xff) return "utf-16be";
  const zeros = [0, 0];
  const probe = bytes.subarray(0, probedBytes);
  probe.forEach((byte, i) => void (byte === 0 && zeros[i % 2]!++));
  const [even, odd] = zeros as [number, number];
  // Latin letters have a zero in the one place and never in the other; what has zeros in both is no text.
  if (Math.min(even, odd) > 0 || Math.max(even, odd) <= probe.length / 4) return null;
  return even > odd ? "utf-16be" : "utf-16le";
}
