/** `SpannCoder` in plain TypeScript: what runs without SIMD, and the oracle of the WASM coder. */

import type { Space } from "../../../types.js";
import { plainDistances, squaredNorm } from "../distance.js";
import { BaseCoder } from "./base-coder.js";
import { EVERYTHING, nearerRows, prepareQuery, scanFactorsOf, scanList } from "./fast-scan.js";
import { encodeList } from "./residual-code.js";
import { plainRowSums } from "./row-sums.js";
import {
  LENGTH_MAX,
  type ListMatches,
  type ListPages,
  type ListView,
  type PreparedQuery,
  type Probe,
  type ScannedLists,
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

  encode(rotatedRows: Float32Array, ordinals: Uint32Array, centroid: Float32Array): Uint8Array<ArrayBuffer> {
    return encodeList(this.space, this.paddedDimension, rotatedRows, ordinals, centroid);
  }

  prepare(rotatedQuery: Float32Array): PreparedQuery {
    return prepareQuery(rotatedQuery);
  }

  scan(list: Uint8Array, query: PreparedQuery, probe: Probe, options: ScanOptions): ListMatches {
    return scanList(list, query, scanFactorsOf(query, probe, options), options.allowed);
  }

  createPages(): ListPages {
    return new ReferencePages(this);
  }

  nearer(list: Uint8Array, own: ListView, others: readonly ListView[]): Uint32Array {
    const from = ({ query, probe }: ListView): ListMatches => this.scan(list, query, probe, EVERYTHING);
    return nearerRows(this.space, [own, ...others], [own, ...others].map(from));
  }
}

class ReferencePages implements ListPages {
  readonly #coder: ReferenceSpannCoder;
  readonly #pages: Uint8Array[] = [];

  constructor(coder: ReferenceSpannCoder) {
    this.#coder = coder;
  }

  get byteLength(): number {
    return this.#pages.length * this.#coder.listBytes(1);
  }

  put(page: number, subBlock: Uint8Array): void {
    this.#pages[page] = subBlock.slice();
  }

  copy(page: number, into: Uint8Array): void {
    into.set(this.#pages[page]!);
  }

  scan(query: PreparedQuery, probes: readonly Probe[], pages: Uint32Array, counts: Uint32Array, options: ScanOptions): ScannedLists {
    const found: ListMatches[] = [];
    const ends = new Uint32Array(probes.length);
    let at = 0;
    let rows = 0;
    for (const [i, probe] of probes.entries()) {
      for (const end = at + counts[i]!; at < end; at++) {
        const matches = this.#coder.scan(this.#pages[pages[at]!]!, query, probe, options);
        found.push(matches);
        rows += matches.ordinals.length;
      }
      ends[i] = rows;
    }
    const all = { ordinals: new Uint32Array(rows), estimates: new Float32Array(rows), sigmas: new Float32Array(rows), ends };
    let next = 0;
    for (const { ordinals, estimates, sigmas } of found) {
      all.ordinals.set(ordinals, next);
      all.estimates.set(estimates, next);
      all.sigmas.set(sigmas, next);
      next += ordinals.length;
    }
    return all;
  }
}

/** What a row of this squared norm is multiplied by before it is rotated. */
function factorOf(space: Space, squared: number): number {
  if (space === "cosine") return squared === 0 ? 1 : 1 / Math.sqrt(squared);
  return squared > LENGTH_MAX * LENGTH_MAX ? LENGTH_MAX / Math.sqrt(squared) : 1;
}
