/** The worker's entry. */
import { startWorker } from "./start-worker.js";

startWorker();
