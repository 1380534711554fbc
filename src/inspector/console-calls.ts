/** The calls that the console makes: what a form says, as arguments, as TypeScript, and as a request of the REST API. */
import type { Collection } from "../api/collection.js";
import { Knn, Rrf, Text } from "../api/search/rank.js";
import { Search, type SearchInit, type SearchPayload } from "../api/search/search.js";
import type { Where, WhereDocument } from "../core/types.js";
import { filtersOf } from "./filter-editor.js";
import { isObject, parseJson } from "./json-text.js";

/** How records are looked for. */
export type ConsoleKind = "vector" | "text" | "hybrid" | "search";

/** What stands in the form. */
export interface ConsoleForm {
  kind: ConsoleKind;
  /** Words, or what is embedded. */
  query: string;
  /** JSON: stands in place of the embedded query. */
  embedding: string;
  nResults: number;
  where: string;
  whereDocument: string;
  exact: boolean;
  prefix: boolean;
  fuzzy: boolean;
  /** JSON: all that a search says. */
  search: string;
}

export const FIRST_FORM: ConsoleForm = {
  kind: "hybrid",
  query: "",
  embedding: "",
  nResults: 10,
  where: "",
  whereDocument: "",
  exact: false,
  prefix: false,
  fuzzy: false,
  search: `{
  "rank": { "$text": { "query": "tide" } },
  "limit": 10,
  "select": ["#document", "#metadata", "#score"]
}`,
};

interface Filtered {
  where?: Where;
  whereDocument?: WhereDocument;
  nResults: number;
}

/** A method of a collection, and what it is called with. */
export type ConsoleCall =
  | { method: "query"; args: Filtered & { queryTexts?: string[]; queryEmbeddings?: number[][]; exact?: boolean } }
  | { method: "searchText"; args: Filtered & { query: string; prefix?: boolean; fuzzy?: boolean } }
  | { method: "hybrid"; args: Filtered & { queryText?: string; queryEmbedding?: number[] } }
  | { method: "search"; args: SearchInit };

/** What the form says; `null` where something of it is no JSON, or nothing is looked for. */
export function callOf(form: ConsoleForm): ConsoleCall | null {
  if (form.kind === "search") {
    const { value } = parseJson(form.search);
    return isObject(value) ? { method: "search", args: value as SearchInit } : null;
  }
  const filters = filtersOf(form.where, form.whereDocument);
  const embedding = parseJson(form.embedding).value as number[] | undefined;
  if (filters === null || vectorFault(form.embedding) !== undefined) return null;
  if (form.query.trim() === "" && embedding === undefined) return null;
  return filteredCall(form, withoutNothing({ ...filters, nResults: form.nResults }), embedding);
}

function filteredCall(form: ConsoleForm, rest: Filtered, embedding: number[] | undefined): ConsoleCall | null {
  const { kind, query, exact, prefix, fuzzy } = form;
  if (kind === "vector") {
    const what = embedding === undefined ? { queryTexts: [query] } : { queryEmbeddings: [embedding] };
    return { method: "query", args: { ...what, ...rest, ...(exact && { exact }) } };
  }
  if (kind === "hybrid") {
    const text = query.trim() === "" ? {} : { queryText: query };
    return { method: "hybrid", args: { ...text, ...(embedding && { queryEmbedding: embedding }), ...rest } };
  }
  if (query.trim() === "") return null;
  return { method: "searchText", args: { query, ...rest, ...(prefix && { prefix }), ...(fuzzy && { fuzzy }) } };
}

/** What is wrong with a text that should be an embedding, where it is JSON. */
export function vectorFault(text: string): string | undefined {
  const { value, fault } = parseJson(text);
  if (fault !== null) return fault.message;
  const isVector = value === undefined || (Array.isArray(value) && value.every((one) => typeof one === "number"));
  return isVector ? undefined : "An embedding is a list of numbers";
}

function withoutNothing<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}

/** As a program. */
export function typescriptOf(call: ConsoleCall, { name }: Collection, version: number | undefined): string {
  const source = version === undefined ? "collection" : `collection.at({ version: ${version} })`;
  return [
    `const collection = await client.getCollection({ name: ${JSON.stringify(name)} });`,
    `const result = await ${source}.${call.method}(${literal(call.args)});`,
    "console.log(result.rows());",
  ].join("\n");
}

/** A request of the REST API, and what has to be known of it. */
export interface RestRequest {
  path: string;
  body: unknown;
  note: string | null;
}

const OWN_TEXT = "Words are found by $text, which is Tidepool's own: Chroma's server does not have it.";
const NO_ROUTE = "The REST API has no such call: this search of it fuses ranks in much the same way.";
const TO_EMBED = "Over REST texts are embedded by the caller: each query of a $knn has to be a vector.";

/** `embedding` is that of the query's text, `null` where it is not known. */
export function restOf(call: ConsoleCall, collection: Collection, embedding: number[] | null): RestRequest {
  const base = `/api/v2/tenants/${encodeURIComponent(collection.tenant)}/databases/${encodeURIComponent(collection.database)}`;
  const path = `${base}/collections/${collection.id}/${call.method === "query" ? "query" : "search"}`;
  if (call.method === "query") return { path, body: queryBody(call.args, embedding), note: null };
  const { init, note } = searchOf(call, embedding);
  return { path, body: { searches: [payloadOf(init)] }, note };
}

function queryBody(args: Extract<ConsoleCall, { method: "query" }>["args"], embedding: number[] | null): object {
  const { where, whereDocument, nResults, queryEmbeddings = [embedding ?? []] } = args;
  const include = ["documents", "metadatas", "distances"];
  return withoutNothing({ query_embeddings: queryEmbeddings, n_results: nResults, where, where_document: whereDocument, include });
}

function searchOf(call: Exclude<ConsoleCall, { method: "query" }>, embedding: number[] | null): { init: SearchInit; note: string } {
  if (call.method === "search") return { init: call.args, note: TO_EMBED };
  const { where, whereDocument, nResults } = call.args;
  const filters = [where, whereDocument && onDocuments(whereDocument)].filter((filter) => filter !== undefined);
  const filter = filters.length > 1 ? { $and: filters } : filters[0];
  const init = { where: filter as SearchInit["where"], limit: nResults, select: ["#document", "#metadata", "#score"] };
  if (call.method === "searchText") {
    const { query, prefix, fuzzy } = call.args;
    return { init: { ...init, rank: Text({ query, prefix, fuzzy }) }, note: OWN_TEXT };
  }
  const missing = { returnRank: true, default: 1000 } as const;
  const vector = Knn({ query: call.args.queryEmbedding ?? embedding ?? [0], ...missing });
  const { queryText } = call.args;
  const rank = queryText === undefined ? vector : Rrf({ ranks: [Text({ query: queryText, ...missing }), vector] });
  return { init: { ...init, rank }, note: NO_ROUTE };
}

/** In a search a condition on documents is one on the key `#document`. */
function onDocuments(filter: WhereDocument): object {
  const [[operator, operand] = []] = Object.entries(filter);
  if (operator === "$and" || operator === "$or") return { [operator]: (operand as WhereDocument[]).map(onDocuments) };
  return { "#document": filter };
}

/** What cannot be sent is refused by the call itself, which tells more. */
function payloadOf(init: SearchInit): SearchPayload | string {
  try {
    return new Search(init).toPayload();
  } catch (error) {
    return (error as Error).message;
  }
}

/** For a shell, against a server at Chroma's usual address. */
export function curlOf({ path, body }: RestRequest): string {
  const json = JSON.stringify(body).replaceAll("'", "'\\''");
  return `curl -X POST http://localhost:8000${path} \\\n  -H 'content-type: application/json' \\\n  -d '${json}'`;
}

/** JSON with keys as programs write them, and what does not fit a line in several. */
export function literal(value: unknown, indent = ""): string {
  const line = inOneLine(value);
  if (line.length + indent.length <= 100 || typeof value !== "object" || value === null) return line;
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.every((one) => typeof one === "number")) return line;
    return `[\n${value.map((one) => `${inner}${literal(one, inner)},\n`).join("")}${indent}]`;
  }
  const members = Object.entries(value).map(([key, one]) => `${inner}${keyOf(key)}: ${literal(one, inner)},\n`);
  return `{\n${members.join("")}${indent}}`;
}

export function inOneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inOneLine).join(", ")}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? "undefined";
  const members = Object.entries(value).map(([key, one]) => `${keyOf(key)}: ${inOneLine(one)}`);
  return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
}

const keyOf = (key: string): string => (/^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key));
