/**
 * Turns `where`, `whereDocument` and the filter of a search, which may mix both and ids, as callers write them into
 * filters, or says exactly what is wrong with them.
 *
 * The input is not trusted: any value may arrive, of any depth, with any key. Depth is checked before descending, so
 * recursion never goes below `limits.filterDepthMax`; only own keys are read. What is accepted, and what it means, is
 * what Chroma's server accepts, with three exceptions: integers and floats may be mixed in one list, since both are
 * numbers here; a key that starts with "$" is refused, since no metadata key can start so and it is always a
 * misspelt operator; and texts have an order and beginnings, unless it is to be as Chroma's (`asChroma`).
 */

import { wellFormed } from "../base/well-formed.js";
import { beyondLimit, type ErrorCode, show, TidepoolError } from "../errors.js";
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
import { type CompilePattern, patternCompiler } from "./patterns.js";

const METADATA_OPERATORS = "$eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $contains, $not_contains";
const TEXT_OPERATORS = "$contains, $not_contains, $regex, $not_regex";
const DOCUMENT_OPERATORS = `${TEXT_OPERATORS}, $and, $or`;
const ID_OPERATORS = "$eq, $ne, $in, $nin";

/** Parses a filter on metadata; `null` and `undefined` mean "no filter". */
export function parseWhere(where: unknown, asChroma = false): MetadataFilter | null {
  return parse(where, { ...METADATA, leaf: (key, operand, path) => parseMetadataLeaf(key, operand, path, asChroma) });
}

/** Parses a filter on documents; `null` and `undefined` mean "no filter". */
export function parseWhereDocument(whereDocument: unknown): DocumentFilter | null {
  return parse(whereDocument, DOCUMENT);
}

/** Parses the filter of a search, whose keys `#id` and `#document` are no metadata; `null`, `undefined` and `{}` mean "no filter". */
export function parseSearchFilter(filter: unknown, argument: string, asChroma = false): RecordFilter | null {
  if (typeof filter === "object" && filter !== null && !Array.isArray(filter) && Object.keys(filter).length === 0) return null;
  return parse<RecordCondition>(filter, {
    ...METADATA,
    argument,
    leaf: (key, operand, path, compile) => parseRecordLeaf(key, operand, path, compile, asChroma),
  });
}

/** What kind of clause is wrong. Errors say so in their details, beside the path to the fault. */
export type ClauseKind = "where" | "whereDocument";

/** How the languages differ: the argument's name, and what stands at the leaves. */
interface Language<C> {
  argument: string;
  kind: ClauseKind;
  example: string;
  leaf(key: string, operand: unknown, path: string, compile: CompilePattern): FilterTree<C>;
}

const METADATA: Language<Condition> = {
  argument: "where",
  kind: "where",
  example: "a metadata key with a value or { operator: operand }, $and or $or",
  leaf: (key, operand, path) => parseMetadataLeaf(key, operand, path),
};

const DOCUMENT: Language<DocumentCondition> = {
  argument: "whereDocument",
  kind: "whereDocument",
  example: `one of ${DOCUMENT_OPERATORS}`,
  leaf: parseDocumentLeaf,
};

/** What a whole filter may have. */
interface Budget {
  clauses: number;
  compile: CompilePattern;
}

function parse<C>(input: unknown, language: Language<C>): FilterTree<C> | null {
  if (input === undefined || input === null) return null;
  const budget = { clauses: 0, compile: patternCompiler() };
  return parseClause(input, language.argument, 0, language, budget);
}

function parseClause<C>(clause: unknown, path: string, depth: number, language: Language<C>, budget: Budget): FilterTree<C> {
  if (depth > limits.filterDepthMax)
    throw beyondLimit(`${language.argument} nests $and and $or deeper`, "filterDepthMax", limits.filterDepthMax);
  if (++budget.clauses > limits.filterClausesMax)
    throw beyondLimit(`${language.argument} has more clauses`, "filterClausesMax", limits.filterClausesMax);
  const [key, operand] = onlyEntry(clause, path, language.kind, language.example);
  const inner = path + step(key);
  if (key !== "$and" && key !== "$or") return language.leaf(key, operand, inner, budget.compile);
  if (!Array.isArray(operand)) throw invalid(language.kind, inner, operand, "a list of clauses");
  return {
    kind: key === "$and" ? "and" : "or",
    // Array.from visits holes too, so that a sparse list is refused like any other list with nothing in it.
    filters: Array.from(operand as unknown[], (child, i) => parseClause(child, `${inner}[${i}]`, depth + 1, language, budget)),
  };
}

/** `asChroma`: texts have no order and no beginnings, as for Chroma's server. */
function parseMetadataLeaf(key: string, operand: unknown, path: string, asChroma = false): MetadataFilter {
  if (key.startsWith("$") || wellFormed(key) !== key) {
    throw faulty(METADATA.kind, path, `neither an operator here nor a metadata key; expected ${METADATA.example}`);
  }
  if (typeof operand !== "object" || operand === null || Array.isArray(operand)) {
    return condition({ key, operator: "eq", value: scalar(operand, path, "or { operator: operand }") });
  }
  const allowed = asChroma ? METADATA_OPERATORS : `${METADATA_OPERATORS}, $startsWith`;
  const [operator, value] = onlyEntry(operand, path, METADATA.kind, `one of ${allowed}`);
  const place = path + step(operator);
  const parsed = RANGES[operator]
    ? parseRange(key, RANGES[operator], value, place, asChroma)
    : parseOperator(key, operator, value, place, asChroma);
  if (parsed !== null) return parsed;
  throw faulty(METADATA.kind, place, `not an operator on metadata; expected one of ${allowed}`);
}

const RANGES: { readonly [operator: string]: "gt" | "gte" | "lt" | "lte" | undefined } = Object.assign(Object.create(null), {
  $gt: "gt",
  $gte: "gte",
  $lt: "lt",
  $lte: "lte",
});

function parseRange(key: string, operator: "gt" | "gte" | "lt" | "lte", operand: unknown, path: string, asChroma: boolean): MetadataFilter {
  if (typeof operand === "string" && !asChroma) return condition({ key, operator, value: wellFormed(operand) });
  if (typeof operand === "number" && Number.isFinite(operand)) return condition({ key, operator, value: operand });
  throw invalid(METADATA.kind, path, operand, asChroma ? "a finite number" : "a finite number or a string");
}

/** `null`: there is no such operator. */
function parseOperator(key: string, operator: string, operand: unknown, path: string, asChroma: boolean): MetadataFilter | null {
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
    case "$startsWith":
      if (asChroma) return null;
      if (typeof operand !== "string") throw invalid(METADATA.kind, path, operand, "a string");
      return condition({ key, operator: "prefix", value: wellFormed(operand) });
    default:
      return null;
  }
}

function parseRecordLeaf(key: string, operand: unknown, path: string, compile: CompilePattern, asChroma: boolean): RecordFilter {
  if (key === "#id") return parseIdLeaf(operand, path);
  if (key === "#document") {
    const [operator, value] = onlyEntry(operand, path, METADATA.kind, `one of ${TEXT_OPERATORS}`);
    if (TEXT_OPERATORS.split(", ").includes(operator)) return parseDocumentLeaf(operator, value, path + step(operator), compile);
    throw faulty(METADATA.kind, path + step(operator), `not an operator on documents; expected one of ${TEXT_OPERATORS}`);
  }
  if (!key.startsWith("#")) return parseMetadataLeaf(key, operand, path, asChroma);
  throw faulty(METADATA.kind, path, "not something to filter on; expected a metadata key, #id or #document");
}

function parseIdLeaf(operand: unknown, path: string): RecordFilter {
  const [operator, value] =
    typeof operand === "string" ? ["$eq", operand] : onlyEntry(operand, path, METADATA.kind, `one of ${ID_OPERATORS}`);
  const inner = path + step(operator);
  switch (operator) {
    case "$eq":
    case "$ne":
      return condition({ operator: "id", ids: new Set([id(value, inner)]) }, operator === "$ne");
    case "$in":
    case "$nin":
      if (!Array.isArray(value) || value.length === 0) throw invalid(METADATA.kind, inner, value, "a list of at least one id");
      assertFew(value, inner);
      return condition({ operator: "id", ids: new Set(Array.from(value, (one, i) => id(one, `${inner}[${i}]`))) }, operator === "$nin");
    default:
      throw faulty(METADATA.kind, inner, `not an operator on ids; expected one of ${ID_OPERATORS}`);
  }
}

function parseDocumentLeaf(operator: string, operand: unknown, path: string, compile: CompilePattern): DocumentFilter {
  switch (operator) {
    case "$contains":
    case "$not_contains":
      return condition({ operator: "contains", text: text(operand, path) }, operator === "$not_contains");
    case "$regex":
    case "$not_regex":
      return condition({ operator: "regex", pattern: regex(operand, path, compile) }, operator === "$not_regex");
    default:
      throw faulty(DOCUMENT.kind, path, `not an operator on documents; expected ${DOCUMENT.example}`);
  }
}

function condition<C>(positive: C, negated = false): FilterTree<C> {
  return { kind: "condition", condition: positive, negated };
}

/** The single key of an object and what stands under it. */
function onlyEntry(value: unknown, path: string, kind: ClauseKind, allowed: string): [key: string, operand: unknown] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(kind, path, value, `an object with exactly one key: ${allowed}`);
  }
  const keys = Object.keys(value);
  if (keys.length !== 1) {
    const hint = keys.length > 1 ? "; join several conditions with $and" : "";
    throw invalid(kind, path, value, `exactly one key (${allowed}), not ${keys.length}${hint}`);
  }
  return [keys[0]!, (value as Record<string, unknown>)[keys[0]!]];
}

function scalar(value: unknown, path: string, alternative = ""): Scalar {
  if (typeof value === "string") return wellFormed(value);
  if (typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw invalid(METADATA.kind, path, value, `a string, a finite number or a boolean ${alternative}`.trimEnd());
}

function scalars(value: unknown, path: string): Scalar[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw invalid(METADATA.kind, path, value, "a list of at least one string, number or boolean");
  }
  assertFew(value, path);
  const list = Array.from(value as unknown[], (element, i) => scalar(element, `${path}[${i}]`));
  const odd = list.findIndex((element) => typeof element !== typeof list[0]);
  if (odd > 0) {
    throw invalid(METADATA.kind, `${path}[${odd}]`, list[odd], `a ${typeof list[0]} like the elements before it`);
  }
  return list;
}

function id(value: unknown, path: string): string {
  if (typeof value === "string") return value;
  throw invalid(METADATA.kind, path, value, "a string");
}

function text(value: unknown, path: string): string {
  if (typeof value === "string") return wellFormed(value);
  throw invalid(DOCUMENT.kind, path, value, "a string");
}

function regex(value: unknown, path: string, compile: CompilePattern): Pattern {
  const pattern = text(value, path);
  try {
    return compile(pattern);
  } catch (cause) {
    if (!(cause instanceof TidepoolError)) throw cause;
    throw faulty(DOCUMENT.kind, path, `${show(pattern)}: ${cause.message}`, { ...cause.details, pattern }, cause.code);
  }
}

function invalid(kind: ClauseKind, path: string, value: unknown, allowed: string): TidepoolError {
  return faulty(kind, path, `${show(value)}; expected ${allowed}`);
}

const CLAUSES: Readonly<Record<ClauseKind, string>> = { where: "where clause", whereDocument: "where document clause" };

/** `details` say to programs what the message says to people. */
function faulty(
  clause: ClauseKind,
  path: string,
  is: string,
  details: Readonly<Record<string, unknown>> = {},
  code: ErrorCode = "INVALID_ARGUMENT",
): TidepoolError {
  return new TidepoolError(code, `Invalid ${CLAUSES[clause]}: ${path} is ${is}`, { details: { ...details, clause, path } });
}

function assertFew(values: readonly unknown[], path: string): void {
  if (values.length > limits.filterValuesMax)
    throw beyondLimit(`${path} has ${values.length} values, more`, "filterValuesMax", limits.filterValuesMax);
}

/** One step of a path: `.key`, or `["odd key"]` where a dot would mislead. */
function step(key: string): string {
  return /^[\p{L}_$#][\p{L}\p{N}_$-]{0,63}$/u.test(key) ? `.${key}` : `[${show(key)}]`;
}
