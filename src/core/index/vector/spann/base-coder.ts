/** What coders have in common, whatever computes: the rotation, and what follows from the layout of lists alone. */

import type { Space } from "../../../types.js";
import { type CentroidKernel, CodedCentroids } from "./centroid-table.js";
import { listBytesOf, ordinalsOf } from "./list-layout.js";
import { paddedDimensionOf, Rotation } from "./rotation.js";
import type { CentroidTable, CoderOptions } from "./spann-kernel.js";

export class BaseCoder {
  readonly paddedDimension: number;
  protected readonly dimension: number;
  protected readonly space: Space;
  protected readonly rotation: Rotation;
  readonly #kernel: CentroidKernel;

  constructor({ dimension, space, seed }: CoderOptions, kernel: CentroidKernel) {
    this.paddedDimension = paddedDimensionOf(dimension);
    this.dimension = dimension;
    this.space = space;
    this.rotation = new Rotation(this.paddedDimension, seed);
    this.#kernel = kernel;
  }

  get byteLength(): number {
    return this.rotation.signs.byteLength;
  }

  listBytes(rows: number): number {
    return listBytesOf(this.paddedDimension, rows);
  }

  ordinals(list: Uint8Array): Uint32Array {
    return ordinalsOf(list, this.paddedDimension);
  }

  createCentroids(): CentroidTable {
    return new CodedCentroids(this.space, this.paddedDimension, this.#kernel);
  }
}
