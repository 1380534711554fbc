/**
 * Rank expressions: what a search orders records by. Smaller is better everywhere. An expression is worked out in the
 * engine; here it is only written down, as the JSON that Chroma's client sends.
 */
import { invalidArgument, show, TidepoolError } from "../../core/errors.js";
import { validateArray, validateObject } from "../../core/gateway/validate/values.js";
import { limits } from "../../core/limits.js";
import type { SparseVector } from "../../core/types.js";
import { readArguments, readList, readObject } from "../read-arguments.js";
import { selfOf, throughProxies } from "../through-proxies.js";
import { type IterableInput, type Key, keyName } from "./key.js";

/** A rank expression as it is sent. */
export type RankLiteral = Record<string, unknown>;
/** What takes a rank: an expression, a number, or a plain object in Chroma's JSON. `null` and `undefined` are no rank. */
export type RankInput = RankExpression | RankLiteral | number | null | undefined;

/** What every source of a rank can be told. */
interface SourceOptions {
  /** Hits of this source that are considered. Default 128, as in Chroma's client. */
  limit?: number;
  /** Value of a record that this source does not find but another one does. Without it such a record drops out. */
  default?: number | null;
  /** The value is the record's position among the hits, from 0, instead of its distance. Default `false`. */
  returnRank?: boolean;
}

/** Options of {@link Knn}. */
export interface KnnOptions extends SourceOptions {
  /**
   * A vector, or a text that the embedding function of `key` turns into one. Under a metadata key a sparse vector,
   * `{ indices, values }`: the value of a record is then 1 − the dot product, and only records that share an index are found.
   */
  query: IterableInput<number> | SparseVector | string;
  /** Where the vectors are: `K.EMBEDDING`, the default, or a metadata key with an index of sparse vectors. */
  key?: string | Key;
  /** Whether to look at every vector that the filters leave, whatever index there is, as in `collection.query`. Default `false`. */
  exact?: boolean;
}

/** Options of {@link Text}. */
export interface TextOptions extends SourceOptions {
  /** Words to look for, in any order. */
  query: string;
  /** Whether the last word also matches longer words that begin with it. Default `false`. */
  prefix?: boolean;
  /** Spelling tolerance: largest edit distance as a share of a word's length, 0–1; `true` is 0.2. Default `false`. */
  fuzzy?: boolean | number;
  /** Whether signs, quotation marks and boosts in the query are operators, as in `collection.searchText`. Default `false`. */
  operators?: boolean;
}

/** Options of {@link Rrf}. */
export interface RrfOptions {
  /** Sources, usually with `returnRank`. */
  ranks: RankInput[];
  /** The larger, the less the first positions stand out. Default 60. */
  k?: number;
  /** One per rank. Default: all 1. */
  weights?: number[];
  /** Whether the weights are divided by their sum. Default `false`. */
  normalize?: boolean;
}

/** An expression over distances, made by `Knn`, `Text`, `Val` and what combines them. Immutable. */
export class RankExpression {
  readonly #literal: RankLiteral;

  /** @internal */
  constructor(literal: RankLiteral) {
    throughProxies(this, RankExpression);
    this.#literal = literal;
  }

  /** Reads a number or a plain expression; `null` and `undefined` are none. */
  static from(input: RankInput): RankExpression | undefined {
    return readArguments("a rank", () => {
      if (input == null || input instanceof RankExpression) return selfOf(input) ?? undefined;
      if (typeof input !== "number") validateObject(input, "rank");
      return new RankExpression(typeof input === "number" ? { $val: input } : input);
    });
  }

  /** The sum of this and the others. */
  add(...others: RankInput[]): RankExpression {
    return this.#many("$sum", others);
  }

  /** This less the other. */
  subtract(other: RankInput): RankExpression {
    return this.#two("$sub", other);
  }

  /** The product of this and the others; by a number it is a weight. */
  multiply(...others: RankInput[]): RankExpression {
    return this.#many("$mul", others);
  }

  /** This divided by the other. What is divided by 0 has no number for a score, or an infinite one. */
  divide(other: RankInput): RankExpression {
    return this.#two("$div", other);
  }

  /** This times −1: what was best becomes worst. */
  negate(): RankExpression {
    return this.multiply(-1);
  }

  /** Without its sign. */
  abs(): RankExpression {
    return new RankExpression({ $abs: this.#literal });
  }

  /** e to the power of this. */
  exp(): RankExpression {
    return new RankExpression({ $exp: this.#literal });
  }

  /** The natural logarithm; of a negative number it is none, and such records come last. */
  log(): RankExpression {
    return new RankExpression({ $log: this.#literal });
  }

  /** The largest of this and the others. */
  max(...others: RankInput[]): RankExpression {
    return this.#many("$max", others);
  }

  /** The smallest of this and the others. */
  min(...others: RankInput[]): RankExpression {
    return this.#many("$min", others);
  }

  #two(operator: string, other: RankInput): RankExpression {
    return new RankExpression({ [operator]: { left: this.#literal, right: required(other).#literal } });
  }

  /** Sums of sums, and the like, become one. */
  #many(operator: string, others: RankInput[]): RankExpression {
    if (others.length === 0) return this;
    return new RankExpression({ [operator]: [this, ...others.map(required)].flatMap((rank) => rank.#literal[operator] ?? rank.#literal) });
  }

  /** The expression as it is sent. */
  toJSON(): RankLiteral {
    return this.#literal;
  }
}

function required(input: RankInput): RankExpression {
  const rank = RankExpression.from(input);
  if (rank) return rank;
  throw invalidArgument(`A rank is missing: ${show(input)} stands where a rank expression, a number or a plain object belongs`);
}

/** Takes any number of ranks, at least one. */
type Fold = (...ranks: RankInput[]) => RankExpression;
/** Takes two ranks. */
type Pair = (left: RankInput, right: RankInput) => RankExpression;
/** Takes one rank. */
type Single = (rank: RankInput) => RankExpression;
type Method = "add" | "multiply" | "max" | "min" | "subtract" | "divide" | "abs" | "exp" | "log";

/** The function that calls a method of its first argument. */
const calling =
  (method: Method): Fold =>
  (first, ...rest) => {
    const rank: Record<Method, Fold> = required(first);
    return rank[method](...rest);
  };

/** A constant. It finds no records by itself: somewhere in the expression a source has to. */
export const Val = (value: number): RankExpression => required(value);
/** The sum of its operands. */
export const Sum: Fold = calling("add");
/** The product of its operands. */
export const Mul: Fold = calling("multiply");
/** The largest of its operands. */
export const Max: Fold = calling("max");
/** The smallest of its operands. */
export const Min: Fold = calling("min");
/** The first operand less the second. */
export const Sub: Pair = calling("subtract");
/** The first operand divided by the second. */
export const Div: Pair = calling("divide");
/** The operand without its sign. */
export const Abs: Single = calling("abs");
/** e to the power of the operand. */
export const Exp: Single = calling("exp");
/** The natural logarithm of the operand; of a negative number it is none, and such records come last. */
export const Log: Single = calling("log");

const SOURCE = "limit default returnRank";

/** A source with the options that all have. */
function source(operator: string, { limit = 128, default: otherwise, returnRank }: SourceOptions, own: RankLiteral): RankExpression {
  const options = { ...(otherwise != null && { default: otherwise }), ...(returnRank && { return_rank: true }) };
  return new RankExpression({ [operator]: { ...own, limit, ...options } });
}

/**
 * The nearest records by vector: the value of each is its distance, as in `collection.query`.
 *
 * @example
 * import { K, Knn, Search } from "tidepool-db";
 * const search = new Search().rank(Knn({ query: "new moon", limit: 10 })).limit(1).select(K.DOCUMENT, K.SCORE);
 * console.log((await collection.search(search)).ids); // [["b"]]
 */
export const Knn = (options: KnnOptions): RankExpression =>
  readArguments("Knn", () => {
    const { query, key = "#embedding", exact } = readObject(options, "Knn", `query key exact ${SOURCE}`);
    const isPlain = typeof query === "string" || (typeof query === "object" && query !== null && "indices" in query);
    const sought = isPlain ? query : readList(query, "query of Knn", limits.dimensionMax);
    return source("$knn", options, { query: sought, key: keyName(key), ...(exact !== undefined && { exact }) });
  });

/**
 * The best records by full text: our own source, which needs no sparse embedding. The value of each is its BM25 score
 * turned round (negative, so that smaller is better); scores are those of the whole collection, whatever the filter.
 *
 * @example
 * import { Search, Text } from "tidepool-db";
 * const search = new Search().rank(Text({ query: "crabz", fuzzy: true }));
 * console.log((await collection.search(search)).ids); // [["c"]]
 */
export const Text = (options: TextOptions): RankExpression =>
  readArguments("Text", () => {
    const { query, prefix = false, fuzzy = false, operators } = readObject(options, "Text", `query prefix fuzzy operators ${SOURCE}`);
    return source("$text", options, { query, prefix, fuzzy, ...(operators !== undefined && { operators }) });
  });

/**
 * Reciprocal rank fusion (Cormack, Clarke and Büttcher 2009): the sum of weight / (k + rank) over the ranks, turned round so
 * that smaller is better.
 *
 * @throws `INVALID_ARGUMENT` for a `k` that is not above 0, no ranks, or weights that are negative, too few or too many.
 *
 * @example
 * import { Knn, Rrf, Search, Text } from "tidepool-db";
 * const query = "pools at ebb";
 * const ranks = [Knn({ query, returnRank: true, default: 1000 }), Text({ query, returnRank: true, default: 1000 })];
 * console.log((await collection.search(new Search().rank(Rrf({ ranks })).limit(1))).ids); // [["a"]]
 */
export const Rrf = (options: RrfOptions): RankExpression => readArguments("Rrf", () => fuse(options));

function fuse(options: RrfOptions): RankExpression {
  const { ranks, k = 60, normalize } = readObject(options, "Rrf", "ranks k weights normalize");
  validateArray(ranks, "ranks");
  if (ranks.length > limits.rankExpressionsMax) {
    throw new TidepoolError("LIMIT_EXCEEDED", `ranks has ${ranks.length} entries, more than the ${limits.rankExpressionsMax} allowed`);
  }
  const { weights = ranks.map(() => 1) } = options;
  validateArray(weights, "weights");
  const total = normalize ? weights.reduce((sum, weight) => sum + weight, 0) : 1;
  if (weights.length !== ranks.length || !weights.every((weight) => weight >= 0) || !(total > 0) || !(k > 0)) {
    throw invalidArgument(`Rrf needs a k above 0 and as many weights as ranks, none negative, got ${show({ k, weights, normalize })}`);
  }
  return Sum(...ranks.map((rank, i) => Val(weights[i]! / total).divide(required(rank).add(k)))).negate();
}
