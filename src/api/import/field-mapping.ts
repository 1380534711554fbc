/**
 * Which field of a row is what of a record. What the caller does not say is told by names, by the first row that has one of them, and holds
 * for all rows after it. Values are left as they are, but for those that formats without types or lists write as text.
 */
import { invalidArgument, show } from "../../core/errors.js";
import { validateObject } from "../../core/gateway/validate/values.js";
import { limits } from "../../core/limits.js";
import { readObject } from "../read-arguments.js";
import type { ImportMapping } from "./import-arguments.js";
import { EMBEDDING_NAMES, type NumberedFields, numberedAmong, numberedBy } from "./numbered-fields.js";
import type { Fields } from "./source-row.js";
import { plain } from "./table-rows.js";

type Role = keyof ImportMapping;

/** A record as a row has it, not checked yet. */
export interface RowRecord {
  id: unknown;
  embedding: unknown;
  document: unknown;
  uri: unknown;
  metadata: Fields | null;
}

const GUESSES: Record<Role, readonly string[]> = {
  id: ["id", "_id", "ids"],
  embedding: EMBEDDING_NAMES,
  document: ["document", "text_chunk", "text", "content", "pageContent", "page_content", "documents"],
  uri: ["uri", "uris"],
  metadata: ["metadata", "payload"],
};
const ROLES = Object.keys(GUESSES) as Role[];

/** The own copy of a mapping, checked. */
export function readMapping(mapping: ImportMapping): ImportMapping {
  const given = readObject(mapping, "import's mapping", ROLES.join(" "));
  for (const role of ROLES) validateField(given[role], role);
  return { ...given, ...(isList(given.metadata) && { metadata: [...given.metadata] }) };
}

function validateField(name: unknown, role: Role): void {
  if (name === undefined || name === null || isName(name) || (role === "metadata" && areNames(name))) return;
  const list = role === "metadata" ? `, a list of at most ${limits.metadataKeysMax} of them` : "";
  throw invalidArgument(`mapping.${role} must be the name of a field${list} or null, got ${show(name)}`);
}

function isName(name: unknown): boolean {
  return typeof name === "string" && name !== "";
}

function areNames(names: unknown): boolean {
  return isList(names) && names.length <= limits.metadataKeysMax && names.every(isName);
}

function isList(value: unknown): value is readonly string[] {
  return Array.isArray(value);
}

export class FieldMapping {
  readonly #names: ImportMapping;
  /** Whether fields that nothing else takes are keys of the metadata. */
  readonly #takesRest: boolean;
  /** Where each number of the embedding has a field of its own. */
  #numbered: NumberedFields | null;

  constructor(mapping: ImportMapping) {
    this.#names = mapping;
    this.#takesRest = mapping.metadata === undefined;
    this.#numbered = typeof mapping.embedding === "string" ? numberedBy(mapping.embedding) : null;
  }

  /** What was taken for what so far. */
  get told(): Required<ImportMapping> {
    const { id = null, embedding = null, document = null, uri = null, metadata = null } = this.#names;
    return { id, embedding, document, uri, metadata };
  }

  /** Whether a field can be of use, as it can unless the caller says what metadata there is. */
  wants(name: string): boolean {
    return this.#takesRest || ROLES.some((role) => namesOf(this.#names[role], role).some((one) => begins(one, name)));
  }

  /** The record that a row is. Throws where its fields contradict each other. */
  read(fields: Fields, row: number, isText = false): RowRecord {
    const left = { ...fields };
    const id = this.#names.id === null ? String(row) : this.#take("id", left);
    const embedding = this.#embedding(left);
    const [document, uri] = (["document", "uri"] as const).map((role) => this.#take(role, left));
    return { id: textOfNumber(id), embedding, document, uri, metadata: this.#metadata(left, isText) };
  }

  #embedding(left: Fields): unknown {
    const value = this.#take("embedding", left);
    if (this.#names.embedding === undefined) this.#numbered = numberedAmong(left);
    if (value !== undefined || this.#numbered === null) return readVector(value);
    this.#names.embedding = this.#numbered.name;
    return this.#numbered.take(left);
  }

  #take(role: Role, left: Fields): unknown {
    const name = (this.#names[role] ??= this.#guess(role, left)) as string | null | undefined;
    if (name === null) for (const one of GUESSES[role]) delete left[one];
    return name == null ? undefined : take(left, name);
  }

  #guess(role: Role, left: Fields): string | null | undefined {
    return this.#names[role] === null ? null : GUESSES[role].find((name) => Object.hasOwn(left, name));
  }

  #metadata(left: Fields, isText: boolean): Fields | null {
    const { metadata } = this.#names;
    if (metadata === null && !this.#takesRest) return null;
    if (isList(metadata)) return withValues(metadata.map((name) => [name, typed(take(left, name), isText)]));
    const nested = readNested(this.#take("metadata", left));
    if (!this.#takesRest) return withValues(Object.entries(nested));
    const rest = Object.entries(left).flatMap(([key, value]) => (value == null ? [] : [[key, typed(value, isText)] as const]));
    const twice = rest.find(([key]) => nested[key] != null && Object.hasOwn(nested, key));
    if (twice !== undefined) throw invalidArgument(`the row has ${show(twice[0])} beside its metadata, which has such a key, too`);
    return withValues([...Object.entries(nested), ...rest]);
  }
}

function namesOf(names: string | readonly string[] | null | undefined, role: Role): readonly string[] {
  return names === undefined ? GUESSES[role] : names === null ? [] : isList(names) ? names : [names];
}

/** Whether a name, or a way that goes into objects, or one with a star for a number, begins with the field. */
function begins(name: string, field: string): boolean {
  return name === field || name.startsWith(`${field}.`) || (name.includes("*") && field.startsWith(name.slice(0, name.indexOf("*"))));
}

/** The value of a field, which is taken out of the row; by a way of several names out of objects in it, which are copied. */
function take(left: Fields, name: string): unknown {
  if (Object.hasOwn(left, name)) {
    const value = left[name];
    delete left[name];
    return value;
  }
  const dot = name.indexOf(".");
  const inner = dot < 0 ? undefined : left[name.slice(0, dot)];
  if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return undefined;
  const copy = { ...(inner as Fields) };
  const value = take(copy, name.slice(dot + 1));
  if (Object.keys(copy).length > 0) left[name.slice(0, dot)] = copy;
  else delete left[name.slice(0, dot)];
  return value;
}

/** Qdrant's ids may be numbers. Those that a number of JavaScript cannot hold have been changed by reading them. */
function textOfNumber(id: unknown): unknown {
  if (typeof id === "bigint") return String(id);
  if (typeof id !== "number") return id;
  if (Number.isSafeInteger(id)) return String(id);
  throw invalidArgument(`the id ${id} is a number that cannot be an id: give it as a text`);
}

/** An embedding may be written as text, "[0.5, 1]", and is an object where somebody wrote a Float32Array by `JSON.stringify`. */
function readVector(value: unknown): unknown {
  if (typeof value === "string" && value.trim().startsWith("[")) return parseText(value, "the embedding");
  if (typeof value !== "object" || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) return value;
  const keys = Object.keys(value);
  return keys.length > 0 && keys.every((key, i) => key === String(i)) ? Object.values(value) : value;
}

/** Where a format has texts only, those that JSON writes as numbers, and true and false; but no number that would lose digits. */
function typed(value: unknown, isText: boolean): unknown {
  if (!isText || typeof value !== "string") return value;
  if (/^(true|false)$/i.test(value)) return value.toLowerCase() === "true";
  return /^-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?$/i.test(value) && keepsDigits(value) ? Number(value) : value;
}

/** 15 digits are safe in every number of JavaScript. */
function keepsDigits(text: string): boolean {
  const digits = text.replace(/e.*$/i, "").replace(/^-?[0.]*|\./g, "");
  return Number.isFinite(Number(text)) && (digits.length <= 15 || Number.isSafeInteger(Number(text)));
}

/** Metadata may be written as JSON text, as in Pinecone's tables. */
function readNested(value: unknown): Fields {
  const read = typeof value === "string" ? parseText(value, "the metadata") : (value ?? {});
  validateObject(read, "metadata");
  return read as Fields;
}

function parseText(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalidArgument(`${what} is text that is not JSON: ${(error as Error).message}`);
  }
}

/** Without keys that say nothing; `null` where there are no others. */
export function withValues(entries: readonly (readonly [string, unknown])[]): Fields | null {
  const said = entries.filter(([, value]) => value != null).map(([key, value]) => [key, withoutMark(value)] as const);
  return said.length === 0 ? null : Object.fromEntries(said);
}

/** Chroma marks sparse vectors by a key. Lists of numbers may be typed. */
function withoutMark(given: unknown): unknown {
  const value = plain(given);
  if (typeof value !== "object" || value === null || (value as Fields)["#type"] !== "sparse_vector") return value;
  const { indices, values } = value as Fields;
  return { indices, values };
}
