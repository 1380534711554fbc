/** One request on its way through a handler. */
import { inTurns } from "../../core/base/steps.js";
import type { ErrorCode } from "../../core/errors.js";
import { Slice } from "../slice.js";
import type { Ask } from "./ask.js";
import { parseJson } from "./json.js";
import { isUuid } from "./names.js";
import { badRequest, isEngineError, notFound, RestError } from "./rest-error.js";
import { readBody, type Shape } from "./shape.js";

/** What a request is told whose body is something else. */
export const EXPECTED_JSON = "Expected request with `Content-Type: application/json`";

export function isJson(contentType: string): boolean {
  return /^application\/([\w.-]+\+)?json\b/i.test(contentType);
}

export class Call {
  readonly ask: Ask;
  /** Whether the request's tenant may use conditional transactions. */
  readonly allowsTransactions: (tenant: string) => boolean;
  readonly #params: Readonly<Record<string, string>>;
  readonly #query: URLSearchParams;
  readonly #bytes: () => Promise<Uint8Array>;
  readonly #contentType: string;

  constructor(parts: {
    ask: Ask;
    allowsTransactions: (tenant: string) => boolean;
    params: Readonly<Record<string, string>>;
    query: URLSearchParams;
    bytes: () => Promise<Uint8Array>;
    contentType: string;
  }) {
    this.ask = parts.ask;
    this.allowsTransactions = parts.allowsTransactions;
    this.#params = parts.params;
    this.#query = parts.query;
    this.#bytes = parts.bytes;
    this.#contentType = parts.contentType;
  }

  /** A part of the path, by its name in the route's pattern. */
  param(name: string): string {
    return this.#params[name]!;
  }

  get scope(): { tenant: string; database: string } {
    return { tenant: this.param("tenant"), database: this.param("database") };
  }

  /** The collection's id, of an existing collection or not. */
  get collectionId(): string {
    const id = this.param("collection_id");
    if (!isUuid(id)) throw badRequest("Collection ID is not a valid UUIDv4");
    return id.toLowerCase();
  }

  /** A whole number of the query string. */
  count(name: string): number | undefined {
    const value = this.#query.get(name);
    if (value === null) return undefined;
    if (!/^\+?\d+$/.test(value)) throw badRequest(`Failed to deserialize query string: ${name}: invalid digit found in string`);
    if (Number(value) > 0xffffffff) throw badRequest(`Failed to deserialize query string: ${name}: number too large to fit in target type`);
    return Number(value);
  }

  /** A text of the query string. */
  text(name: string): string | undefined {
    return this.#query.get(name) ?? undefined;
  }

  async body<T>(shape: Shape<T>): Promise<T> {
    if (!isJson(this.#contentType)) throw new RestError(415, "ChromaError", EXPECTED_JSON);
    const bytes = await this.#bytes();
    const slice = new Slice();
    const { text, value } = await inTurns(parseJson(bytes), () => slice.tick());
    await slice.tick();
    return readBody(shape, value, () => text);
  }
}

/** The engine's `NOT_FOUND` in the words of the route. */
export async function orNotFound<T>(answer: Promise<T>, message: string): Promise<T> {
  return otherwise(answer, "NOT_FOUND", () => {
    throw notFound(message);
  });
}

/** The answer, or what `instead` gives or throws where the engine rejects with `code`. */
export async function otherwise<T>(answer: Promise<T>, code: ErrorCode, instead: () => T | Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!isEngineError(error) || error.code !== code) throw error;
    return instead();
  }
}
