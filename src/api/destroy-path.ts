/** Deletes a database from outside, so also one that cannot be opened. */
import { VERSION } from "../version.js";
import { type TidepoolClientOptions, validatePath, validateWorker } from "./client.js";
import { createWorker } from "./create-worker.js";
import { readArguments, readObject } from "./read-arguments.js";
import { lost, Transport } from "./transport.js";

/**
 * Deletes everything that is stored at a path, for good: all tenants, databases and collections. It needs no client and
 * works on a database that can no longer be opened, because it is damaged or because the browser has dropped parts of it.
 * Once it has begun there is no way back: if the page goes away meanwhile, the next opening finishes it.
 *
 * @param options - `path` and, for those who bundle it themselves, `worker`; as of {@link TidepoolClient}.
 *
 * @throws `LOCKED` when a client holds the path and does not let go of it within 5 s; `INVALID_ARGUMENT`;
 * `FORMAT_TOO_NEW` when a newer release changed its layout; `CONNECTION_LOST`.
 *
 * @example
 * const old = new TidepoolClient({ path: "old" });
 * await old.createCollection({ name: "tides" });
 * await old.close();
 * await destroyPath({ path: "old" });
 */
export async function destroyPath(options: Pick<TidepoolClientOptions, "path" | "worker"> = {}): Promise<void> {
  const { path = "default", worker = createWorker } = readArguments("destroyPath", () => readObject(options, "destroyPath", "path worker"));
  validatePath(path);
  validateWorker(worker);
  const transport = new Transport(worker);
  try {
    await transport.settle(transport.session.destroy(path, VERSION));
  } finally {
    transport.end(lost("destroyPath is done with it"));
  }
}
