/** What the distance from a query to a centroid makes of the lists: see the head of `residual-code.ts` for the formulas. */

import type { Space } from "../../../types.js";
import type { PreparedQuery, Probe } from "./spann-kernel.js";

/** 1 − s², s being the cosine between a residual and its code: s² = 2/π for a direction without preference. */
const LOST = 1 - 2 / Math.PI;
/** What float32 may do to an estimate, as a share of the squared lengths that it is made of. */
const ROUNDING = 2 ** -20;

/** A centroid beside a query. */
export interface Place {
  slot: number;
  /** ⟨query, centroid⟩, and how far rounding may have put it off. */
  product: number;
  uncertainty: number;
  squaredNorm: number;
}

export function probeOf(space: Space, query: PreparedQuery, place: Place): Probe {
  const rounding = ROUNDING * (query.squaredNorm + place.squaredNorm);
  switch (space) {
    case "l2":
      return euclidean(query, place, 2 * place.uncertainty + rounding);
    case "cosine":
      return cosine(query, place, place.uncertainty + rounding);
    case "ip":
      return innerProduct(query, place);
  }
}

function euclidean(query: PreparedQuery, place: Place, slack: number): Probe {
  const squared = squaredDistance(query, place);
  return { slot: place.slot, distance: squared, base: squared, weight: 1, spread: spreadOf(query, squared), slack };
}

function cosine(query: PreparedQuery, place: Place, slack: number): Probe {
  const squared = squaredDistance(query, place);
  const base = Math.fround(squared / 2 + (query.squaredNorm === 0 ? 0.5 : 0));
  return { slot: place.slot, distance: base, base, weight: 1, spread: spreadOf(query, squared), slack };
}

/** A product is off by rounding in proportion to both lengths, which may differ by orders of magnitude. */
function innerProduct(query: PreparedQuery, { slot, product, uncertainty, squaredNorm }: Place): Probe {
  const weight = Math.fround(squaredNorm > 0 ? product / squaredNorm : 0);
  const beside = Math.max(0, query.squaredNorm - (squaredNorm > 0 ? (product * product) / squaredNorm : 0));
  const base = Math.fround(1 - product);
  const slack = 2 * uncertainty + ROUNDING * (1 + Math.sqrt(query.squaredNorm * squaredNorm));
  return { slot, distance: base, base, weight, spread: spreadOf(query, beside), slack };
}

function squaredDistance(query: PreparedQuery, { product, squaredNorm }: Place): number {
  return Math.fround(Math.max(0, query.squaredNorm + squaredNorm - 2 * product));
}

/** From the squared length of the query's part that codes have to tell, and from the rounding of its tables. */
function spreadOf(query: PreparedQuery, squared: number): number {
  const dimension = query.rotated.length;
  return Math.fround(Math.sqrt(LOST * (dimension / (dimension - 1)) * squared + query.tableError * query.tableError));
}
