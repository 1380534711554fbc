/** `subscribe` of a collection and of a client: what is asked, once its texts are embedded, and the results of it. */
import { invalidArgument, TidepoolError } from "../../core/errors.js";
import { validateFunction } from "../../core/gateway/validate/values.js";
import type { ResponseOf, WatchAnswer, WatchedRead } from "../../core/service.js";
import type { Metadata, MetadataOf } from "../../core/types.js";
import { type CallLimits, readCallLimits } from "../call-limits.js";
import type { ChangeEvent } from "../client-events.js";
import type { Connection } from "../connection.js";
import type { HybridArguments, HybridResult } from "../hybrid.js";
import { part } from "../part.js";
import { readArguments, readObject } from "../read-arguments.js";
import {
  type CountArguments,
  type GetArguments,
  type Queries,
  type QueryArguments,
  type QueryRows,
  readCount,
  readGet,
  readQuery,
  readSearchText,
  type SearchTextArguments,
} from "../read-requests.js";
import { type GetResult, getResult, type QueryResult, queryResult, type SearchTextResult, searchTextResult } from "../results.js";
import type { EmbedQueries } from "../search/run-search.js";
import type { SearchLike } from "../search/search.js";
import type { SearchResult } from "../search/search-result.js";
import { type LiveOptions, LiveQuery, type Subscription } from "./live-query.js";
import type { LiveUpdate } from "./live-results.js";

/** What a collection's subscription may be about: one of its reads, by the name of the method, with the arguments of that. */
export interface LiveReads<TMeta = Metadata> {
  /** As of `collection.get`. */
  get: Omit<GetArguments<TMeta>, keyof CallLimits>;
  /** As of `collection.query`; `queryTexts` are embedded once. */
  query: Omit<QueryArguments<TMeta>, keyof CallLimits>;
  /** As of `collection.searchText`. */
  searchText: Omit<SearchTextArguments<TMeta>, keyof CallLimits>;
  /** As of `collection.hybrid`; its `queryText` is embedded once. */
  hybrid: Omit<HybridArguments<TMeta>, keyof CallLimits>;
  /** As of `collection.search`; texts in ranks are embedded once. */
  search: SearchLike | SearchLike[];
  /** As of `collection.count`. */
  count: Omit<CountArguments<TMeta>, keyof CallLimits>;
}

/** The results of each of these reads. */
export interface LiveResults<TMeta extends MetadataOf<TMeta> = Metadata> {
  /** As `collection.get` gives them. */
  get: GetResult<TMeta>;
  /** As `collection.query` gives them. */
  query: QueryResult<TMeta>;
  /** As `collection.searchText` gives them. */
  searchText: SearchTextResult<TMeta>;
  /** As `collection.hybrid` gives them. */
  hybrid: HybridResult<TMeta>;
  /** As `collection.search` gives them. */
  search: SearchResult<TMeta>;
  /** The number of records. */
  count: number;
}

/** One read to subscribe to, such as `{ get: { limit: 10 } }`. */
export type LiveRead<K extends keyof LiveReads, TMeta = Metadata> = { [P in K]: LiveReads<TMeta>[P] };

/** Hears how the results of a read have changed. */
export type LiveListener<R> = (update: LiveUpdate<R>) => void;

/**
 * What of its collection a subscription needs.
 *
 * @internal
 */
export interface LiveHome {
  connection: Connection;
  collectionId: string;
  /** That of the vectors it is asked with. */
  model: number | undefined;
  name(): string;
  embed(queries: Queries, signal: AbortSignal | undefined): Promise<QueryRows>;
  sources(signal: AbortSignal | undefined): EmbedQueries;
}

/** What is asked each time, and what is made of the answer. */
interface Prepared {
  read: WatchedRead;
  toResults(answer: WatchAnswer): unknown;
}

type Prepare = (args: never, home: LiveHome, signal: AbortSignal | undefined) => Promise<Prepared>;

const methods: { readonly [M in WatchedRead["method"]]: Prepare } = {
  get: async (args: GetArguments) => {
    const request = unlimited("get", () => readGet(args));
    return { read: { method: "get", request }, toResults: (answer: ResponseOf<"get">) => getResult(answer, request.include) };
  },
  query: async (args: QueryArguments, home, signal) => {
    const { queries, ...read } = readArguments("query", () => readQuery(args));
    const request = { ...unlimited("query", () => read), queryEmbeddings: await home.embed(queries, signal) };
    return { read: { method: "query", request }, toResults: (answer: ResponseOf<"query">) => queryResult(answer, request.include) };
  },
  searchText: async (args: SearchTextArguments) => {
    const request = unlimited("searchText", () => readSearchText(args));
    const toResults = (answer: ResponseOf<"searchText">) => searchTextResult(answer, request.include);
    return { read: { method: "searchText", request }, toResults };
  },
  hybrid: async (args: HybridArguments, home, signal) => {
    const { embedHybrid, hybridResult, readHybrid } = await part(import("../hybrid.js"));
    const { sparse } = home.sources(signal);
    const read = readArguments("hybrid", () => readHybrid(args, sparse));
    const request = unlimited("hybrid", () => read);
    const vectors = await embedHybrid(read, (queries) => home.embed(queries, signal), sparse);
    const toResults = (answer: ResponseOf<"hybrid">) => hybridResult(answer, request.include);
    return { read: { method: "hybrid", request: { ...request, ...vectors } }, toResults };
  },
  search: async (args: SearchLike | SearchLike[], home, signal) => {
    const { searchPayloads, searchResult } = await part(import("../search/run-search.js"));
    const searches = await searchPayloads(args, home.sources(signal));
    return { read: { method: "search", request: { searches } }, toResults: (answer: ResponseOf<"search">) => searchResult(answer) };
  },
  count: async (args: CountArguments) => {
    const request = unlimited("count", () => readCount(args));
    return { read: { method: "count", request }, toResults: (answer: ResponseOf<"count">) => answer };
  },
} as { readonly [M in WatchedRead["method"]]: Prepare };

/** The request alone; what would end one call is refused, since this is many. */
function unlimited<R>(method: string, read: () => { request: R; within: CallLimits }): R {
  const { request, within } = readArguments(method, read);
  if (within.signal === undefined && within.timeoutMs === undefined) return request;
  throw invalidArgument(`${method} of a subscription takes no signal and no timeoutMs: give the signal beside ${method}`);
}

/** What is given beside what it is about. */
function readOptions(given: LiveOptions, listener: unknown): LiveOptions {
  const { onError, signal } = given;
  validateFunction(listener, "listener");
  if (onError !== undefined) validateFunction(onError, "onError");
  return { onError, ...readCallLimits({ signal }) };
}

/** @internal */
export async function subscribe<R>(what: object, listener: LiveListener<R>, home: LiveHome): Promise<Subscription<R>> {
  const names = Object.keys(methods);
  const given = readArguments("subscribe", () => readObject(what, "subscribe", `${names.join(" ")} onError signal`)) as LiveOptions;
  const named = names.filter((name) => (given as Record<string, unknown>)[name] !== undefined) as WatchedRead["method"][];
  const [method] = named;
  if (method === undefined || named.length > 1)
    throw invalidArgument(`subscribe takes one of ${names.join(", ")}, got ${named.join(", ") || "none"}`);
  const options = readOptions(given, listener);
  const { connection, collectionId, model } = home;
  const prepared = await methods[method]((given as Record<string, unknown>)[method] as never, home, options.signal);
  return LiveQuery.open<R>({
    connection,
    what: `${method} of collection "${home.name()}"`,
    ask: async (watch) => {
      const answer = await connection.call("watch", { collectionId, model, watch, read: prepared.read });
      return (await prepared.toResults(answer)) as R;
    },
    listener,
    options,
  });
}

/** What of its client a subscription to the list of collections needs. */
interface ListHome<C> {
  list(page: { limit?: number; offset?: number }): Promise<C[]>;
  onChange(told: (event: ChangeEvent) => void): () => void;
}

/** @internal */
export async function subscribeToList<C>(
  what: object,
  listener: LiveListener<C[]>,
  connection: Connection,
  { list, onChange }: ListHome<C>,
): Promise<Subscription<C[]>> {
  const { collections, ...given } = readArguments("subscribe", () => {
    const { collections, ...rest } = readObject(what as { collections: object }, "subscribe", "collections onError signal");
    return { collections: readObject(collections, "subscribe", "limit offset"), ...rest };
  });
  const options = readOptions(given, listener);
  if (connection.remote) throw new TidepoolError("NOT_SUPPORTED", "No Chroma server has subscribe", { details: { call: "subscribe" } });
  return LiveQuery.open<C[]>({
    connection,
    what: "the list of collections",
    ask: () => list(collections),
    listener,
    options,
    refreshOn: (refresh) =>
      onChange(({ kind }) => {
        if (kind === "create" || kind === "modify" || kind === "drop") refresh();
      }),
  });
}
