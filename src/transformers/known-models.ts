/**
 * How well-known models are to be used: how the numbers of a text's tokens become one vector, and what stands before documents and
 * queries. Each row is what the model's card says. A model that is not here has to be told its pooling.
 */

/**
 * How the vectors of a text's tokens become one: their mean, that of the first token, that of the last, or what the model itself
 * gives as `sentence_embedding`.
 */
export type Pooling = "mean" | "cls" | "last_token" | "model";

/** What a model's card says of its use. */
export interface ModelUse {
  pooling: Pooling;
  queryPrefix?: string;
  documentPrefix?: string;
  /** Tokens of a text at most, where the model's own files say another number than it was trained with. */
  maxTokens?: number;
}

/** BGE, Arctic and mxbai were trained with this one. */
const RELEVANT = "Represent this sentence for searching relevant passages: ";

/** By the model's name without its owner, in lower case and without "-onnx" at its end. The first that fits counts. */
const models: readonly (readonly [name: RegExp, use: ModelUse])[] = [
  [/^(?:all|paraphrase|multi-qa)-minilm-l\d+(?:-cos)?-v\d+$/, { pooling: "mean" }],
  [/^paraphrase-multilingual-(?:minilm-l12|mpnet-base)-v2$/, { pooling: "mean" }],
  [/^all-(?:mpnet-base-v2|distilroberta-v1)$/, { pooling: "mean" }],
  [/^bge-(?:small|base|large)-en(?:-v1\.5)?$/, { pooling: "cls", queryPrefix: RELEVANT }],
  [/^bge-(?:small|base|large)-zh(?:-v1\.5)?$/, { pooling: "cls", queryPrefix: "为这个句子生成表示以用于检索相关文章：" }],
  [/^bge-m3$/, { pooling: "cls" }],
  [/^(?:multilingual-)?e5-(?:small|base|large)(?:-v2)?$/, { pooling: "mean", queryPrefix: "query: ", documentPrefix: "passage: " }],
  [/^gte-(?:small|base|large)$/, { pooling: "mean" }],
  [/^gte-(?:base-en-v1\.5|large-en-v1\.5|multilingual-base|modernbert-base)$/, { pooling: "cls" }],
  [/^embeddinggemma-300m$/, { pooling: "model", queryPrefix: "task: search result | query: ", documentPrefix: "title: none | text: " }],
  [
    /^nomic-embed-text-v1(?:\.5)?$/,
    { pooling: "mean", queryPrefix: "search_query: ", documentPrefix: "search_document: ", maxTokens: 2048 },
  ],
  [/^snowflake-arctic-embed-(?:xs|s|m|l|m-v1\.5)$/, { pooling: "cls", queryPrefix: RELEVANT }],
  [/^snowflake-arctic-embed-[ml]-v2\.0$/, { pooling: "cls", queryPrefix: "query: " }],
  [/^mxbai-embed-large-v1$/, { pooling: "cls", queryPrefix: RELEVANT }],
];

/** How the model of this name is used; `undefined`: nobody here knows. */
export function knownUse(model: string): ModelUse | undefined {
  const name = model
    .slice(model.lastIndexOf("/") + 1)
    .toLowerCase()
    .replace(/-onnx$/, "");
  return models.find(([pattern]) => pattern.test(name))?.[1];
}
