/** What the text suite asks, drawn from the documents by a seed, so that whatever is asked for is there. */
import { randomFrom } from "../../tools/random.js";

/** What a question is made of, and what it asks an engine for. */
export const kinds = [
  "one word",
  "two words",
  "ten words",
  "prefix",
  "fuzzy",
  "phrase",
  "$contains",
  "$contains, common",
  "$regex",
  "sparse",
] as const;
export type Kind = (typeof kinds)[number];

const SEED = 31;
/** Documents that are tried for a question before the suite gives up. */
const TRIES = 10_000;
const LONG_WORD = 5;
const PREFIX = 3;
const STRETCH = 16;
/** Two letters that are in most texts of most languages written in Latin letters. */
const COMMON = "a ";

type Draw = (words: readonly string[], text: string, random: () => number) => string | null;

const draws: Record<Kind, Draw> = {
  "one word": (words, _, random) => pick(words, random),
  "two words": (words, _, random) => several(words, 2, random),
  "ten words": (words, _, random) => several(words, 10, random),
  prefix: (words, _, random) => pick(words.filter(isLong), random)?.slice(0, PREFIX) ?? null,
  fuzzy: (words, _, random) => misspelt(pick(words.filter(isLong), random), random),
  phrase: (words, _, random) => run(words, 3, random).join(" ") || null,
  $contains: (_, text, random) => stretch(text, random),
  "$contains, common": () => COMMON,
  $regex: (words, _, random) => run(words, 2, random).join("\\W+") || null,
  sparse: (words, _, random) => several(words, 10, random),
};

/** So many questions of each kind. */
export function questionsFrom(texts: readonly string[], count: number): Record<Kind, string[]> {
  const random = randomFrom(SEED);
  return Object.fromEntries(kinds.map((kind) => [kind, Array.from({ length: count }, () => drawn(texts, draws[kind], random))])) as Record<
    Kind,
    string[]
  >;
}

function drawn(texts: readonly string[], draw: Draw, random: () => number): string {
  for (let i = 0; i < TRIES; i++) {
    const text = texts[Math.floor(random() * texts.length)]!;
    const question = draw(wordsOf(text), text, random);
    if (question !== null) return question;
  }
  throw new Error(`none of ${TRIES} documents has enough words to ask for`);
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
}

function isLong(word: string): boolean {
  return word.length >= LONG_WORD;
}

function pick(words: readonly string[], random: () => number): string | null {
  return words[Math.floor(random() * words.length)] ?? null;
}

/** Different words of one text, in any order. */
function several(words: readonly string[], count: number, random: () => number): string | null {
  const different = [...new Set(words)];
  if (different.length < count) return null;
  return Array.from({ length: count }, () => different.splice(Math.floor(random() * different.length), 1)[0]!).join(" ");
}

/** Words that follow each other; none where there are too few. */
function run(words: readonly string[], count: number, random: () => number): readonly string[] {
  if (words.length < count) return [];
  const at = Math.floor(random() * (words.length - count + 1));
  return words.slice(at, at + count);
}

function misspelt(word: string | null, random: () => number): string | null {
  if (word === null) return null;
  const at = 1 + Math.floor(random() * (word.length - 1));
  return `${word.slice(0, at)}q${word.slice(at + 1)}`;
}

function stretch(text: string, random: () => number): string | null {
  if (text.length < STRETCH) return null;
  const at = Math.floor(random() * (text.length - STRETCH));
  const found = text.slice(at, at + STRETCH);
  // Half a character is in no text.
  return /^[\uDC00-\uDFFF]|[\uD800-\uDBFF]$/.test(found) ? null : found;
}
