/**
 * Reads a regular expression in the syntax of Rust's `regex` crate into a tree: all errors in a pattern are found here, and
 * both limits on its size are kept.
 *
 * Recursive descent; every method leaves `#at` behind what it has read. The size is counted as the pattern is read, a
 * group, a character or a class as one, times the repetitions it is under, and a class twice for every `~~` in it; it is
 * what `limits.regexSizeMax` bounds.
 */
import { beyondLimit, TidepoolError } from "../../errors.js";
import { limits } from "../../limits.js";
import type { CharacterSet, PerlName, RegexTree, SetStep, WordPlace } from "./tree.js";

/** Throws `INVALID_ARGUMENT`, or `LIMIT_EXCEEDED` when the pattern is too large; the message is the reason. */
export function parseRegex(pattern: string): RegexTree {
  return new RegexParser(pattern).parse();
}

interface Flags {
  insensitive: boolean;
  multiline: boolean;
  dotAll: boolean;
  unicode: boolean;
  verbose: boolean;
}

/** What an escape stands for. */
type Escape =
  | { kind: "literal"; code: number }
  | { kind: "set"; set: CharacterSet }
  | { kind: "text-place"; at: "text-start" | "text-end" }
  | { kind: "word-place"; at: WordPlace };

const FLAG_NAMES: Readonly<Record<string, keyof Flags | "greed">> = {
  i: "insensitive",
  m: "multiline",
  s: "dotAll",
  u: "unicode",
  x: "verbose",
  U: "greed",
};

/** The ranges of each class, first and last character of one after the other. */
const POSIX: ReadonlyMap<string, string> = new Map([
  ["alnum", "09AZaz"],
  ["alpha", "AZaz"],
  ["ascii", "\0\x7f"],
  ["blank", "\t\t  "],
  ["cntrl", "\0\x1f\x7f\x7f"],
  ["digit", "09"],
  ["graph", "!~"],
  ["lower", "az"],
  ["print", " ~"],
  ["punct", "!/:@[`{~"],
  ["space", "\t\r  "],
  ["upper", "AZ"],
  ["word", "09AZaz__"],
  ["xdigit", "09AFaf"],
]);

const CONTROL_ESCAPES: Readonly<Record<string, number>> = { a: 7, t: 9, n: 10, v: 11, f: 12, r: 13 };
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };
const TEXT_PLACES: ReadonlyMap<string, "text-start" | "text-end"> = new Map([
  ["A", "text-start"],
  ["z", "text-end"],
]);
/** `\b` may have a name in braces. */
const WORD_PLACES: ReadonlyMap<string, WordPlace> = new Map([
  ["b", "word-boundary"],
  ["B", "no-word-boundary"],
  ["<", "word-start"],
  [">", "word-end"],
  ["b{start}", "word-start"],
  ["b{end}", "word-end"],
  ["b{start-half}", "word-start-half"],
  ["b{end-half}", "word-end-half"],
]);
const SET_OPERATORS: Readonly<Record<string, SetStep["operator"]>> = {
  "&&": "intersection",
  "--": "difference",
  "~~": "symmetric-difference",
};

class RegexParser {
  readonly #pattern: string;
  readonly #names = new Set<string>();
  #at = 0;
  #depth = 0;
  #size = 0;
  /** How often a part of the class that is being read is written, at most. */
  #copies = 1;
  #flags: Flags = { insensitive: false, multiline: false, dotAll: false, unicode: true, verbose: false };

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  parse(): RegexTree {
    const tree = this.#alternation();
    if (this.#at < this.#pattern.length) throw this.#fault("unopened group");
    checkLimit("regexSizeMax", limits.regexSizeMax, this.#size, "its size");
    return tree;
  }

  #alternation(): RegexTree {
    const branches: RegexTree[] = [];
    let parts: RegexTree[] = [];
    for (;;) {
      this.#skipBlanks();
      if (this.#at >= this.#pattern.length || this.#peek() === ")") {
        branches.push(concatenation(parts));
        return branches.length === 1 ? branches[0]! : { kind: "alternation", branches };
      }
      if (this.#eat("|")) {
        branches.push(concatenation(parts));
        parts = [];
        continue;
      }
      const term = this.#term();
      if (term !== null) append(parts, term);
    }
  }

  /** `null` for a directive such as `(?i)`, which matches nothing by itself. */
  #term(): RegexTree | null {
    const before = this.#size;
    let tree = this.#atom();
    // A directive is nothing that could be repeated; what follows is read as a term of its own.
    if (tree === null) return null;
    this.#size++;
    for (;;) {
      this.#skipBlanks();
      const count = this.#repetition();
      if (count === null) return tree;
      this.#eat("?");
      const { min, max } = count;
      const size = (this.#size - before) * Math.max(1, Number.isFinite(max) ? max : min + 1);
      checkLimit("regexSizeMax", limits.regexSizeMax, size, "its size");
      this.#size = before + size;
      tree = repeated(tree, min, max);
    }
  }

  #repetition(): { min: number; max: number } | null {
    if (this.#eat("*")) return { min: 0, max: Infinity };
    if (this.#eat("+")) return { min: 1, max: Infinity };
    if (this.#eat("?")) return { min: 0, max: 1 };
    if (this.#peek() !== "{") return null;
    const counted = this.#match(/\{(\d*)(,?)(\d*)\}/y);
    if (counted === null || (counted[1] === "" && counted[3] === "")) throw this.#fault("invalid repetition count");
    const min = Number(counted[1] || 0);
    const max = counted[2] === "" ? min : counted[3] === "" ? Infinity : Number(counted[3]);
    if (min > max) throw this.#fault("invalid repetition count range: the start is greater than the end");
    checkLimit("regexSizeMax", limits.regexSizeMax, min, "a repetition count");
    return { min, max };
  }

  #atom(): RegexTree | null {
    const char = this.#peek();
    switch (char) {
      case "(":
        return this.#group();
      case "[":
        return this.#bracketedAtom();
      case "\\":
        return this.#escapedAtom();
      case "*":
      case "+":
      case "?":
      case "{":
        throw this.#fault("repetition operator missing expression");
    }
    const code = this.#next();
    switch (char) {
      case ".":
        return this.#dot();
      case "^":
        return { kind: "assertion", at: this.#flags.multiline ? "line-start" : "text-start" };
      case "$":
        return { kind: "assertion", at: this.#flags.multiline ? "line-end" : "text-end" };
    }
    return this.#literal(code);
  }

  #dot(): RegexTree {
    this.#needsUnicode();
    return this.#class({ kind: "complement", of: this.#flags.dotAll ? union([]) : character(10) });
  }

  #literal(code: number): RegexTree {
    return { kind: "literal", text: String.fromCodePoint(code), insensitive: this.#flags.insensitive };
  }

  #class(set: CharacterSet): RegexTree {
    return { kind: "class", set, insensitive: this.#flags.insensitive };
  }

  /** What is inside, or `null` for a directive. */
  #group(): RegexTree | null {
    const outer = this.#flags;
    if (this.#match(/\(\?(?:<?[=!])/y)) throw this.#fault("look-around is not supported");
    const named = this.#match(/\(\?P?<([^>]*)>/y);
    if (named !== null) this.#declare(named[1]!);
    else if (this.#match(/\(\?/y)) {
      this.#flags = this.#flagChanges();
      if (this.#eat(")")) return null;
      if (!this.#eat(":")) throw this.#fault("unrecognized flag");
    } else this.#eat("(");
    const inner = this.#nested(() => this.#alternation());
    if (!this.#eat(")")) throw this.#fault("unclosed group");
    this.#flags = outer;
    return inner;
  }

  #declare(name: string): void {
    if (!/^[\p{Alphabetic}_][\p{Alphabetic}\p{N}_.[\]]*$/u.test(name)) throw this.#fault("invalid capture group name");
    if (this.#names.has(name)) throw this.#fault(`duplicate capture group name ${name}`);
    this.#names.add(name);
  }

  /** Reads flags up to `)` or `:`; the flags in force are not changed yet. */
  #flagChanges(): Flags {
    const flags = { ...this.#flags };
    const text = this.#match(/[^):]*/y)![0]!;
    if (text === "" && this.#peek() === ")") throw this.#fault("repetition operator missing expression");
    if (!/^([A-Za-z]+(-[A-Za-z]+)?|-[A-Za-z]+)?$/.test(text)) throw this.#fault("unrecognized flag");
    const [on, off = ""] = text.split("-");
    for (const letter of on! + off) {
      const name = Object.hasOwn(FLAG_NAMES, letter) ? FLAG_NAMES[letter]! : null;
      if (name === null) throw this.#fault(`flag ${letter} is not supported; i, m, s, u, x and U are`);
      if (text.indexOf(letter) !== text.lastIndexOf(letter)) throw this.#fault(`duplicate flag ${letter}`);
      // Greediness decides where a match ends, never whether there is one.
      if (name !== "greed") flags[name] = on!.includes(letter);
    }
    return flags;
  }

  #escapedAtom(): RegexTree {
    const escaped = this.#escape();
    switch (escaped.kind) {
      case "literal":
        return this.#literal(escaped.code);
      case "set":
        return this.#class(escaped.set);
      case "text-place":
        return { kind: "assertion", at: escaped.at };
      case "word-place":
        return { kind: "assertion", at: escaped.at, unicode: this.#flags.unicode };
    }
  }

  /** Reads from the backslash on. */
  #escape(): Escape {
    this.#next();
    if (this.#at >= this.#pattern.length) throw this.#fault("incomplete escape sequence");
    const char = String.fromCodePoint(this.#next());
    if (/[0-9]/.test(char)) throw this.#fault("backreferences are not supported");
    if (/[dsw]/i.test(char)) return { kind: "set", set: this.#perl(char) };
    if (char === "p" || char === "P") return { kind: "set", set: this.#property(char === "P") };
    if (Object.hasOwn(HEX_DIGITS, char)) return { kind: "literal", code: this.#hex(HEX_DIGITS[char]!) };
    if (Object.hasOwn(CONTROL_ESCAPES, char)) return { kind: "literal", code: CONTROL_ESCAPES[char]! };
    const name = char === "b" ? char + (this.#match(/\{(?:start|end|start-half|end-half)\}/y)?.[0] ?? "") : char;
    if (WORD_PLACES.has(name)) return { kind: "word-place", at: WORD_PLACES.get(name)! };
    if (TEXT_PLACES.has(name)) return { kind: "text-place", at: TEXT_PLACES.get(name)! };
    if (/[^A-Za-z\u0080-\u{10ffff}]/u.test(char)) return { kind: "literal", code: char.codePointAt(0)! };
    throw this.#fault("unrecognized escape sequence");
  }

  #perl(char: string): CharacterSet {
    const name = char.toLowerCase() as PerlName;
    const isNegated = char !== name;
    if (isNegated) this.#needsUnicode();
    return complementIf(isNegated, { kind: "perl", name, unicode: this.#flags.unicode });
  }

  #hex(digits: number): number {
    const text = this.#match(/\{([0-9A-Fa-f]{1,8})\}/y)?.[1] ?? this.#match(new RegExp(`[0-9A-Fa-f]{${digits}}`, "y"))?.[0];
    if (text === undefined) throw this.#fault("invalid hexadecimal escape");
    const code = parseInt(text, 16);
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw this.#fault("not a Unicode scalar value");
    return code;
  }

  #property(isNegated: boolean): CharacterSet {
    if (!this.#flags.unicode) throw this.#fault("Unicode classes are not allowed without the u flag");
    const text = this.#match(/\{([^}]*)\}|([A-Za-z])/y);
    if (text === null) throw this.#fault("invalid Unicode property");
    const query = /^(\^?)(?:([\w -]+)(=|:|!=))?([\w -]+)$/.exec(text[1] ?? text[2]!);
    const name = query === null ? null : findProperty(query[2], query[4]!);
    if (name === null) throw this.#fault("Unicode property not found");
    const flips = Number(isNegated) + Number(query![1] === "^") + Number(query![3] === "!=");
    return complementIf(flips % 2 === 1, { kind: "property", name });
  }

  /** Both sides of a symmetric difference are written twice. */
  #bracketedAtom(): RegexTree {
    this.#copies = 1;
    const set = this.#nested(() => this.#bracketed());
    this.#size += this.#copies - 1;
    return this.#class(set);
  }

  #bracketed(): CharacterSet {
    this.#next();
    const isNegated = this.#eat("^");
    if (isNegated) this.#needsUnicode();
    const first = this.#union(true);
    const steps: SetStep[] = [];
    for (;;) {
      const operator = this.#match(/&&|--|~~/y)?.[0];
      if (operator === undefined) break;
      if (operator === "~~") checkLimit("regexSizeMax", limits.regexSizeMax, (this.#copies *= 2), "its size");
      steps.push({ operator: SET_OPERATORS[operator]!, set: this.#union(false) });
    }
    if (!this.#eat("]")) throw this.#fault("unclosed character class");
    return complementIf(isNegated, steps.length === 0 ? first : { kind: "combination", first, steps });
  }

  /** Items up to the closing bracket or a set operator. */
  #union(isFirst: boolean): CharacterSet {
    const literals = isFirst ? this.#match(/-+|\]/y)?.[0] : undefined;
    const sets = Array.from(literals ?? "", (char) => character(char.charCodeAt(0)));
    for (;;) {
      this.#skipBlanks();
      if (this.#at >= this.#pattern.length) throw this.#fault("unclosed character class");
      if (this.#peek() === "]" || this.#looksAt(/&&|--|~~/y)) return union(sets);
      sets.push(this.#posix() ?? (this.#peek() === "[" ? this.#nested(() => this.#bracketed()) : this.#range()));
    }
  }

  #posix(): CharacterSet | null {
    const posix = this.#match(/\[:(\^?)([a-z]+):\]/y);
    if (posix === null) return null;
    const bounds = POSIX.get(posix[2]!);
    if (bounds === undefined) throw this.#fault("unrecognized POSIX class");
    return complementIf(posix[1] === "^", rangesOf(bounds));
  }

  /** One item of a class: a character, a range of them, or an escaped set. */
  #range(): CharacterSet {
    const from = this.#classItem();
    const isRange = this.#peek() === "-" && !this.#looksAt(/-[-\]]/y);
    if (!isRange) return from.kind === "literal" ? character(from.code) : from.set;
    this.#next();
    this.#skipBlanks();
    if (this.#at >= this.#pattern.length) throw this.#fault("unclosed character class");
    const to = this.#classItem();
    if (from.kind !== "literal" || to.kind !== "literal") throw this.#fault("invalid range boundary, must be a literal");
    if (from.code > to.code) throw this.#fault("invalid character class range, the start is greater than the end");
    return { kind: "range", from: from.code, to: to.code };
  }

  #classItem(): Extract<Escape, { kind: "literal" | "set" }> {
    if (this.#peek() !== "\\") return { kind: "literal", code: this.#next() };
    const escaped = this.#escape();
    if (escaped.kind === "literal" || escaped.kind === "set") return escaped;
    throw this.#fault("invalid escape sequence found in character class");
  }

  #needsUnicode(): void {
    if (!this.#flags.unicode) throw this.#fault("without the u flag this part can match invalid UTF-8");
  }

  #nested<T>(parse: () => T): T {
    checkLimit("regexNestMax", limits.regexNestMax, ++this.#depth, "its nesting");
    const result = parse();
    this.#depth--;
    return result;
  }

  #skipBlanks(): void {
    if (this.#flags.verbose) this.#match(/(?:\p{White_Space}|#[^\n]*)+/uy);
  }

  #peek(): string | undefined {
    return this.#pattern[this.#at];
  }

  #eat(char: string): boolean {
    if (this.#peek() !== char) return false;
    this.#at++;
    return true;
  }

  #next(): number {
    const code = this.#pattern.codePointAt(this.#at)!;
    this.#at += code > 0xffff ? 2 : 1;
    return code;
  }

  #looksAt(sticky: RegExp): boolean {
    sticky.lastIndex = this.#at;
    return sticky.test(this.#pattern);
  }

  #match(sticky: RegExp): RegExpExecArray | null {
    sticky.lastIndex = this.#at;
    const match = sticky.exec(this.#pattern);
    if (match !== null) this.#at += match[0].length;
    return match;
  }

  #fault(reason: string): TidepoolError {
    const position = Math.min(this.#at, this.#pattern.length);
    return new TidepoolError("INVALID_ARGUMENT", `${reason} (at position ${position})`, { details: { reason, position } });
  }
}

function concatenation(parts: readonly RegexTree[]): RegexTree {
  return parts.length === 1 ? parts[0]! : { kind: "concatenation", parts };
}

/** Adds a term to the parts of a concatenation, a literal to the one before it. */
function append(parts: RegexTree[], term: RegexTree): void {
  if (term.kind === "concatenation") {
    for (const part of term.parts) append(parts, part);
    return;
  }
  const last = parts.at(-1);
  if (term.kind === "literal" && last?.kind === "literal" && last.insensitive === term.insensitive) {
    parts[parts.length - 1] = { ...last, text: last.text + term.text };
  } else parts.push(term);
}

/**
 * A repetition of a repetition is one where the numbers of times that it allows are all from its least to its most. So
 * `a**…` is no deeper than `a*`, and what is left nested at least doubles in size by each step.
 */
function repeated(of: RegexTree, min: number, max: number): RegexTree {
  if (of.kind !== "repetition") return { kind: "repetition", of, min, max };
  const isWithoutGaps = min === max || (min + 1) * of.min <= times(min, of.max) + 1;
  if (!isWithoutGaps) return { kind: "repetition", of, min, max };
  return { kind: "repetition", of: of.of, min: min * of.min, max: times(max, of.max) };
}

/** No times without end are none. */
function times(count: number, max: number): number {
  return count === 0 || max === 0 ? 0 : count * max;
}

function character(code: number): CharacterSet {
  return { kind: "range", from: code, to: code };
}

function rangesOf(bounds: string): CharacterSet {
  const sets: CharacterSet[] = [];
  for (let i = 0; i < bounds.length; i += 2) sets.push({ kind: "range", from: bounds.charCodeAt(i), to: bounds.charCodeAt(i + 1) });
  return union(sets);
}

function union(sets: readonly CharacterSet[]): CharacterSet {
  const members = sets.flatMap((set) => (set.kind === "union" ? set.sets : [set]));
  return members.length === 1 ? members[0]! : { kind: "union", sets: members };
}

function complementIf(isNegated: boolean, set: CharacterSet): CharacterSet {
  return isNegated ? { kind: "complement", of: set } : set;
}

/** Rust spells properties loosely and needs no `Script=`; finds the spelling that the platform knows. */
function findProperty(key: string | undefined, name: string): string | null {
  const titled = titleCase(name);
  const spellings = [name, titled, name.toUpperCase()];
  const keys = key === undefined ? ["", "Script="] : [`${titleCase(key)}=`, `${key.toLowerCase()}=`];
  for (const prefix of keys) {
    for (const spelling of spellings) if (isProperty(prefix + spelling)) return prefix + spelling;
  }
  return null;
}

function titleCase(name: string): string {
  const words = name
    .trim()
    .toLowerCase()
    .split(/[\s_-]+/);
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("_");
}

function isProperty(name: string): boolean {
  try {
    new RegExp(`\\p{${name}}`, "u");
    return true;
  } catch {
    return false;
  }
}

function checkLimit(limit: "regexNestMax" | "regexSizeMax", allowed: number, value: number, what: string): void {
  if (value > allowed) throw beyondLimit(`${what} is ${value}, more`, limit, allowed);
}
