/**
 * Embeddings whose numbers have a field each, as tables have them: "embedding_0", "embedding_1" and so on, from 0 or from 1, without a gap.
 * Such a name is written with a star for the number, "embedding_*".
 */
import { invalidArgument, show } from "../../core/errors.js";
import type { Fields } from "./source-row.js";

/** Names of fields that are embeddings where nothing else is said, the first one that is there. */
export const EMBEDDING_NAMES = ["embedding", "vector", "values", "emb", "embeddings"];

const GUESSES = EMBEDDING_NAMES.flatMap((name) => ["_*", ".*", "*", "[*]"].map((end) => name + end));
/** The first two fields of each: one alone may be something else. */
const BEGINNINGS = GUESSES.flatMap((name) =>
  [0, 1].map((first) => ({ name, first: nameOf(name, first), second: nameOf(name, first + 1) })),
);

export interface NumberedFields {
  /** The name with a star. */
  readonly name: string;
  /** The numbers of a row, whose fields are taken out of it; `undefined` where it has none of them. */
  take(left: Fields): unknown;
}

/** Those of a row that have such a name. */
export function numberedAmong(row: Fields): NumberedFields | null {
  const found = BEGINNINGS.find(({ first, second }) => Object.hasOwn(row, first) && Object.hasOwn(row, second));
  return found === undefined ? null : numberedBy(found.name);
}

/** Those with this name; `null` where it has no star. */
export function numberedBy(name: string): NumberedFields | null {
  if (!name.includes("*")) return null;
  let names: readonly string[] | null = null;
  const take = (left: Fields): unknown => {
    names ??= namesIn(left, name);
    const values = names?.map((one) => taken(left, one)) ?? [];
    return values.some((value) => value != null) ? values.map((value, i) => numberOf(value, names![i]!)) : undefined;
  };
  return { name, take };
}

/** Of the first row that has any of them; they are those of all rows. */
function namesIn(row: Fields, name: string): string[] | null {
  const first = [0, 1].find((number) => Object.hasOwn(row, nameOf(name, number)));
  if (first === undefined) return null;
  const names: string[] = [];
  for (let i = first; Object.hasOwn(row, nameOf(name, i)); i++) names.push(nameOf(name, i));
  const stray = Object.keys(row).find((key) => isNumbered(key, name) && !names.includes(key));
  if (stray !== undefined) {
    throw invalidArgument(`the row has the field ${show(stray)}, and none that is ${show(nameOf(name, first + names.length))}`);
  }
  return names;
}

function isNumbered(key: string, name: string): boolean {
  const [before, after] = name.split("*") as [string, string];
  return key.startsWith(before) && key.endsWith(after) && /^\d+$/.test(key.slice(before.length, key.length - after.length));
}

function nameOf(name: string, number: number): string {
  return name.replace("*", String(number));
}

function taken(left: Fields, name: string): unknown {
  const value = left[name];
  delete left[name];
  return value;
}

/** Tables as text have texts. */
function numberOf(value: unknown, name: string): unknown {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number === "number" && !Number.isNaN(number)) return number;
  throw invalidArgument(`${show(name)} must be a number, got ${show(value ?? null)}`);
}
