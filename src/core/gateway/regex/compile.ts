/**
 * Regular expressions in the syntax and with the meaning of Rust's `regex` crate, which Chroma's server uses, run by
 * the platform's own `RegExp`.
 *
 * A pattern is parsed (`parse.ts`) into a tree (`tree.ts`) that is written anew (`source.ts`), because the same characters
 * mean different things to the two: in Rust `\d`, `\w`, `\s` and `\b` are Unicode-aware, `.` excludes only the line feed,
 * flags may be set anywhere, classes nest and intersect. Only whether a text matches is asked, never where, so captures
 * and greediness are dropped. What Rust does not have (look-around, backreferences) is refused, and so is what cannot be
 * had here (flag R).
 *
 * One promise of Rust's engine is not kept: linear time. `RegExp` backtracks, so a pattern with nested ambiguous
 * repetitions such as `(\w+\s?)+$` can take time exponential in the text's length, and a test cannot be interrupted. The
 * pattern comes from the page itself and blocks only this database's worker; a page that takes patterns from people
 * should close the client when a query does not come back. `limits.regexSizeMax` bounds size, not time.
 *
 * Case-insensitivity applies to the whole expression wherever that makes no difference. An expression that mixes both
 * (`(?i:a)b`) needs the platform's pattern modifiers and is refused where they are missing.
 */
import { invalidArgument } from "../../errors.js";
import type { Pattern } from "../filter.js";
import { parseRegex } from "./parse.js";
import { type Alphabet, caseRulesOf, sourceOf } from "./source.js";
import type { RegexTree } from "./tree.js";

/** Compiles a pattern, or throws `INVALID_ARGUMENT` (`LIMIT_EXCEEDED` when too large) whose message is the reason. */
export function compileRegex(pattern: string): Pattern {
  const tree = parseRegex(pattern);
  const full = compile(tree, "unicode");
  const ascii = compile(tree, "ascii");
  if (ascii.source === full.source) return full;
  return { test: (text) => (ASCII_ONLY.test(text) ? ascii : full).test(text) };
}

const ASCII_ONLY = /^[\0-\x7f]*$/;

function compile(tree: RegexTree, alphabet: Alphabet): RegExp {
  const { hasSensitive, hasInsensitive } = caseRulesOf(tree);
  if (!hasInsensitive) return build(sourceOf(tree, alphabet, false), "u", "");
  if (!hasSensitive) return build(sourceOf(tree, alphabet, false), "iu", "");
  const reason = "it mixes case-sensitive and case-insensitive parts, which this browser's RegExp does not support; ";
  return build(sourceOf(tree, alphabet, true), "u", reason);
}

function build(source: string, flags: string, reason: string): RegExp {
  try {
    const regex = new RegExp(source, flags);
    // Engines compile on first use, once for each width of text; what is too large for them shows here, not in a scan.
    regex.test("");
    regex.test("\u0100");
    return regex;
  } catch (cause) {
    throw invalidArgument(`${reason}${(cause as Error).message}`);
  }
}
