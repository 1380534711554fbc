/** What compiles regular expressions, for engines that tests open and for filters that they plan by themselves. */
import { type LoadPatterns, patternCompiler, withPatterns } from "../core/gateway/patterns.js";

export const loadPatterns: LoadPatterns = async () => (await import("../core/gateway/regex/compile.js")).newCompiler;

/** For a test that plans filters without an engine: before the first that has a pattern. */
export async function usePatterns(): Promise<void> {
  await withPatterns(loadPatterns, () => patternCompiler()(""));
}
