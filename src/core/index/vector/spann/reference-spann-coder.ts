/** `SpannCoder` in plain TypeScript: what runs without SIMD, and the oracle of the WASM coder. */

import type { Space } from "../../../types.js";
import { plainDistances, squaredNorm } from "../distance.js";
import { BaseCoder } from "./base-coder.js";
import { EVERYTHING, nearerRows, prepareQuery, scanFactorsOf, scanList } from "./fast-scan.js";
import { PlainPages } from "./plain-pages.js";
import { encodeList } from "./residual-code.js";
import { plainRowSums } from "./row-sums.js";
import {
  LENGTH_MAX,
  type ListMatches,
  type ListPages,
  type ListView,
  type PreparedQuery,
  type Probe,
  type ScanOptions,
  type SpannCoder,
} from "./spann-kernel.js";

export class ReferenceSpannCoder extends BaseCoder implements SpannCoder {
  readonly exactDistances = plainDistances.exactDistances;
  readonly squaredDistances = plainRowSums.squaredDistances;
  readonly mean = plainRowSums.mean;

  rotate(rows: Float32Array, into: Float32Array): void {
    for (let row = 0; row < rows.length / this.dimension; row++) {
      const from = rows.subarray(row * this.dimension, (row + 1) * this.dimension);
      const to = into.subarray(row * this.paddedDimension, (row + 1) * this.paddedDimension);
      const factor = factorOf(this.space, squaredNorm(from, 0, from.length));
      to.fill(0);
      for (let i = 0; i < from.length; i++) to[i] = from[i]! * factor;
      this.rotation.apply(to);
    }
  }

  encode(rotatedRows: Float32Array | readonly Float32Array[], ordinals: Uint32Array, centroid: Float32Array): Uint8Array<ArrayBuffer> {
    return encodeList(this.space, this.paddedDimension, rotatedRows, ordinals, centroid);
  }

  prepare(rotatedQuery: Float32Array): PreparedQuery {
    return prepareQuery(rotatedQuery);
  }

  scan(list: Uint8Array, query: PreparedQuery, probe: Probe, options: ScanOptions): ListMatches {
    return scanList(list, query, scanFactorsOf(query, probe, options));
  }

  createPages(): ListPages {
    return new PlainPages(this);
  }

  nearer(list: Uint8Array, own: ListView, others: readonly ListView[]): Uint32Array {
    const from = ({ query, probe }: ListView): ListMatches => this.scan(list, query, probe, EVERYTHING);
    return nearerRows(this.space, [own, ...others], [own, ...others].map(from));
  }
}

/** What a row of this squared norm is multiplied by before it is rotated. */
function factorOf(space: Space, squared: number): number {
  if (space === "cosine") return squared === 0 ? 1 : 1 / Math.sqrt(squared);
  return squared > LENGTH_MAX * LENGTH_MAX ? LENGTH_MAX / Math.sqrt(squared) : 1;
}
