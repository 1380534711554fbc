/**
 * What the configuration of a collection's vector index may look like, in Chroma's form, when a collection is created and when it is
 * modified. Page and gateway run the same check.
 */
import { invalidArgument, show, TidepoolError } from "../../errors.js";
import { limits } from "../../limits.js";
import type { CollectionConfiguration, IndexEngine, Space } from "../../types.js";
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
