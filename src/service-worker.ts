/** The entry `tidepool-db/service-worker`: the half for a service worker's script. Importing it starts nothing. */
export { type AnswerFromPagesOptions, answerFromPages } from "./api/rest/service-worker.js";
