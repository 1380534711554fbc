/** Loads the stemmers with the first text that needs one. */
import { TidepoolError } from "../core/errors.js";
import type { LoadStem } from "../core/index/text/analyzer.js";
import { asError } from "./protocol.js";
import type * as Stemmers from "./stemmers.js";

/** Not followed by bundlers, which would have to divide the worker; they copy the file as they do with the kernels. */
export const loadStem: LoadStem = async (language) => {
  try {
    const { stemmers } = (await import(/* @vite-ignore */ new URL("./stemmers.ts", import.meta.url).href)) as typeof Stemmers;
    return stemmers[language];
  } catch (error) {
    throw new TidepoolError("NOT_SUPPORTED", `The stemmers could not be loaded: ${asError(error).message}`, { cause: error });
  }
};
