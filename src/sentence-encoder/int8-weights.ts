/**
 * The weights as the model's file has them: matrices of int8 codes with a scale for each output, rows of pieces with one for each.
 * A matrix may have a second one, of what its codes leave out.
 */
import type { EncoderMemory, Matrix } from "./encoder-memory.js";
import type { ModelHeader } from "./model-file.js";
import { added, type Dense, type EncoderWeights, type Layer, type Norm } from "./transformer.js";

/** The weights over a memory that has the file in it. */
export function int8Weights(memory: EncoderMemory, { tensors }: ModelHeader): EncoderWeights {
  const floats = (name: string): Float32Array => {
    const { at, shape } = tensors[name]!;
    return new Float32Array(memory.buffer, at, shape[0]!);
  };
  const dense = (name: string): Dense => {
    const { at: codes, shape } = tensors[name]!;
    const [outputs, inputs] = shape as [number, number];
    const matrix: Matrix = { codes, scales: tensors[`${name}.scales`]!.at, bias: tensors[`${name}.bias`]!.at, inputs, outputs };
    const rest = `${name}.rest` in tensors ? dense(`${name}.rest`) : null;
    return {
      outputs,
      apply: (x, rows) => {
        const y = memory.multiply(x, rows, matrix);
        return rest === null ? y : added(y, rest.apply(x, rows));
      },
    };
  };
  const norm = (name: string): Norm => ({ scale: floats(`${name}.scale`), bias: floats(`${name}.bias`) });
  const layer = (name: string): Layer => ({
    attentionNorm: norm(`${name}.attentionNorm`),
    qkv: dense(`${name}.qkv`),
    attended: dense(`${name}.attended`),
    widen: `${name}.widen` in tensors ? dense(`${name}.widen`) : null,
    feedNorm: norm(`${name}.feedNorm`),
    grow: dense(`${name}.grow`),
    shrink: dense(`${name}.shrink`),
  });
  const [pieces, width] = tensors["pieces"]!.shape as [number, number];
  const codes = new Int8Array(memory.buffer, tensors["pieces"]!.at, pieces * width);
  const scales = floats("pieces.scales");
  return {
    width,
    readPiece: (id, row) => {
      for (let i = 0; i < width; i++) row[i] = codes[id * width + i]! * scales[id]!;
    },
    frequencies: floats("frequencies"),
    layers: [layer("layer0"), layer("layer1")],
    attend: (qkv, rows) => memory.attend(qkv, rows),
    head: dense("head"),
  };
}
