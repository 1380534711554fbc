/**
 * Turns `where`, `whereDocument` and the filter of a search, which may mix both and ids, as callers write them into
 * filters, or says exactly what is wrong with them.
 *
 * The input is not trusted: any value may arrive, of any depth, with any key. Depth is checked before descending, so
 * recursion never goes below `limits.filterDepthMax`; only own keys are read. What is accepted, and what it means, is
 * what Chroma's server accepts, with two exceptions: integers and floats may be mixed in one list, since both are
 * numbers here, and a key that starts with "$" is refused, since no metadata key can start so and it is always a
 * misspelt operator.
 */

import { wellFormed } from "../base/well-formed.js";
import { show, TidepoolError } from "../errors.js";
import { limits } from "../limits.js";
import type { Scalar } from "../types.js";
import type {
  Condition,
  DocumentCondition,
  DocumentFilter,
  FilterTree,
  MetadataFilter,
  Pattern,
  RecordCondition,
  RecordFilter,
} from "./filter.js";
import { compileRegex } from "./regex/compile.js";

const METADATA_OPERATORS = "$eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $contains, $not_contains";
const TEXT_OPERATORS = "$contains, $not_contains, $regex, $not_regex";
const DOCUMENT_OPERATORS = `${TEXT_OPERATORS}, $and, $or`;
const ID_OPERATORS = "$eq, $ne, $in, $nin";

/** Parses a filter on metadata; `null` and `undefined` mean "no filter". */
export function parseWhere(where: unknown): MetadataFilter | null {
  return parse(where, METADATA);
}

/** Parses a filter on documents; `null` and `undefined` mean "no filter". */
export function parseWhereDocument(whereDocument: unknown): DocumentFilter | null {
  return parse(whereDocument, DOCUMENT);
}

/** Parses the filter of a search, whose keys `#id` and `#document` are no metadata; `null`, `undefined` and `{}` mean "no filter". */
export function parseSearchFilter(filter: unknown, argument: string): RecordFilter | null {
  if (typeof filter === "object" && filter !== null && !Array.isArray(filter) && Object.keys(filter).length === 0) return null;
  return parse<RecordCondition>(filter, { ...METADATA, argument, leaf: parseRecordLeaf });
}

/** How the languages differ: the argument's name, and what stands at the leaves. */
interface Language<C> {
  argument: string;
  fault: string;
  example: string;
  leaf(key: string, operand: unknown, path: string): FilterTree<C>;
}

const METADATA: Language<Condition> = {
  argument: "where",
  fault: "Invalid where clause",
  example: "a metadata key with a value or { operator: operand }, $and or $or",
  leaf: parseMetadataLeaf,
};

const DOCUMENT: Language<DocumentCondition> = {
  argument: "whereDocument",
  fault: "Invalid where document clause",
  example: `one of ${DOCUMENT_OPERATORS}`,
  leaf: parseDocumentLeaf,
};

function parse<C>(input: unknown, language: Language<C>): FilterTree<C> | null {
  if (input === undefined || input === null) return null;
  const budget = { clauses: 0 };
  return parseClause(input, language.argument, 0, language, budget);
}

function parseClause<C>(clause: unknown, path: string, depth: number, language: Language<C>, budget: { clauses: number }): FilterTree<C> {
  if (depth > limits.filterDepthMax) throw tooLarge(`${language.argument} nests $and and $or deeper`, "filterDepthMax");
  if (++budget.clauses > limits.filterClausesMax) throw tooLarge(`${language.argument} has more clauses`, "filterClausesMax");
  const [key, operand] = onlyEntry(clause, path, language.fault, language.example);
  const inner = path + step(key);
  if (key !== "$and" && key !== "$or") return language.leaf(key, operand, inner);
  if (!Array.isArray(operand)) throw invalid(language.fault, inner, operand, "a list of clauses");
  return {
    kind: key === "$and" ? "and" : "or",
    // Array.from visits holes too, so that a sparse list is refused like any other list with nothing in it.
    filters: Array.from(operand as unknown[], (child, i) => parseClause(child, `${inner}[${i}]`, depth + 1, language, budget)),
  };
}

function parseMetadataLeaf(key: string, operand: unknown, path: string): MetadataFilter {
  if (key.startsWith("$")) {
    throw unknownKey(METADATA.fault, path, `neither an operator here nor a metadata key; expected ${METADATA.example}`);
  }
  if (typeof operand !== "object" || operand === null || Array.isArray(operand)) {
    return condition({ key: wellFormed(key), operator: "eq", value: scalar(operand, path, "or { operator: operand }") });
  }
  const allowed = `one of ${METADATA_OPERATORS}`;
  const [operator, value] = onlyEntry(operand, path, METADATA.fault, allowed);
  return parseOperator(wellFormed(key), operator, value, path + step(operator));
}

function parseOperator(key: string, operator: string, operand: unknown, path: string): MetadataFilter {
  switch (operator) {
    case "$eq":
    case "$ne":
      return condition({ key, operator: "eq", value: scalar(operand, path) }, operator === "$ne");
    case "$in":
    case "$nin":
      return condition({ key, operator: "in", values: new Set(scalars(operand, path)) }, operator === "$nin");
    case "$contains":
    case "$not_contains":
      return condition({ key, operator: "contains", value: scalar(operand, path) }, operator === "$not_contains");
    case "$gt":
      return condition({ key, operator: "gt", value: finite(operand, path) });
    case "$gte":
      return condition({ key, operator: "gte", value: finite(operand, path) });
    case "$lt":
      return condition({ key, operator: "lt", value: finite(operand, path) });
    case "$lte":
      return condition({ key, operator: "lte", value: finite(operand, path) });
    default:
      throw unknownKey(METADATA.fault, path, `not an operator on metadata; expected one of ${METADATA_OPERATORS}`);
  }
}

function parseRecordLeaf(key: string, operand: unknown, path: string): RecordFilter {
  if (key === "#id") return parseIdLeaf(operand, path);
  if (key === "#document") {
    const [operator, value] = onlyEntry(operand, path, METADATA.fault, `one of ${TEXT_OPERATORS}`);
    if (TEXT_OPERATORS.split(", ").includes(operator)) return parseDocumentLeaf(operator, value, path + step(operator));
    throw unknownKey(METADATA.fault, path + step(operator), `not an operator on documents; expected one of ${TEXT_OPERATORS}`);
  }
  if (!key.startsWith("#")) return parseMetadataLeaf(key, operand, path);
  throw unknownKey(METADATA.fault, path, "not something to filter on; expected a metadata key, #id or #document");
}

function parseIdLeaf(operand: unknown, path: string): RecordFilter {
  const [operator, value] =
    typeof operand === "string" ? ["$eq", operand] : onlyEntry(operand, path, METADATA.fault, `one of ${ID_OPERATORS}`);
  const inner = path + step(operator);
  switch (operator) {
    case "$eq":
    case "$ne":
      return condition({ operator: "id", ids: new Set([id(value, inner)]) }, operator === "$ne");
    case "$in":
    case "$nin":
      if (!Array.isArray(value) || value.length === 0) throw invalid(METADATA.fault, inner, value, "a list of at least one id");
      return condition({ operator: "id", ids: new Set(Array.from(value, (one, i) => id(one, `${inner}[${i}]`))) }, operator === "$nin");
    default:
      throw unknownKey(METADATA.fault, inner, `not an operator on ids; expected one of ${ID_OPERATORS}`);
  }
}

function parseDocumentLeaf(operator: string, operand: unknown, path: string): DocumentFilter {
  switch (operator) {
    case "$contains":
    case "$not_contains":
      return condition({ operator: "contains", text: text(operand, path) }, operator === "$not_contains");
    case "$regex":
    case "$not_regex":
      return condition({ operator: "regex", pattern: regex(operand, path) }, operator === "$not_regex");
    default:
      throw unknownKey(DOCUMENT.fault, path, `not an operator on documents; expected ${DOCUMENT.example}`);
  }
}

function condition<C>(positive: C, negated = false): FilterTree<C> {
  return { kind: "condition", condition: positive, negated };
}

/** The single key of an object and what stands under it. */
function onlyEntry(value: unknown, path: string, fault: string, allowed: string): [key: string, operand: unknown] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(fault, path, value, `an object with exactly one key: ${allowed}`);
  }
  const keys = Object.keys(value);
  if (keys.length !== 1) {
    const hint = keys.length > 1 ? "; join several conditions with $and" : "";
    throw invalid(fault, path, value, `exactly one key (${allowed}), not ${keys.length}${hint}`);
  }
  return [keys[0]!, (value as Record<string, unknown>)[keys[0]!]];
}

function scalar(value: unknown, path: string, alternative = ""): Scalar {
  if (typeof value === "string") return wellFormed(value);
  if (typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw invalid(METADATA.fault, path, value, `a string, a finite number or a boolean ${alternative}`.trimEnd());
}

function scalars(value: unknown, path: string): Scalar[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw invalid(METADATA.fault, path, value, "a list of at least one string, number or boolean");
  }
  const list = Array.from(value as unknown[], (element, i) => scalar(element, `${path}[${i}]`));
  const odd = list.findIndex((element) => typeof element !== typeof list[0]);
  if (odd > 0) {
    throw invalid(METADATA.fault, `${path}[${odd}]`, list[odd], `a ${typeof list[0]} like the elements before it`);
  }
  return list;
}

function finite(value: unknown, path: string): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw invalid(METADATA.fault, path, value, "a finite number");
}

function id(value: unknown, path: string): string {
  if (typeof value === "string") return value;
  throw invalid(METADATA.fault, path, value, "a string");
}

function text(value: unknown, path: string): string {
  if (typeof value === "string") return wellFormed(value);
  throw invalid(DOCUMENT.fault, path, value, "a string");
}

function regex(value: unknown, path: string): Pattern {
  const pattern = text(value, path);
  try {
    return compileRegex(pattern);
  } catch (cause) {
    if (!(cause instanceof TidepoolError)) throw cause;
    const message = `${DOCUMENT.fault}: ${path} is ${show(pattern)}: ${cause.message}`;
    throw new TidepoolError(cause.code, message, { details: { path, ...cause.details } });
  }
}

function invalid(fault: string, path: string, value: unknown, allowed: string): TidepoolError {
  const message = `${fault}: ${path} is ${show(value)}; expected ${allowed}`;
  return new TidepoolError("INVALID_ARGUMENT", message, { details: { path } });
}

function unknownKey(fault: string, path: string, what: string): TidepoolError {
  return new TidepoolError("INVALID_ARGUMENT", `${fault}: ${path} is ${what}`, { details: { path } });
}

function tooLarge(what: string, limit: "filterDepthMax" | "filterClausesMax"): TidepoolError {
  const message = `${what} than the limit of ${limits[limit]} (${limit})`;
  return new TidepoolError("LIMIT_EXCEEDED", message, { details: { limit, allowed: limits[limit] } });
}

/** One step of a path: `.key`, or `["odd key"]` where a dot would mislead. */
function step(key: string): string {
  return /^[\p{L}_$#][\p{L}\p{N}_$-]{0,63}$/u.test(key) ? `.${key}` : `[${show(key)}]`;
}
