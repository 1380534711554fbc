/**
 * The sets of the suite `scale`, and how they come to the page: in files of some thousand rows each, which Node makes before anything is
 * measured, so that nothing else is at work while rows are written, and rows need not fit into memory.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { randomFrom } from "../../tools/random.js";
import { clusteredVectors, DIMENSION } from "../clustered.js";
import { hardVectors, noiseVectors, zipfVectors } from "../hard.js";
import { root } from "../harness.js";
import { lowRankVectors } from "../low-rank.js";
import { addScaled, fillGaussian, normalize } from "../random.js";
import { PART_ROWS, partFile, QUERIES_FILE } from "./part-files.js";

const QUERY_SEED = 7;
/** Of parts: each has a seed of its own. */
const SEED = 1000;
/** Length of the noise in a row that is blended of real ones, beside the length 1. */
const BLEND_NOISE = 0.3;

export interface ScaleSet {
  name: string;
  dimension: number;
  /** The largest that is measured. */
  rowsMax: number;
  /** Folder of real data that it is made of. */
  data?: string;
  /** What makes its rows, and its queries. */
  open(): Promise<RowMaker>;
}

interface RowMaker {
  /** Row-major. */
  rows(count: number, seed: number): Float32Array;
  /** As many as there are, at most. */
  queries(count: number): Float32Array;
}

const data = resolve(root, "../shared/data");

function generated(
  name: string,
  rowsMax: number,
  make: (count: number, seed: number, dimension: number) => Float32Array,
  dimension: number = DIMENSION,
): ScaleSet {
  const rows = (count: number, seed: number): Float32Array => make(count, seed, dimension);
  return { name, dimension, rowsMax, open: async () => ({ rows, queries: (count) => rows(count, QUERY_SEED) }) };
}

/** Rows between two real ones each, with some noise; asked for by queries that are real. */
function blended(name: string, rowsMax: number, dimension: number, folder: string): ScaleSet {
  const open = async (): Promise<RowMaker> => {
    const [base, queries] = [await floats(folder, "base", dimension), await floats(folder, "queries", dimension)];
    return {
      rows: (count, seed) => blend(base, dimension, count, seed),
      queries: (count) => queries.subarray(0, count * dimension),
    };
  };
  return { name, dimension, rowsMax, data: folder, open };
}

/** Of length 1. */
async function floats(folder: string, name: string, dimension: number): Promise<Float32Array> {
  const bytes = await readFile(join(data, folder, `${name}.f32`));
  const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  for (let at = 0; at < values.length; at += dimension) normalize(values.subarray(at, at + dimension));
  return values;
}

function blend(base: Float32Array, dimension: number, count: number, seed: number): Float32Array {
  const random = randomFrom(seed);
  const any = (): Float32Array => {
    const at = dimension * Math.floor((random() * base.length) / dimension);
    return base.subarray(at, at + dimension);
  };
  const rows = new Float32Array(count * dimension);
  for (let at = 0; at < rows.length; at += dimension) {
    const row = rows.subarray(at, at + dimension);
    const weight = random();
    fillGaussian(row, random, BLEND_NOISE / Math.sqrt(dimension));
    addScaled(row, any(), weight);
    addScaled(row, any(), 1 - weight);
    normalize(row);
  }
  return rows;
}

export const scaleSets: readonly ScaleSet[] = [
  generated("low-rank", 1_000_000, lowRankVectors),
  generated("hard", 1_000_000, hardVectors),
  generated("clustered", 1_000_000, clusteredVectors),
  generated("zipf", 1_000_000, zipfVectors),
  generated("noise", 100_000, noiseVectors),
  blended("simplewiki", 300_000, 384, "simplewiki-minilm"),
  generated("hard-1536", 300_000, hardVectors, 1536),
  blended("ada-1536", 300_000, 1536, "openai-ada2"),
];

/** Why a set cannot be had; `null` where it can. */
export function whyAbsent({ data: folder }: ScaleSet): string | null {
  if (folder === undefined || existsSync(join(data, folder))) return null;
  return `../shared/data has no ${folder}; it is not part of this repository`;
}

/** Writes rows and queries of a set into a folder, and returns how many queries there are. */
export async function writeSet(set: ScaleSet, rows: number, queries: number, folder: string): Promise<number> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const maker = await set.open();
  const asked = maker.queries(queries);
  await writeFile(join(folder, QUERIES_FILE), asked);
  for (let from = 0; from < rows; from += PART_ROWS) {
    const part = maker.rows(Math.min(PART_ROWS, rows - from), SEED + from / PART_ROWS);
    await writeFile(join(folder, partFile(from)), part);
  }
  return asked.length / set.dimension;
}
