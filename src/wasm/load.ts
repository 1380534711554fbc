/**
 * Compiles the WebAssembly kernel. Nothing here fetches anything or runs on import: the caller brings the bytes, the
 * response that carries them or a compiled module, and falls back to the reference kernel only if it chooses to.
 *
 * There are two builds of the kernel: `kernel.wasm`, and `kernel-relaxed.wasm`, which needs relaxed SIMD.
 */

import { TidepoolError } from "../core/errors.js";
import type { VectorKernel } from "../core/index/vector/vector-kernel.js";
import type { LackingHelpers, TableHelpers } from "./table-helpers.js";
import { WasmKernel } from "./wasm-kernel.js";

/** A module of one function that multiplies nothing but uses a v128; only engines with SIMD find it valid. */
const SIMD_PROBE = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];
/** A module of one function that takes the relaxed dot product of zeros. */
const RELAXED_PROBE = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 0, 253, 15, 65, 0, 253, 15, 253, 146, 2, 11,
];

/** The builds, by the name of the kernel that each makes. */
export type KernelBuild = Exclude<VectorKernel["name"], "typescript">;

/** Where the kernel may come from. */
export type KernelSource = Response | Promise<Response> | BufferSource | WebAssembly.Module;

/** The build that this engine should run; `null` when it has no WebAssembly SIMD. */
export function supportedBuild(): KernelBuild | null {
  if (typeof WebAssembly !== "object" || !WebAssembly.validate(new Uint8Array(SIMD_PROBE))) return null;
  return WebAssembly.validate(new Uint8Array(RELAXED_PROBE)) ? "wasm-relaxed-simd" : "wasm-simd";
}

/**
 * The vector kernel in WebAssembly. `build` says which of the two files the source brings, `helpers` who shares its tables.
 *
 * @throws TidepoolError `CONNECTION_LOST` when the response is an error, `NOT_SUPPORTED` when the engine or the page's
 * content security policy refuses to compile it.
 */
export async function loadKernel(
  source: KernelSource,
  build: KernelBuild = "wasm-simd",
  helpers?: TableHelpers | LackingHelpers,
): Promise<VectorKernel> {
  return new WasmKernel(await compileKernel(source), build, helpers);
}

/** The kernel's module, for those who need more of it than vectors. Throws as `loadKernel` does. */
export async function compileKernel(source: KernelSource): Promise<WebAssembly.Module> {
  const given = await source;
  if (given instanceof WebAssembly.Module) return given;
  // To name `Response` would have Node load all of its `fetch`, which takes a thread longer than to open a database.
  return compile("arrayBuffer" in given ? await bytesOf(given) : given);
}

/** What is fetched, or the bytes themselves. */
export async function kernelBytes(source: Response | Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return "arrayBuffer" in source ? new Uint8Array(await bytesOf(source)) : source;
}

/** The kernel is so small that streaming compilation gains nothing, and without it the server's MIME type is no matter. */
async function bytesOf(response: Response): Promise<ArrayBuffer> {
  if (!response.ok) {
    throw new TidepoolError("CONNECTION_LOST", `The vector kernel ${response.url} answers status ${response.status}.`);
  }
  return response.arrayBuffer();
}

async function compile(bytes: BufferSource): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TidepoolError("NOT_SUPPORTED", `The vector kernel (${bytes.byteLength} bytes) does not compile: ${reason}`, { cause });
  }
}
