/**
 * The embedding function that needs no model and no download; `hash-texts.ts` has what it computes. Many or long texts are worked on
 * in a worker, which is loaded and started for the first of them, and a few short ones in place: either way of one text there is one
 * embedding, bit for bit.
 */
import { invalidArgument, show } from "../core/errors.js";
import { limits } from "../core/limits.js";
import type { EmbeddingFunction, EmbeddingFunctionSpace } from "./embedding-function.js";
import { hashTexts } from "./hash-texts.js";
import { part } from "./part.js";
import { readArguments, readObject, validateTexts } from "./read-arguments.js";

/** Name under which the registry knows {@link HashingEmbeddingFunction}. */
export const HASHING_NAME = "tidepool-hashing";
const DIMENSION_DEFAULT = 384;

/** Options of {@link HashingEmbeddingFunction}. */
export interface HashingEmbeddingFunctionOptions {
  /** Length of the embeddings, 8 … 4096. Default 384. */
  dimension?: number;
}

/**
 * Embeds texts by hashing their words and character n-grams: no model, no download, deterministic. **Lexical, not
 * semantic**: it finds shared words, word forms and misspellings ("swimming" ~ "swimmer"), but not synonyms. Unit length;
 * a text without a letter or digit gives the zero vector. The default of collections created without an embedding function.
 *
 * @example
 * const embeddingFunction = new HashingEmbeddingFunction({ dimension: 256 });
 * const notes = await client.createCollection({ name: "notes", embeddingFunction });
 * await notes.add({ ids: ["a", "b"], documents: ["Low tide uncovers the pools.", "Crabs hide."] });
 * console.log((await notes.query({ queryTexts: ["tide pool"], nResults: 1 })).ids); // [["a"]]
 */
export class HashingEmbeddingFunction implements EmbeddingFunction {
  /** The name under which collections store it, and the registry knows it. */
  readonly name = HASHING_NAME;
  /** Length of the embeddings. */
  readonly dimension: number;

  /**
   * Nothing is loaded: the function is ready at once.
   *
   * @throws `INVALID_ARGUMENT` when `dimension` is out of range.
   */
  constructor(options: HashingEmbeddingFunctionOptions = {}) {
    const { dimension = DIMENSION_DEFAULT } = readArguments("HashingEmbeddingFunction", () =>
      readObject(options, "HashingEmbeddingFunction", "dimension"),
    );
    if (!Number.isSafeInteger(dimension) || dimension < 8 || dimension > limits.dimensionMax) {
      throw invalidArgument(`dimension must be a whole number of 8 … ${limits.dimensionMax}, got ${show(dimension)}`);
    }
    this.dimension = dimension;
  }

  /** Builds the function that `getConfig` told of. */
  static buildFromConfig(config: HashingEmbeddingFunctionOptions): HashingEmbeddingFunction {
    return new HashingEmbeddingFunction(config);
  }

  /**
   * One embedding per text, `dimension` numbers each. Texts of more than 16,384 UTF-16 code units in all are worked on in a worker of
   * the function's own, where one can be had; elsewhere, as in Node, in place, with turns for what else the page does.
   */
  async generate(texts: string[]): Promise<number[][]> {
    readArguments("generate", () => validateTexts(texts, "texts"));
    const values = (await inWorker(texts, this.dimension)) ?? (await hashTexts(texts, this.dimension));
    return texts.map((_, i) => Array.from(values.subarray(i * this.dimension, (i + 1) * this.dimension)));
  }

  /** What is stored with a collection. */
  getConfig(): { dimension: number } {
    return { dimension: this.dimension };
  }

  /** A collection for which this function was given, and no space, measures by cosine. */
  defaultSpace(): EmbeddingFunctionSpace {
    return "cosine";
  }

  /** All three order unit vectors alike. */
  supportedSpaces(): EmbeddingFunctionSpace[] {
    return ["cosine", "l2", "ip"];
  }

  /**
   * Refuses another dimension, since the collection's vectors have this one.
   *
   * @throws `INVALID_ARGUMENT`.
   */
  validateConfigUpdate(newConfig: HashingEmbeddingFunctionOptions): void {
    const { dimension: next } = readArguments("validateConfigUpdate", () => readObject(newConfig, "validateConfigUpdate", "dimension"));
    if (next === this.dimension) return;
    throw invalidArgument(`dimension is ${this.dimension} and cannot become ${show(next)}`);
  }
}

/** `null` where it is too little for a worker, or there is none to be had. */
async function inWorker(texts: string[], dimension: number): Promise<Float32Array | null> {
  const units = texts.reduce((sum, text) => sum + text.length, 0);
  if (units <= limits.hashedInPlaceMax || typeof Worker === "undefined") return null;
  const { hashingLink } = await part(import("./hashing/hashing-link.js"));
  return hashingLink.hash(texts, dimension);
}
