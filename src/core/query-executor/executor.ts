/**
 * All reads. Each works on one collection under its shared lock: the selection becomes a bitmap of live ordinals, the
 * indexes rank inside it, and the columns asked for are fetched for the ordinals that remain.
 */

import { Bitmap } from "../base/bitmap.js";
import type { Tick } from "../base/turns.js";
import type { CollectionState, FieldSelection } from "../collection/collection-state.js";
import type { DeletePlan, GetPlan, QueryPlan, RecallPlan, SearchTextPlan, SelectionPlan } from "../gateway/plan.js";
import type { SearchPlan } from "../gateway/search-plan.js";
import type { QueryResponse, RecallReport, SearchColumns, SearchTextResponse } from "../service.js";
import type { IncludeField, RecordColumns } from "../types.js";
import { filterOrdinals } from "./operators/filter.js";
import { nearestOfEach } from "./operators/knn.js";
import { limit } from "./operators/limit.js";
import { checkRecall } from "./operators/recall.js";
import { searchText } from "./operators/text.js";
import { needsText, searchAll } from "./search.js";
import { liveView } from "./view.js";

export class QueryExecutor {
  readonly #tick: Tick;

  constructor(tick: Tick) {
    this.#tick = tick;
  }

  /** Records in insertion order. */
  get(state: CollectionState, plan: GetPlan): Promise<RecordColumns> {
    return state.read(async () => {
      const ordinals = limit(await this.#select(state, plan), plan.offset, plan.limit);
      return state.fetch(ordinals, fieldsOf(plan.include));
    });
  }

  /** Ids of the records that a delete is about, in insertion order. */
  selectIds(state: CollectionState, plan: DeletePlan): Promise<string[]> {
    return state.read(async () => {
      const ordinals = limit(await this.#select(state, plan), 0, plan.limit);
      return Array.from(ordinals, (ordinal) => state.records.idOf(ordinal));
    });
  }

  /** Nearest records of each query, ascending by distance, equal distances in insertion order. */
  query(state: CollectionState, plan: QueryPlan): Promise<QueryResponse> {
    return state.read(async () => {
      const allowed = await this.#select(state, plan);
      const hits = await nearestOfEach(state, plan.queries, plan.nResults, allowed, this.#tick);
      const columns = await state.fetch(concat(hits.map((hit) => hit.ordinals)), fieldsOf(plan.include));
      return {
        ...columns,
        counts: hits.map((hit) => hit.ordinals.length),
        distances: plan.include.has("distances") ? Float32Array.from(hits.flatMap((hit) => [...hit.distances])) : null,
      };
    });
  }

  /** Documents by BM25 score. */
  async searchText(state: CollectionState, plan: SearchTextPlan): Promise<SearchTextResponse> {
    // The bulk of catching up happens before the lock is held, so that writes are not kept waiting for it.
    await state.text.ready(this.#tick);
    return state.read(async () => {
      const allowed = await this.#select(state, plan);
      const hits = await searchText(state.text, plan, allowed, this.#tick);
      const columns = await state.fetch(hits.ordinals, fieldsOf(plan.include));
      return { ...columns, scores: hits.scores, terms: hits.terms };
    });
  }

  /** Records by rank expressions; all searches of a call see the same moment. */
  async search(state: CollectionState, plan: SearchPlan): Promise<SearchColumns[]> {
    if (needsText(plan)) await state.text.ready(this.#tick);
    return state.read(() => searchAll(state, plan, this.#tick));
  }

  count(state: CollectionState): Promise<number> {
    return state.read(() => state.count);
  }

  checkRecall(state: CollectionState, plan: RecallPlan): Promise<RecallReport> {
    return checkRecall(state, plan, this.#tick);
  }

  async #select(state: CollectionState, plan: SelectionPlan): Promise<Bitmap> {
    if (plan.ids === null && plan.where === null && plan.whereDocument === null) return state.records.live;
    let universe = state.records.live;
    if (plan.ids !== null) {
      universe = Bitmap.of(plan.ids.map((id) => state.records.ordinalOf(id)).filter((ordinal) => ordinal !== undefined));
    }
    return filterOrdinals({ ...liveView(state).filterSource(this.#tick), universe }, plan.where, plan.whereDocument);
  }
}

function fieldsOf(include: ReadonlySet<IncludeField>): FieldSelection {
  return {
    document: include.has("documents"),
    uri: include.has("uris"),
    metadata: include.has("metadatas"),
    embedding: include.has("embeddings"),
  };
}

function concat(parts: readonly Uint32Array[]): Uint32Array {
  const out = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
