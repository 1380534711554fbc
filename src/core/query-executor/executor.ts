/**
 * All reads, on one collection each and in the same steps: what the sources need is made ready, the collection's shared lock is
 * taken, a view is opened, its records are selected, sources are read among them, and the columns asked for are fetched.
 */
import { Bitmap } from "../base/bitmap.js";
import { concat } from "../base/concat.js";
import type { Tick } from "../base/turns.js";
import type { CollectionState } from "../collection/collection-state.js";
import { TidepoolError } from "../errors.js";
import type {
  AutoSuggestPlan,
  DeletePlan,
  FacetPlan,
  GetPlan,
  QueryPlan,
  RecallPlan,
  SearchTextPlan,
  SelectionPlan,
} from "../gateway/plan.js";
import type { ConditionalGetPlan } from "../gateway/plan-conditional.js";
import type { HybridPlan } from "../gateway/plan-hybrid.js";
import type { RankSource, SearchPlan } from "../gateway/search-plan.js";
import type {
  ConditionalGetResponse,
  FacetColumns,
  HybridResponse,
  QueryResponse,
  RecallReport,
  SearchColumns,
  SearchTextResponse,
} from "../service.js";
import type { RecordColumns, TextSuggestion } from "../types.js";
import { hybrid, sourcesOfHybrid } from "./hybrid.js";
import { countValues } from "./operators/facets.js";
import { limit } from "./operators/limit.js";
import { ordered } from "./operators/order.js";
import { checkRecall } from "./operators/recall.js";
import { assertAnswerable, assertSendable, forResponse } from "./operators/respond.js";
import { type FetchColumns, fieldsOf } from "./operators/select.js";
import { search, sourcesOfSearch } from "./search.js";
import { preparationsOf } from "./sources/sources.js";
import { frozenFetch, liveView, type OpenView, segmentsView, type View } from "./view.js";

/** What reads records of a moment that is over. */
export interface FrozenRead {
  readonly fetch: FetchColumns;
  readonly dimension: number | null;
}

export class QueryExecutor {
  readonly #tick: Tick;
  readonly #isCancelled: () => boolean;
  readonly #open: OpenView;

  constructor(tick: Tick, isCancelled: () => boolean = () => false, open: OpenView = liveView) {
    this.#isCancelled = isCancelled;
    this.#open = open;
    this.#tick = () => {
      this.#assertWanted();
      return tick();
    };
  }

  /** For one caller: its reads end at their next tick once nobody waits for them any more. */
  until(isCancelled: (() => boolean) | undefined): QueryExecutor {
    return isCancelled === undefined ? this : new QueryExecutor(this.#tick, isCancelled, this.#open);
  }

  /** Its reads of the present see what this makes of the live view. */
  through(open: (view: View, state: CollectionState) => View): QueryExecutor {
    return new QueryExecutor(this.#tick, this.#isCancelled, (state, tick) => open(this.#open(state, tick), state));
  }

  #assertWanted(): void {
    if (this.#isCancelled()) throw new TidepoolError("ABORTED", "Nobody waits for this read any more");
  }

  /** Records in insertion order, or ordered by a key. */
  get(state: CollectionState, plan: GetPlan): Promise<RecordColumns> {
    return this.#read(state, [], (view) => this.#records(view, plan));
  }

  /**
   * Records as of the plan's token, or now. There is one state to be read, the present, so where it may differ from that of the token
   * the read is refused as stale.
   */
  conditionalGet(state: CollectionState, plan: ConditionalGetPlan): Promise<ConditionalGetResponse> {
    return this.#read(state, [], async (view) => {
      const readToken = plan.token ?? state.recent.take();
      if (plan.token !== null) state.recent.checkReadable(readToken, plan.ids);
      return { ...(await this.#records(view, plan)), readToken };
    });
  }

  async #records(view: View, plan: GetPlan): Promise<RecordColumns> {
    const selected = await view.select(plan.filter);
    const ordinals =
      plan.orderBy === null
        ? limit(selected, plan.offset, plan.limit)
        : (await ordered(view.fetch, selected.toArray(), plan.orderBy, plan.offset + plan.limit, this.#tick)).subarray(plan.offset);
    return forResponse(view.fetch, this.#tick)(ordinals, fieldsOf(plan.include));
  }

  /** The selected records, and what reads them as they are now at any later time. Whoever asks keeps the blocks from here on. */
  freeze(state: CollectionState, { filter }: SelectionPlan): Promise<FrozenRead & { ordinals: Uint32Array }> {
    return this.#read(state, [], async (view) => {
      const ordinals = (await view.select(filter)).toArray();
      return { ordinals, fetch: frozenFetch(state.parts), dimension: state.dimension };
    });
  }

  /** Ids of the records that a delete is about, in insertion order. */
  selectIds(state: CollectionState, plan: DeletePlan): Promise<string[]> {
    return this.#read(state, [], async (view) => {
      const ordinals = limit(await view.select(plan.filter), 0, plan.limit);
      return (await forResponse(view.fetch, this.#tick)(ordinals, fieldsOf(new Set()))).ids;
    });
  }

  /** Nearest records of each query, ascending by distance, equal distances in insertion order. */
  query(state: CollectionState, plan: QueryPlan): Promise<QueryResponse> {
    return this.#read(state, [plan.source], async (view) => {
      const allowed = await view.select(plan.filter);
      const { queries, limit: k } = plan.source;
      // Each query finds as many as there are, up to k.
      const most = (): number => queries.length * Math.min(k, allowed.count());
      assertAnswerable(queries.length * k, plan.include.has("embeddings") ? (queries[0]?.length ?? 0) : 0, most);
      const hits = await view.read(plan.source, allowed);
      const ordinals = concat(
        Uint32Array,
        hits.map((hit) => hit.ordinals),
      );
      const columns = await forResponse(view.fetch, this.#tick)(ordinals, fieldsOf(plan.include));
      const distances = hits.map((hit) => hit.distances);
      return {
        ...columns,
        counts: hits.map((hit) => hit.ordinals.length),
        distances: plan.include.has("distances") ? concat(Float32Array, distances) : null,
      };
    });
  }

  /** Documents by BM25 score. */
  searchText(state: CollectionState, plan: SearchTextPlan): Promise<SearchTextResponse> {
    return this.#read(state, [plan.source], async (view) => {
      const { ordinals, scores, terms } = await view.read(plan.source, await view.select(plan.filter));
      const fields = fieldsOf(plan.include);
      const fetch = forResponse(view.fetch, this.#tick);
      const { text } = state.parts;
      const { query, operators } = plan.source;
      const suggested = plan.suggest ? { suggestion: await text.corrected(query, await view.select(plan.filter), this.#tick) } : {};
      if (plan.highlight === null) return { ...(await fetch(ordinals, fields)), scores, terms, ...suggested };
      const columns = await fetch(ordinals, { ...fields, document: true });
      const highlights = await text.highlights({ query, operators, terms }, columns.documents!, plan.highlight, this.#tick);
      assertSendable(highlights);
      return { ...columns, documents: fields.document ? columns.documents : null, scores, terms, highlights, ...suggested };
    });
  }

  /** Completions of the last word of a text. */
  autoSuggest(state: CollectionState, { source, filter }: AutoSuggestPlan): Promise<TextSuggestion[]> {
    return this.#read(state, [source], async (view) => {
      const options = { nResults: source.limit, fuzzy: source.fuzzy, allowed: await view.select(filter) };
      return state.parts.text.completed(source.query, options, this.#tick);
    });
  }

  /** Records by several branches, all of which see the same moment. */
  hybrid(state: CollectionState, plan: HybridPlan): Promise<HybridResponse> {
    return this.#read(state, sourcesOfHybrid(plan), async (view) => {
      const { ordinals, ...why } = await hybrid(view, plan);
      return { ...(await forResponse(view.fetch, this.#tick)(ordinals, fieldsOf(plan.include))), ...why };
    });
  }

  /** Records by rank expressions; all searches of a call see the same moment. */
  search(state: CollectionState, { searches, indexOnly }: SearchPlan): Promise<SearchColumns[]> {
    const answerAll = async (view: View): Promise<SearchColumns[]> => {
      const results: SearchColumns[] = [];
      const fetch = forResponse(view.fetch, this.#tick);
      for (const [i, plan] of searches.entries()) {
        if (i > 0) await this.#tick();
        results.push(await search(view, plan, fetch, this.#tick));
      }
      return results;
    };
    return this.#read(state, searches.flatMap(sourcesOfSearch), answerAll, indexOnly ? segmentsView : this.#open);
  }

  count(state: CollectionState, { filter }: SelectionPlan): Promise<number> {
    return this.#read(state, [], async (view) => (filter === null ? state.count : (await view.select(filter)).count()));
  }

  /** The values of each key in the records that are selected. */
  facets(state: CollectionState, plan: FacetPlan): Promise<FacetColumns[]> {
    return this.#read(state, [], async (view) => {
      const { metadata, records } = state.parts;
      const source = { metadata, uncompacted: Bitmap.of(records.uncompacted()), fetch: view.fetch, tick: this.#tick };
      return countValues(source, await view.select(plan.filter), plan);
    });
  }

  checkRecall(state: CollectionState, plan: RecallPlan): Promise<RecallReport> {
    return checkRecall(state, plan, this.#tick);
  }

  async #read<T>(
    state: CollectionState,
    sources: readonly RankSource[],
    body: (view: View) => Promise<T>,
    open: OpenView = this.#open,
  ): Promise<T> {
    // Where nothing is to be prepared, nothing is awaited: the lock is asked for in the order of the calls.
    for (const prepare of preparationsOf(sources)) await prepare(state.parts, this.#tick);
    return state.read(() => {
      this.#assertWanted();
      return body(open(state, this.#tick));
    });
  }
}
