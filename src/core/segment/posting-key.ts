/**
 * Keys of the metadata postings: one for each (metadata key, kind, value).
 *
 *   key     = name "\0" kind value
 *   name    = the metadata key, bounded, with "\0" written "\1\1" and "\1" written "\1\2"
 *   kind    = "s" | "n" | "b"   a string, number or boolean
 *           | "S" | "N" | "B"   an element of an array of these
 *   string  = the text, bounded
 *   number  = the bits of the double as hexadecimal digits, all flipped when negative, else only the sign,
 *             without trailing zeros: they sort as the numbers do, and small whole numbers stay short
 *   boolean = "0" | "1"
 *   bounded = text of at most 256 UTF-16 units, or the first 256 (255 when that would part a surrogate pair) "\1"
 *             and the first 128 bits of the SHA-256 of the whole text
 *
 * Different values have different keys. A cut text cannot equal an uncut one, because it is longer than those get;
 * two cut texts share a key only when SHA-256 collides in 128 bits. Text is made well-formed first, since that is how
 * storage gives it back: the key to remove is derived from what was read from there.
 */

import { sha256Hex } from "../base/sha256.js";
import { isSparseVector } from "../base/sparse-vector.js";
import { atOnce, type Steps } from "../base/steps.js";
import { endOfCharacter } from "../base/text-pieces.js";
import { wellFormed } from "../base/well-formed.js";
import type { MetadataValue, Scalar } from "../types.js";

const TEXT_LENGTH_MAX = 256;
const FINGERPRINT_DIGITS = 32;

/** Keys, in the order of a half-open range. */
export interface KeyRange {
  from: string;
  to: string;
}

/** Keys under which a record of this value is posted: one for a scalar, one per distinct element of an array, none for a sparse vector. */
export function postingKeys(name: string, value: MetadataValue): Set<string> {
  if (isSparseVector(value)) return new Set();
  const prefix = escapeName(name);
  if (!Array.isArray(value)) return new Set([prefix + scalarPart(value)]);
  return new Set(Array.from(value as readonly Scalar[], (element) => prefix + elementPart(element)));
}

/** The key of a scalar value. */
export function scalarKey(name: string, value: Scalar): string {
  return escapeName(name) + scalarPart(value);
}

/** The key of an element of an array. */
export function elementKey(name: string, value: Scalar): string {
  return escapeName(name) + elementPart(value);
}

/** All keys of a name. */
export function nameRange(name: string): KeyRange {
  const from = escapeName(name);
  return { from, to: `${from.slice(0, -1)}\u0001` };
}

/** The value, or the element, of which this is the key, less the name at its beginning; `null` for a text that is cut. */
export function valueOfKey(key: string, nameLength: number): Scalar | null {
  const part = key.slice(nameLength + 1);
  switch (key.charAt(nameLength).toLowerCase()) {
    case "s":
      return isCut(part) ? null : part;
    case "n":
      return decodeNumber(part);
    default:
      return part === "1";
  }
}

/** Whether a text's key has only its beginning. */
export function isCut(text: string): boolean {
  return text.length > TEXT_LENGTH_MAX;
}

/** Whether the keys tell which texts are on one side of this one, or begin with it: those of longer ones are cut near this length. */
export function tellsOrder(text: string): boolean {
  return text.length < TEXT_LENGTH_MAX - 1;
}

/** Keys of the texts that begin with one whose order the keys tell. */
export function prefixRange(name: string, text: string): KeyRange {
  const prefix = escapeName(name);
  const after = afterPrefix(text);
  return { from: `${prefix}s${text}`, to: after === null ? `${prefix}t` : `${prefix}s${after}` };
}

/**
 * The least well-formed text above all that begin with this one, in the order of UTF-16 units, where surrogates stand between U+D7FF
 * and U+E000; `null` where there is none.
 */
function afterPrefix(text: string): string | null {
  const points = Array.from(text, (char) => char.codePointAt(0)!);
  while (points.at(-1) === 0xffff) points.pop();
  const last = points.pop();
  if (last === undefined) return null;
  const next = last === 0xd7ff ? 0x10000 : last === 0x10ffff ? 0xe000 : last + 1;
  return String.fromCodePoint(...points, next);
}

/** Keys of the scalars of the bound's type on one side of it; of a text, one whose order the keys tell. */
export function scalarRange(name: string, operator: "gt" | "gte" | "lt" | "lte", bound: number | string): KeyRange {
  const prefix = escapeName(name);
  const key = prefix + scalarPart(bound);
  const [least, end] = typeof bound === "string" ? ["s", "t"] : ["n", "o"];
  // The least string above a key is that key followed by the least code unit.
  const above = `${key}\u0000`;
  switch (operator) {
    case "gt":
      return { from: above, to: prefix + end };
    case "gte":
      return { from: key, to: prefix + end };
    case "lt":
      return { from: prefix + least, to: key };
    case "lte":
      return { from: prefix + least, to: above };
  }
}

function scalarPart(value: Scalar): string {
  if (typeof value === "string") return `s${bounded(wellFormed(value))}`;
  if (typeof value === "number") return `n${encodeNumber(value)}`;
  return value ? "b1" : "b0";
}

function elementPart(value: Scalar): string {
  const part = scalarPart(value);
  return part.charAt(0).toUpperCase() + part.slice(1);
}

function escapeName(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: U+0000 ends a name, U+0001 escapes
  const escaped = wellFormed(name).replace(/[\u0000\u0001]/g, (char) => (char === "\u0000" ? "\u0001\u0001" : "\u0001\u0002"));
  return `${bounded(escaped)}\u0000`;
}

function bounded(text: string): string {
  if (!isCut(text)) return text;
  return `${text.slice(0, endOfCharacter(text, TEXT_LENGTH_MAX))}\u0001${fingerprint(text)}`;
}

/** Length of texts whose fingerprints are made in turns, and units between two of them. */
const LONG_TEXT = 65_536;

/** Fingerprints of the long texts that are just being worked on. */
const prepared = new Map<string, string>();

/** Makes in turns what the keys of long texts among the values take; it is forgotten when others are prepared. */
export function* prepareKeys(values: Iterable<unknown>): Steps<void> {
  prepared.clear();
  for (const value of values) {
    if (typeof value !== "string" || value.length < LONG_TEXT) continue;
    const text = wellFormed(value);
    prepared.set(text, yield* fingerprintOf(text));
  }
}

function fingerprint(text: string): string {
  return (text.length < LONG_TEXT ? undefined : prepared.get(text)) ?? atOnce(fingerprintOf(text));
}

function* fingerprintOf(text: string): Steps<string> {
  const bytes = new Uint8Array(text.length * 2);
  for (let i = 0; i < text.length; i++) {
    if (i > 0 && i % LONG_TEXT === 0) yield;
    const unit = text.charCodeAt(i);
    bytes[i * 2] = unit;
    bytes[i * 2 + 1] = unit >>> 8;
  }
  return (yield* sha256Hex(bytes)).slice(0, FINGERPRINT_DIGITS);
}

const scratch = new DataView(new ArrayBuffer(8));

function encodeNumber(value: number): string {
  // Adding zero turns -0 into 0: they are one number.
  scratch.setFloat64(0, value + 0);
  const high = scratch.getUint32(0);
  const low = scratch.getUint32(4);
  const isNegative = high >>> 31 === 1;
  const digits = isNegative ? hex(~high) + hex(~low) : hex(high ^ 0x80000000) + hex(low);
  return digits.replace(/0+$/, "");
}

function decodeNumber(digits: string): number {
  const [high, low] = [0, 8].map((at) => Number.parseInt(digits.slice(at, at + 8).padEnd(8, "0"), 16)) as [number, number];
  const isNegative = high < 0x80000000;
  scratch.setUint32(0, isNegative ? ~high : high ^ 0x80000000);
  scratch.setUint32(4, isNegative ? ~low : low);
  return scratch.getFloat64(0);
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
