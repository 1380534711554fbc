/** The WASM kernel for tests in Node, compiled first when it is missing or older than its source. */

import { readFile } from "node:fs/promises";
import type { VectorKernel } from "../core/index/vector-kernel.js";
import { ensureWasm } from "../../scripts/build-wasm.mjs";
import { loadKernel } from "./load.js";

/** The compiled bytes. */
export async function kernelBytes(): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await readFile(await ensureWasm()));
}

export async function wasmKernelForTests(): Promise<VectorKernel> {
  return loadKernel(await kernelBytes());
}
