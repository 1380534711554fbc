/**
 * Chroma's REST API for every page that a service worker controls, its frames and workers included, without touching their
 * `fetch`. A service worker cannot hold the database (it has no synchronous file access and ends when it likes), so it asks
 * a page that offers its gateway. Between two requests it keeps nothing, since it may end there.
 *
 * It is no way in for other sites. Their forms, links, frames and images reach a service worker too, as navigations or with a
 * destination; a script of this origin that calls `fetch` is what is answered, and the network answers the rest.
 */
import { isApiUrl, parseUrl, readOrigin } from "./api-url.js";
import { REQUEST, type Reply, type RequestMessage, type ResponseMessage } from "./page-messages.js";

/** How long a page gets to say that it will answer. Answering itself may take as long as the page is open. */
const OFFER_WAIT_MS = 1000;

/** Options of {@link answerFromPages}. */
export interface AnswerFromPagesOptions {
  /** Calls of the API at the origin of this http(s) URL are answered. Default `http://localhost:8000`, where Chroma's client looks. */
  url?: string;
}

/** The part of a service worker's global scope that is used; its types and a page's do not go together. */
interface WorkerScope {
  location: { origin: string };
  clients: {
    matchAll(options: { type: "window"; includeUncontrolled: boolean }): Promise<readonly PageClient[]>;
    get(id: string): Promise<PageClient | undefined>;
  };
  addEventListener(type: "fetch", listener: (event: FetchEvent) => void): void;
}

interface FetchEvent {
  request: Request;
  respondWith(response: Promise<Response>): void;
}

interface PageClient {
  id: string;
  postMessage(message: unknown, transfer: Transferable[]): void;
}

/**
 * Answers the API's paths (`/api/v2/…`) at one origin by asking an open page that called `offerGateway` of `tidepool-db/rest`.
 * Without such a page the answer is 503 and says so. Answered is what scripts of this origin ask by `fetch`; navigations, forms,
 * images and all other paths go to the network. Call it while the service worker's script first runs: its `fetch` listener must
 * be there then.
 *
 * @throws `INVALID_ARGUMENT` for a URL that is not http or https.
 * @example
 * import { answerFromPages } from "tidepool-db/service-worker";
 *
 * answerFromPages({ url: "http://localhost:8000" });
 */
export function answerFromPages(options: AnswerFromPagesOptions = {}): void {
  const origin = readOrigin(options, "answerFromPages");
  const scope = globalThis as unknown as WorkerScope;
  scope.addEventListener("fetch", (event) => {
    if (isOwnCall(event.request, origin, scope.location.origin)) event.respondWith(ask(scope, event.request));
  });
}

/**
 * Whether a script of the origin `own` calls the API at `origin` by `fetch`. The browser says what a request is for and how it is
 * made, and where headers show who makes it they must agree.
 */
export function isOwnCall(request: Request, origin: string, own: string): boolean {
  const { url, mode, destination, referrer, headers } = request;
  if (!isApiUrl(parseUrl(url), origin, own)) return false;
  if (destination !== "" || (mode !== "cors" && mode !== "same-origin")) return false;
  const sites = origin === own ? [null, "same-origin"] : [null, "same-origin", "same-site", "cross-site"];
  const sameReferrer = referrer === "" || referrer === "about:client" || parseUrl(referrer)?.origin === own;
  return sameReferrer && [null, own].includes(headers.get("origin")) && sites.includes(headers.get("sec-fetch-site"));
}

async function ask(scope: WorkerScope, request: Request): Promise<Response> {
  const body = request.method === "GET" || request.method === "HEAD" ? null : await request.arrayBuffer();
  const message: RequestMessage = { type: REQUEST, method: request.method, url: request.url, headers: [...request.headers], body };
  // One page after the other: two of them must not do the same write.
  for (const page of await scope.clients.matchAll({ type: "window", includeUncontrolled: true })) {
    const response = await askPage(scope, page, message);
    if (response !== null) return response;
  }
  return refusal("No open page answers for the database: open one that calls offerGateway");
}

function refusal(message: string): Response {
  return Response.json({ error: "ChromaError", message }, { status: 503, headers: { "access-control-allow-origin": "*" } });
}

/** The page's answer, or `null` when it does not say in time that it will give one. */
function askPage(scope: WorkerScope, page: PageClient, message: RequestMessage): Promise<Response | null> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    let accepted = false;
    // A port does not tell that its other end is gone.
    const watch = setInterval(() => {
      if (!accepted) return settle(null);
      void scope.clients.get(page.id).then((open) => {
        if (open === undefined) settle(refusal("The page that answered was closed: the request may or may not have taken effect"));
      });
    }, OFFER_WAIT_MS);
    const settle = (response: Response | null): void => {
      clearInterval(watch);
      port1.close();
      resolve(response);
    };
    port1.onmessage = ({ data }: MessageEvent<Reply>) => {
      if (data.type === "answered") return settle(toResponse(data.response));
      accepted = true;
      port1.postMessage("go");
    };
    page.postMessage(message, [port2]);
  });
}

function toResponse({ status, headers, body }: ResponseMessage): Response {
  return new Response(body.byteLength === 0 ? null : body, { status, headers });
}
