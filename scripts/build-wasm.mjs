/**
 * Compiles src/wasm/assembly/kernel.ts twice: to kernel.wasm, which every engine with WebAssembly SIMD runs, and to
 * kernel-relaxed.wasm, which takes relaxed SIMD; and src/wasm/assembly/matrix.ts, the sentence encoder's, once. Run it, or
 * import `buildWasm` (always compiles) or `ensureWasm` (compiles when an output is missing or older than its source, as
 * tests want).
 */

import { mkdir, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import asc from "assemblyscript/asc";
import { modified, writeWhole } from "./made-file.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const sources = "src/wasm/assembly";
const source = `${sources}/kernel.ts`;

/** Brought by whoever makes an instance, since several may share it (`src/wasm/shared-module.ts`): one page at first, at most 4 GiB. */
const imported = ["--importMemory", "--maximumMemory", "65536"];

/** By name of the kernel: what is compiled, and the features that it may use. */
const builds = {
  "wasm-simd": { source, output: "src/wasm/build/kernel.wasm", features: "simd", memory: imported },
  "wasm-relaxed-simd": { source, output: "src/wasm/build/kernel-relaxed.wasm", features: "simd,relaxed-simd", memory: imported },
  matrix: { source: `${sources}/matrix.ts`, output: "src/wasm/build/matrix.wasm", features: "simd", memory: [] },
};

/** The kernel is downloaded by every page, so its compressed size has a budget. */
const gzipBytesMax = 12 * 1000;

const flags = ["-O3", "--runtime", "stub", "--noAssert", "--initialMemory", "1", "--use", "abort="];

/** Compiles all kernels and returns their paths and sizes. Throws with the compiler's messages, or when one is over budget. */
export async function buildWasm() {
  const built = [];
  for (const build of Object.values(builds)) built.push(await buildOne(build));
  return built;
}

async function buildOne({ source, output, features, memory }) {
  const bytes = await compile(source, output, ["--enable", features, ...memory]);
  const gzipBytes = gzipSync(bytes, { level: 9 }).length;
  if (gzipBytes > gzipBytesMax) throw new Error(`${output} is ${gzipBytes} bytes gzipped; its budget is ${gzipBytesMax}`);
  const path = join(root, output);
  await mkdir(dirname(path), { recursive: true });
  await writeWhole(path, bytes);
  return { output, bytes: bytes.length, gzipBytes };
}

/** Path of an up-to-date kernel, by its name. */
export async function ensureWasm(name) {
  const { output } = builds[name];
  const path = join(root, output);
  const files = (await readdir(join(root, sources))).map((file) => join(root, sources, file));
  const [built, ...changed] = await Promise.all([path, ...files, fileURLToPath(import.meta.url)].map(modified));
  if (changed.some((time) => time > built)) await buildOne(builds[name]);
  return path;
}

async function compile(source, output, own) {
  let bytes = null;
  const { error, stderr } = await asc.main([source, "--outFile", output, ...own, ...flags], {
    readFile: (name, base) => readFile(join(root, base, name), "utf8").catch(() => null),
    writeFile: (name, contents) => void (name === output && (bytes = contents)),
    listFiles: () => [],
  });
  if (error || !bytes) throw new Error(`${source} does not compile to ${output}\n${stderr}`, { cause: error });
  return bytes;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const { output, bytes, gzipBytes } of await buildWasm()) {
    console.log(`${output}: ${bytes} bytes, ${gzipBytes} gzipped (budget ${gzipBytesMax})`);
  }
}
