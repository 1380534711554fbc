/** Loads the stop words of other languages than English with the first collection that is made with some. */
import { TidepoolError } from "../core/errors.js";
import type { LoadStopWords } from "../core/index/text/stop-words.js";
import { asError } from "./protocol.js";
import type * as StopWords from "./stop-words.js";

/** As the stemmers, a file of its own that no bundler follows. */
export const loadStopWords: LoadStopWords = async (language) => {
  try {
    const { stopWordsOf } = (await import(/* @vite-ignore */ new URL("./stop-words.ts", import.meta.url).href)) as typeof StopWords;
    return stopWordsOf(language);
  } catch (error) {
    throw new TidepoolError("NOT_SUPPORTED", `The stop words could not be loaded: ${asError(error).message}`, { cause: error });
  }
};
