/** Groups of a search: of each group of records that agree in some metadata, only the first ones are returned. */
import { invalidArgument, show } from "../../core/errors.js";
import { validateArray } from "../../core/gateway/validate/values.js";
import { limits } from "../../core/limits.js";
import { readArguments, readList, readObject } from "../read-arguments.js";
import { throughProxies } from "../through-proxies.js";
import { Key, keyName } from "./key.js";

/** The first `k` of a group. */
interface First {
  /** What a group is ordered by: `#score` or metadata keys, the first of them first. */
  keys: string[];
  /** How many of each group are kept, at least 1. */
  k: number;
}
/** An aggregate as it is sent: the smallest or the largest of each group. */
export type AggregateJSON =
  | {
      /** Those with the smallest values. */
      $min_k: First;
    }
  | {
      /** Those with the largest values. */
      $max_k: First;
    };
/** What takes an aggregate: one made with {@link Aggregate}, or its JSON. */
export type AggregateInput = Aggregate | AggregateJSON;

/** Which records of a group are kept: the `k` smallest, or largest, by the given keys (`K.SCORE` or metadata). */
export class Aggregate {
  readonly #operator: string;
  /** What a group is ordered by, the first key first. */
  readonly keys: Key[];
  /** How many of each group are kept. */
  readonly k: number;

  /** @internal */
  constructor(operator: string, keys: readonly (Key | string)[], k: number) {
    throughProxies(this, Aggregate);
    this.#operator = operator;
    this.keys = readKeys(keys);
    this.k = k;
  }

  /** Reads the JSON of an aggregate; what is an aggregate already stays as it is. */
  static from(input: AggregateInput): Aggregate {
    return readArguments("an aggregate", () => {
      if (input instanceof Aggregate) return input;
      const [[operator, first] = ["", {}], another] = Object.entries<Partial<First>>(readObject(input, "aggregate", "$min_k $max_k"));
      if (another) throw invalidArgument(`aggregate must have one of $min_k and $max_k, got ${show(input)}`);
      const { keys = [], k = 0 } = readObject(first ?? {}, operator, "keys k");
      return new Aggregate(operator, keys, k);
    });
  }

  /** The `k` records with the smallest values, which for `K.SCORE` are the best. */
  static minK(keys: readonly (Key | string)[], k: number): MinK {
    return new MinK(keys, k);
  }

  /** The `k` records with the largest values. */
  static maxK(keys: readonly (Key | string)[], k: number): MaxK {
    return new MaxK(keys, k);
  }

  /** The aggregate as it is sent. */
  toJSON(): AggregateJSON {
    return { [this.#operator]: { keys: this.keys.map(keyName), k: this.k } } as unknown as AggregateJSON;
  }
}

/** What {@link Aggregate.minK} makes. */
export class MinK extends Aggregate {
  /** `k` records of each group, those with the smallest values under `keys`. */
  constructor(keys: readonly (Key | string)[], k: number) {
    super("$min_k", keys, k);
  }
}

/** What {@link Aggregate.maxK} makes. */
export class MaxK extends Aggregate {
  /** `k` records of each group, those with the largest values under `keys`. */
  constructor(keys: readonly (Key | string)[], k: number) {
    super("$max_k", keys, k);
  }
}

/** A grouping as it is sent. */
export interface GroupByJSON {
  /** Metadata keys: records that agree in all of them form a group. */
  keys: string[];
  /** Which records of a group are kept. */
  aggregate: AggregateJSON;
}
/** What takes a grouping: a {@link GroupBy}, or its JSON. */
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
  /** What records of one group agree in. Those that lack a key agree in lacking it. */
  readonly keys: Key[];
  /** Which records of a group are kept. */
  readonly aggregate: Aggregate;

  /** Groups by these keys, at least one, and keeps of each group what the aggregate says. */
  constructor(keys: readonly (Key | string)[], aggregate: AggregateInput) {
    this.keys = readKeys(keys);
    this.aggregate = Aggregate.from(aggregate);
  }

  /** Reads the JSON of a grouping; `null` and `undefined` are none. */
  static from(input: GroupByInput | null | undefined): GroupBy | undefined {
    return readArguments("a grouping", () => {
      if (input == null || input instanceof GroupBy) return input ?? undefined;
      const { keys = [], aggregate } = readObject(input, "groupBy", "keys aggregate");
      return new GroupBy(keys, aggregate);
    });
  }

  /** The grouping as it is sent. */
  toJSON(): GroupByJSON {
    return { keys: this.keys.map(keyName), aggregate: this.aggregate.toJSON() };
  }
}

function readKeys(keys: readonly (Key | string)[]): Key[] {
  return readArguments("a grouping", () => {
    validateArray(keys, "keys");
    return readList<Key | string>(keys, "keys", limits.groupKeysMax).map((key) => new Key(keyName(key)));
  });
}
