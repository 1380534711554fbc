/** What a call of the engine is about, in words that people know: its name as in the API, and its collection by name. */

import type { TidepoolClient } from "../api/client.js";
import type { CallObserver } from "../api/connection.js";
import { CONNECTION } from "../api/connection-key.js";
import { readArguments } from "../api/read-arguments.js";
import { selfOf } from "../api/through-proxies.js";
import { invalidArgument, show } from "../core/errors.js";

/** A call that has begun. */
export interface DescribedCall {
  /** "add", "query", … */
  operation: string;
  /** Its name; its id where no answer that came by has told the name; `undefined` for calls that concern none. */
  collection: string | undefined;
  tenant: string | undefined;
  database: string | undefined;
  /** Records that are written or deleted by id, or questions that are asked at once; `undefined` where that says nothing. */
  size: number | undefined;
  /** Filters, with a question mark for each value, since these may be private; `undefined` where there are none. */
  filter: string | undefined;
}

/** Begins to follow a call; returns what is to be done at its end, with the error's code where it failed. */
export type FollowCall = (call: DescribedCall) => (errorCode: string | null) => void;

/** Any request and any answer, as far as they say what a call is about. */
interface Shown {
  operation?: string;
  collectionId?: string;
  id?: string;
  name?: string;
  tenant?: string;
  database?: string;
  ids?: readonly string[];
  records?: { ids: readonly string[] };
  queryEmbeddings?: { dimension: number; values: Float32Array };
  searches?: readonly unknown[];
  where?: unknown;
  whereDocument?: unknown;
}

const NAMES_MAX = 10_000;
const FILTER_DEPTH_MAX = 64;

/** Follows every call of the client from now on, until the function that is returned is called. */
export function followCalls(client: TidepoolClient, follow: FollowCall, call: string): () => void {
  const connection = readArguments(call, () => selfOf(client)?.[CONNECTION]);
  if (connection === undefined) throw invalidArgument(`client must be a TidepoolClient, got ${show(client)}`);
  const names = new CollectionNames();
  const observe: CallObserver = (method, request, answer) => {
    const end = follow(describe(method, (request ?? {}) as Shown, names));
    answer.then(
      (value) => {
        if (method.includes("Collection")) names.learn(value);
        end(null);
      },
      (error: { code: string }) => end(error.code),
    );
  };
  connection.observers.add(observe);
  return () => void connection.observers.delete(observe);
}

/** From answers that tell of collections, since requests name them by id. The latest ten thousand. */
class CollectionNames {
  readonly #byId = new Map<string, string>();

  learn(answer: unknown): void {
    for (const told of [answer].flat() as (Shown | undefined)[]) this.#set(told?.id, told?.name);
  }

  #set(id: unknown, name: unknown): void {
    if (typeof id !== "string" || typeof name !== "string") return;
    this.#byId.delete(id);
    this.#byId.set(id, name);
    if (this.#byId.size > NAMES_MAX) this.#byId.delete(this.#byId.keys().next().value!);
  }

  of(id: string | undefined): string | undefined {
    return id === undefined ? undefined : (this.#byId.get(id) ?? id);
  }
}

function describe(method: string, request: Shown, names: CollectionNames): DescribedCall {
  const { tenant, database, collectionId } = request;
  return {
    operation: (method === "write" ? request.operation : undefined) ?? method,
    collection: names.of(collectionId) ?? (method.endsWith("Collection") ? request.name : undefined),
    tenant,
    database,
    size: sizeOf(request),
    filter: filterOf(request),
  };
}

function sizeOf({ records, ids, queryEmbeddings, searches }: Shown): number | undefined {
  if (queryEmbeddings !== undefined) return queryEmbeddings.values.length / queryEmbeddings.dimension;
  return (records?.ids ?? ids ?? searches)?.length;
}

function filterOf({ where, whereDocument }: Shown): string | undefined {
  const shown = Object.entries({ where, whereDocument }).filter(([, filter]) => filter !== undefined);
  return shown.length === 0 ? undefined : JSON.stringify(withoutValues(Object.fromEntries(shown)));
}

/** A filter that nests more deeply than any the engine takes ends in a question mark, too. */
function withoutValues(filter: unknown, depth = 0): unknown {
  if (typeof filter !== "object" || filter === null || depth > FILTER_DEPTH_MAX) return "?";
  if (!Array.isArray(filter))
    return Object.fromEntries(Object.entries(filter).map(([key, value]) => [key, withoutValues(value, depth + 1)]));
  const isOfFilters = filter.some((item) => typeof item === "object");
  return isOfFilters ? filter.map((item) => withoutValues(item, depth + 1)) : "?";
}
