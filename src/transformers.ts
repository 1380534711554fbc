/**
 * The entry `tidepool-db/transformers`: models of `@huggingface/transformers`, which users install. Importing it starts nothing, and
 * registers nothing.
 */
export type { Pooling } from "./transformers/known-models.js";
export type { StoredTransformers, TransformersDtype, TransformersModelOptions } from "./transformers/model-settings.js";
export type { TransformersRuntimeOptions, WasmFiles } from "./transformers/runtime-options.js";
export type { LoadedTransformer, TransformersDevice, TransformersProgress } from "./transformers/start.js";
export { TransformersEmbeddingFunction, type TransformersOptions } from "./transformers/transformers-embedding-function.js";
