/** The sets of the vector suite. Generated ones follow from their seeds; real ones are read from where the harness serves them. */
import { clusteredVectors, DIMENSION } from "../clustered.js";
import { readFloats, readJson } from "../eval/data.js";
import { LOW_RANK_DIMENSION, lowRankVectors } from "../low-rank.js";
import { normalize } from "../random.js";
import { type Rows, rowOf, type SetSpace } from "./exact.js";

const RECORDS_SEED = 11;
const QUERIES_SEED = 12;

export interface VectorSet {
  name: string;
  /** Folder of a real set. */
  data?: string;
  /** Whether engines that need minutes for it, or milliseconds per query, take part. */
  slowEngines: boolean;
  load(queryCount: number): Promise<{ base: Rows; queries: Rows }>;
}

interface Generator {
  dimension: number;
  make(count: number, seed: number): Float32Array;
}

const generators = {
  clustered: { dimension: DIMENSION, make: clusteredVectors },
  "low-rank": { dimension: LOW_RANK_DIMENSION, make: lowRankVectors },
} satisfies Record<string, Generator>;

function generated(kind: keyof typeof generators, count: number, slowEngines = false): VectorSet {
  const { dimension, make } = generators[kind];
  const rows = (rowCount: number, seed: number): Rows => ({ space: "cosine", dimension, count: rowCount, values: make(rowCount, seed) });
  return {
    name: `${kind}-${count / 1000}k`,
    slowEngines,
    load: async (queryCount) => ({ base: rows(count, RECORDS_SEED), queries: rows(queryCount, QUERIES_SEED) }),
  };
}

interface Meta {
  n: number;
  dim: number;
  n_queries: number;
  metric: SetSpace;
}

function real(name: string, slowEngines: boolean): VectorSet {
  const load: VectorSet["load"] = async (queryCount) => {
    const { dim, n, n_queries, metric } = await readJson<Meta>(`${name}/meta.json`);
    const rows = async (file: string, count: number): Promise<Rows> => {
      const values = (await readFloats(`${name}/${file}.f32`)).slice(0, count * dim);
      const result: Rows = { space: metric, dimension: dim, count, values };
      if (metric === "cosine") for (let row = 0; row < count; row++) normalize(rowOf(result, row));
      return result;
    };
    return { base: await rows("base", n), queries: await rows("queries", Math.min(n_queries, queryCount)) };
  };
  return { name, data: name, slowEngines, load };
}

export const vectorSets: readonly VectorSet[] = [
  real("simplewiki-minilm", true),
  real("glove-twitter25", true),
  real("mnist10k", false),
  generated("clustered", 10_000, true),
  generated("low-rank", 10_000),
  generated("clustered", 50_000),
  generated("low-rank", 50_000),
  generated("clustered", 100_000),
  generated("low-rank", 100_000),
];

/** For `--quick`. */
export const quickSets: readonly VectorSet[] = [generated("clustered", 2000, true), generated("low-rank", 2000)];

export function setNamed(name: string): VectorSet {
  const set = [...vectorSets, ...quickSets].find((set) => set.name === name);
  if (!set) throw new Error(`there is no set ${name}; there are ${vectorSets.map(({ name }) => name).join(", ")}`);
  return set;
}
