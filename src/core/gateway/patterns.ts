/**
 * Regular expressions in filters. What compiles them (`regex/`) is large, and few filters have one: it is loaded with the first that has.
 * Until then planning such a filter fails, and is done again once it is there. What was loaded serves every engine of this program.
 */
import { TidepoolError } from "../errors.js";
import type { Pattern } from "./filter.js";

/**
 * Compiles a pattern, or throws `INVALID_ARGUMENT` (`LIMIT_EXCEEDED` when too large) whose message is the reason. Patterns of one filter
 * share a memory, and so a compiler.
 */
export type CompilePattern = (pattern: string) => Pattern;

/** Resolves with what makes a compiler for a filter. */
export type LoadPatterns = () => Promise<() => CompilePattern>;

/** For an engine that was given nothing which loads them. */
export const noPatterns: LoadPatterns = async () => {
  throw new TidepoolError("NOT_SUPPORTED", "There are no regular expressions here");
};

const notLoaded = new Error("what compiles patterns is not loaded");
let newCompiler = (): CompilePattern => {
  throw notLoaded;
};

/** For the patterns of one filter. Made with the first of them. */
export function patternCompiler(): CompilePattern {
  let compile: CompilePattern | null = null;
  return (pattern) => (compile ??= newCompiler())(pattern);
}

/** What the plan comes to. It is made a second time where it needs what is not loaded, and so must do nothing but plan before that. */
export async function withPatterns<T>(load: LoadPatterns, plan: () => T | Promise<T>): Promise<T> {
  try {
    return await plan();
  } catch (error) {
    if (error !== notLoaded) throw error;
  }
  newCompiler = await load();
  return plan();
}
