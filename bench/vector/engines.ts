/** The engines of the vector suite, and what each can and cannot do. */

export interface EngineDefinition {
  name: string;
  /** File of `bench/engines/vector`. */
  module: string;
  /** Query string of its worker. */
  variant: string;
  /** Package that must be installed in `bench/` for it. */
  needs?: string;
  /** Takes part only where a set allows it. */
  isSlow: boolean;
  /** Default true. */
  hasFilters?: boolean;
}

function tidepool(way: "flat" | "hnsw", kernel: "portable" | "relaxed"): EngineDefinition {
  return { name: `tidepool ${way}, ${kernel}`, module: "tidepool", variant: `way=${way}&kernel=${kernel}`, isSlow: false };
}

/** Measured where it is installed, and on small sets only. */
function optional(name: string, module: string, needs: string): EngineDefinition {
  return { name, module, variant: "", needs, isSlow: true };
}

export const HNSWLIB = "hnswlib-wasm";
export const PLAIN = "plain loop";
/** Through `TidepoolClient`, log, records, messages and all; runs in the page, so it has no definition. */
export const PUBLIC = "tidepool, public call";
export const PORTABLE_HNSW = "tidepool hnsw, portable";
export const RELAXED_HNSW = "tidepool hnsw, relaxed";
export const PORTABLE_FLAT = "tidepool flat, portable";
export const RELAXED_FLAT = "tidepool flat, relaxed";

export const engineDefinitions: readonly EngineDefinition[] = [
  { name: HNSWLIB, module: "hnswlib", variant: "", isSlow: false },
  tidepool("hnsw", "portable"),
  tidepool("hnsw", "relaxed"),
  tidepool("flat", "portable"),
  tidepool("flat", "relaxed"),
  { name: PLAIN, module: "plain-loop", variant: "", isSlow: false },
  optional("edgevec", "edgevec", "edgevec"),
  optional("pglite + pgvector", "pglite", "@electric-sql/pglite-pgvector"),
  { ...optional("mememo", "mememo", "mememo"), hasFilters: false },
  { ...optional("voy-search", "voy", "voy-search"), hasFilters: false },
  optional("orama", "orama", "@orama/orama"),
  optional("sqlite-vec", "sqlite-vec", "sqlite-vec-wasm"),
];
