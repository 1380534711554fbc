/** The vector kernel of a worker, from wherever its bytes come. */
import { plainCrc32, sumLongBytesBy } from "../core/base/checksum.js";
import { TidepoolError } from "../core/errors.js";
import { referenceKernel } from "../core/index/vector/reference-kernel.js";
import type { VectorKernel } from "../core/index/vector/vector-kernel.js";
import { compileKernel, type KernelBuild, type KernelSource, loadKernel, supportedBuild } from "../wasm/load.js";
import { withSmallTables } from "../wasm/small-tables.js";
import { wasmChecksum } from "../wasm/wasm-checksum.js";
import { asError } from "./protocol.js";

/** What brings the bytes of each build. */
export type KernelFiles = Readonly<Record<KernelBuild, () => KernelSource | Promise<KernelSource>>>;

/** A SIMD kernel wherever there is SIMD; a kernel that fails to load there is an error, not a slower engine. */
export async function openKernel(files: KernelFiles): Promise<VectorKernel> {
  const build = supportedBuild();
  if (build === null) return referenceKernel;
  try {
    const module = await compileKernel(await files[build]());
    const { checksum, memoryBytes } = wasmChecksum(module, plainCrc32);
    sumLongBytesBy(checksum, memoryBytes);
    return withSmallTables(await loadKernel(module, build));
  } catch (error) {
    if (error instanceof TidepoolError) throw error;
    throw new TidepoolError("CONNECTION_LOST", `The vector kernel could not be fetched: ${asError(error).message}`, { cause: error });
  }
}
