/** Loads what compiles regular expressions with the first filter that has one. */
import { ownError } from "../core/base/own-errors.js";
import type { CompilePattern, LoadPatterns } from "../core/gateway/patterns.js";
import type * as Regex from "../core/gateway/regex/compile.js";
import { loadPart } from "./load-part.js";

/** Not followed by bundlers, as in `load-stem.ts`. */
const load = (): Promise<typeof Regex> => import(/* @vite-ignore */ new URL("../core/gateway/regex/compile.ts", import.meta.url).href);

export const loadPatterns: LoadPatterns = async () => {
  const { newCompiler } = await loadPart("What compiles regular expressions", load);
  return () => withOwnError(newCompiler());
};

function withOwnError(compile: CompilePattern): CompilePattern {
  return (pattern) => {
    try {
      return compile(pattern);
    } catch (error) {
      throw ownError(error);
    }
  };
}
