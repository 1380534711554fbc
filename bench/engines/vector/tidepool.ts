/**
 * Tidepool's vector index by itself, without log, records and messages: what `VectorIndex` takes. The one file outside
 * `src` that reaches inside it, since the package has no such entry. The variant says which way it goes (`flat` scans,
 * `hnsw` walks whenever nothing is filtered and lets the planner choose otherwise) and which kernel runs.
 *
 * It holds codes and graph. float32 vectors, of which a search needs a few, come from the set, as they come from blocks in
 * a database.
 */

import { Bitmap } from "../../../src/core/base/bitmap.js";
import { atOnce } from "../../../src/core/base/steps.js";
import type { GraphSnapshot, SnapshotPiece } from "../../../src/core/index/vector/graph-snapshot.js";
import type { VectorSource } from "../../../src/core/index/vector/judge.js";
import { planSearch } from "../../../src/core/index/vector/planner.js";
import { type QuantizedRows, quantizeRows } from "../../../src/core/index/vector/quantize.js";
import { VectorIndex } from "../../../src/core/index/vector/vector-index.js";
import { loadKernel } from "../../../src/wasm/load.js";
import { rowOf } from "../../vector/exact.js";
import { countDistances } from "../../vector/graph-walk.js";
import type { LabelFilter } from "../../vector/labels.js";
import { serve } from "./serve.js";
import { loadParts, saveParts } from "./snapshot-file.js";
import { EF_CONSTRUCTION, keptRows, M, PreparedFilters, type SharedSet, type VectorEngine } from "./vector-engine.js";

const variant = new URLSearchParams(location.search);
const isFlat = variant.get("way") === "flat";
const kernel =
  variant.get("kernel") === "relaxed"
    ? ({ file: "tidepool-relaxed.wasm", build: "wasm-relaxed-simd" } as const)
    : ({ file: "tidepool.wasm", build: "wasm-simd" } as const);
const forever = (): boolean => false;

class Tidepool implements VectorEngine {
  #set: SharedSet | null = null;
  #index: VectorIndex | null = null;
  #everything = new Bitmap();
  /** A scan has nothing to set. */
  readonly setEf = isFlat ? undefined : (ef: number): void => void (this.#index!.efSearch = ef);
  readonly #filters = new PreparedFilters((filter) => {
    const allowed = new Bitmap(this.#set!.base.count);
    for (const [row, kept] of keptRows(this.#set!, filter).entries()) if (kept === 1) allowed.add(row);
    return allowed;
  });

  async prepare(set: SharedSet): Promise<void> {
    const { space, dimension, count } = set.base;
    this.#set = set;
    this.#everything = new Bitmap(count);
    this.#index = new VectorIndex(await loadKernel(fetch(`../tidepool/${kernel.file}`), kernel.build), space, dimension, {
      M,
      efConstruction: EF_CONSTRUCTION,
      efSearch: 16,
      flatRowsMax: isFlat ? Infinity : 0,
      plan: (shape) => (shape.matches === shape.covered && !isFlat ? "walk" : planSearch(shape)),
    });
  }

  add(from: number, to: number): void {
    this.#index!.set(from, this.#quantize(from, to));
    for (let row = from; row < to; row++) this.#everything.add(row);
    this.#index!.build(forever);
  }

  prepareFilter(filter: LabelFilter): void {
    this.#filters.get(filter);
  }

  async search(query: Float32Array, k: number, filter: LabelFilter | null): Promise<readonly number[]> {
    const allowed = filter === null ? this.#everything : this.#filters.get(filter);
    const { ordinals } = await this.#index!.search(query, k, allowed, this.#vectors);
    return ordinals as unknown as readonly number[];
  }

  async save(): Promise<number> {
    this.#index!.build(forever, true);
    const { codes, slopes, intercepts, errors } = this.#quantize(0, this.#set!.base.count);
    const snapshot = this.#saved();
    const head = new TextEncoder().encode(JSON.stringify(snapshot, (key, value: unknown) => (key === "pieces" ? [] : value)));
    const pieces = [...(snapshot?.pieces ?? [])].flatMap(({ heights, degrees, links, fingerprints }) => [
      heights,
      degrees,
      links,
      fingerprints,
    ]);
    return saveParts(this.#fileName(), [codes, slopes, intercepts, errors, head, ...pieces]);
  }

  async open(set: SharedSet): Promise<void> {
    await this.prepare(set);
    const [codes, slopes, intercepts, errors, head, ...pieces] = await loadParts(this.#fileName());
    const rows: QuantizedRows = {
      codes: new Int8Array(codes!),
      slopes: new Float32Array(slopes!),
      intercepts: new Float32Array(intercepts!),
      errors: new Float32Array(errors!),
    };
    this.#index!.set(0, rows);
    for (let row = 0; row < set.base.count; row++) this.#everything.add(row);
    const snapshot = JSON.parse(new TextDecoder().decode(head)) as GraphSnapshot | null;
    const damage = snapshot === null ? null : atOnce(this.#index!.load({ ...snapshot, pieces: piecesOf(pieces) }));
    if (damage !== null) throw new Error(damage);
  }

  distancesPerQuery(ef: number): number {
    const snapshot = this.#saved();
    const { base, queries } = this.#set!;
    return snapshot === null ? base.count : countDistances({ entry: snapshot.entry, pieces: [...snapshot.pieces] }, base, queries, ef);
  }

  #saved(): GraphSnapshot | null {
    const copy = this.#index!.save();
    return copy === null ? null : { ...copy, pieces: [...copy.pieces] };
  }

  #quantize(from: number, to: number): QuantizedRows {
    const { space, dimension, values } = this.#set!.base;
    return quantizeRows(space, dimension, values.subarray(from * dimension, to * dimension));
  }

  readonly #vectors: VectorSource = async (ordinals, room) => {
    const { base } = this.#set!;
    const rows = room ?? new Float32Array(ordinals.length * base.dimension);
    for (let i = 0; i < ordinals.length; i++) rows.set(rowOf(base, ordinals[i]!), i * base.dimension);
    return rows;
  };

  #fileName(): string {
    return `tidepool-${variant.get("way")}-${kernel.build}-${this.#set!.name}`;
  }
}

/** Four arrays each, in the order in which they were saved. */
function piecesOf(parts: readonly ArrayBuffer[]): SnapshotPiece[] {
  return Array.from({ length: parts.length / 4 }, (_, i) => {
    const [heights, degrees, links, fingerprints] = parts.slice(4 * i, 4 * i + 4);
    return {
      heights: new Uint8Array(heights!),
      degrees: new Uint16Array(degrees!),
      links: new Uint32Array(links!),
      fingerprints: new Uint32Array(fingerprints!),
    };
  });
}

serve(new Tidepool());
