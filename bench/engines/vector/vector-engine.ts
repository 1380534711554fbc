/**
 * What the vector suite asks of an engine. Each runs in a worker of its own, which `serve.ts` answers for; rows are known by
 * their number in the set. Vectors and labels lie in memory that page and workers share, so that no message carries them;
 * an engine that keeps vectors copies them.
 */
import type { Rows } from "../../vector/exact.js";
import type { LabelFilter, Labels } from "../../vector/labels.js";

/** A set as workers see it. */
export interface SharedSet {
  name: string;
  base: Rows;
  queries: Rows;
  labels: Labels;
}

/** Of every graph in the suite. */
export const M = 16;
export const EF_CONSTRUCTION = 200;

export interface VectorEngine {
  /** Called once before the first row, unless `open` is. */
  prepare(set: SharedSet): void | Promise<void>;
  /** Takes rows `from … to − 1` in; afterwards they can be found. */
  add(from: number, to: number): void | Promise<void>;
  /** Brings a filter into the form in which the engine wants it; not timed. */
  prepareFilter?(filter: LabelFilter): void;
  /** Whether there is `ef` to trade speed for recall; without it the engine is asked once. */
  setEf?(ef: number): void | Promise<void>;
  /** The k nearest rows. */
  search(query: Float32Array, k: number, filter: LabelFilter | null): readonly number[] | Promise<readonly number[]>;
  /** Keeps the index in the browser's storage under the name of the set, and returns its bytes there. */
  save?(): Promise<number>;
  /** Takes back what was saved; vectors that the engine does not keep come from the set. */
  open?(set: SharedSet): Promise<void>;
  /** Distances that a walk for a query computes on average, counted beside the engine. */
  distancesPerQuery?(ef: number): number;
}

/** The rows that a filter keeps, one byte each. */
export function keptRows({ labels }: SharedSet, { column, value }: LabelFilter): Uint8Array {
  return labels[column].map((label) => Number(label === value));
}

/** Filters in an engine's own form, by what they ask. */
export class PreparedFilters<T> {
  readonly #forms = new Map<string, T>();
  readonly #make: (filter: LabelFilter) => T;

  constructor(make: (filter: LabelFilter) => T) {
    this.#make = make;
  }

  /** Made when it is first asked for. */
  get(filter: LabelFilter): T {
    const key = `${filter.column} ${filter.value}`;
    const form = this.#forms.get(key) ?? this.#make(filter);
    this.#forms.set(key, form);
    return form;
  }
}
