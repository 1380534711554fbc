/**
 * What filters of the vector suite ask for: three columns of small numbers beside the vectors. `tenth` and `hundredth` are
 * drawn evenly; `region` says which of a hundred pivots a vector is nearest to, so that a filter on the region whose pivot
 * is farthest from a query leaves only records far from it. That is the hard case of a filtered graph: every node on the
 * way to the query is excluded.
 */
import { randomFrom } from "../../tools/random.js";
import type { Rows } from "./exact.js";
import { dotProduct, rowOf } from "./exact.js";

export const columns = ["tenth", "hundredth", "region"] as const;
export type Column = (typeof columns)[number];

/** One number per row, by column. */
export type Labels = Record<Column, Uint8Array>;

/** Keeps the rows whose column holds the value. */
export interface LabelFilter {
  column: Column;
  value: number;
}

/** Filters by what they are meant to show. */
export const filterNames = ["none", "10 %", "1 %", "far"] as const;
export type FilterName = (typeof filterNames)[number];

const PIVOTS = 100;
/** A region of fewer rows than this cannot answer for k = 10. */
const FAR_ROWS_MIN = 20;
const SEED = 23;

/** |pivot|² − 2·pivot·row orders pivots by distance from the row, in every space of the suite. */
class Pivots {
  readonly #pivots: { at: number; squaredLength: number }[];
  readonly #base: Rows;

  constructor(base: Rows) {
    this.#base = base;
    this.#pivots = Array.from({ length: Math.min(PIVOTS, base.count) }, (_, p) => {
      const at = p * base.dimension;
      return { at, squaredLength: dotProduct(base.values, at, rowOf(base, p)) };
    });
  }

  distances(row: Float32Array): number[] {
    return this.#pivots.map(({ at, squaredLength }) => squaredLength - 2 * dotProduct(this.#base.values, at, row));
  }
}

/** `makeColumn` decides where the numbers lie, so that workers can share them. */
export function labelRows(base: Rows, makeColumn: (length: number) => Uint8Array): Labels {
  const labels: Labels = { tenth: makeColumn(base.count), hundredth: makeColumn(base.count), region: makeColumn(base.count) };
  const pivots = new Pivots(base);
  const random = randomFrom(SEED);
  for (let row = 0; row < base.count; row++) {
    labels.tenth[row] = Math.floor(random() * 10);
    labels.hundredth[row] = Math.floor(random() * 100);
    const distances = pivots.distances(rowOf(base, row));
    labels.region[row] = distances.indexOf(Math.min(...distances));
  }
  return labels;
}

/** The region farthest from a query, of those with enough rows. */
export function farRegion(base: Rows, labels: Labels, query: Float32Array): number {
  const pivots = new Pivots(base);
  const sizes = new Uint32Array(256);
  for (const region of labels.region) sizes[region]!++;
  const distances = pivots.distances(query).map((distance, region) => (sizes[region]! < FAR_ROWS_MIN ? -Infinity : distance));
  return distances.indexOf(Math.max(...distances));
}

/** What a name means for a query. */
export function filterFor(name: FilterName, far: number): LabelFilter | null {
  if (name === "none") return null;
  if (name === "10 %") return { column: "tenth", value: 3 };
  if (name === "1 %") return { column: "hundredth", value: 42 };
  return { column: "region", value: far };
}
