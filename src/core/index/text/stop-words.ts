/** Stop words by the name of a language. What is stored is the list, so that an index never depends on which one a release has. */
import { ENGLISH_STOP_WORDS } from "../../base/english-stop-words.js";
import { show, TidepoolError } from "../../errors.js";
import type { StopWordLanguage, TextConfiguration, TextConfigurationInput } from "../../types.js";

/** Rejects with `NOT_SUPPORTED` where there are no lists. */
export type LoadStopWords = (language: Exclude<StopWordLanguage, "english">) => Promise<readonly string[]>;

/** Where nobody brings any. */
export const noStopWords: LoadStopWords = async (language) => {
  throw new TidepoolError("NOT_SUPPORTED", `configuration.text.stop_words is ${show(language)}, and this engine has no such list`);
};

/** A configuration with the words of a language in place of its name. */
export async function withStopWords(text: TextConfigurationInput, load: LoadStopWords): Promise<TextConfiguration> {
  const { stop_words: words, ...others } = text;
  if (words === undefined) return others;
  if (typeof words !== "string") return { ...others, stop_words: words };
  return { ...others, stop_words: [...(words === "english" ? ENGLISH_STOP_WORDS : await load(words))] };
}
