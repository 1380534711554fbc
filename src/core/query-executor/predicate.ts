/**
 * What a filter means, for one record at a time. This is the reference: indexes may answer faster, never differently.
 *
 * Types never mix: "1", 1 and true are three different values, scalars are never tested as arrays nor arrays as
 * scalars, and no condition looks into a sparse vector. A record that lacks the key, or the document, fails every condition
 * and so satisfies every negated one.
 */

import { holdsText } from "../base/find-text.js";
import { isSparseVector } from "../base/sparse-vector.js";
import type { Steps } from "../base/steps.js";
import type { Condition, DocumentCondition, DocumentFilter, MetadataFilter } from "../gateway/filter.js";
import type { Metadata, MetadataValue } from "../types.js";

/** Units of a document in which all conditions of a filter are looked for within one step. */
const SHORT_DOCUMENT = 2048;

export function matchesMetadata(filter: MetadataFilter, metadata: Metadata | null): boolean {
  switch (filter.kind) {
    case "and":
      return filter.filters.every((child) => matchesMetadata(child, metadata));
    case "or":
      return filter.filters.some((child) => matchesMetadata(child, metadata));
    case "condition":
      return metadataHolds(filter.condition, metadata) !== filter.negated;
  }
}

/** In steps of bounded work, since documents are as long as anybody makes them. */
export function* matchesDocument(filter: DocumentFilter, document: string | null): Steps<boolean> {
  if (filter.kind === "condition") {
    const holds = document !== null && (yield* documentHolds(filter.condition, document));
    return holds !== filter.negated;
  }
  const decisive = filter.kind === "or";
  const isLong = (document?.length ?? 0) > SHORT_DOCUMENT;
  for (const child of filter.filters) {
    if ((yield* matchesDocument(child, document)) === decisive) return decisive;
    if (isLong) yield;
  }
  return !decisive;
}

function metadataHolds(condition: Condition, metadata: Metadata | null): boolean {
  // Only own keys count: "constructor" and its like are ordinary names.
  if (metadata === null || !Object.hasOwn(metadata, condition.key)) return false;
  return valueHolds(condition, metadata[condition.key]!);
}

function valueHolds(condition: Condition, value: MetadataValue): boolean {
  if (condition.operator === "contains") {
    return Array.isArray(value) && (value as readonly unknown[]).includes(condition.value);
  }
  if (Array.isArray(value) || isSparseVector(value)) return false;
  switch (condition.operator) {
    case "eq":
      return value === condition.value;
    case "in":
      return condition.values.has(value);
    case "prefix":
      return typeof value === "string" && value.startsWith(condition.value);
    default:
      return typeof value === typeof condition.value && inRange(condition.operator, value as typeof condition.value, condition.value);
  }
}

function inRange<V extends number | string>(operator: "gt" | "gte" | "lt" | "lte", value: V, bound: V): boolean {
  switch (operator) {
    case "gt":
      return value > bound;
    case "gte":
      return value >= bound;
    case "lt":
      return value < bound;
    case "lte":
      return value <= bound;
  }
}

function documentHolds(condition: DocumentCondition, document: string): Steps<boolean> {
  return condition.operator === "contains" ? holdsText(document, condition.text) : condition.pattern.test(document);
}
