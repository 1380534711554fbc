/**
 * Compiles src/wasm/assembly/kernel.ts to src/wasm/build/kernel.wasm. Run it, or import `buildWasm` (always compiles)
 * or `ensureWasm` (compiles when the output is missing or older than its source, as tests want).
 */

import { mkdir, readFile, readdir, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import asc from "assemblyscript/asc";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const sources = "src/wasm/assembly";
const source = `${sources}/kernel.ts`;
const output = "src/wasm/build/kernel.wasm";

/** The kernel is downloaded by every page, so its compressed size has a budget. */
const gzipBytesMax = 12 * 1000;

const flags = ["-O3", "--runtime", "stub", "--noAssert", "--enable", "simd", "--initialMemory", "1", "--use", "abort="];

/** Compiles the kernel and returns its path and sizes. Throws with the compiler's messages, or when over budget. */
export async function buildWasm() {
  const bytes = await compile();
  const gzipBytes = gzipSync(bytes, { level: 9 }).length;
  if (gzipBytes > gzipBytesMax) throw new Error(`${output} is ${gzipBytes} bytes gzipped; its budget is ${gzipBytesMax}`);
  const path = join(root, output);
  await mkdir(dirname(path), { recursive: true });
  await writeWhole(path, bytes);
  return { path, bytes: bytes.length, gzipBytes };
}

/** Path of an up-to-date kernel. */
export async function ensureWasm() {
  const path = join(root, output);
  const files = (await readdir(join(root, sources))).map((name) => join(root, sources, name));
  const [built, ...changed] = await Promise.all([path, ...files, fileURLToPath(import.meta.url)].map(modified));
  return changed.every((time) => time <= built) ? path : (await buildWasm()).path;
}

async function compile() {
  let bytes = null;
  const { error, stderr } = await asc.main([source, "--outFile", output, ...flags], {
    readFile: (name, base) => readFile(join(root, base, name), "utf8").catch(() => null),
    writeFile: (name, contents) => void (name === output && (bytes = contents)),
    listFiles: () => [],
  });
  if (error || !bytes) throw new Error(`${source} does not compile\n${stderr}`, { cause: error });
  return bytes;
}

/** Test files run at once and may all build: a reader sees the old file or the new one, never half of it. */
async function writeWhole(path, bytes) {
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, bytes);
  await rename(draft, path);
}

async function modified(path) {
  const found = await stat(path).catch((error) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  return found?.mtimeMs ?? 0;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { bytes, gzipBytes } = await buildWasm();
  console.log(`${output}: ${bytes} bytes, ${gzipBytes} gzipped (budget ${gzipBytesMax})`);
}
