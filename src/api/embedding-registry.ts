/**
 * Embedding functions by name. What is stored with a collection is a name and a configuration; `getCollection` builds the
 * function again from the class registered under that name.
 */
import { invalidArgument, show, TidepoolError } from "../core/errors.js";
import { validateText } from "../core/gateway/validate/values.js";
import type { EmbeddingFunctionConfiguration } from "../core/types.js";
import { type EmbeddingFunction, embeddingError, TO_CHANGE, validateConfigUpdate } from "./embedding-function.js";
import { HASHING_NAME, HashingEmbeddingFunction } from "./hashing-embedding-function.js";
import { readArguments, readObject } from "./read-arguments.js";
import type { SparseEmbeddingFunction } from "./schema/sparse-embedding-function.js";

/** A class of embedding functions, as the registry keeps it. */
export interface EmbeddingFunctionClass {
  /** Instances are made by `buildFromConfig`, and by whoever gives one to a collection. */
  new (...args: never[]): EmbeddingFunction;
  /** The class's own name. It is registered under the name of its instances. */
  name: string;
  /** Other names under which collections may have stored the function, such as that of another language's package. */
  aliases?: readonly string[];
  /** Builds an instance again from what its `getConfig` told. `client` is the `TidepoolClient` that opens the collection. */
  buildFromConfig(config: object, client?: unknown): EmbeddingFunction;
}

/** The registry: name → class. */
export const knownEmbeddingFunctions = new Map<string, EmbeddingFunctionClass>([[HASHING_NAME, HashingEmbeddingFunction]]);

/**
 * Makes a class known, so that collections stored with its name get their function back. Call it on every page load,
 * before the collection is opened: what is stored is a name and a configuration, not code. The class's `aliases` are made known with it.
 *
 * @param name - The `name` of the instances.
 * @param fn - A class with a static `buildFromConfig`.
 * @throws `ALREADY_EXISTS` when the name is taken by another class.
 *
 * @example
 * class LengthEmbeddingFunction {
 *   readonly name = "length";
 *   static buildFromConfig(): LengthEmbeddingFunction {
 *     return new LengthEmbeddingFunction();
 *   }
 *   async generate(texts: string[]): Promise<number[][]> {
 *     return texts.map((text) => [text.length, 1]);
 *   }
 *   getConfig(): object {
 *     return {};
 *   }
 * }
 * registerEmbeddingFunction("length", LengthEmbeddingFunction);
 */
export function registerEmbeddingFunction(name: string, fn: EmbeddingFunctionClass): void {
  validateText(name, "name");
  readArguments("registerEmbeddingFunction", () => {
    if (typeof fn === "function" && typeof fn.buildFromConfig === "function") return;
    throw invalidArgument(`fn must be a class with a static buildFromConfig, got ${show(fn)}`);
  });
  const names = [name, ...(fn.aliases ?? [])];
  const taken = names.find((one) => knownEmbeddingFunctions.has(one));
  if (taken !== undefined) throw new TidepoolError("ALREADY_EXISTS", `Embedding function with name ${taken} is already registered.`);
  for (const one of names) knownEmbeddingFunctions.set(one, fn);
}

/** The function of a stored configuration, or why there is none. */
export type Restored = ({ fn: EmbeddingFunction; failure: null } | { fn: undefined; failure: TidepoolError | null }) & {
  /** Sparse embedding functions that the collection was made with, by key. */
  sparse?: ReadonlyMap<string, SparseEmbeddingFunction>;
};

/** Builds a stored function again. Nothing is thrown: a collection works without one until a text is to be embedded. */
export function restoreEmbeddingFunction(configuration: EmbeddingFunctionConfiguration | null | undefined, client?: unknown): Restored {
  if (configuration?.type !== "known") return { fn: undefined, failure: null };
  const { name, config } = configuration;
  const known = knownEmbeddingFunctions.get(name);
  if (known === undefined) {
    const message =
      `The embedding function "${name}" is not registered: ` +
      `call registerEmbeddingFunction("${name}", …) before opening the collection, or pass embeddingFunction`;
    return { fn: undefined, failure: embeddingError(message) };
  }
  try {
    return { fn: known.buildFromConfig(config ?? {}, client), failure: null };
  } catch (error) {
    return {
      fn: undefined,
      failure: embeddingError(`The embedding function "${name}" could not be built from its stored configuration`, error),
    };
  }
}

/**
 * The registered function of a stored configuration; `undefined` when it cannot be built.
 *
 * @example
 * const fn = await getEmbeddingFunction({ efConfig: collection.configuration.embedding_function });
 */
export async function getEmbeddingFunction(args: {
  client?: unknown;
  efConfig?: EmbeddingFunctionConfiguration | null;
}): Promise<EmbeddingFunction | undefined> {
  return readArguments("getEmbeddingFunction", () => {
    const { efConfig, client } = readObject(args, "getEmbeddingFunction", "client efConfig");
    return restoreEmbeddingFunction(efConfig, client).fn;
  });
}

/** What is stored of a function. One without name, `getConfig` or static `buildFromConfig` cannot be restored: "legacy". */
export function serializeEmbeddingFunction(fn: EmbeddingFunction): EmbeddingFunctionConfiguration {
  const name = fn.name ?? "";
  const restorable = typeof (fn.constructor as Partial<EmbeddingFunctionClass>).buildFromConfig === "function";
  if (!fn.getConfig || name === "" || !restorable) return { type: "legacy", name, config: {} };
  const config = fn.getConfig() as Record<string, unknown>;
  try {
    fn.validateConfig?.(config);
  } catch (error) {
    throw embeddingError(`The configuration of the embedding function "${name}" is not valid`, error);
  }
  return { type: "known", name, config };
}

/** Throws when `fn` is not the function that the collection's vectors were made with, as far as can be told. */
export function validateSameFunction(fn: EmbeddingFunction, stored: EmbeddingFunctionConfiguration | null, client?: unknown): void {
  if (stored?.type !== "known") return;
  const { aliases = [] } = fn.constructor as Partial<EmbeddingFunctionClass>;
  if (fn.name !== stored.name && !aliases.includes(stored.name)) {
    throw embeddingError(
      "An embedding function already exists in the collection configuration, and a new one is provided. " +
        `Embedding function conflict: new: ${show(fn.name)} vs persisted: ${show(stored.name)}${TO_CHANGE}`,
    );
  }
  const current = restoreEmbeddingFunction(stored, client).fn;
  if (current) validateConfigUpdate(current, fn);
}
