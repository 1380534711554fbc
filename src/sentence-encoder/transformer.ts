/**
 * The arithmetic of the Universal Sentence Encoder lite (Cer et al.: "Universal Sentence Encoder", 2018), as the graph of its
 * TensorFlow.js model has it: pieces and places become rows, two layers of attention and feed-forward networks with the norm before
 * each, the mean of the rows, one more layer, unit length. How rows are multiplied is said by who brings the weights.
 */

/** Rows times a matrix, plus a bias. */
export interface Dense {
  /** Length of a row that comes out. */
  readonly outputs: number;
  /** `rows` rows one after the other; what comes out is the caller's. */
  apply(x: Float32Array, rows: number): Float32Array;
}

/** What a row is scaled by and shifted by once it has mean 0 and variance 1. */
export interface Norm {
  scale: Float32Array;
  bias: Float32Array;
}

/** One layer: attention, then a feed-forward network. */
export interface Layer {
  attentionNorm: Norm;
  /** Makes queries, keys and values, side by side. */
  qkv: Dense;
  attended: Dense;
  /** Brings the layer's input to the width of its output, where that is another one. */
  widen: Dense | null;
  feedNorm: Norm;
  grow: Dense;
  shrink: Dense;
}

/** All that the model has learnt. */
export interface EncoderWeights {
  /** Length of a piece's row. */
  width: number;
  /** Writes a piece's row. */
  readPiece(id: number, row: Float32Array): void;
  /** Of the waves that mark places. */
  frequencies: Float32Array;
  layers: readonly Layer[];
  /** What each row takes from all; the rows have queries, keys and values side by side. */
  attend(qkv: Float32Array, rows: number): Float32Array;
  head: Dense;
}

/** Most pieces that the model reads at once. */
export const PIECES_MAX = 128;
const NORM_EPSILON = 1e-6;
const LENGTH_MIN = 1e-12;

/** The model over its weights. */
export class Transformer {
  readonly #weights: EncoderWeights;
  readonly #places: Float32Array;

  constructor(weights: EncoderWeights) {
    this.#weights = weights;
    this.#places = placesOf(weights.frequencies);
  }

  /** The embedding, of unit length, of 1 … 128 pieces. */
  embed(ids: ArrayLike<number>): Float32Array {
    const rows = ids.length;
    let x = this.#read(ids);
    for (const layer of this.#weights.layers) x = this.#apply(layer, x, rows);
    const embedding = this.#weights.head.apply(meanOf(x, rows), 1).map(Math.tanh);
    return toUnitLength(embedding);
  }

  #apply(layer: Layer, x: Float32Array, rows: number): Float32Array {
    const heads = this.#weights.attend(layer.qkv.apply(normed(x, rows, layer.attentionNorm), rows), rows);
    const y = added(layer.attended.apply(heads, rows), layer.widen === null ? x : layer.widen.apply(x, rows));
    const grown = layer.grow.apply(normed(y, rows, layer.feedNorm), rows);
    for (let i = 0; i < grown.length; i++) if (grown[i]! < 0) grown[i] = 0;
    return added(layer.shrink.apply(grown, rows), y);
  }

  /** The graph adds the row of a piece twice, once with the mark of its place. */
  #read(ids: ArrayLike<number>): Float32Array {
    const { width } = this.#weights;
    const x = new Float32Array(ids.length * width);
    for (let i = 0; i < ids.length; i++) {
      const row = x.subarray(i * width, (i + 1) * width);
      this.#weights.readPiece(ids[i]!, row);
      for (let j = 0; j < width; j++) row[j] = 2 * row[j]! + this.#places[i * width + j]!;
    }
    return x;
  }
}

/** Scales the vector to length 1, in place. */
export function toUnitLength(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const scale = 1 / Math.sqrt(Math.max(squares, LENGTH_MIN));
  for (let i = 0; i < vector.length; i++) vector[i]! *= scale;
  return vector;
}

function placesOf(frequencies: Float32Array): Float32Array {
  const half = frequencies.length;
  const places = new Float32Array(PIECES_MAX * 2 * half);
  for (let i = 0; i < PIECES_MAX; i++) {
    for (let j = 0; j < half; j++) {
      const angle = Math.fround(i * frequencies[j]!);
      places[2 * i * half + j] = Math.sin(angle);
      places[(2 * i + 1) * half + j] = Math.cos(angle);
    }
  }
  return places;
}

/** Adds the numbers of `more` to those of `to`, in place. */
export function added(to: Float32Array, more: Float32Array): Float32Array {
  for (let i = 0; i < to.length; i++) to[i]! += more[i]!;
  return to;
}

function normed(x: Float32Array, rows: number, { scale, bias }: Norm): Float32Array {
  const width = scale.length;
  const y = new Float32Array(x.length);
  for (let start = 0; start < rows * width; start += width) {
    let [sum, squares] = [0, 0];
    for (let i = 0; i < width; i++) sum += x[start + i]!;
    const mean = sum / width;
    for (let i = 0; i < width; i++) squares += (x[start + i]! - mean) ** 2;
    const factor = 1 / Math.sqrt(squares / width + NORM_EPSILON);
    for (let i = 0; i < width; i++) y[start + i] = (x[start + i]! - mean) * factor * scale[i]! + bias[i]!;
  }
  return y;
}

function meanOf(x: Float32Array, rows: number): Float32Array {
  const width = x.length / rows;
  const sums = new Float64Array(width);
  for (let start = 0; start < x.length; start += width) {
    for (let i = 0; i < width; i++) sums[i]! += x[start + i]!;
  }
  return Float32Array.from(sums, (sum) => sum / rows);
}
