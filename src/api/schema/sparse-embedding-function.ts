/** Sparse embedding functions: Chroma's interface and registry. What is stored with a schema is a name and a configuration. */
import { invalidArgument, show, TidepoolError } from "../../core/errors.js";
import { validateText } from "../../core/gateway/validate/values.js";
import type { SchemaFunction, SparseVector } from "../../core/types.js";
import { part } from "../part.js";
import { readArguments, readArgumentsInTurns } from "../read-arguments.js";

/** Turns texts into sparse vectors. Only `generate` is required; the rest lets a collection restore the function by itself. */
export interface SparseEmbeddingFunction {
  /** One sparse vector per text. */
  generate(texts: string[]): Promise<SparseVector[]>;
  /** Used for queries instead of `generate`, where present. */
  generateForQueries?(texts: string[]): Promise<SparseVector[]>;
  /** Name under which the class is registered. */
  name?: string;
  /** Builds an instance from what `getConfig` told. */
  buildFromConfig?(config: object, client?: unknown): SparseEmbeddingFunction;
  /** What is stored with the schema: plain JSON, no secrets. */
  getConfig?(): object;
  /** Throws when a collection of this function must not change to that configuration. */
  validateConfigUpdate?(newConfig: object): void;
  /** Throws when the configuration is malformed. */
  validateConfig?(config: object): void;
}

/** A class of sparse embedding functions, as the registry keeps it. */
export interface SparseEmbeddingFunctionClass {
  /** Instances are made by `buildFromConfig`, and by whoever gives one to a schema. */
  new (...args: never[]): SparseEmbeddingFunction;
  /** The class's own name. It is registered under the name of its instances. */
  name: string;
  /** Builds an instance again from what its `getConfig` told. `client` is the `TidepoolClient` that opens the collection. */
  buildFromConfig(config: object, client?: unknown): SparseEmbeddingFunction;
}

/** The registry of what pages register: name → class. `chroma_bm25` is known without; a class that is registered under it comes first. */
export const knownSparseEmbeddingFunctions = new Map<string, SparseEmbeddingFunctionClass>();

/**
 * Makes a class known, so that schemas stored with its name get their function back. Call it on every page load, before the
 * collection is opened.
 *
 * @param name - The `name` of the instances.
 * @param fn - A class with a static `buildFromConfig`.
 * @throws `ALREADY_EXISTS` when the name is taken by another class.
 *
 * @example
 * import { registerSparseEmbeddingFunction, type SparseVector } from "tidepool-db";
 *
 * class LettersEmbeddingFunction {
 *   readonly name = "letters";
 *   static buildFromConfig(): LettersEmbeddingFunction {
 *     return new LettersEmbeddingFunction();
 *   }
 *   async generate(texts: string[]): Promise<SparseVector[]> {
 *     return texts.map((text) => {
 *       const indices = [...new Set(text)].map((letter) => letter.codePointAt(0)!).sort((a, b) => a - b);
 *       return { indices, values: indices.map(() => 1) };
 *     });
 *   }
 *   getConfig(): object {
 *     return {};
 *   }
 * }
 * registerSparseEmbeddingFunction("letters", LettersEmbeddingFunction);
 */
export function registerSparseEmbeddingFunction(name: string, fn: SparseEmbeddingFunctionClass): void {
  validateText(name, "name");
  readArguments("registerSparseEmbeddingFunction", () => {
    if (typeof fn === "function" && typeof fn.buildFromConfig === "function") return;
    throw invalidArgument(`fn must be a class with a static buildFromConfig, got ${show(fn)}`);
  });
  if (knownSparseEmbeddingFunctions.has(name)) {
    throw new TidepoolError("ALREADY_EXISTS", `Sparse embedding function with name ${name} is already registered.`);
  }
  knownSparseEmbeddingFunctions.set(name, fn);
}

/**
 * The registered function of a stored configuration; `undefined` when it cannot be built.
 *
 * @example
 * const fn = await getSparseEmbeddingFunction(client, { type: "known", name: "letters", config: {} });
 */
export async function getSparseEmbeddingFunction(client: unknown, efConfig?: SchemaFunction): Promise<SparseEmbeddingFunction | undefined> {
  const restored = await readArgumentsInTurns("getSparseEmbeddingFunction", () => restoreSparseFunction(efConfig, client));
  return restored instanceof TidepoolError ? undefined : restored;
}

/** Builds a stored function again, or says why it cannot be. */
export async function restoreSparseFunction(
  stored: SchemaFunction | undefined,
  client: unknown,
): Promise<SparseEmbeddingFunction | TidepoolError> {
  if (stored?.type !== "known") return failure("it was created without one that can be restored");
  const known = knownSparseEmbeddingFunctions.get(stored.name) ?? (await builtIn(stored.name));
  if (known === undefined)
    return failure(
      `"${stored.name}" is not registered: call registerSparseEmbeddingFunction("${stored.name}", …) before opening the collection`,
    );
  try {
    return known.buildFromConfig(stored.config, client);
  } catch (cause) {
    return failure(
      `"${stored.name}" could not be built from its stored configuration: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    );
  }
}

/** Loaded when it is needed: its stemmer is larger than all else here. */
async function builtIn(name: string): Promise<SparseEmbeddingFunctionClass | undefined> {
  return name === "chroma_bm25" ? (await part(import("../bm25-embedding-function.js"))).Bm25EmbeddingFunction : undefined;
}

function failure(why: string, cause?: unknown): TidepoolError {
  return new TidepoolError("EMBEDDING_FUNCTION", why, { cause });
}
