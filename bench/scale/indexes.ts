/** What the suite `scale` puts beside each other. */

export type ScaleIndex = "lists" | "graph" | "hnswlib" | "sqlite-vec";

export interface IndexDefinition {
  index: ScaleIndex;
  /** The most rows that it is measured with, and why with no more. */
  rowsMax: number;
  why?: string;
  /** The most numbers that it can hold. */
  numbersMax: number;
  /** File of `engines/vector`; none for a collection of ours. */
  module?: string;
  /** Package that must be installed in `bench/` for it. */
  needs?: string;
}

const WASM_BYTES = 2 ** 31;

export const indexDefinitions: readonly IndexDefinition[] = [
  { index: "lists", rowsMax: Infinity, numbersMax: Infinity },
  { index: "graph", rowsMax: 300_000, why: "it takes minutes to build", numbersMax: Infinity },
  { index: "hnswlib", module: "hnswlib", rowsMax: 100_000, why: "it takes minutes to build", numbersMax: WASM_BYTES / 5 },
  {
    index: "sqlite-vec",
    module: "sqlite-vec",
    needs: "sqlite-vec-wasm",
    rowsMax: 300_000,
    why: "each query takes seconds",
    numbersMax: WASM_BYTES / 5,
  },
];

/** Why an index is not measured with so many rows; `null` where it is. */
export function whyNot({ rowsMax, why, numbersMax }: IndexDefinition, rows: number, dimension: number): string | null {
  if (rows * dimension > numbersMax) return "its memory cannot hold them";
  return rows > rowsMax ? `of more than ${rowsMax.toLocaleString("en")} rows ${why}` : null;
}
