/** Parts of the page's program that are files of their own, fetched when they are first needed. */
import { TidepoolError } from "../core/errors.js";
import { asError } from "../worker/protocol.js";

/**
 * What such a file exports. `CONNECTION_LOST` where it was not fetched, as when the network is gone or a newer release of the application
 * has taken its place; `NOT_SUPPORTED` in service workers, where browsers refuse `import()`. `instead` is what serves there.
 */
export function part<T>(loading: Promise<T>, instead = "call it in a page"): Promise<T> {
  return loading.catch((cause: unknown) => {
    throw "skipWaiting" in globalThis
      ? new TidepoolError("NOT_SUPPORTED", `Service workers load no parts of tidepool-db: ${instead}`, { cause })
      : new TidepoolError("CONNECTION_LOST", `A part of tidepool-db was not loaded, try again: ${asError(cause).message}`, { cause });
  });
}
