/**
 * Regular expressions in the syntax and with the meaning of Rust's `regex` crate, which Chroma's server uses, run by
 * the platform's own `RegExp`.
 *
 * The pattern is parsed and written anew, because the same characters mean different things to the two: in Rust `\d`,
 * `\w`, `\s` and `\b` are Unicode-aware, `.` excludes only the line feed, flags may be set anywhere, classes nest and
 * intersect. Only whether a text matches is asked, never where, so captures and greediness are dropped. What Rust does
 * not have (look-around, backreferences) is refused, and so is what cannot be had here (flag R).
 *
 * One promise of Rust's engine is not kept: linear time. `RegExp` backtracks, so a pattern with nested ambiguous
 * repetitions such as `(a+)+$` can take time exponential in the text's length, and a test cannot be interrupted. The
 * pattern comes from the page itself and blocks only this database's worker; a page that takes patterns from people
 * should close the client when a query does not come back. `limits.regexSizeMax` bounds size, not time.
 *
 * Case-insensitivity applies to the whole expression wherever that makes no difference. An expression that mixes both
 * (`(?i:a)b`) needs the platform's pattern modifiers and is refused where they are missing.
 */
import { invalidArgument, TidepoolError } from "../../errors.js";
import { limits } from "../../limits.js";
import type { Pattern } from "../filter.js";

/** Compiles a pattern, or throws `INVALID_ARGUMENT` (`LIMIT_EXCEEDED` when too large) whose message is the reason. */
export function compileRegex(pattern: string): Pattern {
  const full = compile(pattern, "unicode");
  const ascii = compile(pattern, "ascii");
  if (ascii.source === full.source) return full;
  return { test: (text) => (ASCII_ONLY.test(text) ? ascii : full).test(text) };
}

const ASCII_ONLY = /^[\0-\x7f]*$/;

function compile(pattern: string, alphabet: Alphabet): RegExp {
  const plain = new Translator(pattern, alphabet, false);
  const source = plain.translate();
  if (!plain.hasInsensitive) return build(source, "u", "");
  if (!plain.hasSensitive) return build(source, "iu", "");
  const reason = "it mixes case-sensitive and case-insensitive parts, which this browser's RegExp does not support; ";
  return build(new Translator(pattern, alphabet, true).translate(), "u", reason);
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

/**
 * What the texts to be tested are made of. Unicode's word characters are hundreds of ranges and slow to look for; in an
 * ASCII text the few ASCII ones mean the same and are found up to forty times faster.
 */
type Alphabet = "unicode" | "ascii";

interface Flags {
  insensitive: boolean;
  multiline: boolean;
  dotAll: boolean;
  unicode: boolean;
  verbose: boolean;
}

/** A translated piece and how large it becomes with its repetitions written out. */
interface Piece {
  source: string;
  size: number;
}

/** What an escape stands for. */
type Escape =
  | { kind: "literal"; code: number }
  /** `items` go inside brackets; `cased`: folding case changes what is matched. */
  | { kind: "set"; items: string; negated: boolean; cased: boolean }
  | { kind: "assertion"; source: string };

const FLAG_NAMES: Readonly<Record<string, keyof Flags | "greed">> = {
  i: "insensitive",
  m: "multiline",
  s: "dotAll",
  u: "unicode",
  x: "verbose",
  U: "greed",
};

const PERL_UNICODE: Readonly<Record<string, string>> = {
  d: "\\p{Nd}",
  s: "\\p{White_Space}",
  w: "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}",
};
const PERL_ASCII: Readonly<Record<string, string>> = { d: "0-9", s: "\\t-\\r ", w: "0-9A-Za-z_" };

const POSIX: ReadonlyMap<string, string> = new Map([
  ["alnum", "0-9A-Za-z"],
  ["alpha", "A-Za-z"],
  ["ascii", "\\0-\\x7f"],
  ["blank", "\\t "],
  ["cntrl", "\\0-\\x1f\\x7f"],
  ["digit", "0-9"],
  ["graph", "!-~"],
  ["lower", "a-z"],
  ["print", " -~"],
  ["punct", "!-\\/:-@\\[-`\\{-~"],
  ["space", "\\t-\\r "],
  ["upper", "A-Z"],
  ["word", "0-9A-Za-z_"],
  ["xdigit", "0-9A-Fa-f"],
]);

const CONTROL_ESCAPES: Readonly<Record<string, number>> = { a: 7, t: 9, n: 10, v: 11, f: 12, r: 13 };
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** Recursive descent over the pattern; every method leaves `#at` behind what it has read. */
class Translator {
  /** Whether some part cares about case and is to be matched exactly, or regardless of case. */
  hasSensitive = false;
  hasInsensitive = false;
  readonly #pattern: string;
  readonly #alphabet: Alphabet;
  /** Write case-insensitive parts as modifier groups instead of relying on a flag for all. */
  readonly #modifiers: boolean;
  readonly #names = new Set<string>();
  #at = 0;
  #depth = 0;
  #flags: Flags = { insensitive: false, multiline: false, dotAll: false, unicode: true, verbose: false };

  constructor(pattern: string, alphabet: Alphabet, modifiers: boolean) {
    this.#pattern = pattern;
    this.#alphabet = alphabet;
    this.#modifiers = modifiers;
  }

  translate(): string {
    const { source, size } = this.#alternation();
    if (this.#at < this.#pattern.length) throw this.#fault("unopened group");
    checkLimit("regexSizeMax", size, "its size");
    return source;
  }

  #alternation(): Piece {
    let source = "";
    let size = 0;
    for (;;) {
      this.#skipBlanks();
      if (this.#at >= this.#pattern.length || this.#peek() === ")") return { source, size };
      if (this.#eat("|")) {
        source += "|";
        continue;
      }
      const term = this.#term();
      source += term.source;
      size += term.size;
    }
  }

  #term(): Piece {
    const atom = this.#atom();
    // A flag directive is nothing that could be repeated; what follows is read as a term of its own.
    if (atom === null) return { source: "", size: 0 };
    let piece = atom;
    for (;;) {
      this.#skipBlanks();
      const count = this.#repetition();
      if (count === null) return piece;
      this.#eat("?");
      const size = piece.size * Math.max(1, Number.isFinite(count.max) ? count.max : count.min + 1);
      checkLimit("regexSizeMax", size, "its size");
      const upper = Number.isFinite(count.max) ? String(count.max) : "";
      piece = { source: `(?:${piece.source}){${count.min},${upper}}`, size };
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
    checkLimit("regexSizeMax", min, "a repetition count");
    return { min, max };
  }

  /** `null` for a directive such as `(?i)`, which matches nothing by itself. */
  #atom(): Piece | null {
    const char = this.#peek();
    switch (char) {
      case "(":
        return this.#group();
      case "[":
        return this.#nested(() => one(this.#folding(() => this.#bracketed())));
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
        return one(this.#dot());
      case "^":
        return one(this.#flags.multiline ? "(?<![^\\n])" : "^");
      case "$":
        return one(this.#flags.multiline ? "(?![^\\n])" : "$");
    }
    return one(this.#folding(() => this.#literal(code)));
  }

  #dot(): string {
    this.#needsUnicode();
    return this.#flags.dotAll ? "[^]" : "[^\\n]";
  }

  #group(): Piece | null {
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
    return { source: `(?:${inner.source})`, size: inner.size + 1 };
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

  #escapedAtom(): Piece {
    const escape = this.#escape();
    switch (escape.kind) {
      case "literal":
        return one(this.#folding(() => this.#literal(escape.code)));
      case "assertion":
        return one(escape.source);
      case "set":
        return one(this.#folding(() => this.#set(escape)));
    }
  }

  /** Reads from the backslash on. */
  #escape(): Escape {
    this.#next();
    if (this.#at >= this.#pattern.length) throw this.#fault("incomplete escape sequence");
    const char = String.fromCodePoint(this.#next());
    if (/[0-9]/.test(char)) throw this.#fault("backreferences are not supported");
    if (/[dsw]/i.test(char)) return this.#perl(char);
    if (char === "p" || char === "P") return this.#property(char === "P");
    if (Object.hasOwn(HEX_DIGITS, char)) return { kind: "literal", code: this.#hex(HEX_DIGITS[char]!) };
    if (Object.hasOwn(CONTROL_ESCAPES, char)) return { kind: "literal", code: CONTROL_ESCAPES[char]! };
    const assertion = this.#assertion(char);
    if (assertion !== null) return { kind: "assertion", source: assertion };
    if (/[^A-Za-z\u0080-\u{10ffff}]/u.test(char)) return { kind: "literal", code: char.codePointAt(0)! };
    throw this.#fault("unrecognized escape sequence");
  }

  #perl(char: string): Escape {
    const name = char.toLowerCase();
    const negated = char !== name;
    if (negated) this.#needsUnicode();
    return { kind: "set", items: this.#perlSets()[name]!, negated, cased: false };
  }

  #perlSets(): Readonly<Record<string, string>> {
    return this.#flags.unicode && this.#alphabet === "unicode" ? PERL_UNICODE : PERL_ASCII;
  }

  #assertion(char: string): string | null {
    const word = `[${this.#perlSets()["w"]!}]`;
    const before = `(?<=${word})`;
    const notBefore = `(?<!${word})`;
    const start = `(?:${notBefore}(?=${word}))`;
    const end = `(?:${before}(?!${word}))`;
    switch (char) {
      case "A":
        return "^";
      case "z":
        return "$";
      case "<":
        return start;
      case ">":
        return end;
      case "B":
        return this.#alphabet === "ascii" ? "\\B" : `(?:${before}(?=${word})|${notBefore}(?!${word}))`;
      case "b":
        switch (this.#match(/\{(start|end|start-half|end-half)\}/y)?.[1]) {
          case "start":
            return start;
          case "end":
            return end;
          case "start-half":
            return notBefore;
          case "end-half":
            return `(?!${word})`;
          default:
            return this.#alphabet === "ascii" ? "\\b" : `(?:${start}|${end})`;
        }
      default:
        return null;
    }
  }

  #hex(digits: number): number {
    const text = this.#match(/\{([0-9A-Fa-f]{1,8})\}/y)?.[1] ?? this.#match(new RegExp(`[0-9A-Fa-f]{${digits}}`, "y"))?.[0];
    if (text === undefined) throw this.#fault("invalid hexadecimal escape");
    const code = parseInt(text, 16);
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw this.#fault("not a Unicode scalar value");
    return code;
  }

  #property(negated: boolean): Escape {
    if (!this.#flags.unicode) throw this.#fault("Unicode classes are not allowed without the u flag");
    const text = this.#match(/\{([^}]*)\}|([A-Za-z])/y);
    if (text === null) throw this.#fault("invalid Unicode property");
    const query = /^(\^?)(?:([\w -]+)(=|:|!=))?([\w -]+)$/.exec(text[1] ?? text[2]!);
    const items = query === null ? null : findProperty(query[2], query[4]!);
    if (items === null) throw this.#fault("Unicode property not found");
    const flips = Number(negated) + Number(query![1] === "^") + Number(query![3] === "!=");
    return { kind: "set", items, negated: flips % 2 === 1, cased: true };
  }

  /** A class in brackets as a pattern that matches exactly one code point. */
  #bracketed(): string {
    this.#next();
    const negated = this.#eat("^");
    if (negated) this.#needsUnicode();
    let set = this.#union(true);
    for (;;) {
      const operator = this.#match(/&&|--|~~/y)?.[0];
      if (operator === undefined) break;
      set = combine(operator, set, this.#union(false));
    }
    if (!this.#eat("]")) throw this.#fault("unclosed character class");
    return negated ? complement(set) : set;
  }

  /** Items up to the closing bracket or a set operator. */
  #union(first: boolean): string {
    let items = "";
    const others: string[] = [];
    const literalsFirst = first ? this.#match(/-+|\]/y)?.[0] : undefined;
    for (const char of literalsFirst ?? "") items += this.#literal(char.codePointAt(0)!);
    for (;;) {
      this.#skipBlanks();
      if (this.#at >= this.#pattern.length) throw this.#fault("unclosed character class");
      if (this.#peek() === "]" || this.#looksAt(/&&|--|~~/y)) return join(items, others);
      const posix = this.#match(/\[:(\^?)([a-z]+):\]/y);
      if (posix !== null) {
        const set = POSIX.get(posix[2]!);
        if (set === undefined) throw this.#fault("unrecognized POSIX class");
        this.#markCased();
        if (posix[1] === "") items += set;
        else others.push(`[^${set}]`);
      } else if (this.#peek() === "[") others.push(this.#nested(() => this.#bracketed()));
      else {
        const item = this.#range();
        if (item.negated) others.push(`[^${item.items}]`);
        else items += item.items;
      }
    }
  }

  /** One item of a class: a character, a range of them, or an escaped set. */
  #range(): { items: string; negated: boolean } {
    const from = this.#classItem();
    const isRange = this.#peek() === "-" && !this.#looksAt(/-[-\]]/y);
    if (!isRange) {
      if (from.kind === "literal") return { items: this.#literal(from.code), negated: false };
      if (from.cased) this.#markCased();
      return from;
    }
    this.#next();
    this.#skipBlanks();
    if (this.#at >= this.#pattern.length) throw this.#fault("unclosed character class");
    const to = this.#classItem();
    if (from.kind !== "literal" || to.kind !== "literal") throw this.#fault("invalid range boundary, must be a literal");
    if (from.code > to.code) throw this.#fault("invalid character class range, the start is greater than the end");
    const isCaseless = to.code < 0x41 || (from.code > 0x5a && to.code < 0x61) || (from.code > 0x7a && to.code < 0x80);
    if (!isCaseless) this.#markCased();
    return { items: `${escapeCode(from.code)}-${escapeCode(to.code)}`, negated: false };
  }

  #classItem(): Exclude<Escape, { kind: "assertion" }> {
    if (this.#peek() !== "\\") return { kind: "literal", code: this.#next() };
    const escape = this.#escape();
    if (escape.kind === "assertion") throw this.#fault("invalid escape sequence found in character class");
    return escape;
  }

  #set(set: { items: string; negated: boolean; cased: boolean }): string {
    if (set.cased) this.#markCased();
    // [^\p{…}] and not \P{…}: only the former complements after folding case, as Rust does.
    return `[${set.negated ? "^" : ""}${set.items}]`;
  }

  #literal(code: number): string {
    const char = String.fromCodePoint(code);
    if (char.toLowerCase() !== char || char.toUpperCase() !== char) this.#markCased();
    return escapeCode(code);
  }

  #markCased(): void {
    if (this.#flags.insensitive) this.hasInsensitive = true;
    else this.hasSensitive = true;
  }

  /** Writes one atom, inside a modifier group when it ignores case and not everything does. */
  #folding(write: () => string): string {
    const source = write();
    return this.#modifiers && this.#flags.insensitive ? `(?i:${source})` : source;
  }

  #needsUnicode(): void {
    if (!this.#flags.unicode) throw this.#fault("without the u flag this part can match invalid UTF-8");
  }

  #nested<T>(parse: () => T): T {
    checkLimit("regexNestMax", ++this.#depth, "its nesting");
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
    return invalidArgument(`${reason} (at position ${Math.min(this.#at, this.#pattern.length)})`);
  }
}

function one(source: string): Piece {
  return { source, size: 1 };
}

function join(items: string, others: readonly string[]): string {
  if (others.length === 0) return `[${items}]`;
  return `(?:${[...(items === "" ? [] : [`[${items}]`]), ...others].join("|")})`;
}

function complement(set: string): string {
  return `(?:(?!${set})[^])`;
}

function combine(operator: string, left: string, right: string): string {
  if (operator === "&&") return `(?:(?=${left})${right})`;
  if (operator === "--") return `(?:(?!${right})${left})`;
  return `(?:(?!${right})${left}|(?!${left})${right})`;
}

function escapeCode(code: number): string {
  return /[0-9A-Za-z]/.test(String.fromCodePoint(code)) ? String.fromCodePoint(code) : `\\u{${code.toString(16)}}`;
}

/** Rust spells properties loosely and needs no `Script=`; finds the spelling that the platform knows. */
function findProperty(key: string | undefined, name: string): string | null {
  const titled = titleCase(name);
  const spellings = [name, titled, name.toUpperCase()];
  const keys = key === undefined ? ["", "Script="] : [`${titleCase(key)}=`, `${key.toLowerCase()}=`];
  for (const prefix of keys) {
    for (const spelling of spellings) {
      const items = `\\p{${prefix}${spelling}}`;
      if (isProperty(items)) return items;
    }
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

function isProperty(items: string): boolean {
  try {
    new RegExp(items, "u");
    return true;
  } catch {
    return false;
  }
}

function checkLimit(limit: "regexNestMax" | "regexSizeMax", value: number, what: string): void {
  if (value <= limits[limit]) return;
  const message = `${what} is ${value}, beyond the limit of ${limits[limit]} (${limit})`;
  throw new TidepoolError("LIMIT_EXCEEDED", message, { details: { limit, allowed: limits[limit] } });
}
