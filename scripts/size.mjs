/** Weighs what a page downloads, gzipped, and fails when a part outgrows its budget. Run after `npm run build`. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const dist = join(dirname(fileURLToPath(import.meta.url)), "../dist");

/** Bytes, 1 kB = 1000 bytes. The inline variant has the worker and the kernel in it and is not budgeted twice. */
const budgets = [
  { part: "page part", file: "index.js", bytesMax: 14_000 },
  { part: "REST gateway", file: "rest.js", bytesMax: 12_000 },
  { part: "worker", file: "worker.js", bytesMax: 110_000 },
  { part: "kernel", file: "tidepool.wasm", bytesMax: 12_000 },
];

const rows = budgets.map(({ part, file, bytesMax }) => {
  const bytes = readFileSync(join(dist, file));
  return { part, file, raw: bytes.length, gzipped: gzipSync(bytes, { level: 9 }).length, bytesMax };
});

/** @param {number} bytes */
const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
/** @param {string[]} cells */
const line = (cells) => cells.map((cell, index) => (index < 2 ? cell.padEnd(14) : cell.padStart(10))).join(" ");

process.stdout.write(`${line(["part", "file", "raw", "gzip", "budget", ""])}\n`);
for (const { part, file, raw, gzipped, bytesMax } of rows) {
  process.stdout.write(`${line([part, file, kilobytes(raw), kilobytes(gzipped), kilobytes(bytesMax), gzipped <= bytesMax ? "ok" : "TOO BIG"])}\n`);
}
const over = rows.filter(({ gzipped, bytesMax }) => gzipped > bytesMax);
if (over.length > 0) {
  process.stderr.write(`over budget: ${over.map(({ file, gzipped, bytesMax }) => `${file} by ${gzipped - bytesMax} bytes`).join(", ")}\n`);
  process.exit(1);
}
