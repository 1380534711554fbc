/** The engines of the text suite, and what keeps one from a set. */

export interface TextEngineDefinition {
  name: string;
  /** File of `bench/engines/text`. */
  module: string;
  /** Package that must be installed in `bench/` for it. */
  needs: string;
  /** Documents up to which it takes part: beyond these its heap endangers the page of all. */
  documentsMax: number;
}

export const textEngines: readonly TextEngineDefinition[] = [
  { name: "minisearch", module: "minisearch", needs: "minisearch", documentsMax: Infinity },
  { name: "orama", module: "orama-text", needs: "@orama/orama", documentsMax: 100_000 },
  { name: "flexsearch", module: "flexsearch", needs: "flexsearch", documentsMax: Infinity },
  { name: "sqlite fts5", module: "sqlite-fts5", needs: "@sqlite.org/sqlite-wasm", documentsMax: Infinity },
];

/** Through `TidepoolClient`, log, records, messages and all. */
export const TIDEPOOL = "tidepool";
/** Tidepool asked for a filter in a form that no index answers: every document is read. */
export const SCAN = "tidepool, by a scan";
