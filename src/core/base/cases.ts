/** Which characters are one where case counts for nothing, as regular expressions have it: simple case folding, one character for one. */
import { hasCase } from "./has-case.js";

/** Where the characters of the basic plane are that have cases, and others. The blocks between these have none. */
const BLOCKS: readonly [from: number, to: number][] = [
  [0x41, 0x2e7f],
  [0xa640, 0xabff],
  [0xf900, 0xffff],
];

let cased: string | null = null;
const known = new Map<string, readonly string[]>();

/** The character in all its cases, itself among them; `null` for one that is more than a UTF-16 unit. */
export function casesOf(char: string): readonly string[] | null {
  if (char.length !== 1) return null;
  if (!hasCase(char)) return [char];
  const cases = known.get(char) ?? foundCases(char);
  known.set(char, cases);
  return cases;
}

function foundCases(char: string): readonly string[] {
  cased ??= casedCharacters();
  return cased.match(new RegExp(char, "giu")) ?? [char];
}

/** About 2,900. */
function casedCharacters(): string {
  let all = "";
  for (const [from, to] of BLOCKS) for (let code = from; code <= to; code++) all += String.fromCharCode(code);
  return all.match(/\p{Changes_When_Casemapped}|\p{Changes_When_Casefolded}/gu)!.join("");
}
