/** Reads code without a compiler: what of a text is code, and what the code imports. */
import { posix } from "node:path";

export interface ImportStatement {
  specifier: string;
  /** Erased by the compiler: no code of the other file runs. */
  typeOnly: boolean;
}

/** Before a slash, what makes it the beginning of a regular expression and not a division. */
const beforePattern = /(?:^|[=(,:;!&|?{}[+\-*%<>~^]|\breturn|\btypeof|\bcase|=>)\s*$/;

/**
 * The code without comments and regular expressions, and with something else inside its strings. Template literals count as
 * strings except for their `${…}`. A regular expression is told from a division by what stands before the slash.
 */
export function blank(code: string, inside: (text: string) => string = () => ""): string {
  return new Blanker(code, inside).run();
}

class Blanker {
  readonly #code: string;
  readonly #inside: (text: string) => string;
  /** At how many open braces each open template goes on. */
  readonly #templates: number[] = [];
  #depth = 0;
  #at = 0;
  #out = "";

  constructor(code: string, inside: (text: string) => string) {
    this.#code = code;
    this.#inside = inside;
  }

  run(): string {
    while (this.#at < this.#code.length) {
      if (!this.#skipComment() && !this.#readString() && !this.#skipPattern()) this.#readCharacter();
    }
    return this.#out;
  }

  #match(pattern: RegExp): string | undefined {
    return pattern.exec(this.#code.slice(this.#at))?.[0];
  }

  #replace(text: string, by: string): void {
    this.#out += by;
    this.#at += text.length;
  }

  #copy(text: string): void {
    this.#replace(text, text);
  }

  #skip(text: string): void {
    this.#replace(text, text.includes("\n") ? "\n" : " ");
  }

  #skipComment(): boolean {
    const comment = this.#match(/^(?:\/\/.*|\/\*[\s\S]*?(?:\*\/|$))/);
    if (comment !== undefined) this.#skip(comment);
    return comment !== undefined;
  }

  #readString(): boolean {
    const quote = this.#code[this.#at]!;
    if (quote !== '"' && quote !== "'") return false;
    const text = this.#match(new RegExp(`^${quote}(?:[^${quote}\\\\\\n]|\\\\[\\s\\S])*${quote}?`))!;
    const isClosed = text.length > 1 && text.endsWith(quote);
    this.#copy(quote);
    const inside = text.slice(1, isClosed ? -1 : undefined);
    this.#replace(inside, this.#inside(inside));
    if (isClosed) this.#copy(quote);
    return true;
  }

  #skipPattern(): boolean {
    if (this.#code[this.#at] !== "/" || !beforePattern.test(this.#out.slice(-40))) return false;
    const pattern = this.#match(/^\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/);
    if (pattern !== undefined) this.#skip(pattern);
    return pattern !== undefined;
  }

  #readCharacter(): void {
    const character = this.#code[this.#at]!;
    this.#copy(character);
    if (character === "`") this.#readTemplate();
    if (character === "{") this.#depth += 1;
    if (character !== "}") return;
    if (this.#templates.at(-1) !== this.#depth) this.#depth -= 1;
    else {
      this.#templates.pop();
      this.#readTemplate();
    }
  }

  /** From within a template to its end, or to the code in it. */
  #readTemplate(): void {
    const text = this.#match(/^(?:[^`\\$]|\\[\s\S]|\$(?!\{))*/)!;
    this.#replace(text, this.#inside(text));
    if (this.#code[this.#at] === "`") this.#copy("`");
    else if (this.#at < this.#code.length) {
      this.#copy("${");
      this.#templates.push(this.#depth);
    }
  }
}

export function importsOf(code: string): ImportStatement[] {
  const strings: string[] = [];
  // What stands in a string is no statement: each is a number here.
  const text = blank(code, (inside) => String(strings.push(inside) - 1));
  const found: ImportStatement[] = [];
  const add = (string: string, typeOnly: boolean): void => void found.push({ specifier: strings[Number(string)]!, typeOnly });
  const statement = /(?:^|[;}\n])\s*(?:import|export)\b(\s+type\b(?!\s*(?:,|from\b)))?([^;"'()=]*?)\bfrom\s*["'](\d+)["']/g;
  for (const [, type, names, string] of text.matchAll(statement)) add(string!, type !== undefined || onlyTypes(names!));
  for (const [, string] of text.matchAll(/(?:^|[;}\n])\s*import\s*["'](\d+)["']/g)) add(string!, false);
  for (const match of text.matchAll(/\bimport\s*\(\s*["'](\d+)["']/g)) {
    const before = text.slice(0, match.index).trimEnd().at(-1);
    add(match[1]!, before !== undefined && ":<|&".includes(before));
  }
  for (const [, string] of text.matchAll(/\bnew\s+URL\(\s*["'](\d+)["']\s*,\s*import\.meta\.url/g)) {
    if (/^\..*\.(?:[cm]?[jt]s|wasm)$/.test(strings[Number(string)]!)) add(string!, true);
  }
  return found;
}

function onlyTypes(names: string): boolean {
  const inside = /^\s*\{([^}]*)\}\s*$/.exec(names)?.[1];
  const parts = inside?.split(",").flatMap((part) => part.trim() || []) ?? [];
  return parts.length > 0 && parts.every((part) => part.startsWith("type "));
}

/** The file of the tree that a relative specifier means, a component's without its "x"; `null` for a package. */
export function targetOf(from: string, specifier: string): string | null {
  if (!specifier.startsWith(".")) return null;
  return posix.join(posix.dirname(from), specifier).replace(/\.js$/, ".ts");
}
