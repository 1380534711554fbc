/** `syncCollections`: `client.sync` for places that load nothing on demand, such as service workers. */
import { invalidArgument, show } from "../../core/errors.js";
import { TidepoolClient } from "../client.js";
import { CONNECTION } from "../connection-key.js";
import { readArguments, readObject } from "../read-arguments.js";
import { type Sync, startSync } from "./sync-handle.js";
import { SYNC_FIELDS, type SyncOptions } from "./sync-options.js";

/**
 * As `client.sync`, with the client among the arguments. It loads nothing on demand, so it works in service workers, too, where
 * `import()` is refused.
 *
 * @throws As `client.sync`.
 */
export async function syncCollections(args: { client: TidepoolClient } & SyncOptions): Promise<Sync> {
  const { client, ...options } = readArguments("syncCollections", () => readObject(args, "syncCollections", `client ${SYNC_FIELDS}`));
  if (!(client instanceof TidepoolClient)) throw invalidArgument(`client must be a TidepoolClient, got ${show(client)}`);
  return startSync(client[CONNECTION], { tenant: client.tenant, database: client.database }, options);
}
