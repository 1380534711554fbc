/** Lets Chroma's own client, in this page, talk to the engine of this page: no server, no change to the client. */
import type { TidepoolClient } from "../client.js";
import { createGateway } from "./create-gateway.js";

/** Options of {@link installFetch}. */
export interface InstallFetchOptions {
  /** Requests to the origin of this URL are answered here. Default `http://localhost:8000`, where Chroma's client looks. */
  url?: string;
}

/**
 * Replaces `globalThis.fetch` for one origin; requests to all others go where they went before.
 *
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
export function installFetch(client: TidepoolClient, { url = "http://localhost:8000" }: InstallFetchOptions = {}): () => void {
  const { origin } = new URL(url);
  const gateway = createGateway(client);
  const former = globalThis.fetch;
  let installed = true;
  const replacement: typeof fetch = async (input, init) => {
    if (!installed || originOf(input) !== origin) return former(input, init);
    const request = new Request(input, init);
    return orAborted(gateway(request), request.signal);
  };
  globalThis.fetch = replacement;
  return () => {
    installed = false;
    if (globalThis.fetch === replacement) globalThis.fetch = former;
  };
}

function originOf(input: RequestInfo | URL): string | null {
  const url = input instanceof Request ? input.url : String(input);
  try {
    return new URL(url, globalThis.location?.href).origin;
  } catch {
    return null;
  }
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
