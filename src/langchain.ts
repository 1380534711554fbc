/** The entry `tidepool-db/langchain`: a vector store for LangChain.js. Importing it starts nothing. */
export {
  type TidepoolAddOptions,
  type TidepoolDeleteParameters,
  TidepoolVectorStore,
  type TidepoolVectorStoreConfig,
} from "./langchain/tidepool-vector-store.js";
