/**
 * Regular expressions in the syntax and with the meaning of Rust's `regex` crate, which Chroma's server uses, and with its promise:
 * a test takes time linear in the text's length, whatever the pattern.
 *
 * A pattern is parsed (`parse.ts`) into a tree (`tree.ts`), which becomes a program (`program.ts`) over an alphabet of its own
 * (`alphabet.ts`), which an automaton runs (`automaton.ts`). The platform's `RegExp`, which backtracks, is asked about single
 * characters only (`source.ts`). Only whether a text matches is asked, never where, so captures and greediness are dropped. What Rust
 * does not have (look-around, backreferences) is refused, and so is what cannot be had here (flag R).
 *
 * Characters that every match has as they are (`required.ts`) are looked for first, which is several times faster than the automaton.
 */
import { holdsText } from "../../base/find-text.js";
import type { Steps } from "../../base/steps.js";
import type { TextRequirement } from "../../segment/text-requirement.js";
import type { Pattern } from "../filter.js";
import type { CompilePattern } from "../patterns.js";
import { Alphabet } from "./alphabet.js";
import { Automaton, PatternMemory } from "./automaton.js";
import { parseRegex } from "./parse.js";
import { programOf } from "./program.js";
import { longestText, requiredBy } from "./required.js";
import type { RegexTree } from "./tree.js";

/** Patterns that it compiles share a memory. */
export function newCompiler(): CompilePattern {
  const memory = new PatternMemory();
  return (pattern) => compileRegex(pattern, memory);
}

/** See `CompilePattern`. */
export function compileRegex(pattern: string, memory = new PatternMemory()): Pattern {
  return new CompiledPattern(parseRegex(pattern), memory);
}

class CompiledPattern implements Pattern {
  readonly required: TextRequirement | null;
  /** Every match holds it; "" when nothing is known of them. */
  readonly #text: string;
  /** `null` when a text matches that holds `#text`. */
  readonly #automaton: Automaton | null;

  constructor(tree: RegexTree, memory: PatternMemory) {
    const alphabet = new Alphabet();
    this.required = requiredBy(tree);
    this.#text = longestText(this.required);
    const isText = tree.kind === "literal" && this.#text !== "";
    this.#automaton = isText ? null : new Automaton(programOf(tree, alphabet), alphabet, memory);
  }

  *test(text: string): Steps<boolean> {
    if (this.#text !== "" && !(yield* holdsText(text, this.#text))) return false;
    return this.#automaton === null || (yield* this.#automaton.test(text));
  }
}
