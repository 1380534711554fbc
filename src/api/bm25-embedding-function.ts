/**
 * The sparse embedding function that Chroma calls `chroma_bm25`: the BM25 weights of a text's words, each under a hash of its stem.
 * A file of its own: what loads schemas, and holds it to the interface, loads it when a stored one names it; bundlers leave it out
 * otherwise.
 */
import { stem } from "porter2";
import { ENGLISH_STOP_WORDS } from "../core/base/english-stop-words.js";
import { piecesOf } from "../core/base/text-pieces.js";
import { invalidArgument, show } from "../core/errors.js";
import { limits } from "../core/limits.js";
import type { SparseVector } from "../core/types.js";
import { readArguments, readObject, validateTexts } from "./read-arguments.js";
import { Slice } from "./slice.js";

const WORD = /[\p{L}\p{N}_]+/gu;
/** Different words looked at between two looks at the clock. */
const WORDS_AT_ONCE = 256;
/** Options of {@link Bm25EmbeddingFunction}. */
export interface Bm25EmbeddingFunctionOptions {
  /** How slowly a word that comes again gains weight; 0 and more. Default 1.2. */
  k?: number;
  /** How much a long text's words lose, 0–1. Default 0.75. */
  b?: number;
  /** How many words a text of middling length has, stop words aside; more than 0. Default 256. */
  avgDocLength?: number;
  /** Longer words are left out; UTF-16 code units, at least 1. Default 40. */
  tokenMaxLength?: number;
  /** Words that are left out instead of NLTK's English ones; at most 10,000, in whatever case. */
  stopwords?: string[];
}

/** What is stored of a {@link Bm25EmbeddingFunction}, as Chroma's clients store it. */
export interface Bm25Config {
  /** As `k`. */
  k?: number;
  /** As `b`. */
  b?: number;
  /** As `avgDocLength`. */
  avg_doc_length?: number;
  /** As `tokenMaxLength`. */
  token_max_length?: number;
  /** As `stopwords`; missing where they are the default. */
  stopwords?: string[];
  /** Whether vectors carry their words. Taken for Chroma's sake and forgotten: collections keep no words of vectors. */
  include_tokens?: boolean;
}

/**
 * Makes sparse vectors of the weights that BM25 gives the words of a text, as Chroma's own `chroma_bm25`: words are runs of letters,
 * digits and `_`, without stop words and long ones; each is reduced to its stem by Snowball's English stemmer and stands under
 * the index |MurmurHash3(stem)|. A text without such words gives the empty vector. Queries are embedded in the same way.
 *
 * No vector says how rare a word is: with `bm25: true` the index weighs the words of queries by that (`SparseVectorIndexConfig`).
 *
 * Stems are hashed as UTF-8, as Chroma's Rust and Python clients do. Its JavaScript package hashes the low bytes of UTF-16
 * instead, so that beyond ASCII its vectors find nothing that the others wrote, and different letters count as one. For English
 * text all agree.
 *
 * Collections whose stored schema names `chroma_bm25` get the function back by themselves; a class that is registered under that name
 * takes its place.
 *
 * @example
 * import { Bm25EmbeddingFunction, K, Knn, Schema, Search, SparseVectorIndexConfig } from "tidepool-db";
 *
 * const config = { embeddingFunction: new Bm25EmbeddingFunction(), sourceKey: K.DOCUMENT, bm25: true };
 * const schema = new Schema().createIndex(new SparseVectorIndexConfig(config), "words");
 * const pools = await client.createCollection({ name: "pools", schema });
 * await pools.add({ ids: ["a", "b"], documents: ["Low tide uncovers the pools.", "Crabs hide under weed."] });
 * console.log((await pools.search(new Search().rank(Knn({ query: "tides", key: "words" })))).ids); // [["a"]]
 */
export class Bm25EmbeddingFunction {
  /** The name under which schemas store it. */
  readonly name = "chroma_bm25";
  readonly #options: Required<Omit<Bm25EmbeddingFunctionOptions, "stopwords">>;
  readonly #ownStopWords: readonly string[] | undefined;
  readonly #stopWords: ReadonlySet<string>;

  /**
   * Nothing is loaded: the function is ready at once.
   *
   * @throws `INVALID_ARGUMENT` when an option is out of range.
   */
  constructor(options: Bm25EmbeddingFunctionOptions = {}) {
    const { stopwords, ...numbers } = readArguments("Bm25EmbeddingFunction", () => readOptions(options));
    this.#options = numbers;
    this.#ownStopWords = stopwords;
    this.#stopWords = new Set(stopwords?.map((word) => word.toLowerCase()) ?? ENGLISH_STOP_WORDS);
  }

  /** Builds the function that `getConfig` told of. */
  static buildFromConfig(config: Bm25Config): Bm25EmbeddingFunction {
    return new Bm25EmbeddingFunction(readArguments("buildFromConfig", () => optionsOf(config)));
  }

  /** One vector per text, its indices ascending. Long work gives the page its turns. */
  async generate(texts: string[]): Promise<SparseVector[]> {
    readArguments("generate", () => validateTexts(texts, "texts"));
    const vectors: SparseVector[] = [];
    const slice = new Slice();
    for (const text of texts) {
      vectors.push(await this.#embed(text, slice));
      await slice.tick();
    }
    return vectors;
  }

  /** As `generate`: words weigh alike on both sides. */
  generateForQueries(texts: string[]): Promise<SparseVector[]> {
    return this.generate(texts);
  }

  /** What is stored with a schema. */
  getConfig(): Bm25Config {
    const { k, b, avgDocLength, tokenMaxLength } = this.#options;
    const config: Bm25Config = { k, b, avg_doc_length: avgDocLength, token_max_length: tokenMaxLength };
    return this.#ownStopWords === undefined ? config : { ...config, stopwords: [...this.#ownStopWords] };
  }

  /**
   * Any well-formed configuration may follow: what is stored already keeps its weights.
   *
   * @throws `INVALID_ARGUMENT`.
   */
  validateConfigUpdate(newConfig: Bm25Config): void {
    Bm25EmbeddingFunction.buildFromConfig(newConfig);
  }

  async #embed(text: string, slice: Slice): Promise<SparseVector> {
    const { k, b, avgDocLength, tokenMaxLength } = this.#options;
    const frequencies = new Map<number, number>();
    let [length, looked] = [0, 0];
    for (const [word, count] of await countWords(text, slice)) {
      if (++looked % WORDS_AT_ONCE === 0) await slice.tick();
      if (this.#stopWords.has(word) || word.length > tokenMaxLength) continue;
      const index = Math.abs(murmur3(stem(word)));
      frequencies.set(index, (frequencies.get(index) ?? 0) + count);
      length += count;
    }
    const indices = [...frequencies.keys()].sort((a, b) => a - b);
    const rest = k * (1 - b + (b * length) / avgDocLength);
    const weightOf = (frequency: number): number => (frequency * (k + 1)) / (frequency + rest);
    return { indices, values: indices.map((index) => weightOf(frequencies.get(index)!)) };
  }
}

function readOptions(options: Bm25EmbeddingFunctionOptions): Required<Omit<Bm25EmbeddingFunctionOptions, "stopwords">> & {
  stopwords: string[] | undefined;
} {
  const read = readObject(options, "Bm25EmbeddingFunction", "k b avgDocLength tokenMaxLength stopwords");
  const { k = 1.2, b = 0.75, avgDocLength = 256, tokenMaxLength = 40, stopwords } = read;
  check("k", k, k >= 0 && k < Infinity, "a number of 0 or more");
  check("b", b, b >= 0 && b <= 1, "a number of 0 … 1");
  check("avgDocLength", avgDocLength, avgDocLength > 0 && avgDocLength < Infinity, "a number above 0");
  check("tokenMaxLength", tokenMaxLength, Number.isSafeInteger(tokenMaxLength) && tokenMaxLength > 0, "a whole number of 1 or more");
  if (stopwords !== undefined) validateTexts(stopwords, "stopwords", limits.stopWordsMax);
  return { k, b, avgDocLength, tokenMaxLength, stopwords: stopwords && [...stopwords] };
}

function check(name: string, value: unknown, isGood: boolean, allowed: string): void {
  if (typeof value !== "number" || !isGood) throw invalidArgument(`${name} must be ${allowed}, got ${show(value)}`);
}

function optionsOf(config: Bm25Config): Bm25EmbeddingFunctionOptions {
  const fields = "k b avg_doc_length token_max_length stopwords include_tokens";
  const { k, b, avg_doc_length, token_max_length, stopwords } = readObject(config, "buildFromConfig", fields);
  return Object.fromEntries(
    Object.entries({ k, b, avgDocLength: avg_doc_length, tokenMaxLength: token_max_length, stopwords }).filter(
      ([, value]) => value != null,
    ),
  );
}

async function countWords(text: string, slice: Slice): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const piece of piecesOf(text)) {
    for (const [match] of piece.matchAll(WORD)) {
      const word = match.toLowerCase();
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
    if (piece.length < text.length) await slice.tick();
  }
  return counts;
}

/** MurmurHash3 (Appleby), the variant of 32 bits on x86 with seed 0, as a signed integer. */
function murmur3(text: string): number {
  const bytes = new TextEncoder().encode(text);
  const view = new DataView(bytes.buffer);
  const whole = bytes.length - (bytes.length % 4);
  let hash = 0;
  for (let at = 0; at < whole; at += 4) {
    hash ^= scrambled(view.getInt32(at, true));
    hash = (Math.imul(rotated(hash, 13), 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let at = bytes.length - 1; at >= whole; at--) tail = (tail << 8) | bytes[at]!;
  hash ^= scrambled(tail) ^ bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function scrambled(block: number): number {
  return Math.imul(rotated(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593);
}

function rotated(bits: number, by: number): number {
  return (bits << by) | (bits >>> (32 - by));
}
