/** Made-up documents: words of syllables, as frequent as Zipf's law has it, from a seed. */
import { randomFrom } from "../../tools/random.js";

const SEED = 29;
const VOCABULARY = 100_000;
const CONSONANTS = "bdfgklmnprstvz";
const VOWELS = "aeiou";
const SYLLABLES = CONSONANTS.length * VOWELS.length;
const LENGTH_MIN = 15;
const LENGTH_MAX = 60;

export function generatedTexts(count: number): string[] {
  const random = randomFrom(SEED);
  return Array.from({ length: count }, () => {
    const length = LENGTH_MIN + Math.floor(random() * (LENGTH_MAX - LENGTH_MIN + 1));
    return Array.from({ length }, () => wordOf(rank(random))).join(" ");
  });
}

/** The word of rank r is about r times as rare as the first. */
function rank(random: () => number): number {
  return Math.floor(VOCABULARY ** random());
}

/** Frequent words are short. */
function wordOf(rank: number): string {
  let word = "";
  for (let rest = rank; rest > 0; rest = Math.floor(rest / SYLLABLES)) {
    const syllable = rest % SYLLABLES;
    word += CONSONANTS[Math.floor(syllable / VOWELS.length)]! + VOWELS[syllable % VOWELS.length]!;
  }
  return word;
}
