/** What the programs beside this file import. The test replaces it by `export * from "chromadb"`: nothing else changes. */
export * from "tidepool-db";
export { TidepoolClient as ChromaClient } from "tidepool-db";
