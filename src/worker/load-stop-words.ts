/** Loads the stop words of other languages than English with the first collection that is made with some. */
import type { LoadStopWords } from "../core/index/text/stop-words.js";
import { loadPart } from "./load-part.js";
import type * as StopWords from "./stop-words.js";

/** As the stemmers, a file of its own that no bundler follows. */
const load = (): Promise<typeof StopWords> => import(/* @vite-ignore */ new URL("./stop-words.ts", import.meta.url).href);

export const loadStopWords: LoadStopWords = async (language) => (await loadPart("The stop words", load)).stopWordsOf(language);
