/** Keys of a search, and the filters that are written with them: `K("year").gt(2000).and(K.DOCUMENT.contains("tide"))`. */
import { invalidArgument, show } from "../../core/errors.js";
import { validateObject } from "../../core/gateway/validate/values.js";
import { limits } from "../../core/limits.js";

/** A filter as it is sent: `{ key: { $operator: operand } }`, `$and` or `$or`. */
export type WhereJSON = Record<string, unknown>;
export type WhereInput = WhereExpression | WhereJSON | null | undefined;

/** Something to put several of: an array, a `Set`, a `Float32Array`. */
export type IterableInput<T> = Iterable<T> | ArrayLike<T>;

/** A filter of a search. Immutable: `and` and `or` give a new one. */
export class WhereExpression {
  readonly #json: WhereJSON;

  /** @internal */
  constructor(json: WhereJSON) {
    this.#json = json;
  }

  /** Reads a plain filter; `null` and `undefined` are none. */
  static from(input: WhereInput, depth = 0): WhereExpression | undefined {
    if (input == null || input instanceof WhereExpression) return input ?? undefined;
    validateObject(input, "where");
    const entries = Object.entries(input);
    if (entries.length !== 1) throw invalidArgument(`Expected 'where' to have exactly one key, but got ${show(input)}`);
    const [key, value] = entries[0]!;
    if (key !== "$and" && key !== "$or") {
      const isOperator = typeof value === "object" && value !== null && !Array.isArray(value);
      return new WhereExpression({ [key]: isOperator ? value : { $eq: value } });
    }
    // What nests deeper than allowed is left to the engine, which refuses it.
    if (depth > limits.filterDepthMax) return new WhereExpression(input);
    const parts = Array.isArray(value) ? value.map((part: WhereInput) => WhereExpression.from(part, depth + 1)) : [];
    if (!parts[0]) throw invalidArgument(`Expected '${key}' to be a non-empty list of filters, but got ${show(value)}`);
    return parts.reduce((all, part) => all!.#join(key, part));
  }

  /** Both have to match. */
  and(other: WhereInput): WhereExpression {
    return this.#join("$and", other);
  }

  /** One has to match. */
  or(other: WhereInput): WhereExpression {
    return this.#join("$or", other);
  }

  #join(operator: string, other: WhereInput): WhereExpression {
    const right = WhereExpression.from(other);
    if (!right) return this;
    return new WhereExpression({ [operator]: [this.#json, right.#json].flatMap((json) => (json[operator] as WhereJSON[]) ?? json) });
  }

  toJSON(): WhereJSON {
    return this.#json;
  }
}

/**
 * A part of a record: a metadata key, or one of `K.ID`, `K.DOCUMENT`, `K.EMBEDDING`, `K.METADATA`, `K.SCORE`. Its methods
 * give filters; `regex` and `notRegex` are for `K.DOCUMENT`, where `contains` looks for a piece of text.
 */
export class Key {
  static readonly ID = new Key("#id");
  static readonly DOCUMENT = new Key("#document");
  static readonly EMBEDDING = new Key("#embedding");
  static readonly METADATA = new Key("#metadata");
  static readonly SCORE = new Key("#score");
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  eq(value: unknown): WhereExpression {
    return this.#where("$eq", value);
  }

  /** Also matches records that lack the key, as the other negations do. */
  ne(value: unknown): WhereExpression {
    return this.#where("$ne", value);
  }

  gt(value: unknown): WhereExpression {
    return this.#where("$gt", value);
  }

  gte(value: unknown): WhereExpression {
    return this.#where("$gte", value);
  }

  lt(value: unknown): WhereExpression {
    return this.#where("$lt", value);
  }

  lte(value: unknown): WhereExpression {
    return this.#where("$lte", value);
  }

  isIn(values: IterableInput<unknown>): WhereExpression {
    return this.#where("$in", Array.from(values));
  }

  notIn(values: IterableInput<unknown>): WhereExpression {
    return this.#where("$nin", Array.from(values));
  }

  /** A piece of the document's text, or an element of a metadata array. */
  contains(value: string | number | boolean): WhereExpression {
    return this.#where("$contains", value);
  }

  notContains(value: string | number | boolean): WhereExpression {
    return this.#where("$not_contains", value);
  }

  regex(pattern: string): WhereExpression {
    return this.#where("$regex", pattern);
  }

  notRegex(pattern: string): WhereExpression {
    return this.#where("$not_regex", pattern);
  }

  #where(operator: string, operand: unknown): WhereExpression {
    return new WhereExpression({ [this.name]: { [operator]: operand } });
  }
}

/** Makes keys of metadata, and holds those of everything else. */
export interface KeyFactory {
  (name: string): Key;
  readonly ID: Key;
  readonly DOCUMENT: Key;
  readonly EMBEDDING: Key;
  readonly METADATA: Key;
  readonly SCORE: Key;
}

/**
 * `K("year")` is a metadata key; `K.ID`, `K.DOCUMENT`, `K.EMBEDDING`, `K.METADATA` and `K.SCORE` are the others.
 *
 * @example
 * import { K, Search } from "tidepool-db";
 * const search = new Search().where(K("year").gte(2).and(K.DOCUMENT.notContains("weed"))).select(K.DOCUMENT);
 * console.log((await collection.search(search)).ids); // [["b"]]
 */
export const K: KeyFactory = /* @__PURE__ */ Object.assign((name: string) => new Key(name), Key);

/** The name that a key has on its way to the engine. */
export function keyName(key: Key | string): string {
  return key instanceof Key ? key.name : key;
}
