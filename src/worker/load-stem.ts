/** Loads the stemmers with the first text that needs one. */
import type { LoadStem } from "../core/index/text/analyzer.js";
import { loadPart } from "./load-part.js";
import type * as Stemmers from "./stemmers.js";

/** Not followed by bundlers, which would have to divide the worker; they copy the file as they do with the kernels. */
const load = (): Promise<typeof Stemmers> => import(/* @vite-ignore */ new URL("./stemmers.ts", import.meta.url).href);

export const loadStem: LoadStem = async (language) => (await loadPart("The stemmers", load)).stemmers[language];
