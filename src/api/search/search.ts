/** The builder of a search, with the names and call forms of Chroma's client: every method gives a new search. */
import { validateObject } from "../../core/gateway/validate/values.js";
import { GroupBy, type GroupByInput, type GroupByJSON } from "./group-by.js";
import { Key, keyName, WhereExpression, type WhereInput, type WhereJSON } from "./key.js";
import { RankExpression, type RankInput, type RankLiteral } from "./rank.js";

export interface LimitOptions {
  /** Records to skip first. Default 0. */
  offset?: number;
  /** Largest number of records. Default: all that the rank, or the filter, leaves. */
  limit?: number | null;
}
export type LimitInput = Limit | number | LimitOptions | null | undefined;

/** Which part of the result is returned. */
export class Limit {
  readonly offset: number;
  declare readonly limit?: number;

  constructor({ offset = 0, limit }: LimitOptions = {}) {
    this.offset = offset;
    if (limit != null) this.limit = limit;
  }

  static from(input: LimitInput, offset?: number): Limit {
    if (typeof input !== "number") return new Limit(input ?? {});
    return new Limit({ limit: input, offset });
  }

  toJSON(): { offset: number; limit?: number } {
    return { ...this };
  }
}

export type SelectKeyInput = string | Key;
export type SelectInput = Select | Iterable<SelectKeyInput> | { keys?: Iterable<SelectKeyInput> } | null | undefined;

/** Which columns are returned beside the ids: `K.DOCUMENT`, `K.EMBEDDING`, `K.METADATA`, `K.SCORE`, metadata keys. */
export class Select {
  readonly #keys: string[];

  constructor(keys: Iterable<SelectKeyInput> = []) {
    this.#keys = [...new Set(Array.from(keys, keyName))];
  }

  static from(input: SelectInput): Select {
    if (input == null || input instanceof Select) return input ?? new Select();
    return new Select(
      Symbol.iterator in Object(input) ? (input as Iterable<SelectKeyInput>) : (input as { keys?: Iterable<SelectKeyInput> }).keys,
    );
  }

  /** Document, embedding, all metadata and the score. */
  static all(): Select {
    return new Select([Key.DOCUMENT, Key.EMBEDDING, Key.METADATA, Key.SCORE]);
  }

  get values(): string[] {
    return [...this.#keys];
  }

  toJSON(): { keys: string[] } {
    return { keys: this.values };
  }
}

/** A search as it is sent. */
export interface SearchPayload {
  filter?: WhereJSON;
  rank?: RankLiteral;
  group_by?: GroupByJSON;
  limit: { offset: number; limit?: number };
  select: { keys: string[] };
}

/** A search as a plain object. */
export interface SearchInit {
  where?: WhereInput;
  rank?: RankInput;
  groupBy?: GroupByInput;
  limit?: LimitInput;
  select?: SelectInput;
}
export type SearchLike = Search | SearchInit;

/** How much a search sees, by name, as Chroma's client exports it. */
export const ReadLevel = {
  /** Every acknowledged write: the default. */
  INDEX_AND_WAL: "index_and_wal",
  /** Only what the latest compaction put into the segments; a text source skips records whose document changed since. */
  INDEX_ONLY: "index_only",
  /** The same as `INDEX_AND_WAL`: there is no network between the log and its reader that would need a bound. */
  INDEX_AND_BOUNDED_WAL: "index_and_bounded_wal",
} as const;
export type ReadLevel = (typeof ReadLevel)[keyof typeof ReadLevel];

interface Parts {
  where: WhereExpression | undefined;
  rank: RankExpression | undefined;
  groupBy: GroupBy | undefined;
  limit: Limit;
  select: Select;
}

/**
 * What to search for: a filter, a rank, groups, a limit, columns. Without a rank records come in insertion order, scored by
 * their position in it; without a selection only ids are returned.
 *
 * @example
 * import { K, Knn, Search } from "tidepool-db";
 * const search = new Search()
 *   .where(K("year").lt(3))
 *   .rank(Knn({ query: "pools at ebb" }).multiply(0.7))
 *   .limit(1)
 *   .select(K.DOCUMENT, K.SCORE, "year");
 * const [rows] = (await collection.search(search)).rows();
 * console.log(rows?.map(({ id, metadata }) => [id, metadata])); // [["a",{"year":1}]]
 */
export class Search {
  #parts: Parts;

  constructor(init: SearchInit = {}) {
    validateObject(init, "search");
    this.#parts = {
      where: WhereExpression.from(init.where),
      rank: RankExpression.from(init.rank),
      groupBy: GroupBy.from(init.groupBy),
      limit: Limit.from(init.limit),
      select: Select.from(init.select),
    };
  }

  /** As in Chroma's client, what is not given leaves the search as it is. */
  #with<P extends keyof Parts>(part: P, value: Parts[P] | undefined): Search {
    const next = new Search();
    next.#parts = { ...this.#parts, [part]: value ?? this.#parts[part] };
    return next;
  }

  /** Filters by ids, documents and metadata, with `K` or as a plain object. Replaces an earlier filter. */
  where(where?: WhereInput): Search {
    return this.#with("where", WhereExpression.from(where));
  }

  /** Orders records by an expression of `Knn`, `Text`, `Rrf` and the like; smaller is better. */
  rank(rank?: RankInput): Search {
    return this.#with("rank", RankExpression.from(rank));
  }

  groupBy(groupBy?: GroupByInput): Search {
    return this.#with("groupBy", GroupBy.from(groupBy));
  }

  limit(limit?: LimitInput, offset?: number): Search {
    return this.#with("limit", Limit.from(limit, offset));
  }

  /** Columns, one after the other, as a list, or as a `Select`. */
  select(keys?: SelectInput): Search;
  select(...keys: SelectKeyInput[]): Search;
  select(first?: SelectInput | SelectKeyInput, ...rest: SelectKeyInput[]): Search {
    const isKey = typeof first === "string" || first instanceof Key;
    return this.#with("select", isKey ? new Select([first, ...rest]) : Select.from(first));
  }

  selectAll(): Search {
    return this.#with("select", Select.all());
  }

  get whereClause(): WhereExpression | undefined {
    return this.#parts.where;
  }

  get rankExpression(): RankExpression | undefined {
    return this.#parts.rank;
  }

  get groupByConfig(): GroupBy | undefined {
    return this.#parts.groupBy;
  }

  get limitConfig(): Limit {
    return this.#parts.limit;
  }

  get selectConfig(): Select {
    return this.#parts.select;
  }

  toPayload(): SearchPayload {
    const { where, rank, groupBy, limit, select } = this.#parts;
    return {
      limit: limit.toJSON(),
      select: select.toJSON(),
      ...(where && { filter: where.toJSON() }),
      ...(rank && { rank: rank.toJSON() }),
      ...(groupBy && { group_by: groupBy.toJSON() }),
    };
  }
}

export const toSearch = (input: SearchLike): Search => (input instanceof Search ? input : new Search(input));
