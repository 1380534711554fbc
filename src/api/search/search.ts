/** The builder of a search, with the names and call forms of Chroma's client: every method gives a new search. */
import { invalidArgument, show } from "../../core/errors.js";
import { validateText } from "../../core/gateway/validate/values.js";
import { limits } from "../../core/limits.js";
import { readArguments, readList, readObject } from "../read-arguments.js";
import { throughProxies } from "../through-proxies.js";
import { GroupBy, type GroupByInput, type GroupByJSON } from "./group-by.js";
import { Key, keyName, WhereExpression, type WhereInput, type WhereJSON } from "./key.js";
import { RankExpression, type RankInput, type RankLiteral } from "./rank.js";

/** Options of {@link Limit}. */
export interface LimitOptions {
  /** Records to skip first. Default 0. */
  offset?: number;
  /** Largest number of records. Default: all that the rank, or the filter, leaves. */
  limit?: number | null;
}
/** What takes a limit: a number of records, options, or a {@link Limit}. `null` and `undefined` are no limit. */
export type LimitInput = Limit | number | LimitOptions | null | undefined;

/** Which part of the result is returned. */
export class Limit {
  /** Records that are skipped first. */
  readonly offset: number;
  /** Largest number of records; missing where there is no limit. */
  declare readonly limit?: number;

  /** `offset` records are skipped, and at most `limit` follow. */
  constructor(options: LimitOptions = {}) {
    const { offset = 0, limit } = readArguments("Limit", () => readObject(options, "Limit", "offset limit"));
    this.offset = offset;
    if (limit != null) this.limit = limit;
  }

  /** Reads whatever takes a limit; the offset counts beside a number only. */
  static from(input: LimitInput, offset?: number): Limit {
    return readArguments("a limit", () => {
      if (input instanceof Limit) return input;
      return new Limit(typeof input === "number" ? { limit: input, offset } : (input ?? {}));
    });
  }

  /** The limit as it is sent. */
  toJSON(): { offset: number; limit?: number } {
    return { ...this };
  }
}

/** A column to select: `K.DOCUMENT` and the like, or the name of a metadata key. */
export type SelectKeyInput = string | Key;
/** What takes a selection: a {@link Select}, a list of keys, or its JSON. `null` and `undefined` select nothing beside the ids. */
export type SelectInput =
  | Select
  | Iterable<SelectKeyInput>
  | {
      /** The columns. */
      keys?: Iterable<SelectKeyInput>;
    }
  | null
  | undefined;

/** Which columns are returned beside the ids: `K.DOCUMENT`, `K.EMBEDDING`, `K.METADATA`, `K.SCORE`, metadata keys. */
export class Select {
  readonly #keys: string[];

  /** Selects these columns, each once. */
  constructor(keys: Iterable<SelectKeyInput> = []) {
    throughProxies(this, Select);
    const names = readArguments("a selection", () => readList(keys, "keys of a selection", limits.selectKeysMax).map(keyName));
    for (const name of names) validateText(name, "key of a selection");
    this.#keys = [...new Set(names)];
  }

  /** Reads whatever takes a selection. */
  static from(input: SelectInput): Select {
    return readArguments("a selection", () => {
      if (input == null || input instanceof Select) return input ?? new Select();
      if (typeof input !== "object") throw invalidArgument(`select must be a list of keys, got ${show(input)}`);
      return new Select(Symbol.iterator in input ? input : readObject(input, "select", "keys").keys);
    });
  }

  /** Document, embedding, all metadata and the score. */
  static all(): Select {
    return new Select([Key.DOCUMENT, Key.EMBEDDING, Key.METADATA, Key.SCORE]);
  }

  /** The names of the selected columns. */
  get values(): string[] {
    return [...this.#keys];
  }

  /** The selection as it is sent. */
  toJSON(): { keys: string[] } {
    return { keys: this.values };
  }
}

/** A search as it is sent. */
export interface SearchPayload {
  /** Missing where every record may be found. */
  filter?: WhereJSON;
  /** Missing where records come in insertion order. */
  rank?: RankLiteral;
  /** Missing where no groups are made. */
  group_by?: GroupByJSON;
  /** Which part of the result is returned. */
  limit: {
    /** Records that are skipped first. */
    offset: number;
    /** Largest number of records. */
    limit?: number;
  };
  /** Which columns are returned beside the ids. */
  select: {
    /** Metadata keys, and names that begin with `#`. */
    keys: string[];
  };
}

/** A search as a plain object. */
export interface SearchInit {
  /** Filter by ids, documents and metadata. Default: every record. */
  where?: WhereInput;
  /** What records are ordered by; smaller is better. Default: insertion order. */
  rank?: RankInput;
  /** Groups, and which of their records are kept. Default: none. */
  groupBy?: GroupByInput;
  /** Which part of the result is returned. Default: all of it. */
  limit?: LimitInput;
  /** Columns beside the ids. Default: none. */
  select?: SelectInput;
}
/** What `collection.search` takes: a {@link Search}, or a plain object. */
export type SearchLike = Search | SearchInit;

/** How much a search sees, by name, as Chroma's client exports it. */
export const ReadLevel = {
  /** Every acknowledged write: the default. */
  INDEX_AND_WAL: "index_and_wal",
  /** Only what the latest compaction put into the segments; a text source skips records whose document changed since. */
  INDEX_ONLY: "index_only",
  /** As `INDEX_AND_WAL`: there is no network between the log and its reader that would need a bound. */
  INDEX_AND_BOUNDED_WAL: "index_and_bounded_wal",
} as const;
/** One of the values of {@link ReadLevel}. */
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

  /** A search of all that is given; the methods add the rest. */
  constructor(init: SearchInit = {}) {
    throughProxies(this, Search);
    this.#parts = readArguments("Search", () => {
      const { where, rank, groupBy, limit, select } = readObject(init, "Search", "where rank groupBy limit select");
      return {
        where: WhereExpression.from(where),
        rank: RankExpression.from(rank),
        groupBy: GroupBy.from(groupBy),
        limit: Limit.from(limit),
        select: Select.from(select),
      };
    });
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

  /** Makes groups after the ranking and keeps some records of each. Replaces an earlier grouping. */
  groupBy(groupBy?: GroupByInput): Search {
    return this.#with("groupBy", GroupBy.from(groupBy));
  }

  /** At most this many records, after skipping `offset`, or both as options. Without arguments there is no limit. */
  limit(limit?: LimitInput, offset?: number): Search {
    return this.#with("limit", Limit.from(limit, offset));
  }

  /** Returns these columns beside the ids, given as a list or as a {@link Select}. Replaces an earlier selection. */
  select(keys?: SelectInput): Search;
  /** Returns these columns beside the ids. Replaces an earlier selection. */
  select(...keys: SelectKeyInput[]): Search;
  select(first?: SelectInput | SelectKeyInput, ...rest: SelectKeyInput[]): Search {
    const isKey = readArguments("select", () => typeof first === "string" || first instanceof Key);
    return this.#with("select", isKey ? new Select([first as SelectKeyInput, ...rest]) : Select.from(first as SelectInput));
  }

  /** Document, embedding, all metadata and the score. */
  selectAll(): Search {
    return this.#with("select", Select.all());
  }

  /** The filter, if there is one. */
  get whereClause(): WhereExpression | undefined {
    return this.#parts.where;
  }

  /** The rank, if there is one. */
  get rankExpression(): RankExpression | undefined {
    return this.#parts.rank;
  }

  /** The grouping, if there is one. */
  get groupByConfig(): GroupBy | undefined {
    return this.#parts.groupBy;
  }

  /** Which part of the result is returned. */
  get limitConfig(): Limit {
    return this.#parts.limit;
  }

  /** Which columns are returned beside the ids. */
  get selectConfig(): Select {
    return this.#parts.select;
  }

  /** The search as it is sent. */
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

/** A {@link Search} of a plain object; what is a search already stays as it is. */
export const toSearch = (input: SearchLike): Search =>
  readArguments("toSearch", () => (input instanceof Search ? input : new Search(input)));
