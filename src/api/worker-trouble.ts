/**
 * Finds out why a worker could not be started or loaded, and says what to do about it. A browser tells a page next to nothing of that:
 * the reason follows from the worker's URL, and from what a request for it brings. Loaded only where it has come to that.
 */
import { TidepoolError } from "../core/errors.js";
import { asError } from "../worker/protocol.js";
import { addressOf } from "./trusted-worker.js";

const OWN = "give the option `worker` one that your page may start";

/** Which worker it is about. */
export interface TroubledWorker {
  /** Such as "The engine's worker". */
  whose: string;
  /** Its file in the package. */
  file: string;
  /** What else to do than to serve the package's files. */
  instead?: string | undefined;
}

const engine: TroubledWorker = {
  whose: "The engine's worker",
  file: "worker.js",
  instead: `import from "tidepool-db/inline", which needs no file, or ${OWN}`,
};

/**
 * `NOT_SUPPORTED` with the remedy; `CONNECTION_LOST` where the worker's file could not be reached. `failed` is the worker that reported
 * an error before it said anything, or what was thrown instead of starting one.
 */
export async function workerTrouble(failed: unknown, worker: TroubledWorker = engine): Promise<TidepoolError> {
  const address = addressOf(failed);
  const reason = failed instanceof EventTarget ? "" : ` (${asError(failed).message})`;
  if (address === undefined)
    return refusal(
      worker,
      `the option \`worker\` gives one that cannot be started or loaded${reason}: see whether its file is there, is JavaScript and of ` +
        "this origin, and whether a policy of the page refuses it (`worker-src`, `require-trusted-types-for`)",
      failed,
    );
  const url = new URL(address, globalThis.location?.href);
  if (failed instanceof TypeError && "trustedTypes" in globalThis) return refusal(worker, untrusted(reason), failed);
  return explained(worker, url, reason, failed);
}

function untrusted(reason: string): string {
  return (
    "the page takes trusted types only, and allows no policy of this package's name: its Content-Security-Policy has to name it, " +
    `\`trusted-types tidepool-db\`, with 'allow-duplicates' where the page loads the package twice${reason}`
  );
}

async function explained(worker: TroubledWorker, url: URL, reason: string, cause: unknown): Promise<TidepoolError> {
  if (url.protocol === "blob:")
    return refusal(
      worker,
      `a policy of the page refuses workers from blobs: allow \`worker-src blob:\`, or import from "tidepool-db"${reason}`,
      cause,
    );
  if (url.origin !== location.origin)
    return refusal(
      worker,
      `the package was loaded from ${url.origin}, and a browser starts no worker from another origin than the page's: ` +
        `serve the package's files from ${location.origin}${or(worker)}${reason}`,
      cause,
    );
  const response = await fetch(url).catch(asError);
  if (response instanceof Error)
    return new TidepoolError("CONNECTION_LOST", `The worker's file ${url} could not be fetched: ${response.message}`, { cause: response });
  return refusal(worker, inResponse(worker, response, url, reason), cause);
}

function or({ instead }: TroubledWorker): string {
  return instead === undefined ? "" : `, ${instead}`;
}

function inResponse(worker: TroubledWorker, { ok, status, headers }: Response, url: URL, reason: string): string {
  const type = headers.get("content-type");
  if (!ok || !/javascript|ecmascript/i.test(type ?? ""))
    return (
      `${url} is no script (status ${status}, content type ${type ?? "none"}): the dev server of Vite 7 and earlier needs ` +
      `optimizeDeps: { exclude: ["tidepool-db"] }; elsewhere put ${worker.file} of the package where that URL leads to${or(worker)}`
    );
  return (
    `a policy of the page refuses ${url}${reason}: its Content-Security-Policy has to allow it under \`worker-src\`, or, where there is ` +
    "no such directive, under `script-src` or `default-src`; and a page with a Cross-Origin-Embedder-Policy needs one on that file, too"
  );
}

function refusal({ whose }: TroubledWorker, why: string, cause: unknown): TidepoolError {
  const options = cause instanceof EventTarget ? {} : { cause };
  return new TidepoolError("NOT_SUPPORTED", `${whose} cannot run here: ${why}`, options);
}
