/** What the configuration of a collection's full-text search may look like. The gateway alone checks it: the page leaves it out. */
import { invalidArgument, show, TidepoolError } from "../../errors.js";
import { limits } from "../../limits.js";
import type { StemmingLanguage, StopWordLanguage, TextConfiguration, TextConfigurationInput } from "../../types.js";
import { validateObject } from "./values.js";

export const STEMMING_LANGUAGES: readonly StemmingLanguage[] = (
  "arabic armenian bulgarian danish dutch english finnish french german greek hungarian indian indonesian irish " +
  "italian lithuanian nepali norwegian portuguese romanian russian sanskrit serbian spanish swedish tamil turkish ukrainian"
).split(" ") as StemmingLanguage[];

export const STOP_WORD_LANGUAGES: readonly StopWordLanguage[] =
  "danish dutch english finnish french german hungarian italian nepali norwegian portuguese russian spanish swedish turkish".split(
    " ",
  ) as StopWordLanguage[];

/**
 * Checks a configuration of full-text search and returns what is stored of it, once a list stands in place of a language's name;
 * `undefined` where it says nothing.
 */
export function validateText(text: unknown, argument = "configuration.text"): TextConfigurationInput | undefined {
  validateObject(text, argument);
  const given = Object.entries(text).filter(([, value]) => value != null);
  const stranger = given.find(([key]) => !Object.hasOwn(TEXT_CHECKS, key));
  if (stranger !== undefined) {
    throw invalidArgument(`${argument} has the field ${show(stranger[0])}; it takes ${Object.keys(TEXT_CHECKS).join(", ")}`);
  }
  const said = given.filter(([key, value]) => TEXT_CHECKS[key as keyof TextConfiguration](value, `${argument}.${key}`));
  return said.length === 0 ? undefined : (JSON.parse(JSON.stringify(Object.fromEntries(said))) as TextConfigurationInput);
}

/** Each throws, or tells whether the value differs from the default. */
const TEXT_CHECKS: Readonly<Record<keyof TextConfiguration, (value: unknown, argument: string) => boolean>> = {
  fold_diacritics: (value, argument) => {
    if (typeof value !== "boolean") throw invalidArgument(`${argument} must be true or false, got ${show(value)}`);
    return !value;
  },
  stemming: (value, argument) => {
    const allowed: readonly unknown[] = STEMMING_LANGUAGES;
    if (!allowed.includes(value)) throw invalidArgument(`${argument} must be one of ${allowed.join(", ")}, got ${show(value)}`);
    return true;
  },
  stop_words: (value, argument) => {
    const languages: readonly unknown[] = STOP_WORD_LANGUAGES;
    if (languages.includes(value)) return true;
    if (typeof value === "string") {
      throw invalidArgument(`${argument} must be an array of words or one of ${languages.join(", ")}, got ${show(value)}`);
    }
    const words = validateWords(value, argument);
    checkCount(words.length, limits.stopWordsMax, argument, "stopWordsMax");
    return words.length > 0;
  },
  synonyms: (value, argument) => {
    if (!Array.isArray(value)) throw invalidArgument(`${argument} must be an array of arrays of words, got ${show(value)}`);
    const groups = value.map((group, i) => validateWords(group, `${argument}[${i}]`));
    const words = groups.reduce((sum, group) => sum + group.length, 0);
    checkCount(words, limits.synonymsMax, argument, "synonymsMax");
    return words > 0;
  },
};

function validateWords(value: unknown, argument: string): string[] {
  if (!Array.isArray(value)) throw invalidArgument(`${argument} must be an array of words, got ${show(value)}`);
  for (const [i, word] of value.entries()) {
    if (typeof word !== "string" || word.trim() === "")
      throw invalidArgument(`${argument}[${i}] must be a string that is not blank, got ${show(word)}`);
    checkCount(word.length, limits.textWordLengthMax, `${argument}[${i}]`, "textWordLengthMax");
  }
  return value as string[];
}

function checkCount(count: number, max: number, argument: string, limit: string): void {
  if (count <= max) return;
  throw new TidepoolError("LIMIT_EXCEEDED", `${argument} has a length of ${count}; at most ${max} are allowed (${limit})`, {
    details: { limit, allowed: max },
  });
}
