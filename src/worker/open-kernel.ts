/** The vector kernel of a worker, from wherever its bytes come. */
import { plainCrc32, sumBy } from "../core/base/checksum.js";
import { TidepoolError } from "../core/errors.js";
import { referenceKernel } from "../core/index/vector/reference-kernel.js";
import type { VectorKernel } from "../core/index/vector/vector-kernel.js";
import { compileKernel, type KernelBuild, kernelBytes, loadKernel, supportedBuild } from "../wasm/load.js";
import { withSmallTables } from "../wasm/small-tables.js";
import type { LackingHelpers, TableHelpers } from "../wasm/table-helpers.js";
import { wasmChecksum } from "../wasm/wasm-checksum.js";
import { asError } from "./protocol.js";

/** What brings the bytes of each build. */
export type KernelFiles = Readonly<Record<KernelBuild, () => Promise<Response | Uint8Array<ArrayBuffer>>>>;

export type NewHelpers = (bytes: Uint8Array<ArrayBuffer>) => Promise<TableHelpers | LackingHelpers>;

const noHelpers = async (): Promise<undefined> => undefined;

/**
 * A SIMD kernel wherever there is SIMD; a kernel that fails to load there is an error, not a slower engine. `newHelpers` makes the helpers
 * of the kernel whose bytes it is given, where there may be any.
 */
export async function openKernel(files: KernelFiles, newHelpers?: NewHelpers): Promise<VectorKernel> {
  const build = supportedBuild();
  if (build === null) return referenceKernel;
  try {
    const bytes = await kernelBytes(await files[build]());
    const module = await compileKernel(bytes);
    sumBy(wasmChecksum(module, plainCrc32));
    const helpers = await (newHelpers ?? noHelpers)(bytes);
    return withSmallTables(await loadKernel(module, build, helpers));
  } catch (error) {
    if (error instanceof TidepoolError) throw error;
    throw new TidepoolError("CONNECTION_LOST", `The vector kernel could not be fetched: ${asError(error).message}`, { cause: error });
  }
}
