/** Weighs what a page downloads, gzipped, and fails when a part outgrows its budget. Run after `npm run build`. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const dist = join(dirname(fileURLToPath(import.meta.url)), "../dist");

/**
 * Bytes, 1 kB = 1000 bytes. What the builders, Schema and the AdminClient take is left out by bundlers where it is not used.
 * The inline variant has the worker and the kernel in it and is not budgeted twice.
 */
const budgets = [
  { part: "page part", files: ["index.js", "client.js"], bytesMax: 28_000 },
  { part: "search builders", files: ["search.js"], bytesMax: 4_000 },
  { part: "Schema", files: ["schema.js", "rolldown-runtime.js"], bytesMax: 5_300 },
  { part: "remote", files: ["remote.js"], bytesMax: 9_500 },
  { part: "BM25", files: ["bm25.js"], bytesMax: 4_000 },
  { part: "transactions", files: ["transaction.js"], bytesMax: 2_000 },
  { part: "passages", files: ["passages.js"], bytesMax: 7_000 },
  { part: "export", files: ["export.js"], bytesMax: 12_500 },
  { part: "flattening", files: ["flatten.js"], bytesMax: 1_500 },
  { part: "hybrid", files: ["hybrid.js"], bytesMax: 2_500 },
  { part: "hashing", files: ["hashing.js", "hashing-worker.js"], bytesMax: 3_500 },
  { part: "live queries", files: ["live.js"], bytesMax: 4_000 },
  { part: "reembedding", files: ["reembed.js"], bytesMax: 2_000 },
  { part: "publish", files: ["publish.js"], bytesMax: 4_500 },
  { part: "upkeep", files: ["upkeep.js"], bytesMax: 1_500 },
  { part: "rotating a key", files: ["rotate-key.js"], bytesMax: 1_500 },
  { part: "worker trouble", files: ["worker-trouble.js"], bytesMax: 1_500 },
  { part: "Parquet", files: ["parquet.js"], bytesMax: 12_000 },
  { part: "Arrow", files: ["arrow.js"], bytesMax: 5_000 },
  { part: ".npy", files: ["npy.js"], bytesMax: 2_000 },
  { part: "zstd", files: ["zstd.js"], bytesMax: 5_000 },
  { part: "CSV", files: ["csv.js"], bytesMax: 9_000 },
  { part: "import", files: ["import.js"], bytesMax: 9_000 },
  { part: "AdminClient", files: ["admin.js"], bytesMax: 1_500 },
  { part: "providers", files: ["embeddings.js"], bytesMax: 6_500 },
  { part: "sentence encoder", files: ["sentence-encoder.js", "sentence-encoder-worker.js"], bytesMax: 8_000 },
  { part: "its kernel", files: ["sentence-encoder.wasm"], bytesMax: 1_000 },
  { part: "its model", files: ["sentence-encoder.bin"], bytesMax: 7_000_000 },
  { part: "transformers", files: ["transformers.js", "transformers-worker.js"], bytesMax: 8_500 },
  { part: "link to models", files: ["model-link.js"], bytesMax: 2_000 },
  { part: "LangChain", files: ["langchain.js"], bytesMax: 3_000 },
  { part: "inspector", files: ["inspector.js"], bytesMax: 45_000 },
  { part: "React hooks", files: ["react.js"], bytesMax: 3_000 },
  { part: "copy", files: ["copy.js"], bytesMax: 6_500 },
  { part: "sync", files: ["sync-handle.js", "sync.js"], bytesMax: 12_500 },
  { part: "sync and copy", files: ["contents.js"], bytesMax: 2_000 },
  { part: "telemetry", files: ["telemetry.js"], bytesMax: 1_500 },
  { part: "REST gateway", files: ["rest.js"], bytesMax: 15_500 },
  { part: "broker", files: ["shared-worker.js"], bytesMax: 1_500 },
  { part: "NodeClient", files: ["node.js"], bytesMax: 2_500 },
  { part: "publishing in Node", files: ["disk-folder.js"], bytesMax: 1_500 },
  { part: "thread in Node", files: ["node-worker.js"], bytesMax: 177_000 },
  { part: "worker", files: ["worker.js"], bytesMax: 180_000 },
  { part: "worker with hnswlib", files: ["hnswlib.js", "hnswlib-worker.js"], bytesMax: 182_000 },
  { part: "command line", files: ["cli.js"], bytesMax: 9_000 },
  { part: "encryption", files: ["encryption.js"], bytesMax: 6_200 },
  { part: "key rotation", files: ["rotation.js"], bytesMax: 4_500 },
  { part: "cores", files: ["cores.js"], bytesMax: 5_500 },
  { part: "stemmers", files: ["stemmers.js"], bytesMax: 48_000 },
  { part: "stop words", files: ["stop-words.js"], bytesMax: 8_000 },
  { part: "regular expressions", files: ["regex.js"], bytesMax: 9_500 },
  { part: "published", files: ["published.js"], bytesMax: 7_000 },
  { part: "kernel", files: ["tidepool.wasm"], bytesMax: 12_000 },
  { part: "kernel, relaxed SIMD", files: ["tidepool-relaxed.wasm"], bytesMax: 12_000 },
];

const rows = budgets.map(({ part, files, bytesMax }) => {
  const contents = files.map((file) => readFileSync(join(dist, file)));
  const raw = contents.reduce((sum, bytes) => sum + bytes.length, 0);
  const gzipped = contents.reduce((sum, bytes) => sum + gzipSync(bytes, { level: 9 }).length, 0);
  return { part, file: files.join(" + "), raw, gzipped, bytesMax };
});

/** @param {number} bytes */
const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
/** @param {string[]} cells */
const line = (cells) => cells.map((cell, index) => (index < 2 ? cell.padEnd(21) : cell.padStart(10))).join(" ");

process.stdout.write(`${line(["part", "file", "raw", "gzip", "budget", ""])}\n`);
for (const { part, file, raw, gzipped, bytesMax } of rows) {
  process.stdout.write(
    `${line([part, file, kilobytes(raw), kilobytes(gzipped), kilobytes(bytesMax), gzipped <= bytesMax ? "ok" : "TOO BIG"])}\n`,
  );
}
const over = rows.filter(({ gzipped, bytesMax }) => gzipped > bytesMax);
if (over.length > 0) {
  process.stderr.write(`over budget: ${over.map(({ file, gzipped, bytesMax }) => `${file} by ${gzipped - bytesMax} bytes`).join(", ")}\n`);
  process.exit(1);
}
