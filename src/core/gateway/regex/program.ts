/**
 * A pattern as a program: a graph of instructions that a set of threads walks, each step over one character. It says where a match
 * may go on, never where it has been, so what a step costs is bounded by the program's length.
 *
 * Built from the end: each instruction knows those that follow it, except that a loop's entry is made before its body. Counted
 * repetitions are written out, so the length is within a small factor of what `limits.regexSizeMax` bounds.
 */
import type { Alphabet } from "./alphabet.js";
import type { Assertion, CharacterLeaf, RegexTree } from "./tree.js";

export type Instruction =
  /** Goes on where the next character is in the set. */
  | { kind: "character"; set: number; next: number }
  /** Goes on at all of these. */
  | { kind: "split"; targets: number[] }
  | { kind: "assertion"; assertion: Assertion; next: number }
  | { kind: "match" };

export interface Program {
  instructions: readonly Instruction[];
  start: number;
}

/** The program of a pattern; the alphabet learns its sets. */
export function programOf(tree: RegexTree, alphabet: Alphabet): Program {
  const builder = new ProgramBuilder(alphabet);
  const start = builder.before(tree, builder.add({ kind: "match" }));
  return { instructions: builder.instructions, start };
}

class ProgramBuilder {
  readonly instructions: Instruction[] = [];
  readonly #alphabet: Alphabet;
  /** Of each leaf its sets: counted repetitions come to the same one again and again. */
  readonly #sets = new Map<CharacterLeaf, readonly number[]>();

  constructor(alphabet: Alphabet) {
    this.#alphabet = alphabet;
  }

  add(instruction: Instruction): number {
    return this.instructions.push(instruction) - 1;
  }

  /** Where the tree begins that goes on at `next`. */
  before(tree: RegexTree, next: number): number {
    switch (tree.kind) {
      case "concatenation":
        return tree.parts.reduceRight((after, part) => this.before(part, after), next);
      case "alternation":
        return this.add({ kind: "split", targets: tree.branches.map((branch) => this.before(branch, next)) });
      case "repetition":
        return this.#repeated(tree.of, tree.min, tree.max, next);
      case "assertion":
        return this.add({ kind: "assertion", assertion: tree, next });
      default:
        return this.#characters(tree, next);
    }
  }

  #characters(leaf: CharacterLeaf, next: number): number {
    const sets = this.#sets.get(leaf) ?? this.#alphabet.setsOf(leaf);
    this.#sets.set(leaf, sets);
    return sets.reduceRight((after, set) => this.add({ kind: "character", set, next: after }), next);
  }

  #repeated(of: RegexTree, min: number, max: number, next: number): number {
    let at = Number.isFinite(max) ? next : this.#loop(of, next);
    // Each of those that need not be may be the last: all of them lead to what follows.
    for (let extra = min; extra < max && Number.isFinite(max); extra++) {
      at = this.add({ kind: "split", targets: [this.before(of, at), next] });
    }
    for (let count = 0; count < min; count++) at = this.before(of, at);
    return at;
  }

  #loop(of: RegexTree, next: number): number {
    const targets = [next];
    const entry = this.add({ kind: "split", targets });
    targets.unshift(this.before(of, entry));
    return entry;
  }
}
