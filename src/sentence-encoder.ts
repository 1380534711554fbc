/** The entry `tidepool-db/sentence-encoder`: a model of English sentences. Importing it starts nothing, and registers nothing. */
export type { LoadProgress } from "./sentence-encoder/load-progress.js";
export { SentenceEncoder, type SentenceEncoderOptions } from "./sentence-encoder/sentence-encoder.js";
