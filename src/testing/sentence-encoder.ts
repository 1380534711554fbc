/**
 * The sentence encoder for tests in Node: with the weights as they ship, by the kernel or by the reference product, and with Google's
 * float32 weights, which say how much is lost by making them int8.
 */
import { readFile } from "node:fs/promises";
import { ensureSentenceModel, namesOfWeights, readFloatWeights } from "../../scripts/build-sentence-model.mjs";
import { ensureWasm } from "../../scripts/build-wasm.mjs";
import { type Encoder, openEncoder } from "../sentence-encoder/encoder.js";
import { EncoderMemory, layoutFor } from "../sentence-encoder/encoder-memory.js";
import { referenceKernel } from "../sentence-encoder/reference-kernel.js";
import { Tokenizer } from "../sentence-encoder/tokenizer.js";
import { type Dense, type EncoderWeights, type Layer, type Norm, Transformer } from "../sentence-encoder/transformer.js";

/** The model's file. */
export async function sentenceModelBytes(): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await readFile(await ensureSentenceModel()));
}

/** The kernel, compiled. */
export async function matrixKernel(): Promise<WebAssembly.Module> {
  return WebAssembly.compile(await readFile(await ensureWasm("matrix")));
}

/** The encoder as it ships. */
export async function sentenceEncoderForTests(): Promise<Encoder> {
  return openEncoder(await matrixKernel(), new Blob([await sentenceModelBytes()]).stream());
}

/** What embeds with the float32 weights, slowly. */
export async function floatEncoder(): Promise<{ embed(text: string): Float32Array; cut(text: string): number[] }> {
  const { pieces, weights } = await readFloatWeights();
  const tokenizer = new Tokenizer(
    pieces.map(([piece]) => piece),
    pieces.map(([, score]) => score),
  );
  const transformer = new Transformer(floatWeights((name) => weights.get(name)!));
  return { embed: (text) => transformer.embed(tokenizer.cut(text)), cut: (text) => tokenizer.cut(text) };
}

export function floatWeights(weightOf: (name: string) => { shape: number[]; values: Float32Array }): EncoderWeights {
  const { matrices, norms, embeddings, frequencies } = namesOfWeights();
  const dense = (name: string): Dense => {
    const [kernel, bias] = matrices[name]!.map(weightOf) as [ReturnType<typeof weightOf>, ReturnType<typeof weightOf>];
    const [inputs, outputs] = kernel.shape.slice(-2) as [number, number];
    return { outputs, apply: (x, rows) => product(x, rows, { inputs, outputs, matrix: kernel.values, bias: bias.values }) };
  };
  const norm = (name: string): Norm => ({ scale: weightOf(norms[name]!.scale).values, bias: weightOf(norms[name]!.bias).values });
  const layer = (name: string): Layer => ({
    attentionNorm: norm(`${name}.attentionNorm`),
    qkv: dense(`${name}.qkv`),
    attended: dense(`${name}.attended`),
    widen: `${name}.widen` in matrices ? dense(`${name}.widen`) : null,
    feedNorm: norm(`${name}.feedNorm`),
    grow: dense(`${name}.grow`),
    shrink: dense(`${name}.shrink`),
  });
  const table = weightOf(embeddings);
  const buffer = new ArrayBuffer(layoutFor(0).bytes);
  const memory = new EncoderMemory(buffer, 0, referenceKernel(buffer));
  const width = table.shape[1]!;
  return {
    width,
    readPiece: (id, row) => row.set(table.values.subarray(id * width, (id + 1) * width)),
    frequencies: weightOf(frequencies).values,
    layers: [layer("layer0"), layer("layer1")],
    attend: (qkv, rows) => memory.attend(qkv, rows),
    head: dense("head"),
  };
}

interface FloatMatrix {
  inputs: number;
  outputs: number;
  /** A row per input. */
  matrix: Float32Array;
  bias: Float32Array;
}

function product(x: Float32Array, rows: number, { inputs, outputs, matrix, bias }: FloatMatrix): Float32Array {
  const y = new Float32Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    const sums = Float64Array.from(bias);
    for (let i = 0; i < inputs; i++) {
      const value = x[row * inputs + i]!;
      for (let j = 0; j < outputs; j++) sums[j]! += value * matrix[i * outputs + j]!;
    }
    y.set(sums, row * outputs);
  }
  return y;
}

/** The cosine of the angle between two vectors. */
export function cosineOf(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  return dot / Math.sqrt(aa * bb);
}
