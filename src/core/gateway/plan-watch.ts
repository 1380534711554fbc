/** Turns a read that is to be watched into the plan of its method. */
import { invalidArgument, show } from "../errors.js";
import type { IndexPolicy } from "../schema.js";
import type { WatchRequest } from "../service.js";
import { planSearch } from "./parse-search.js";
import {
  type GetPlan,
  planCount,
  planGet,
  planQuery,
  planSearchText,
  type QueryPlan,
  type SearchTextPlan,
  type SelectionPlan,
} from "./plan.js";
import { type HybridPlan, planHybrid } from "./plan-hybrid.js";
import type { SearchPlan } from "./search-plan.js";
import { validateObject, validateText } from "./validate/values.js";

/** A read of the present, validated, by its method. */
export type WatchPlan =
  | { method: "get"; plan: GetPlan }
  | { method: "query"; plan: QueryPlan }
  | { method: "searchText"; plan: SearchTextPlan }
  | { method: "hybrid"; plan: HybridPlan }
  | { method: "search"; plan: SearchPlan }
  | { method: "count"; plan: SelectionPlan };

/** What a plan has to fit. */
interface Home {
  dimension: number | null;
  indexes: IndexPolicy;
}

export function planWatch({ collectionId, watch, read }: WatchRequest, { dimension, indexes }: Home): WatchPlan {
  validateText(watch, "watch");
  validateObject(read, "read");
  const { method, request } = read;
  validateObject(request, "read.request");
  switch (method) {
    case "get":
      return { method, plan: planGet({ ...request, collectionId }, indexes) };
    case "query":
      return { method, plan: planQuery({ ...request, collectionId }, dimension, indexes) };
    case "searchText":
      return { method, plan: planSearchText({ ...request, collectionId }, indexes) };
    case "hybrid":
      return { method, plan: planHybrid({ ...request, collectionId }, dimension, indexes) };
    case "search":
      return { method, plan: planSearch({ searches: request.searches, collectionId }, dimension, indexes) };
    case "count":
      return { method, plan: planCount({ ...request, collectionId }, indexes) };
    default:
      throw invalidArgument(`read.method must be get, query, searchText, hybrid, search or count, got ${show(method)}`);
  }
}
