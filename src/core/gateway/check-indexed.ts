/**
 * Refuses what a collection's schema has no index for: conditions on metadata by the type of their operand, and conditions
 * and ranks on the text of documents. It is refused whether or not an answer could be found without, so that a collection
 * does not answer while it is small and fail when it has grown.
 */
import { invalidArgument, type TidepoolError } from "../errors.js";
import { type IndexedType, type IndexPolicy, typeOfScalar } from "../schema.js";
import type { Condition, RecordCondition, RecordFilter } from "./filter.js";

/** What Chroma calls the types. */
const TYPE_NAMES: Readonly<Record<IndexedType, string>> = {
  string: "Str",
  int: "Int",
  float: "Float",
  bool: "Bool",
  sparse_vector: "SparseVector",
};

export function checkIndexed(filter: RecordFilter, indexes: IndexPolicy): void {
  if (filter.kind === "condition") checkCondition(filter.condition, indexes);
  else for (const part of filter.filters) checkIndexed(part, indexes);
}

function checkCondition(condition: RecordCondition, indexes: IndexPolicy): void {
  if (condition.operator === "id") return;
  if (!("key" in condition)) return checkFullText(indexes, "filter");
  // No metadata has such a key: nothing is found under it, index or not.
  if (condition.key.startsWith("#")) return;
  const missing = operandTypes(condition).find((type) => !indexes.isIndexed(condition.key, type));
  if (missing !== undefined) throw notIndexed(condition.key, missing);
}

function operandTypes(condition: Condition): IndexedType[] {
  return condition.operator === "in" ? Array.from(condition.values, typeOfScalar) : [typeOfScalar(condition.value)];
}

export function notIndexed(key: string, type: IndexedType): TidepoolError {
  return invalidArgument(`Cannot filter using metadata key '${key}' with type '${TYPE_NAMES[type]}' because indexing is disabled`);
}

/** `purpose` is what the text was to be used for. */
export function checkFullText(indexes: IndexPolicy, purpose: "filter" | "searchText" | "rank"): void {
  if (indexes.fullText) return;
  if (purpose === "filter") throw invalidArgument("Cannot filter using full-text search because FTS indexing is disabled");
  throw invalidArgument(`Cannot ${purpose === "rank" ? "rank by text" : "use searchText"} because FTS indexing is disabled`);
}
