/** Workers whose code is part of the page's, in the package's inline variant. */
import { trusting } from "./trusted-worker.js";

/** Starts a worker, a classic script, from its code: it works wherever blob workers do. */
export function startFromBlob(code: string): Worker {
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  try {
    return trusting("Worker", () => new Worker(url));
  } finally {
    // The worker's script is being fetched by now; the URL itself is not needed any longer.
    URL.revokeObjectURL(url);
  }
}
