/**
 * A model that embeds texts: windows of all texts of a call, the shorter first, in batches that are bounded by their tokens. A text of
 * several windows has the mean of their vectors.
 */
import { show, TidepoolError } from "../core/errors.js";
import { limits } from "../core/limits.js";
import type { Model, OnTheWay } from "../model-worker/model-service.js";
import type { ModelSettings } from "./model-settings.js";
import type { Peer, PeerModel, PeerTensor, PeerTokenizer } from "./peer.js";
import { copied, pool, toUnitLength } from "./pool.js";
import { windowsOf } from "./windows.js";

/** Tokens of a text, or of a window of it. */
interface Piece {
  text: number;
  ids: number[];
}

/** What the model is made of. */
export interface TextModelParts {
  Tensor: Peer["Tensor"];
  tokenizer: PeerTokenizer;
  model: PeerModel;
  settings: ModelSettings;
  /** Tokens that are read at once. */
  maxTokens: number;
}

/** The model. */
export class TextModel implements Model {
  readonly #parts: TextModelParts;

  constructor(parts: TextModelParts) {
    this.#parts = parts;
  }

  async embed(texts: readonly string[], prefix: string, { turn, onEmbedded }: OnTheWay): Promise<Float32Array<ArrayBuffer>> {
    const pieces: Piece[] = [];
    for (const [text, content] of texts.entries()) {
      pieces.push(...this.#windows(prefix, content).map((ids) => ({ text, ids })));
      await turn();
    }
    const sums = new Sums(texts.length, pieces);
    for (const batch of batchesOf(pieces)) {
      const vectors = await this.#run(batch.map(({ ids }) => ids));
      for (const [i, { text }] of batch.entries()) sums.add(text, vectors[i]!);
      onEmbedded(sums.done);
      await turn();
    }
    return sums.means(this.#parts.settings.normalize, this.#parts.model.config.hidden_size);
  }

  #windows(prefix: string, text: string): number[][] {
    const { tokenizer, maxTokens, settings } = this.#parts;
    return windowsOf(tokenizer, prefix, text, { maxTokens, longTexts: settings.longTexts });
  }

  /** The vectors of lists of tokens. */
  async #run(lists: readonly number[][]): Promise<Float32Array[]> {
    const { model, settings } = this.#parts;
    const outputs = await model(this.#inputs(lists));
    const lengths = lists.map((ids) => ids.length);
    const vectors = settings.pooling === "model" ? whole(outputs) : pooled(outputs, lengths, settings.pooling);
    return settings.normalize ? vectors.map(toUnitLength) : vectors;
  }

  /** As one tensor, the shorter filled up at their ends. */
  #inputs(lists: readonly number[][]): Record<string, PeerTensor> {
    const { Tensor, tokenizer } = this.#parts;
    const length = Math.max(...lists.map((ids) => ids.length));
    const dims = [lists.length, length];
    const ids = new BigInt64Array(lists.length * length).fill(BigInt(tokenizer.pad_token_id ?? 0));
    const mask = new BigInt64Array(lists.length * length);
    for (const [i, list] of lists.entries()) {
      ids.set(list.map(BigInt), i * length);
      mask.fill(1n, i * length, i * length + list.length);
    }
    return { input_ids: new Tensor("int64", ids, dims), attention_mask: new Tensor("int64", mask, dims) };
  }
}

/** Vectors of texts as they come, window by window. */
class Sums {
  done: number;
  readonly #sums: (Float32Array | undefined)[] = [];
  readonly #counts: number[];
  readonly #left: number[];

  constructor(texts: number, pieces: readonly Piece[]) {
    this.#counts = new Array<number>(texts).fill(0);
    for (const { text } of pieces) this.#counts[text]!++;
    this.#left = [...this.#counts];
    this.done = this.#counts.filter((count) => count === 0).length;
  }

  add(text: number, vector: Float32Array): void {
    const sum = this.#sums[text];
    this.#sums[text] = sum === undefined ? vector : sum.map((value, i) => value + vector[i]!);
    if (--this.#left[text]! === 0) this.done++;
  }

  /** One after the other. A text without tokens has zeros, as many as the others have numbers, or as the model says. */
  means(normalize: boolean, said: number | undefined): Float32Array<ArrayBuffer> {
    const dimension = this.#sums.find((sum) => sum !== undefined)?.length ?? said;
    if (dimension === undefined) throw new TidepoolError("EMBEDDING_FUNCTION", "none of the texts has a token that the model knows");
    const means = new Float32Array(this.#counts.length * dimension);
    for (const [text, count] of this.#counts.entries()) {
      const sum = this.#sums[text];
      if (sum === undefined) continue;
      const mean = sum.map((value) => value / count);
      means.set(normalize && count > 1 ? toUnitLength(mean) : mean, text * dimension);
    }
    return means;
  }
}

/** The shorter first, so that little is filled up; as many at once as the limits allow. */
export function batchesOf(pieces: readonly Piece[]): Piece[][] {
  const batches: Piece[][] = [];
  for (const piece of pieces.toSorted((a, b) => a.ids.length - b.ids.length)) {
    const batch = batches.at(-1);
    const fits =
      batch !== undefined && batch.length < limits.modelBatchTexts && (batch.length + 1) * piece.ids.length <= limits.modelBatchTokens;
    if (fits) batch.push(piece);
    else batches.push([piece]);
  }
  return batches;
}

type Outputs = Record<string, PeerTensor | undefined>;

function whole(outputs: Outputs): Float32Array[] {
  const { data, dims } = outputOf(outputs, ["sentence_embedding"]);
  const [count = 0, dimension = 0] = dims;
  return Array.from({ length: count }, (_, i) => copied(data as ArrayLike<number>, i * dimension, dimension));
}

function pooled(outputs: Outputs, lengths: number[], pooling: "mean" | "cls" | "last_token"): Float32Array[] {
  const { data, dims } = outputOf(outputs, ["last_hidden_state", "token_embeddings"]);
  const [, length = 0, dimension = 0] = dims;
  return pool({ data: data as ArrayLike<number>, length, dimension, lengths }, pooling);
}

function outputOf(outputs: Outputs, names: readonly string[]): PeerTensor {
  const tensor = names.map((name) => outputs[name]).find((output) => output !== undefined);
  if (tensor !== undefined) return tensor.type === "float32" ? tensor : tensor.to("float32");
  const there = Object.keys(outputs).join(", ");
  const help = names.length > 1 ? 'it is no model of text embeddings, or needs pooling: "model"' : "it needs another pooling";
  throw new TidepoolError("EMBEDDING_FUNCTION", `The model answers ${there}, and not ${names.map(show).join(" or ")}: ${help}`);
}
