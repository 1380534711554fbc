/** The WASM kernels for tests in Node, compiled first when they are missing or older than their source. */

import { readFile } from "node:fs/promises";
import { setFlagsFromString } from "node:v8";
import { ensureWasm } from "../../scripts/build-wasm.mjs";
import type { VectorKernel } from "../core/index/vector/vector-kernel.js";
import { type KernelBuild, loadKernel, supportedBuild } from "../wasm/load.js";

// Node 20 has relaxed SIMD behind a flag; newer ones know no such flag.
if (supportedBuild() === "wasm-simd") setFlagsFromString("--experimental-wasm-relaxed-simd");

export const builds: readonly KernelBuild[] = ["wasm-simd", "wasm-relaxed-simd"];

/** The compiled bytes. */
export async function kernelBytes(build: KernelBuild): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await readFile(await ensureWasm(build)));
}

export async function wasmKernelForTests(build: KernelBuild = "wasm-simd"): Promise<VectorKernel> {
  return loadKernel(await kernelBytes(build), build);
}
