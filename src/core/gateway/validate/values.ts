/**
 * What the single values of a request may look like: names, numbers, texts, lists of fields. Every check throws a `TidepoolError`
 * that names the argument and the value, and says what is allowed. Page and gateway run the same checks.
 */
import { invalidArgument, show } from "../../errors.js";
import { limits } from "../../limits.js";
import type { IncludeField } from "../../types.js";

/** The fields that a read may return beside the ids. */
export const INCLUDE_FIELDS: readonly IncludeField[] = ["distances", "documents", "embeddings", "metadatas", "uris"];

/** Throws unless the value is an array. */
export function validateArray(value: unknown, argument: string): asserts value is unknown[] {
  if (!Array.isArray(value)) throw invalidArgument(`Expected '${argument}' to be an array, but got ${show(value)}`);
}

/** Throws unless the value is a plain-looking object: not null, not an array. */
export function validateObject(value: unknown, argument: string): asserts value is object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalidArgument(`Expected '${argument}' to be an object, but got ${show(value)}`);
  }
}

/** nResults, limit, offset: 0, 1, 2, … */
export function validateCount(value: unknown, argument: string): asserts value is number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return;
  throw invalidArgument(`Expected '${argument}' to be a non-negative integer, but got ${show(value)}`);
}

/** A whole number from `min` on. */
export function validateAtLeast(value: unknown, min: number, argument: string): asserts value is number {
  if (Number.isSafeInteger(value) && (value as number) >= min) return;
  throw invalidArgument(`${argument} must be a whole number of at least ${min}, got ${show(value)}`);
}

/** Something that is called when there is something to tell or to ask. */
export function validateFunction(value: unknown, argument: string): asserts value is (...args: never[]) => unknown {
  if (typeof value !== "function") throw invalidArgument(`${argument} must be a function, got ${show(value)}`);
}

/** Any text but the empty one. */
export function validateText(value: unknown, argument: string): asserts value is string {
  if (typeof value === "string" && value !== "") return;
  throw invalidArgument(`${argument} must be a non-empty string, got ${show(value)}`);
}

/** The names by which requests say what they are about: texts, where they are given. */
export function validateNames(request: object): void {
  for (const name of ["tenant", "database", "name", "collectionId"]) {
    const value: unknown = (request as Record<string, unknown>)[name];
    if (value !== undefined && typeof value !== "string")
      throw invalidArgument(`Expected '${name}' to be a string, but got ${show(value)}`);
  }
}

/** Collection and database names: 3–512 of [a-zA-Z0-9._-], alphanumeric ends, no "..", not an IPv4 address. */
export function validateName(name: unknown, argument = "name"): asserts name is string {
  if (typeof name !== "string") throw invalidArgument(`Expected '${argument}' to be a string, but got ${show(name)}`);
  if (name.length < limits.nameLengthMin || name.length > limits.nameLengthMax || !/^[a-zA-Z0-9][a-zA-Z0-9._-]*[a-zA-Z0-9]$/.test(name)) {
    throw invalidArgument(
      `${argument}: Expected a name containing ${limits.nameLengthMin}-${limits.nameLengthMax} characters from [a-zA-Z0-9._-], ` +
        `starting and ending with a character in [a-zA-Z0-9]. Got: ${show(name)}`,
    );
  }
  if (name.includes("..")) {
    throw invalidArgument(`${argument}: Expected a name that does not contain two consecutive periods (..). Got ${show(name)}`);
  }
  if (isIpv4(name)) throw invalidArgument(`${argument}: Expected a name that is not a valid ip address. Got ${show(name)}`);
}

function isIpv4(name: string): boolean {
  const parts = name.split(".");
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

const READ_LEVELS: readonly unknown[] = ["index_and_wal", "index_only", "index_and_bounded_wal"];

/** How much a read sees, in Chroma's words. */
export function validateReadLevel(readLevel: unknown): void {
  if (!READ_LEVELS.includes(readLevel)) throw invalidArgument(`readLevel must be one of ${READ_LEVELS.join(", ")}, got ${show(readLevel)}`);
}

/** Spelling tolerance as a share of a word's length, 0–1; `true` is 0.2, `false` is 0. */
export function readFuzzy(fuzzy: unknown, argument = "fuzzy"): number {
  if (typeof fuzzy === "boolean") return fuzzy ? 0.2 : 0;
  if (typeof fuzzy === "number" && fuzzy >= 0 && fuzzy <= 1) return fuzzy;
  throw invalidArgument(`${argument} must be true, false or a number of 0 … 1, got ${show(fuzzy)}`);
}

/** Fields of a read; `exclude` names one that this read cannot give. */
export function validateInclude(include: unknown, exclude?: IncludeField): asserts include is IncludeField[] {
  validateArray(include, "include");
  for (let i = 0; i < include.length; i++) {
    const field = include[i];
    if (!INCLUDE_FIELDS.includes(field as IncludeField)) {
      throw invalidArgument(`Expected 'include' items to be one of ${INCLUDE_FIELDS.join(", ")}, but include[${i}] is ${show(field)}`);
    }
    if (field === exclude) throw invalidArgument(`${exclude} is not allowed for this operation (include[${i}])`);
  }
}
