/**
 * Grams: what an index knows a text by. One begins at each unit of a text and is two units long where that is of a script without
 * spaces (U+2E80 and above, surrogates included), otherwise three. Letters of ASCII count as small ones, and so do U+017F and U+212A,
 * which are `s` and `k` in another case. A gram is known by a hash of 20 bits.
 *
 * Invariant: whoever holds a text holds all of its grams, since a gram depends on nothing beside its units.
 */
import { casesOf } from "../base/cases.js";
import type { TextRequirement } from "./text-requirement.js";

/** Bits of a gram's hash. */
export const GRAM_BITS = 20;

/** Which grams a text needs to have: all of them, or of the parts all or any. */
export type GramProbe = { kind: "grams"; grams: Uint32Array } | { kind: "all" | "any"; of: readonly GramProbe[] };

const IDEOGRAPHIC = 0x2e80;
const LONG_S = 0x17f;
const KELVIN = 0x212a;
/** Grams of a long text that are looked for: more of them rule out hardly anything. */
const PROBED_MAX = 64;

/** Calls `take` with each gram from a place on, up to a place. */
export function eachGram(text: string, from: number, to: number, take: (gram: number) => void): void {
  const end = Math.min(to, text.length - 1);
  let first = folded(text.charCodeAt(from));
  let second = folded(text.charCodeAt(from + 1));
  for (let at = from; at < end; at++) {
    const third = at + 2 < text.length ? folded(text.charCodeAt(at + 2)) : 0;
    if (first >= IDEOGRAPHIC) take(hashOf(first, second, 0));
    else if (at + 2 < text.length) take(hashOf(first, second, third));
    first = second;
    second = third;
  }
}

/** How to look for what is required; `null` when it has no grams that all who satisfy it have. */
export function probeOf(required: TextRequirement): GramProbe | null {
  if (required.kind === "text") return textProbe(required.text, required.insensitive);
  const probes = required.of.map(probeOf);
  const known = probes.filter((probe) => probe !== null);
  if (known.length === 0 || (required.kind === "any" && known.length < probes.length)) return null;
  return { kind: required.kind, of: known };
}

function textProbe(text: string, insensitive: boolean): GramProbe | null {
  if (insensitive) return caselessProbe(text);
  const grams = new Set<number>();
  eachGram(text, 0, PROBED_MAX, (gram) => grams.add(gram));
  return grams.size === 0 ? null : { kind: "grams", grams: Uint32Array.from(grams) };
}

/** At each place one of the grams with which it may begin. */
function caselessProbe(text: string): GramProbe | null {
  // Half of a character that is two units does not show its case: nothing is known of a gram with it.
  const cases = Array.from(text).flatMap((char) => (char.length > 1 ? [null, null] : [char <= "\x7f" ? [char] : casesOf(char)]));
  const certain = new Set<number>();
  const open: GramProbe[] = [];
  for (let at = 0, probed = 0; at < cases.length && probed < PROBED_MAX; at++) {
    const grams = gramsAt(cases, at);
    if (grams === null || grams.size > PROBED_MAX) continue;
    probed += grams.size;
    const probes = Array.from(grams, (gram): GramProbe => ({ kind: "grams", grams: Uint32Array.of(gram) }));
    if (probes.length > 1) open.push({ kind: "any", of: probes });
    else for (const gram of grams) certain.add(gram);
  }
  if (certain.size > 0) open.unshift({ kind: "grams", grams: Uint32Array.from(certain) });
  return open.length > 1 ? { kind: "all", of: open } : (open[0] ?? null);
}

/** The grams with which texts may begin that are one of these characters at each place from `at` on; `null` where one is not known. */
function gramsAt(cases: readonly (readonly string[] | null)[], at: number): Set<number> | null {
  const [firsts, seconds, thirds] = [cases[at], cases[at + 1], cases[at + 2]];
  const grams = new Set<number>();
  if (firsts == null || seconds == null) return null;
  for (const first of firsts) {
    const isShort = first.charCodeAt(0) >= IDEOGRAPHIC;
    if (!isShort && thirds == null) return null;
    for (const second of seconds)
      for (const third of isShort ? [""] : thirds!) eachGram(first + second + third, 0, 1, (gram) => grams.add(gram));
  }
  return grams;
}

function folded(unit: number): number {
  if (unit < 0x80) return unit >= 0x41 && unit <= 0x5a ? unit + 32 : unit;
  if (unit === LONG_S) return 0x73;
  return unit === KELVIN ? 0x6b : unit;
}

function hashOf(first: number, second: number, third: number): number {
  let hash = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca77) ^ Math.imul(third, 0xc2b2ae3d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> (32 - GRAM_BITS);
}
