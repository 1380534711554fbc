/** The entry `tidepool-db/embeddings`: embedding functions of providers, by `fetch`. Importing it starts nothing, and registers nothing. */
export { type AiSdkEmbeddingModel, type AiSdkProviderOptions, type FromAiSdkOptions, fromAiSdk } from "./embeddings/ai-sdk.js";
export { ChromaCloudQwenEmbeddingFunction, type ChromaCloudQwenOptions } from "./embeddings/chroma-cloud-qwen.js";
export { ChromaCloudSpladeEmbeddingFunction, type ChromaCloudSpladeOptions } from "./embeddings/chroma-cloud-splade.js";
export { CloudflareWorkerAIEmbeddingFunction, type CloudflareWorkerAIOptions } from "./embeddings/cloudflare-worker-ai.js";
export { CohereEmbeddingFunction, type CohereOptions } from "./embeddings/cohere.js";
export { GoogleGeminiEmbeddingFunction, type GoogleGeminiOptions } from "./embeddings/google-gemini.js";
export { HuggingFaceEmbeddingFunction, type HuggingFaceOptions } from "./embeddings/huggingface.js";
export { HuggingfaceServerEmbeddingFunction, type HuggingfaceServerOptions } from "./embeddings/huggingface-server.js";
export { JinaEmbeddingFunction, type JinaOptions } from "./embeddings/jina.js";
export { MistralEmbeddingFunction, type MistralOptions } from "./embeddings/mistral.js";
export { MorphEmbeddingFunction, type MorphOptions } from "./embeddings/morph.js";
export { OllamaEmbeddingFunction, type OllamaOptions } from "./embeddings/ollama.js";
export { OpenAIEmbeddingFunction, type OpenAIOptions } from "./embeddings/openai.js";
export type { ApiKey, RemoteOptions } from "./embeddings/remote-embedding-function.js";
export { TogetherAIEmbeddingFunction, type TogetherAIOptions } from "./embeddings/together-ai.js";
export { VoyageAIEmbeddingFunction, type VoyageAIOptions } from "./embeddings/voyageai.js";
