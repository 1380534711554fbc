/**
 * What the configuration of a collection's vector index may look like, in Chroma's form, when a collection is created and when it is
 * modified. Page and gateway run the same check.
 */
import { invalidArgument, show, TidepoolError } from "../../errors.js";
import { limits } from "../../limits.js";
import type { CollectionConfiguration, IndexEngine, Space, SpannParameters } from "../../types.js";
import { validateAtLeast, validateObject } from "./values.js";

type Hnsw = CollectionConfiguration["hnsw"];

const SPACES: readonly Space[] = ["l2", "cosine", "ip"];
/** Keys of Chroma's configuration that have no meaning here: taken, and left out of what is stored. */
const HNSW_IGNORED = ["batch_size", "num_threads"];
const HNSW_CREATE = ["space", "ef_construction", "ef_search", "max_neighbors", "resize_factor", "sync_threshold", "engine"];
const HNSW_MODIFY = ["ef_search", "max_neighbors", "resize_factor", "sync_threshold"];
const HNSW_ENGINES: readonly IndexEngine[] = ["tidepool", "hnswlib"];

/** Least and largest value of the parameters that cost memory or time. */
const HNSW_RANGES: Readonly<Record<string, readonly [min: number, max: number]>> = {
  max_neighbors: [limits.maxNeighborsMin, limits.maxNeighborsMax],
  ef_construction: [1, limits.beamMax],
  ef_search: [1, limits.beamMax],
};

/** Least and largest value of each parameter of inverted lists, as in Chroma. */
const SPANN_RANGES: Readonly<Record<keyof SpannParameters, readonly [min: number, max: number]>> = {
  search_nprobe: [0, 128],
  search_rng_factor: [1, 1],
  search_rng_epsilon: [5, 10],
  nreplica_count: [0, 8],
  write_rng_factor: [1, 1],
  write_rng_epsilon: [5, 10],
  split_threshold: [50, 200],
  num_samples_kmeans: [0, 1000],
  initial_lambda: [100, 100],
  reassign_neighbor_count: [0, 64],
  merge_threshold: [25, 100],
  num_centers_to_merge_to: [0, 8],
  write_nprobe: [0, 64],
  ef_construction: [0, 200],
  ef_search: [0, 200],
  max_neighbors: [0, 64],
};
const SPANN_MODIFY = ["search_nprobe", "ef_search"];

/** Checks an index configuration and returns the part that is stored. Space and engine are fixed when a collection is created. */
export function validateHnsw(hnsw: unknown, purpose: "create" | "modify", argument = "configuration.hnsw"): Partial<Hnsw> {
  validateObject(hnsw, argument);
  const allowed = purpose === "create" ? HNSW_CREATE : HNSW_MODIFY;
  const kept: [string, unknown][] = [];
  for (const [key, value] of Object.entries(hnsw)) {
    if (value === undefined || value === null || HNSW_IGNORED.includes(key)) continue;
    if (!allowed.includes(key)) {
      const why = HNSW_CREATE.includes(key) ? `; ${key} is fixed when a collection is created` : "";
      throw invalidArgument(`${argument} has the field ${show(key)}; ${purpose} takes ${allowed.join(", ")}${why}`);
    }
    validateHnswField(key, value, `${argument}.${key}`);
    kept.push([key, value]);
  }
  return Object.fromEntries(kept);
}

/** Checks the parameters of an index of inverted lists, as Chroma does, and returns what is stored. */
export function validateSpann(spann: unknown, purpose: "create" | "modify", argument = "configuration.spann"): SpannParameters {
  validateObject(spann, argument);
  const allowed = purpose === "create" ? Object.keys(SPANN_RANGES) : SPANN_MODIFY;
  const kept: [string, number][] = [];
  for (const [key, value] of Object.entries(spann)) {
    if (value == null) continue;
    const range = SPANN_RANGES[key as keyof SpannParameters];
    if (range === undefined || !allowed.includes(key)) {
      const why = range === undefined ? "" : `; ${key} is fixed when a collection is created`;
      throw invalidArgument(`${argument} has the field ${show(key)}; ${purpose} takes ${allowed.join(", ")}${why}`);
    }
    const [min, max] = range;
    if (typeof value !== "number" || !(value >= min && value <= max) || (min !== max && !Number.isInteger(value) && !/rng/.test(key))) {
      throw invalidArgument(`${argument}.${key} must be a number from ${min} to ${max}, got ${show(value)}`);
    }
    kept.push([key, value]);
  }
  return Object.fromEntries(kept);
}

function validateHnswField(key: string, value: unknown, argument: string): void {
  if (key === "space" || key === "engine") {
    const allowed: readonly unknown[] = key === "space" ? SPACES : HNSW_ENGINES;
    if (!allowed.includes(value)) throw invalidArgument(`${argument} must be one of ${allowed.join(", ")}, got ${show(value)}`);
  } else if (key === "resize_factor") {
    if (!Number.isFinite(value) || (value as number) <= 0)
      throw invalidArgument(`${argument} must be a number above 0, got ${show(value)}`);
  } else {
    const [min, max] = HNSW_RANGES[key] ?? [1, Infinity];
    validateAtLeast(value, min, argument);
    if (value > max) throw new TidepoolError("LIMIT_EXCEEDED", `${argument} may be at most ${max}, got ${show(value)}`);
  }
}
