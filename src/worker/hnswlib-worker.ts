/** The entry of a worker that has the index engine "hnswlib" as well. */
import { loadHnswlib } from "../hnswlib/load-hnswlib.js";
import { startWorker } from "./start-worker.js";

startWorker({ hnswlib: loadHnswlib });
