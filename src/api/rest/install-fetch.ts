/** Lets Chroma's own client, in this page, talk to the engine of this page: no server, no change to the client. */
import type { TidepoolClient } from "../client.js";
import { readArguments, readObject } from "../read-arguments.js";
import { isApiUrl, parseUrl, readOrigin } from "./api-url.js";
import { createGateway, type GatewayOptions } from "./create-gateway.js";

/** Options of {@link installFetch}. */
export interface InstallFetchOptions extends GatewayOptions {
  /** Calls of the API at the origin of this http(s) URL are answered here. Default `http://localhost:8000`, where Chroma's client looks. */
  url?: string;
}

/**
 * Replaces `globalThis.fetch` for the API's paths (`/api/v2/…`) at one origin; all other requests go where they went before.
 *
 * @throws `INVALID_ARGUMENT` for a URL that is not http or https.
 * @returns Puts the former `fetch` back, unless somebody else has replaced it since; requests then go on to the former one.
 *
 * @example
 * import { installFetch } from "tidepool-db/rest";
 *
 * const uninstall = installFetch(client);
 * const response = await fetch("http://localhost:8000/api/v2/version");
 * console.log(await response.json()); // 1.0.0
 * uninstall();
 */
export function installFetch(client: TidepoolClient, options: InstallFetchOptions = {}): () => void {
  const { url, ...others } = readArguments("installFetch", () =>
    readObject(options, "installFetch", "url enableTransactions tenantsWithTransactionsEnabled"),
  );
  const origin = readOrigin({ url }, "installFetch");
  const gateway = createGateway(client, others);
  const former = globalThis.fetch;
  let installed = true;
  const replacement: typeof fetch = async (input, init) => {
    if (!installed || !isCall(input, origin)) return former(input, init);
    const request = new Request(input, init);
    return orAborted(gateway(request), request.signal);
  };
  globalThis.fetch = replacement;
  return () => {
    installed = false;
    if (globalThis.fetch === replacement) globalThis.fetch = former;
  };
}

/** What is no URL at all is for the former `fetch` to refuse. */
function isCall(input: RequestInfo | URL, origin: string): boolean {
  const { location } = globalThis as { location?: Location };
  return isApiUrl(parseUrl(input instanceof Request ? input.url : String(input), location?.href), origin, location?.origin);
}

/** An aborted request rejects as `fetch` does; what it asked for may still take effect. */
function orAborted(response: Promise<Response>, signal: AbortSignal): Promise<Response> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    void response.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
