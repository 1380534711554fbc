/** Keys of a search, and the filters that are written with them: `K("year").gt(2000).and(K.DOCUMENT.contains("tide"))`. */
import { invalidArgument, show, TidepoolError } from "../../core/errors.js";
import { validateObject, validateText } from "../../core/gateway/validate/values.js";
import { limits } from "../../core/limits.js";
import { readArguments, readList } from "../read-arguments.js";
import { selfOf, throughProxies } from "../through-proxies.js";

/** A filter as it is sent: `{ key: { $operator: operand } }`, `$and` or `$or`. */
export type WhereJSON = Record<string, unknown>;
/** What takes a filter of a search: one made with `K`, or a plain object. `null` and `undefined` are no filter. */
export type WhereInput = WhereExpression | WhereJSON | null | undefined;

/** Something to put several of: an array, a `Set`, a `Float32Array`. */
export type IterableInput<T> = Iterable<T> | ArrayLike<T>;

/** A filter of a search. Immutable: `and` and `or` give a new one. */
export class WhereExpression {
  readonly #json: WhereJSON;

  /** @internal */
  constructor(json: WhereJSON) {
    throughProxies(this, WhereExpression);
    this.#json = json;
  }

  /** Reads a plain filter; `null` and `undefined` are none. */
  static from(input: WhereInput, depth = 0): WhereExpression | undefined {
    return readArguments("a filter", () => WhereExpression.#read(input, depth));
  }

  static #read(input: WhereInput, depth: number): WhereExpression | undefined {
    if (input == null || input instanceof WhereExpression) return selfOf(input) ?? undefined;
    validateObject(input, "where");
    const entries = Object.entries(input);
    if (entries.length !== 1) throw invalidArgument(`Expected 'where' to have exactly one key, but got ${show(input)}`);
    const [key, value] = entries[0]!;
    if (key !== "$and" && key !== "$or") {
      const isOperator = typeof value === "object" && value !== null && !Array.isArray(value);
      return new WhereExpression({ [key]: isOperator ? value : { $eq: value } });
    }
    if (depth > limits.filterDepthMax) {
      const message = `where nests $and and $or deeper than the limit of ${limits.filterDepthMax} (filterDepthMax)`;
      throw new TidepoolError("LIMIT_EXCEEDED", message, { details: { limit: "filterDepthMax", allowed: limits.filterDepthMax } });
    }
    const clauses = Array.isArray(value) ? readList<WhereInput>(value, `'${key}'`, limits.filterClausesMax) : [];
    const parts = clauses.map((part) => WhereExpression.from(part, depth + 1));
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

  /** The filter as it is sent. */
  toJSON(): WhereJSON {
    return this.#json;
  }
}

/**
 * A part of a record: a metadata key, or one of `K.ID`, `K.DOCUMENT`, `K.EMBEDDING`, `K.METADATA`, `K.SCORE`. Its methods
 * give filters; `regex` and `notRegex` are for `K.DOCUMENT`, where `contains` looks for a piece of text.
 */
export class Key {
  /** The record's id, `#id`. Filters know `eq`, `isIn` and their negations of it. */
  static readonly ID = new Key("#id");
  /** The document, `#document`. Filters know `contains`, `regex` and their negations of it. */
  static readonly DOCUMENT = new Key("#document");
  /** The embedding, `#embedding`: selected, or searched with `Knn`. */
  static readonly EMBEDDING = new Key("#embedding");
  /** All metadata at once, `#metadata`; only to be selected. */
  static readonly METADATA = new Key("#metadata");
  /** What the rank gave the record, `#score`; selected, or ordered by in a `GroupBy`. Smaller is better. */
  static readonly SCORE = new Key("#score");
  /** The metadata key, or one of the names that begin with `#`. */
  readonly name: string;

  /** `new Key("year")` is what `K("year")` makes. */
  constructor(name: string) {
    validateText(name, "key");
    this.name = name;
  }

  /** Values equal to this one and of its type: `1`, `"1"` and `true` are three values. */
  eq(value: unknown): WhereExpression {
    return this.#where("$eq", value);
  }

  /** Everything that `eq` does not match, records that lack the key included; so it is with all negations. */
  ne(value: unknown): WhereExpression {
    return this.#where("$ne", value);
  }

  /** Numbers above this one, or texts after it. */
  gt(value: unknown): WhereExpression {
    return this.#where("$gt", value);
  }

  /** This number and those above it, or this text and those after it. */
  gte(value: unknown): WhereExpression {
    return this.#where("$gte", value);
  }

  /** Numbers below this one, or texts before it. */
  lt(value: unknown): WhereExpression {
    return this.#where("$lt", value);
  }

  /** This number and those below it, or this text and those before it. */
  lte(value: unknown): WhereExpression {
    return this.#where("$lte", value);
  }

  /** Texts that begin with this one. */
  startsWith(value: unknown): WhereExpression {
    return this.#where("$startsWith", value);
  }

  /** One of these values, all of one type. For `K.ID`: one of these ids. */
  isIn(values: IterableInput<unknown>): WhereExpression {
    return this.#where("$in", readList(values, "values of isIn", limits.filterValuesMax));
  }

  /** None of these values, or no such key. */
  notIn(values: IterableInput<unknown>): WhereExpression {
    return this.#where("$nin", readList(values, "values of notIn", limits.filterValuesMax));
  }

  /** A piece of the document's text, exactly as written, or an element of a metadata array. */
  contains(value: string | number | boolean): WhereExpression {
    return this.#where("$contains", value);
  }

  /** Everything that `contains` does not match. */
  notContains(value: string | number | boolean): WhereExpression {
    return this.#where("$not_contains", value);
  }

  /**
   * Documents that the pattern matches anywhere, in the syntax of Rust's `regex` crate: `(?i)`, `\b`, `\d`. Only for
   * `K.DOCUMENT`.
   */
  regex(pattern: string): WhereExpression {
    return this.#where("$regex", pattern);
  }

  /** Documents that the pattern matches nowhere, and records without a document. */
  notRegex(pattern: string): WhereExpression {
    return this.#where("$not_regex", pattern);
  }

  #where(operator: string, operand: unknown): WhereExpression {
    return new WhereExpression({ [this.name]: { [operator]: operand } });
  }
}

/** Makes keys of metadata, and holds those of everything else. */
export interface KeyFactory {
  /** The key of this name. */
  (name: string): Key;
  /** The record's id. */
  readonly ID: Key;
  /** The document. */
  readonly DOCUMENT: Key;
  /** The embedding. */
  readonly EMBEDDING: Key;
  /** All metadata at once. */
  readonly METADATA: Key;
  /** What the rank gave the record. */
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
