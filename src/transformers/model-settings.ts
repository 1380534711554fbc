/**
 * What a function's vectors depend on: read from options, told in what is stored, and read from there again, be it stored here or by
 * Chroma's packages, which keep less of it and read every model in their one way.
 */
import { invalidArgument, show } from "../core/errors.js";
import { validateObject } from "../core/gateway/validate/values.js";
import { knownUse, type Pooling } from "./known-models.js";

/** Weights of a model, by how its numbers are kept; each is a file of its own. */
export type TransformersDtype = "fp32" | "fp16" | "q8" | "int8" | "uint8" | "q4" | "q4f16" | "bnb4";

const DTYPES = ["fp32", "fp16", "q8", "int8", "uint8", "q4", "q4f16", "bnb4"] as const satisfies readonly TransformersDtype[];
const POOLINGS = ["mean", "cls", "last_token", "model"] as const satisfies readonly Pooling[];
const LONG_TEXTS = ["windows", "truncate"] as const;

/** Options of which vectors depend. They are stored with a collection. */
export interface TransformersModelOptions {
  /**
   * Name of the model at Hugging Face, or of its folder in `localModelPath`; it needs ONNX files. Default "all-MiniLM-L6-v2", 384
   * dimensions, English. A name without an owner is one of "Xenova", as in Chroma's packages.
   */
  model?: string;
  /** Branch, tag or commit of the model at Hugging Face. Default "main". */
  revision?: string;
  /** Which of the model's files. Default "fp32", whose vectors are those of Chroma's packages; "q8" is a quarter of it. */
  dtype?: TransformersDtype;
  /** How the vectors of tokens become one. Default: what the model's card says; of a model that is not known it must be given. */
  pooling?: Pooling;
  /** Whether vectors are brought to unit length. Default true. */
  normalize?: boolean;
  /** Stands before each document. Default: what the model's card says, else nothing. */
  documentPrefix?: string;
  /** Stands before each query. Default: what the model's card says, else nothing. */
  queryPrefix?: string;
  /** Tokens that are read at once. Default: what the model reads, and not more than 2,048 (`modelTokensMax`). */
  maxTokens?: number;
  /**
   * Longer texts: "windows" reads them in windows that overlap by a quarter, and takes the mean of their vectors; "truncate" reads
   * their beginning only, as Chroma's packages do. Default "windows".
   */
  longTexts?: "windows" | "truncate";
}

/** These options, with what counts where they say nothing. `maxTokens: null`: as many as the model reads. */
export type ModelSettings = Required<Omit<TransformersModelOptions, "maxTokens">> & { maxTokens: number | null };

/** The names of the options. */
export const MODEL_OPTIONS = "model revision dtype pooling normalize documentPrefix queryPrefix maxTokens longTexts";

const DEFAULT_MODEL = "all-MiniLM-L6-v2";
const OWNER = "Xenova";
/** Special tokens, and something to read. */
const TOKENS_MIN = 8;

/** Reads the options. Throws `INVALID_ARGUMENT`. */
export function readSettings(options: TransformersModelOptions): ModelSettings {
  const { model = DEFAULT_MODEL, revision = "main", dtype = "fp32", normalize = true, longTexts = "windows", maxTokens = null } = options;
  checkText(model, "model");
  checkText(revision, "revision");
  const use = knownUse(model);
  const { pooling = use?.pooling } = options;
  if (pooling === undefined) {
    const allowed = POOLINGS.map(show).join(", ");
    throw invalidArgument(`pooling must be given for the model ${show(model)}, which is not known here: ${allowed}; its card says which`);
  }
  const { documentPrefix = use?.documentPrefix ?? "", queryPrefix = use?.queryPrefix ?? "" } = options;
  const settings = { model, revision, dtype, pooling, normalize, documentPrefix, queryPrefix, longTexts };
  check(settings);
  if (maxTokens !== null && !(Number.isSafeInteger(maxTokens) && maxTokens >= TOKENS_MIN))
    throw invalidArgument(`maxTokens must be a whole number from ${TOKENS_MIN}, got ${show(maxTokens)}`);
  return { ...settings, maxTokens: maxTokens ?? use?.maxTokens ?? null };
}

function check({ dtype, pooling, normalize, documentPrefix, queryPrefix, longTexts }: Omit<ModelSettings, "maxTokens">): void {
  checkOneOf(dtype, "dtype", DTYPES);
  checkOneOf(pooling, "pooling", POOLINGS);
  checkOneOf(longTexts, "longTexts", LONG_TEXTS);
  if (typeof normalize !== "boolean") throw invalidArgument(`normalize must be true or false, got ${show(normalize)}`);
  for (const [name, prefix] of Object.entries({ documentPrefix, queryPrefix })) {
    if (typeof prefix !== "string") throw invalidArgument(`${name} must be a text, got ${show(prefix)}`);
  }
}

function checkText(value: unknown, name: string): void {
  if (typeof value !== "string" || value === "") throw invalidArgument(`${name} must be a text with something in it, got ${show(value)}`);
}

/** Throws unless the value is one of these. */
export function checkOneOf(value: unknown, name: string, allowed: readonly string[]): void {
  if (allowed.includes(value as string)) return;
  throw invalidArgument(`${name} must be one of ${allowed.map(show).join(", ")}, got ${show(value)}`);
}

/** The name of the model where its files are. */
export function repositoryOf(model: string): string {
  return model.includes("/") ? model : `${OWNER}/${model}`;
}

/** What is stored with a collection: what Chroma's packages need, and beside it what they leave unread. */
export interface StoredTransformers {
  /** `model`. */
  model_name: string;
  /** Chroma's packages want one. Vectors do not depend on it, and it is not read here. */
  device: "cpu";
  /** `normalize`. */
  normalize_embeddings: boolean;
  /** Chroma's packages hand these on. */
  kwargs: Record<string, never>;
  /** `revision`. */
  revision: string;
  /** `dtype`. */
  dtype: TransformersDtype;
  /** `pooling`. */
  pooling: Pooling;
  /** `documentPrefix`. */
  document_prefix: string;
  /** `queryPrefix`. */
  query_prefix: string;
  /** `longTexts`. */
  long_texts: "windows" | "truncate";
  /** `maxTokens`, where it is not left to the model. */
  max_tokens?: number;
}

/** Stored names of what is stored under the option's own meaning. */
const storedNames = {
  model_name: "model",
  normalize_embeddings: "normalize",
  revision: "revision",
  dtype: "dtype",
  pooling: "pooling",
  document_prefix: "documentPrefix",
  query_prefix: "queryPrefix",
  long_texts: "longTexts",
  max_tokens: "maxTokens",
} as const satisfies Record<string, keyof ModelSettings>;

/** What vectors do not depend on, or what is told by another field, too. */
const UNREAD = ["device", "quantized", "wasm"];

/** What is stored of the settings. */
export function stored(settings: ModelSettings): StoredTransformers {
  const { model, normalize, revision, dtype, pooling, documentPrefix, queryPrefix, longTexts, maxTokens } = settings;
  return {
    model_name: model,
    device: "cpu",
    normalize_embeddings: normalize,
    kwargs: {},
    revision,
    dtype,
    pooling,
    document_prefix: documentPrefix,
    query_prefix: queryPrefix,
    long_texts: longTexts,
    ...(maxTokens !== null && { max_tokens: maxTokens }),
  };
}

/**
 * The options that were stored. What Chroma's packages have stored says no pooling: they take the mean unless the model's card says
 * another, put nothing before texts, and cut them where the model's reading ends. Throws `INVALID_ARGUMENT` at what nobody here could
 * follow.
 */
export function restoredOptions(config: object): TransformersModelOptions {
  validateObject(config, "The stored configuration");
  const said = Object.entries({ ...config, ...(config as { kwargs?: object }).kwargs }).filter(([, value]) => value != null);
  const options: Record<string, unknown> = {};
  for (const [key, value] of said) {
    const name = storedNames[key as keyof typeof storedNames];
    if (name !== undefined) options[name] = value;
    else if (key !== "kwargs" && !UNREAD.includes(key))
      throw invalidArgument(`The stored configuration has ${key} ${show(value)}, which TransformersEmbeddingFunction cannot follow`);
  }
  const { model = DEFAULT_MODEL } = options as TransformersModelOptions;
  const asChroma: TransformersModelOptions = {
    pooling: knownUse(model)?.pooling ?? "mean",
    documentPrefix: "",
    queryPrefix: "",
    longTexts: "truncate",
  };
  return { ...("pooling" in options ? {} : asChroma), ...options };
}

/** The first setting of which vectors depend that is another, by its stored name. */
export function differing(a: ModelSettings, b: ModelSettings): keyof StoredTransformers | undefined {
  const alike = (settings: ModelSettings) => ({ ...settings, model: repositoryOf(settings.model) });
  const [one, other] = [alike(a), alike(b)];
  return (Object.keys(storedNames) as (keyof typeof storedNames)[]).find((key) => one[storedNames[key]] !== other[storedNames[key]]);
}
