/**
 * What inverted lists and writes ask of the kernel, piece by piece, without index, storage and messages: like the vector suite's
 * engine it reaches inside `src`. The least time of many rounds counts, since everything else on the machine only adds to it.
 */
import { type Checksum, plainCrc32 } from "../../src/core/base/checksum.js";
import { quantizeRows } from "../../src/core/index/vector/quantize.js";
import type { CentroidTable, SpannCoder } from "../../src/core/index/vector/spann/spann-kernel.js";
import type { VectorKernel } from "../../src/core/index/vector/vector-kernel.js";
import { compileKernel, loadKernel, supportedBuild } from "../../src/wasm/load.js";
import { wasmChecksum } from "../../src/wasm/wasm-checksum.js";
import { randomFrom } from "../../tools/random.js";
import { fillGaussian } from "../random.js";
import { answerCalls } from "./worker-calls.js";

const LIST_ROWS = 256;
const LISTS = 16;
const CENTROIDS = 4096;
/** Degrees of freedom of centroids. */
const RANK = 24;
const PROBES = 128;
/** Calls of what takes little, since browsers' clocks are coarse. */
const CALLS = 64;
const builds = { portable: "wasm-simd", relaxed: "wasm-relaxed-simd" } as const;

export type KernelVariant = keyof typeof builds;

/** Nanoseconds: per row, but `nearest` and `probe` per centroid, `prepare` and `assign` per call, checksums per KiB. */
export interface KernelTimes {
  rotate: number;
  encode: number;
  prepare: number;
  scanNone: number;
  scanTenth: number;
  copy: number;
  nearest: number;
  assign: number;
  probe: number;
  codes: number;
  codesPlain: number;
  checksum: number;
  checksumPlain: number;
}

interface Setting {
  coder: SpannCoder;
  rows: Float32Array;
  rotated: Float32Array;
  ordinals: Uint32Array;
  list: Uint8Array;
  lists: Uint8Array[];
  centroids: CentroidTable;
}

export function measureKernel(kernel: VectorKernel, sum: Checksum, dimension: number, rounds: number): KernelTimes {
  const { coder, rows, rotated, ordinals, list, lists, centroids } = settingOf(kernel, dimension);
  const query = coder.prepare(rotated.slice(0, coder.paddedDimension));
  const probe = centroids.probe(query, 1)[0]!;
  const { estimates } = coder.scan(list, query, probe, { threshold: Infinity, epsilon: 0 });
  const tenth = [...estimates].sort((a, b) => a - b)[LIST_ROWS / 10]!;
  const least = (divisor: number, work: () => unknown): number => leastNs(rounds, work) / divisor;
  const scanned = CALLS * LISTS * LIST_ROWS;
  const into = new Uint8Array(list.length);
  const bytes = new Uint8Array(rows.buffer);
  const scanAll = (threshold: number): void => {
    for (const each of lists) coder.scan(each, query, probe, { threshold, epsilon: 0 });
  };
  return {
    rotate: least(LIST_ROWS, () => coder.rotate(rows, rotated)),
    encode: least(LIST_ROWS, () => coder.encode(rotated, ordinals, rotated.subarray(0, coder.paddedDimension))),
    prepare: least(CALLS, () => repeat(() => coder.prepare(query.rotated))),
    scanNone: least(scanned, () => repeat(() => scanAll(-1e9))),
    scanTenth: least(scanned, () => repeat(() => scanAll(tenth))),
    copy: least(scanned, () => repeat(() => lists.forEach((each) => into.set(each)))),
    nearest: least(CENTROIDS, () => centroids.nearest(query.rotated, 1)),
    assign: least(CALLS, () => repeat(() => centroids.assign(query.rotated))),
    probe: least(CENTROIDS, () => centroids.probe(query, PROBES)),
    codes: least(LIST_ROWS, () => kernel.quantize("cosine", dimension, rows)),
    codesPlain: least(LIST_ROWS, () => quantizeRows("cosine", dimension, rows)),
    checksum: least(rows.byteLength / 1024, () => sum(bytes)),
    checksumPlain: least(rows.byteLength / 1024, () => plainCrc32(bytes)),
  };
}

function settingOf(kernel: VectorKernel, dimension: number): Setting {
  const coder = kernel.createCoder({ dimension, space: "l2", seed: 1 });
  const random = randomFrom(dimension);
  const rows = new Float32Array(LIST_ROWS * dimension);
  fillGaussian(rows, random, 1);
  const rotated = new Float32Array(LIST_ROWS * coder.paddedDimension);
  coder.rotate(rows, rotated);
  const ordinals = Uint32Array.from({ length: LIST_ROWS }, (_, i) => i);
  const centroids = coder.createCentroids();
  const plane = Array.from({ length: RANK }, () => rotated.slice(0, coder.paddedDimension));
  for (const direction of plane) fillGaussian(direction, random, 1);
  const centroid = new Float32Array(coder.paddedDimension);
  const weights = new Float32Array(RANK);
  for (let slot = 0; slot < CENTROIDS; slot++) {
    fillGaussian(weights, random, 1);
    for (let i = 0; i < centroid.length; i++) centroid[i] = plane.reduce((sum, direction, j) => sum + weights[j]! * direction[i]!, 0);
    centroids.set(slot, centroid);
  }
  const list = coder.encode(rotated, ordinals, centroid);
  return { coder, rows, rotated, ordinals, list, lists: Array.from({ length: LISTS }, () => list.slice()), centroids };
}

function repeat(work: () => unknown): void {
  for (let call = 0; call < CALLS; call++) work();
}

function leastNs(rounds: number, work: () => unknown): number {
  let least = Infinity;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    work();
    least = Math.min(least, performance.now() - start);
  }
  return 1e6 * least;
}

export interface KernelMethods {
  /** `null` where the browser has no such instructions. */
  measure(variant: KernelVariant, dimension: number, rounds: number): Promise<KernelTimes | null>;
}

answerCalls<KernelMethods>({
  async measure(variant, dimension, rounds) {
    if (variant === "relaxed" && supportedBuild() !== builds.relaxed) return null;
    const file = variant === "relaxed" ? "tidepool-relaxed.wasm" : "tidepool.wasm";
    const module = await compileKernel(fetch(`../tidepool/${file}`));
    const sum = wasmChecksum(module, plainCrc32).long;
    return measureKernel(await loadKernel(module, builds[variant]), sum, dimension, rounds);
  },
});
