/**
 * What all providers' functions have in common: the key, batches within the provider's limits, several requests at once, identical
 * texts once, progress and abort. A provider's class says what a request looks like and where its answer has the vectors.
 *
 * Invariants: no key is stored or told; one that is missing is an error before anything is sent; whatever the order in which answers
 * come, the vectors stand in the order of the texts.
 */
import type { EmbeddingFunction, EmbeddingFunctionSpace, GenerateOptions, Vector } from "../api/embedding-function.js";
import { show, TidepoolError } from "../core/errors.js";
import { embedDistinct, type RequestLimits } from "./batches.js";
import { checkOptions, restoredOptions, storedOptions, type TableOf, withDefaults } from "./options.js";
import { post, type RemoteRequest } from "./post.js";

/** A secret, or what fetches it when it is first needed. */
export type ApiKey = string | (() => string | Promise<string>);

/** Whether texts are to be stored or to be asked with: some models read them differently. */
export type Purpose = "document" | "query";

/** Options that the functions of all providers take. */
export interface RemoteOptions {
  /**
   * The provider's secret, or a function that brings it; never stored. Default: what the client's `credentials` says. `null` for a
   * server that asks for none.
   */
  apiKey?: ApiKey | null;
  /**
   * Where requests go instead of the provider's address, as they are: a proxy of your own, for providers that do not answer pages, or
   * to keep the key on a server. Never stored.
   */
  endpoint?: string;
  /** Sent with every request beside what the provider needs; never stored. */
  headers?: Record<string, string>;
  /** Texts of one request. Default, and most: what the provider takes. */
  batchSize?: number;
  /** Requests under way at once. Default 2. */
  concurrency?: number;
  /** How often a request is made again that met a fault of the network, a limit of rates, or a fault of the server. Default 5. */
  maxRetries?: number;
}

/** The options of all. None of them is stored. */
const shared: TableOf<RemoteOptions> = {
  apiKey: ["key"],
  endpoint: ["text"],
  headers: ["headers"],
  batchSize: ["count"],
  concurrency: ["count"],
  maxRetries: ["retries"],
};

/** What a class says of its options. */
export interface Provider<Options> {
  /** For errors: the name of a class that ships is another one. */
  className: string;
  /** Those beside the options of all. */
  options: TableOf<Omit<Options, keyof RemoteOptions>>;
  /** What counts where nothing is said. */
  defaults(given: Options): Partial<Options>;
  /** Whether what other packages store makes no difference to vectors. Default: nothing does. */
  hasNoEffect?(key: string, value: unknown): boolean;
  /** What stored options stand for where it is not what the same ones stand for when they are given. */
  restored?(options: Options): Options;
}

/** What a class is made with: options may be left out where none must be given. */
type RemoteArguments<Options> =
  Partial<Options> extends Options ? [options?: Options, client?: unknown] : [options: Options, client?: unknown];

const MAX_RETRIES = 5;

/** What is asked of a client. */
interface KeyBringer {
  credentials?: ((provider: string) => string | Promise<string>) | undefined;
}

/** What asks a provider for vectors of whatever kind. */
export abstract class RemoteFunction<Answered, Options extends RemoteOptions> {
  /** Name under which collections store it. */
  abstract readonly name: string;
  /** @internal */
  protected abstract readonly limits: RequestLimits;
  /** @internal */
  protected readonly options: Options;
  readonly #provider: Provider<Options>;
  readonly #client: KeyBringer | null | undefined;

  /**
   * Sends nothing. The `credentials` of `client` bring the key, where `apiKey` is not given.
   *
   * @throws `INVALID_ARGUMENT`.
   */
  constructor(...[given, client]: RemoteArguments<Options>) {
    this.#provider = providerOf<Options>(new.target);
    const { className, options, defaults } = this.#provider;
    this.options = withDefaults(given === undefined ? ({} as Options) : given, defaults, className);
    checkOptions(this.options, className, { ...shared, ...options });
    this.#client = client as KeyBringer | null | undefined;
  }

  /** Builds the function that `getConfig` told of, here or in Chroma's packages. */
  static buildFromConfig<F>(this: new (options: never, client?: unknown) => F, config: object, client?: unknown): F {
    // biome-ignore lint/complexity/noThisInStatic: it builds the class that it is called on
    return restored(this, config, client);
  }

  /** What is stored with a collection, under the names that Chroma's packages use. The key is not. */
  getConfig(): Record<string, unknown> {
    return storedOptions(this.options, this.#provider.options);
  }

  /**
   * Refuses another model: the vectors of the collection are of this one.
   *
   * @throws `INVALID_ARGUMENT`.
   */
  validateConfigUpdate(newConfig: object): void {
    const [current, next] = [this.getConfig(), newConfig as Record<string, unknown>];
    for (const key of ["model", "model_name", "dimensions", "dimension"]) {
      if (current[key] === (next[key] ?? undefined)) continue;
      throw new TidepoolError("INVALID_ARGUMENT", `${key} is ${show(current[key])} and cannot become ${show(next[key])}`);
    }
  }

  /** @internal What to send for these texts; `key` is empty where the server asks for none. */
  protected abstract request(texts: readonly string[], purpose: Purpose, key: string): RemoteRequest;

  /** @internal The vectors in an answer, in the order of the texts. */
  protected abstract vectorsIn(answer: unknown): Answered[];

  /**
   * One vector per text, as the model embeds what is to be found.
   *
   * @throws `EMBEDDING_FUNCTION` when the key is missing, the provider refuses or cannot be reached, or its answer is no such thing;
   *   the signal's reason.
   */
  generate(texts: string[], options?: GenerateOptions): Promise<Answered[]> {
    return this.#embed(texts, "document", options);
  }

  /**
   * One vector per text, as the model embeds questions.
   *
   * @throws As `generate`.
   */
  generateForQueries(texts: string[], options?: GenerateOptions): Promise<Answered[]> {
    return this.#embed(texts, "query", options);
  }

  async #embed(texts: readonly string[], purpose: Purpose, { signal, onProgress }: GenerateOptions = {}): Promise<Answered[]> {
    if (texts.length === 0) return [];
    signal?.throwIfAborted();
    const key = await this.#key();
    const { batchSize = Infinity, concurrency } = this.options;
    const limits = { ...this.limits, texts: Math.min(this.limits.texts, batchSize) };
    return embedDistinct(texts, { limits, concurrency, signal, onProgress }, (batch, stop) => this.#ask(batch, purpose, key, stop));
  }

  async #ask(texts: readonly string[], purpose: Purpose, key: string, signal: AbortSignal): Promise<Answered[]> {
    const { url, headers, body } = this.request(texts, purpose, key);
    const { endpoint = url, headers: more, maxRetries = MAX_RETRIES } = this.options;
    const answer = await post({ url: endpoint, headers: { ...headers, ...more }, body }, { provider: this.name, maxRetries, signal });
    let vectors: unknown;
    try {
      vectors = this.vectorsIn(answer);
    } catch (cause) {
      throw this.#failure(`answered something without vectors: ${show(answer)}`, cause);
    }
    if (Array.isArray(vectors) && vectors.length === texts.length) return vectors as Answered[];
    throw this.#failure(`answered ${Array.isArray(vectors) ? vectors.length : show(answer)} vectors for ${texts.length} texts`);
  }

  async #key(): Promise<string> {
    const { apiKey } = this.options;
    if (apiKey === null) return "";
    const bring = typeof apiKey === "function" ? apiKey : () => apiKey ?? this.#client?.credentials?.(this.name);
    const key = await Promise.resolve(bring());
    if (typeof key === "string" && key !== "") return key;
    throw this.#failure("needs a key, and has none: give apiKey to its function, or credentials to the client that restores it");
  }

  #failure(what: string, cause?: unknown): TidepoolError {
    return new TidepoolError("EMBEDDING_FUNCTION", `${this.name} ${what}`, { cause });
  }
}

function restored<F>(Class: new (options: never, client?: unknown) => F, config: object, client: unknown): F {
  const { className, options, hasNoEffect, restored: asStored = (same) => same } = providerOf<object>(Class);
  return new Class(asStored(restoredOptions(config, className, options, hasNoEffect)) as never, client);
}

function providerOf<Options>(of: unknown): Provider<Options> {
  return (of as { provider: Provider<Options> }).provider;
}

/** A provider of dense embeddings. */
export abstract class RemoteEmbeddingFunction<Options extends RemoteOptions>
  extends RemoteFunction<Vector, Options>
  implements EmbeddingFunction
{
  /** A collection for which this function was given, and no space, measures by cosine. */
  defaultSpace(): EmbeddingFunctionSpace {
    return "cosine";
  }

  /** All three. */
  supportedSpaces(): EmbeddingFunctionSpace[] {
    return ["cosine", "l2", "ip"];
  }
}

/** The header by which most providers are shown the key. */
export function bearer(key: string): Record<string, string> {
  return key === "" ? {} : { Authorization: `Bearer ${key}` };
}
