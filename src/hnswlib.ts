/** The entry `tidepool-db/hnswlib`: a worker with the index engine "hnswlib". Importing it starts nothing. */
export { createHnswlibWorker } from "./api/create-hnswlib-worker.js";
