/** `SpannCoder` in plain TypeScript: what runs without SIMD, and the oracle of the WASM coder. */

import type { Space } from "../../../types.js";
import { squaredNorm } from "../distance.js";
import type { CodeTable } from "../vector-kernel.js";
import { CodedCentroids } from "./centroid-table.js";
import { prepareQuery, scanFactorsOf, scanList } from "./fast-scan.js";
import { listBytesOf, ordinalsOf } from "./list-layout.js";
import { encodeList } from "./residual-code.js";
import { paddedDimensionOf, Rotation } from "./rotation.js";
import { plainRowSums } from "./row-sums.js";
import {
  type CentroidTable,
  type CoderOptions,
  LENGTH_MAX,
  type ListMatches,
  type PreparedQuery,
  type Probe,
  type ScanOptions,
  type SpannCoder,
} from "./spann-kernel.js";

export class ReferenceSpannCoder implements SpannCoder {
  readonly paddedDimension: number;
  readonly squaredDistances = plainRowSums.squaredDistances;
  readonly mean = plainRowSums.mean;
  readonly #rotation: Rotation;
  readonly #dimension: number;
  readonly #space: Space;
  readonly #createTable: (dimension: number) => CodeTable;

  constructor({ dimension, space, seed }: CoderOptions, createTable: (dimension: number) => CodeTable) {
    this.paddedDimension = paddedDimensionOf(dimension);
    this.#rotation = new Rotation(this.paddedDimension, seed);
    this.#dimension = dimension;
    this.#space = space;
    this.#createTable = createTable;
  }

  get byteLength(): number {
    return this.#rotation.signs.byteLength;
  }

  listBytes(rows: number): number {
    return listBytesOf(this.paddedDimension, rows);
  }

  rotate(rows: Float32Array, into: Float32Array): void {
    for (let row = 0; row < rows.length / this.#dimension; row++) {
      const from = rows.subarray(row * this.#dimension, (row + 1) * this.#dimension);
      const to = into.subarray(row * this.paddedDimension, (row + 1) * this.paddedDimension);
      const factor = factorOf(this.#space, squaredNorm(from, 0, from.length));
      to.fill(0);
      for (let i = 0; i < from.length; i++) to[i] = from[i]! * factor;
      this.#rotation.apply(to);
    }
  }

  encode(rotatedRows: Float32Array, ordinals: Uint32Array, centroid: Float32Array): Uint8Array<ArrayBuffer> {
    return encodeList(this.#space, this.paddedDimension, rotatedRows, ordinals, centroid);
  }

  ordinals(list: Uint8Array): Uint32Array {
    return ordinalsOf(list, this.paddedDimension);
  }

  createCentroids(): CentroidTable {
    return new CodedCentroids(this.#space, this.paddedDimension, () => this.#createTable(this.paddedDimension));
  }

  prepare(rotatedQuery: Float32Array): PreparedQuery {
    return prepareQuery(rotatedQuery);
  }

  scan(list: Uint8Array, query: PreparedQuery, probe: Probe, options: ScanOptions): ListMatches {
    return scanList(list, query, scanFactorsOf(query, probe, options), options.allowed);
  }
}

/** What a row of this squared norm is multiplied by before it is rotated. */
function factorOf(space: Space, squared: number): number {
  if (space === "cosine") return squared === 0 ? 1 : 1 / Math.sqrt(squared);
  return squared > LENGTH_MAX * LENGTH_MAX ? LENGTH_MAX / Math.sqrt(squared) : 1;
}
