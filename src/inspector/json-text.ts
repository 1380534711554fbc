/** JSON as people write it: what it says, or what is wrong and where, told alike by every browser. */

/** What a text says, or why it says nothing. */
export type ParsedJson = { value: unknown; fault: null } | { value: undefined; fault: JsonFault };

export interface JsonFault {
  message: string;
  /** UTF-16 units before the place. */
  at: number;
}

/** An empty text is `undefined`: nothing is said. */
export function parseJson(text: string): ParsedJson {
  if (text.trim() === "") return { value: undefined, fault: null } as ParsedJson;
  try {
    return { value: JSON.parse(text), fault: null };
  } catch (error) {
    return { value: undefined, fault: faultIn(text) ?? { message: (error as Error).message, at: 0 } };
  }
}

function faultIn(text: string): JsonFault | null {
  const walk = new JsonWalk(text);
  const missing = walk.walk();
  if (missing === null) return null;
  const before = text.slice(0, walk.at).split("\n");
  return { message: `Line ${before.length}, column ${before.at(-1)!.length + 1}: expected ${missing}`, at: walk.at };
}

const BLANKS = /[ \t\n\r]*/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON refuses them in strings
const SCALAR = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** Goes through a text up to where it is no JSON any more. */
class JsonWalk {
  at = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** What is missing at `at`; `null` where nothing is. */
  walk(): string | null {
    return this.#value() ?? (this.at === this.#text.length ? null : "the end");
  }

  #value(): string | null {
    this.#match(BLANKS);
    if (this.#take("{")) return this.#list("}", () => this.#member());
    if (this.#take("[")) return this.#list("]", () => this.#value());
    return this.#match(SCALAR) ? this.#match(BLANKS, null) : "a value: text stands in double quotation marks";
  }

  #member(): string | null {
    if (this.#text[this.at] !== '"') return "a key in double quotation marks";
    if (!this.#match(SCALAR)) return 'the closing "';
    this.#match(BLANKS);
    return this.#take(":") ? this.#value() : "a colon after the key";
  }

  #list(end: string, item: () => string | null): string | null {
    this.#match(BLANKS);
    if (this.#take(end)) return this.#match(BLANKS, null);
    do {
      this.#match(BLANKS);
      const missing = item();
      if (missing !== null) return missing;
    } while (this.#take(","));
    return this.#take(end) ? this.#match(BLANKS, null) : `a comma or ${end}`;
  }

  #take(sign: string): boolean {
    if (this.#text[this.at] !== sign) return false;
    this.at++;
    return true;
  }

  #match(pattern: RegExp): boolean;
  #match<T>(pattern: RegExp, answer: T): T;
  #match(pattern: RegExp, answer?: unknown): unknown {
    pattern.lastIndex = this.at;
    const isThere = pattern.test(this.#text);
    if (isThere) this.at = pattern.lastIndex;
    return answer === undefined ? isThere : answer;
  }
}

/** An object, and no list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** As it is shown to be edited. Lists of numbers take one line each; strings have no line breaks. */
export function written(value: unknown): string {
  if (value == null) return "";
  return JSON.stringify(value, null, 2).replace(
    /\[\n\s*((?:[-\d.e+]+,?\n\s*)+)\]/g,
    (_, list: string) => `[${list.replace(/\s+/g, " ").trim()}]`,
  );
}
