/** What a call of the graph's kernel finds in scratch memory, which is laid out anew before each. */

import type { Candidates } from "../core/index/vector/candidates.js";
import type { ScanQuery } from "../core/index/vector/vector-kernel.js";
import { candidatesIn } from "./candidates-at.js";
import type { Workplace } from "./table-memory.js";

/** How a graph is walked through. */
export interface WalkScope {
  /** Every node is below, and it is not 0. */
  ordinals: number;
  /** At most as many as `ordinals`. */
  beam: number;
  allowed: Uint32Array | null;
}

/** Lays out scratch memory for a beam. */
export function layGraphScratch(place: Workplace, ordinals: number, beam: number): void {
  place.reserve(place.kernel.layScratch(place.scratchAt, ordinals, beam) >>> 0);
}

/** Scratch memory that it takes. */
export function graphScratchBytes({ kernel, scratchAt }: Workplace, ordinals: number, beam: number): number {
  return (kernel.layScratch(scratchAt, ordinals, beam) >>> 0) - scratchAt;
}

/** Bits of ordinals that have no node are never looked at. */
export function putAllowed({ kernel, views }: Workplace, allowed: Uint32Array, ordinals: number): void {
  const words = new Uint32Array(views.buffer, kernel.allowedAt() >>> 0, Math.ceil(ordinals / 32));
  words.fill(0, allowed.length);
  words.set(allowed.subarray(0, words.length));
}

export function walkGraph(place: Workplace, query: ScanQuery, { ordinals, beam, allowed }: WalkScope): Candidates {
  layGraphScratch(place, ordinals, beam);
  if (allowed !== null) putAllowed(place, allowed, ordinals);
  const { kernel, spots } = place;
  const { shorts, floats, words } = place.views;
  shorts.set(query.codes, spots.queries[0]!);
  const count = kernel.search(query.scale, beam, allowed !== null);
  return candidatesIn(floats, words, (kernel.resultsAt() >>> 0) / 4, count, 0);
}
