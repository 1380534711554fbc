/** Long texts as passages that are worth finding on their own. */
import { invalidArgument, show } from "../../core/errors.js";
import { validateAtLeast } from "../../core/gateway/validate/values.js";
import { readCallLimits } from "../call-limits.js";
import { readArguments, readObject } from "../read-arguments.js";
import { readBlocks, type TextFormat } from "./blocks.js";
import { type Packing, packBlocks } from "./pack.js";
import { inSlices, type Steps } from "./steps.js";
import { estimateTokens } from "./token-estimate.js";

export type { TextFormat } from "./blocks.js";

/** What counts tokens: a function that answers their number, or a tokenizer whose `encode` answers a list of them. */
export type Tokenizer = ((text: string) => number) | { encode(text: string): ArrayLike<unknown> };

/** How a text is divided into passages. */
export interface ChunkOptions {
  /** Largest size of a passage in tokens, at least 1. A single word that is larger stays whole. Default 256. */
  maxTokens?: number;
  /**
   * Tokens of a passage that the next one repeats, at most, in whole sentences, items or lines, and below the same heading only. Less
   * than `maxTokens`. Default 0.
   */
  overlap?: number;
  /**
   * Counts tokens. Default: an estimate that is rather too high. A word counts one token for every six Latin letters or digits begun,
   * three of other alphabets; characters of Chinese, Japanese and Korean, and punctuation, count one each.
   */
  tokenizer?: Tokenizer;
  /** How the text is read. Default `"markdown"`, which suits plain prose too. */
  format?: TextFormat;
}

/** A part of a text. */
export interface Passage {
  /** `source.slice(start, end)`. */
  text: string;
  /** Where it begins in the source, in UTF-16 code units. */
  start: number;
  /** Where it ends in the source, exclusive. */
  end: number;
  /** Headings of Markdown that it stands below, outermost first. */
  headings: string[];
}

const FIELDS = "maxTokens overlap tokenizer format";
const FORMATS: readonly TextFormat[] = ["markdown", "text", "code"];
const MAX_TOKENS_DEFAULT = 256;

/**
 * Divides a text into passages: at headings always, else at the best places that keep them within `maxTokens`, which are borders of
 * blocks, items, sentences, lines and words, in this order. Tables and fenced code are cut only where they do not fit into one
 * passage. All that is not white space is in a passage, in order. Words, graphemes and surrogate pairs are never cut; a word that is
 * too long by itself is cut after punctuation within it, or stays whole. Long texts give the page its turns.
 *
 * @throws `INVALID_ARGUMENT`, `ABORTED`.
 *
 * @example
 * import { chunk } from "tidepool-db";
 * const passages = await chunk("# Tides\n\nThe moon pulls. The sea follows.\n", { maxTokens: 6 });
 * console.log(passages.map(({ text }) => text)); // ["# Tides\n\nThe moon pulls.","The sea follows."]
 */
export async function chunk(text: string, options: ChunkOptions & { signal?: AbortSignal } = {}): Promise<Passage[]> {
  const { signal, ...read } = readArguments("chunk", () => {
    const { signal: given, ...rest } = readObject(options, "chunk", `${FIELDS} signal`);
    return { ...readCallLimits({ signal: given }), ...readChunkOptions(rest, text, "chunk") };
  });
  return inSlices(passagesOf(text, read), signal);
}

/** How a text is to be divided, all checked. */
export interface ChunkPlan extends Packing {
  format: TextFormat;
}

/** Checks a text, and the options for dividing it. */
export function readChunkOptions(options: ChunkOptions, text: unknown, call: string): ChunkPlan {
  const {
    maxTokens = MAX_TOKENS_DEFAULT,
    overlap = 0,
    tokenizer = estimateTokens,
    format = "markdown",
  } = readObject(options, call, FIELDS);
  if (typeof text !== "string") throw invalidArgument(`text must be a string, got ${show(text)}`);
  validateAtLeast(maxTokens, 1, "maxTokens");
  validateAtLeast(overlap, 0, "overlap");
  if (overlap >= maxTokens) throw invalidArgument(`overlap must be less than maxTokens, which is ${maxTokens}, got ${overlap}`);
  if (!FORMATS.includes(format)) throw invalidArgument(`format must be one of ${FORMATS.map(show).join(", ")}, got ${show(format)}`);
  return { maxTokens, overlap, format, count: counterOf(tokenizer) };
}

/** The passages of a text, as work that pauses. */
export function* passagesOf(text: string, plan: ChunkPlan): Steps<Passage[]> {
  const blocks = yield* readBlocks(text, plan.format);
  const packed = yield* packBlocks(text, blocks, plan);
  return packed.map(({ start, end, headings }) => ({ text: text.slice(start, end), start, end, headings: [...headings] }));
}

function counterOf(tokenizer: Tokenizer): (text: string) => number {
  const encodes = typeof (tokenizer as { encode?: unknown } | null)?.encode === "function";
  if (!encodes && typeof tokenizer !== "function") {
    throw invalidArgument(`tokenizer must be a function that counts tokens, or have a method encode, got ${show(tokenizer)}`);
  }
  return (text) => {
    const counted = readArguments("tokenizer", () =>
      encodes
        ? (tokenizer as { encode(text: string): ArrayLike<unknown> }).encode(text).length
        : (tokenizer as (text: string) => number)(text),
    );
    if (typeof counted === "number" && counted >= 0) return counted;
    throw invalidArgument(`tokenizer must answer the number of tokens, at least 0, or encode a list, got ${show(counted)}`);
  };
}
