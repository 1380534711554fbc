/**
 * What the configuration of a collection's indexes may look like, that of vectors in Chroma's form, when a collection is created and
 * when it is modified. Page and gateway run the same check.
 */
import { invalidArgument, show, TidepoolError } from "../../errors.js";
import { limits } from "../../limits.js";
import type { CollectionConfiguration, IndexEngine, Space, StemmingLanguage, TextConfiguration } from "../../types.js";
import { validateAtLeast, validateObject } from "./values.js";

type Hnsw = CollectionConfiguration["hnsw"];

const SPACES: readonly Space[] = ["l2", "cosine", "ip"];
/** Keys of Chroma's configuration that have no meaning here: taken, and left out of what is stored. */
const HNSW_IGNORED = ["batch_size", "num_threads"];
const HNSW_CREATE = ["space", "ef_construction", "ef_search", "max_neighbors", "resize_factor", "sync_threshold", "engine"];
const HNSW_MODIFY = ["ef_search", "max_neighbors", "resize_factor", "sync_threshold"];
export const STEMMING_LANGUAGES: readonly StemmingLanguage[] = (
  "arabic armenian bulgarian danish dutch english finnish french german greek hungarian indian indonesian irish " +
  "italian lithuanian nepali norwegian portuguese romanian russian sanskrit serbian spanish swedish tamil turkish ukrainian"
).split(" ") as StemmingLanguage[];
const HNSW_ENGINES: readonly IndexEngine[] = ["tidepool", "hnswlib"];

/** Least and largest value of the parameters that cost memory or time. */
const HNSW_RANGES: Readonly<Record<string, readonly [min: number, max: number]>> = {
  max_neighbors: [limits.maxNeighborsMin, limits.maxNeighborsMax],
  ef_construction: [1, limits.beamMax],
  ef_search: [1, limits.beamMax],
};

/** Checks a configuration of full-text search and returns what is stored of it; `undefined` where it says nothing. */
export function validateText(text: unknown, argument = "configuration.text"): TextConfiguration | undefined {
  validateObject(text, argument);
  const given = Object.entries(text).filter(([, value]) => value != null);
  const stranger = given.find(([key]) => !Object.hasOwn(TEXT_CHECKS, key));
  if (stranger !== undefined) {
    throw invalidArgument(`${argument} has the field ${show(stranger[0])}; it takes ${Object.keys(TEXT_CHECKS).join(", ")}`);
  }
  const said = given.filter(([key, value]) => TEXT_CHECKS[key as keyof TextConfiguration](value, `${argument}.${key}`));
  return said.length === 0 ? undefined : (JSON.parse(JSON.stringify(Object.fromEntries(said))) as TextConfiguration);
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

/** Checks an index configuration and returns the part that is stored. Space and engine are fixed when a collection is created. */
export function validateHnsw(hnsw: unknown, purpose: "create" | "modify", argument = "configuration.hnsw"): Partial<Hnsw> {
  validateObject(hnsw, argument);
  const allowed = purpose === "create" ? HNSW_CREATE : HNSW_MODIFY;
  const kept: [string, unknown][] = [];
  for (const [key, value] of Object.entries(hnsw)) {
    if (value === undefined || value === null || HNSW_IGNORED.includes(key)) continue;
    if (!allowed.includes(key)) {
      const why = HNSW_CREATE.includes(key) ? `; ${key} is fixed when a collection is created` : "";
      throw invalidArgument(`${argument} has the field ${show(key)}; ${purpose} takes ${allowed.join(", ")}${why}`);
    }
    validateHnswField(key, value, `${argument}.${key}`);
    kept.push([key, value]);
  }
  return Object.fromEntries(kept);
}

function validateHnswField(key: string, value: unknown, argument: string): void {
  if (key === "space" || key === "engine") {
    const allowed: readonly unknown[] = key === "space" ? SPACES : HNSW_ENGINES;
    if (!allowed.includes(value)) throw invalidArgument(`${argument} must be one of ${allowed.join(", ")}, got ${show(value)}`);
  } else if (key === "resize_factor") {
    if (!Number.isFinite(value) || (value as number) <= 0)
      throw invalidArgument(`${argument} must be a number above 0, got ${show(value)}`);
  } else {
    const [min, max] = HNSW_RANGES[key] ?? [1, Infinity];
    validateAtLeast(value, min, argument);
    if (value > max) throw new TidepoolError("LIMIT_EXCEEDED", `${argument} may be at most ${max}, got ${show(value)}`);
  }
}
