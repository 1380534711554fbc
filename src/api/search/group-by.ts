/** Groups of a search: of each group of records that agree in some metadata, only the first ones are returned. */
import { Key, keyName } from "./key.js";

interface First {
  keys: string[];
  k: number;
}
export type AggregateJSON = { $min_k: First } | { $max_k: First };
export type AggregateInput = Aggregate | AggregateJSON;

/** Which records of a group are kept: the `k` smallest, or largest, by the given keys (`K.SCORE` or metadata). */
export class Aggregate {
  readonly #operator: string;
  readonly keys: Key[];
  readonly k: number;

  /** @internal */
  constructor(operator: string, keys: readonly (Key | string)[], k: number) {
    this.#operator = operator;
    this.keys = readKeys(keys);
    this.k = k;
  }

  static from(input: AggregateInput): Aggregate {
    if (input instanceof Aggregate) return input;
    const [operator = "", first] = Object.entries<Partial<First>>(input ?? {})[0] ?? [];
    return new Aggregate(operator, first?.keys ?? [], first?.k ?? 0);
  }

  static minK(keys: readonly (Key | string)[], k: number): MinK {
    return new MinK(keys, k);
  }

  static maxK(keys: readonly (Key | string)[], k: number): MaxK {
    return new MaxK(keys, k);
  }

  toJSON(): AggregateJSON {
    return { [this.#operator]: { keys: this.keys.map(keyName), k: this.k } } as unknown as AggregateJSON;
  }
}

export class MinK extends Aggregate {
  constructor(keys: readonly (Key | string)[], k: number) {
    super("$min_k", keys, k);
  }
}

export class MaxK extends Aggregate {
  constructor(keys: readonly (Key | string)[], k: number) {
    super("$max_k", keys, k);
  }
}

export interface GroupByJSON {
  keys: string[];
  aggregate: AggregateJSON;
}
export type GroupByInput = GroupBy | GroupByJSON;

/**
 * Records that agree in `keys` form a group; `aggregate` says which of them are kept.
 *
 * @example
 * import { Aggregate, GroupBy, K, Knn, Search } from "tidepool-db";
 * const best = new GroupBy([K("year")], Aggregate.minK([K.SCORE], 1));
 * const result = await collection.search(new Search().rank(Knn({ query: "tides" })).groupBy(best));
 * console.log(result.ids[0]?.length); // 3
 */
export class GroupBy {
  readonly keys: Key[];
  readonly aggregate: Aggregate;

  constructor(keys: readonly (Key | string)[], aggregate: AggregateInput) {
    this.keys = readKeys(keys);
    this.aggregate = Aggregate.from(aggregate);
  }

  static from(input: GroupByInput | null | undefined): GroupBy | undefined {
    return input == null || input instanceof GroupBy ? (input ?? undefined) : new GroupBy(input.keys ?? [], input.aggregate);
  }

  toJSON(): GroupByJSON {
    return { keys: this.keys.map(keyName), aggregate: this.aggregate.toJSON() };
  }
}

function readKeys(keys: readonly (Key | string)[]): Key[] {
  return keys.map((key) => new Key(keyName(key)));
}
